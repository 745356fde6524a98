"""Which user an operator means."""

from typing import TYPE_CHECKING

from sync_tasks.texts import normal_id

if TYPE_CHECKING:
    from sync_tasks.store import Store


def find_user(store: "Store", told: str) -> str:
    """Return the id in its normal form; one that an older release took as it was stays as it is."""
    try:
        own = normal_id(told)
    except ValueError:
        return told
    return told if own != told and store.peek(own) is None and store.peek(told) else own
