"""``python -m benchmarks.drifting PORT CONTACTS PERCENT``: a sandbox where so many are not as the portal wants them.

The people are those of ``benchmarks.reconcile``, which brings the same ones into the state. Each class of drift has its
share, by turns. Without a percentage (0) it is one contact in 200.
"""

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from signal import pause

from benchmarks.backfill import FIRST, LAST
from sync_tasks.sandbox import LimitSettings, Sandbox, SandboxSettings
from sync_tasks.sandbox.server import serving

KINDS = (
    "missing contact",
    "missing on list",
    "extra on list",
    "attribute",
    "address",
    "duplicate contact",
    "unknown contact",
    "blocklisted",
    "erased person",
)
ONE_IN, PLACE = 200, 7
LISTS = {"daily": 3, "weekly": 5, "monthly": 6}


@dataclass(frozen=True)
class Person:
    """A user of the portal, and how Brevo's contact should be; ``percent`` of all drift, or one in 200."""

    number: int
    percent: int = 0

    @property
    def contact_id(self) -> int:
        """The contact's id: the sandbox numbers contacts from one."""
        return self.number + 1

    @property
    def user_id(self) -> str:
        """The portal's id."""
        return f"{self.number + 100_000_000}"

    @property
    def first_name(self) -> str:
        """One of ten."""
        return FIRST[self.number % 10]

    @property
    def last_name(self) -> str:
        """One of ten."""
        return LAST[self.number // 10 % 10]

    @property
    def address(self) -> str:
        """An address nobody else has."""
        return f"{self.first_name}.{self.last_name}.{self.number}@mail.example.org".lower()

    @property
    def newsletters(self) -> tuple[str, ...]:
        """What the person reads: two people read two newsletters, the third one."""
        return ("daily", "weekly") if self.number % 3 else ("daily",)

    @property
    def left(self) -> tuple[str, ...]:
        """What one in ten has unsubscribed from, and whoever is on that list all the same."""
        return ("monthly",) if self.number % 10 == PLACE or self.drift == "extra on list" else ()

    @property
    def drift(self) -> str:
        """In what way Brevo does not hold what the portal wants, if any."""
        if self.percent:
            return KINDS[self.number % len(KINDS)] if self.number % 100 < self.percent else ""
        return KINDS[self.number // ONE_IN % len(KINDS)] if self.number % ONE_IN == PLACE else ""


def people(contacts: int, percent: int = 0) -> Iterator[Person]:
    """Yield so many people."""
    return (Person(number, percent) for number in range(contacts))


def introduced(contacts: int, percent: int = 0) -> Counter[str]:
    """Return how many differences of each class there are; a second contact takes the address of the first."""
    kinds = Counter(person.drift for person in people(contacts, percent) if person.drift)
    kinds["address"] += kinds["duplicate contact"]
    return +kinds


def fill(sandbox: Sandbox, contacts: int, percent: int = 0) -> None:
    """Let the sandbox hold so many contacts, and change some behind the portal's back."""
    sandbox.add_contacts(_show(person) for person in people(contacts, percent))
    for person in people(contacts, percent):
        if person.drift:
            _change(sandbox, person)


def _show(person: Person) -> dict[str, object]:
    return {
        "email": person.address,
        "ext_id": person.user_id,
        "attributes": {"FIRSTNAME": person.first_name, "LASTNAME": person.last_name},
        "listIds": [LISTS[newsletter] for newsletter in person.newsletters],
    }


def _change(sandbox: Sandbox, person: Person) -> None:
    number, elsewhere = person.contact_id, f"moved.{person.number}@mail.example.net"
    edits: dict[str, dict[str, object]] = {
        "missing on list": {"unlinkListIds": [LISTS["daily"]]},
        "extra on list": {"listIds": [LISTS["monthly"]]},
        "attribute": {"attributes": {"FIRSTNAME": "Eve"}},
        "address": {"attributes": {"EMAIL": elsewhere}},
        "duplicate contact": {"attributes": {"EMAIL": elsewhere}},
    }
    strangers: dict[str, dict[str, object]] = {
        "duplicate contact": {"email": person.address},
        "unknown contact": {"email": elsewhere, "listIds": [LISTS["daily"]]},
    }
    acts = {"missing contact": "delete", "blocklisted": "unsubscribe"}
    if person.drift in edits:
        sandbox.edit(number, edits[person.drift])
    if person.drift in strangers:
        sandbox.add_contacts([strangers[person.drift]])
    if person.drift in acts:
        sandbox.act(acts[person.drift], number)


def main() -> None:
    """Serve such a sandbox until the process is ended."""
    port, contacts, percent = map(int, sys.argv[1:])
    limits = LimitSettings(enabled=False)
    sandbox = Sandbox(SandboxSettings(limits=limits, journal_limit=10, history_limit=10, outbox_limit=10))
    fill(sandbox, contacts, percent)
    with serving(sandbox=sandbox, port=port):
        pause()


if __name__ == "__main__":
    main()
