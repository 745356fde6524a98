"""Generated people of a portal: what they do, in the order in which they did it, and the shuffled way it is reported.

Every address and name carries a mark, so that it is found wherever it turns up.
"""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

NEWSLETTERS = {"daily": 3, "weekly": 5, "monthly": 7}
REPEATED = 0.15
PERSONAL = re.compile(r"(?:aq|nq|cq)\d{5}x\w*", re.IGNORECASE)
# All of it lies in the past: a moment of the future would be refused.
LONG_AGO = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Reported:
    """One event as the portal hands it to a task; ``number`` counts the events, a repeated one keeps its own."""

    number: int
    task: str
    said: dict[str, Any]

    @property
    def user_id(self) -> str:
        return str(self.said["user_id"])

    @property
    def moment(self) -> str:
        return str(self.said["occurred_at"])


@dataclass(slots=True, eq=False)
class Person:
    """Somebody at the portal; ``versions`` counts the addresses and names that were made up for them."""

    number: int
    address: str = ""
    versions: int = 0

    @property
    def user_id(self) -> str:
        return f"user-{self.number}"

    def invent(self, kind: str) -> str:
        """Return a new marked word: of an address (``aq``), a name (``nq``) or a city (``cq``)."""
        self.versions += 1
        return f"{kind}{self.number:05d}x{self.versions}"


@dataclass
class Town:
    """Where these people live: no two of them have one address at the same time, and for who leaves somebody comes."""

    chance: random.Random
    people: list[Person]
    now: datetime
    reported: list[Reported] = field(default_factory=list)
    free: list[str] = field(default_factory=list)
    arrived: int = 0

    def live(self, events: int) -> None:
        """Let so many events happen."""
        while len(self.reported) < events:
            self.now += timedelta(microseconds=self.chance.randint(1, 200_000))
            person = self.chance.choice(self.people)
            if not person.address:
                self._move_in(person)
            acts = (self._subscribe, self._unsubscribe, self._rename, self._move, self._swap, self._erase)
            self.chance.choices(acts, (40, 22, 14, 13, 7, 4))[0](person)

    def _move_in(self, person: Person) -> None:
        person.address = f"{person.invent('aq')}@people.example"

    def _report(self, task: str, person: Person, **said: Any) -> None:
        given = {name: value for name, value in said.items() if value is not None}
        event = {"user_id": person.user_id, "occurred_at": self.now.isoformat(), **given}
        self.reported.append(Reported(len(self.reported), f"{task}_contact", event))

    def _names(self, person: Person) -> dict[str, Any]:
        names: dict[str, Any] = {}
        for field_name in ("first_name", "last_name"):
            if self.chance.random() < 0.5:
                names[field_name] = person.invent("nq") if self.chance.random() < 0.9 else ""
        if self.chance.random() < 0.3:
            names["attributes"] = {"city": person.invent("cq") if self.chance.random() < 0.8 else None}
        return names

    def _maybe(self, value: str) -> str | None:
        return value if self.chance.random() < 0.7 else None

    def _subscribe(self, person: Person) -> None:
        newsletter = self.chance.choice([*NEWSLETTERS])
        self._report("subscribe", person, newsletter=newsletter, email=person.address, **self._names(person))
        if self.chance.random() < 0.05:
            self._report("unsubscribe", person, newsletter=newsletter)

    def _unsubscribe(self, person: Person) -> None:
        newsletter = self.chance.choice([*NEWSLETTERS])
        self._report("unsubscribe", person, newsletter=newsletter, email=self._maybe(person.address))

    def _rename(self, person: Person) -> None:
        self._report("update", person, **self._names(person))

    def _move(self, person: Person) -> None:
        old = person.address
        if self.free and self.chance.random() < 0.3:
            person.address = self.free.pop(self.chance.randrange(len(self.free)))
        else:
            self._move_in(person)
        self.free.append(old)
        self._report("update", person, email=person.address, previous_email=self._maybe(old), **self._names(person))

    def _swap(self, person: Person) -> None:
        other = self.chance.choice(self.people)
        if other is person or not other.address:
            return
        person.address, other.address = other.address, person.address
        for mover, old in ((person, other.address), (other, person.address)):
            self._report("update", mover, email=mover.address, previous_email=self._maybe(old))

    def _erase(self, person: Person) -> None:
        self._report("anonymize", person, email=self._maybe(person.address))
        self.free.append(person.address)
        self.arrived += 1
        self.people[self.people.index(person)] = Person(self.arrived)


def generate(seed: int, events: int, people: int) -> list[Reported]:
    """Return what happened at a portal, the oldest first."""
    living = [Person(number) for number in range(people)]
    town = Town(random.Random(seed), living, datetime.now(UTC) - LONG_AGO, arrived=people)
    town.live(events)
    return town.reported


def shuffle(seed: int, reported: list[Reported]) -> list[Reported]:
    """Return the events in the order they are sent in: any, and some of them twice."""
    chance = random.Random(seed)
    sent = reported + chance.sample(reported, int(len(reported) * REPEATED))
    chance.shuffle(sent)
    return sent


def find_personal(text: str) -> Iterator[str]:
    """Yield the marked words in a text."""
    return (found.group().lower() for found in PERSONAL.finditer(text))
