"""One contact of a batch, and how many contacts one request serves."""

from dataclasses import dataclass

from sync_tasks.domain.planning import Step
from sync_tasks.providers import Capabilities
from sync_tasks.sync.account import AccountPush

# An import carries so many: their leases are renewed while it is looked for, and each takes some kB in the process.
MOST_IMPORTED = 5_000
# After these the rest of a contact's change is a request of its own, which comes next.
SERVING_FIRST = ("read", "leave", "find")
# Only one request of these verbs at a time: they are about imports.
IMPORTING = ("create", "find")


@dataclass(slots=True, repr=False)
class BatchItem:
    """One contact of a batch, and its next step; ``kind`` is the name under which it was found."""

    push: AccountPush
    step: Step
    kind: str = ""
    served: bool = False


def most_served(verb: str, capabilities: Capabilities) -> int:
    """Return how many contacts one request serves."""
    match verb:
        case "create" | "find":
            return MOST_IMPORTED
        case "look":
            return capabilities.page
        case "read" | "verify":
            return capabilities.ids
        case _:
            return capabilities.list_call_ids
