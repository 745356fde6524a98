"""Whether an opt-out that had reached Brevo was ever undone, read from the sandbox's history."""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from sync_tasks.sandbox.history import Entry
from sync_tasks.sandbox.journal import Request
from tests.reliability.chaos.people import NEWSLETTERS, Reported
from tests.reliability.chaos.run import Run

# What was accepted this long before a request went out is known to whoever sent it.
LONGEST_PUSH = 60.0


@dataclass(frozen=True, slots=True)
class Accepted:
    """An event, and when the portal's first call began and its last one returned."""

    reported: Reported
    began: float
    ended: float


@dataclass(frozen=True, slots=True)
class Rejoin:
    """Somebody is on a list again; ``physics``: by a request that was sent before the opt-out reached Brevo."""

    user_id: str
    list_id: int
    physics: bool


@dataclass(frozen=True)
class Record:
    """The sandbox's history beside what the portal had accepted by then."""

    run: Run

    @cached_property
    def requests(self) -> dict[int, Request]:
        return {request.number: request for request in self.run.world.brevo.journal.requests()}

    @cached_property
    def accepted(self) -> dict[tuple[str, int], list[Accepted]]:
        """What was said about each user's subscription to each list."""
        calls: dict[int, tuple[float, float]] = {}
        for line in self.run.world.accepted.read_text().splitlines():
            call = json.loads(line)
            began, ended = calls.get(call["number"], (call["began"], call["ended"]))
            calls[call["number"]] = (min(began, call["began"]), min(ended, call["ended"]))
        said: dict[tuple[str, int], list[Accepted]] = defaultdict(list)
        for reported in self.run.reported:
            for list_id in _lists_of(reported) if reported.number in calls else ():
                said[reported.user_id, list_id].append(Accepted(reported, *calls[reported.number]))
        return said

    def sent(self, entry: Entry) -> float:
        """Return when the request was sent that an entry of the history comes from."""
        return self.requests[entry.request].time if entry.request else entry.time

    def late_effects(self) -> int:
        """Return how many requests changed something after their connection was gone."""
        numbers = {entry.request for entry in self.run.world.brevo.history.entries()}
        return sum(request.late and request.number in numbers for request in self.requests.values())

    def rejoins(self) -> Iterator[Rejoin]:
        """Yield every return to a list without a subscription that is newer than the opt-out."""
        left: dict[tuple[int, int], Entry] = {}
        for entry in self.run.world.brevo.history.entries():
            where = entry.contact_id, entry.list_id or 0
            if entry.what == "left":
                left[where] = entry
            elif entry.what == "joined" and where in left:
                yield from self._judge(left[where], entry)

    def _judge(self, left: Entry, joined: Entry) -> Iterator[Rejoin]:
        owners, list_id = self.run.world.brevo.owners[joined.contact_id], joined.list_id or 0
        users = [owner for owner in owners if not owner.startswith("deleted-")]
        if users and not any(self._is_allowed(self.accepted[user, list_id], left, joined) for user in users):
            yield Rejoin(users[0], list_id, physics=self.sent(joined) <= left.time)

    def _is_allowed(self, events: list[Accepted], left: Entry, joined: Entry) -> bool:
        """Return whether a subscription is newer than whatever opt-out may have led to the leave."""
        known = [event.reported.moment for event in events if event.ended < self.sent(left) - LONGEST_PUSH]
        oldest = max(known, default="")
        ends = [
            event.reported.moment
            for event in events
            if event.reported.task != "subscribe_contact"
            and event.began < self.sent(left)
            and event.reported.moment >= oldest
        ]
        begins = [
            event.reported.moment
            for event in events
            if event.reported.task == "subscribe_contact" and event.began < self.sent(joined)
        ]
        return bool(ends) and max(begins, default="") > min(ends)


def _lists_of(reported: Reported) -> Iterator[int]:
    if reported.task == "anonymize_contact":
        yield from NEWSLETTERS.values()
    elif "newsletter" in reported.said:
        yield NEWSLETTERS[reported.said["newsletter"]]


def find_resubscribed(run: Run) -> Iterator[str]:
    """Yield who was put on a list again after an opt-out had reached Brevo, without wanting it."""
    rejoins = (rejoin for rejoin in Record(run).rejoins() if not rejoin.physics)
    yield from (f"{rejoin.user_id}: list {rejoin.list_id}" for rejoin in rejoins)
