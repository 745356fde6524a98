"""What is written to the state when Brevo reports something.

Keys under ``<namespace>:``: ``webhooks:<account>`` how many events came to what, since the first one; kept.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Self

from sync_tasks.providers.brevo.webhook_events import Incoming, read_event
from sync_tasks.state.store import Noticed, Sighting, Store


@dataclass(slots=True, repr=False)
class Notes:
    """What is to be written down of some events; ``counts`` are those of which nothing is."""

    sightings: list[Sighting] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def __iadd__(self, other: Self) -> Self:
        self.sightings += other.sightings
        self.counts += other.counts
        return self


@dataclass(frozen=True, slots=True)
class OwnChanges:
    """What is ours at an account: the name of our API key (empty if not known) and the lists we manage."""

    key_name: str
    lists: frozenset[int]


def make_notes(rows: Iterable[object], own: OwnChanges) -> Notes:
    """Return what to write down: nothing of our own echoes, nor of lists that are not ours."""
    notes = Notes()
    for event in map(read_event, rows):
        why_not = event if isinstance(event, str) else _why_not(event, own)
        if isinstance(event, str) or why_not:
            notes.counts[why_not] += 1
        else:
            notes.sightings.extend(_sightings(event, own))
    return notes


def _why_not(event: Incoming, own: OwnChanges) -> str:
    if own.key_name and event.api_key_name == own.key_name:
        return "echo"
    return "ignored" if event.joined and not event.joined & own.lists else ""


def _sightings(event: Incoming, own: OwnChanges) -> Iterator[Sighting]:
    for address in event.addresses:
        yield Sighting(
            address=address,
            kind=event.kind,
            moment=event.moment,
            joined=event.joined & own.lists,
            opted_out=event.opted_out & own.lists,
            report=event.report,
        )


def write_notes(store: Store, account: str, notes: Notes) -> list[Noticed]:
    """Write everything to the state, and return what became of each sighting.

    Raises:
        redis.RedisError: not everything was written; the same may come again.
    """
    noticed = store.mark_changed(account, notes.sightings)
    pipeline = store.redis.pipeline(transaction=False)
    for what, number in count_all(notes, noticed).items():
        pipeline.hincrby(store.key(f"webhooks:{account}"), what, number)
    pipeline.execute()
    return noticed


def count_all(notes: Notes, noticed: Iterable[Noticed]) -> Counter[str]:
    """Return how many came to what, those included of which nothing was written."""
    return notes.counts + Counter(one.status for one in noticed)
