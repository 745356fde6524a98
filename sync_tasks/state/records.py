"""The arguments of the scripts that take many, one class for each script. Pure."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from sync_tasks.domain.contact import EventKey, RemoteState
from sync_tasks.domain.timestamps import MICROSECONDS_PER_SECOND
from sync_tasks.state.codec import dump_seen, dump_values

# So many lines of a user's history are kept (``note_lines`` of the scripts): more need not be sent.
HISTORY_KEPT = 30


@dataclass(frozen=True, slots=True, repr=False)
class LoadedRow:
    """A row of a file for ``load.lua``; ``stamp``: its moment; ``registers``: its values by register."""

    user_id: str
    stamp: str
    registers: Mapping[str, str]

    def arguments(self, random: str, left_alone: int, names: str) -> Iterator[str | int]:
        """Yield the script's arguments; after ``left_alone`` seconds workers handle the contact."""
        yield from (self.user_id, self.stamp, random, left_alone * MICROSECONDS_PER_SECOND, names)
        for name, value in dump_values(self.registers).items():
            yield from (name, value)


@dataclass(frozen=True, slots=True, repr=False)
class Confirmation:
    """The confirmation that an account holds a loaded contact, for ``confirm.lua``; ``clean``: all accounts agree."""

    user_id: str
    rev: str
    account: str
    seen: RemoteState
    clean: bool

    def arguments(self) -> Iterator[str]:
        """Yield what the script takes."""
        yield from (self.user_id, self.rev, "1" if self.clean else "")
        for name, text in dump_seen(self.account, self.seen).items():
            if text:
                yield from (name, text)


@dataclass(frozen=True, slots=True, repr=False)
class HandOver:
    """The hand-over of a loaded contact to the workers, for ``hand_over.lua``; ``events`` hold its wishes.

    ``unknown``: Brevo may still come to hold it.
    """

    user_id: str
    rev: str
    unknown: bool
    events: tuple[EventKey, ...]

    def arguments(self) -> Iterator[str]:
        """Yield what the script takes."""
        yield from (self.user_id, self.rev, "1" if self.unknown else "", *map(str, self.events))


@dataclass(frozen=True, slots=True, repr=False)
class RemoteRecord:
    """A contact as a page showed it, for ``record_remote.lua``.

    ``state``: ``differs`` from the wish, ``clean`` if every account agrees, or empty. ``kind``: the kind of the repair.
    ``line``: a line of the history.
    """

    user_id: str
    rev: str
    account: str
    seen: RemoteState
    state: Literal["differs", "clean", ""] = ""
    kind: str = ""
    line: str = ""

    def arguments(self) -> Iterator[str]:
        """Yield what the script takes."""
        yield from (self.user_id, self.rev, self.seen.read_at, self.state, self.kind, self.line)
        for name, text in dump_seen(self.account, self.seen).items():
            yield from (name, text)


@dataclass(frozen=True, slots=True)
class Question:
    """The question whether a request may go out now, for ``grants.lua``.

    ``part``: the account, or a part of it that may be paused by itself. ``probe_every``: milliseconds between two
    probes of a paused part. ``windows``: number of requests and microseconds of each window.
    """

    part: str
    bucket: str
    priority: int
    probe_every: int
    windows: tuple[tuple[int, int], ...]

    def arguments(self) -> Iterator[str | int]:
        """Yield what the script takes."""
        yield from (self.part, self.bucket, int(self.priority), self.probe_every)
        for window in self.windows:
            yield from window


@dataclass(slots=True, repr=False)
class Settlement:
    """The result of a push, as one document for ``settle.lua``.

    ``due``: the number of seconds until the next try. ``tombstone``: the moment of an erasure that is complete now.
    ``erased_ids``: the contacts that it anonymized, by account. ``record``: the same for the paper, impersonal.
    ``together``: the name of those whom it may be looked at with, if any.
    """

    fields: dict[str, str] = field(default_factory=dict)
    read_at: dict[str, str] = field(default_factory=dict)
    suppressed: dict[str, str] = field(default_factory=dict)
    waits: dict[str, bool] = field(default_factory=dict)
    together: str = ""
    clean: bool = False
    due: float | None = None
    tombstone: str = ""
    erased_ids: dict[str, list[int]] = field(default_factory=dict)
    record: dict[str, object] = field(default_factory=dict)
    letters: dict[EventKey, tuple[str, str]] = field(default_factory=dict)
    closed: dict[EventKey, str] = field(default_factory=dict)
    history: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    def document(self, rev: str, names: str) -> str:
        """Return the result as JSON; ``rev``: the revision that the push knew. ``names``: those of a tombstone."""
        return json.dumps(
            {
                "rev": rev,
                "fields": self.fields,
                "read_at": self.read_at,
                "suppressed": self.suppressed,
                "waits": self.waits,
                "together": self.together,
                "clean": self.clean,
                "due": "" if self.due is None else str(int(self.due * MICROSECONDS_PER_SECOND)),
                "erased": self.tombstone,
                "names": names,
                "record": json.dumps(self.record),
                "erased_ids": {account: list(map(str, ids)) for account, ids in self.erased_ids.items()},
                "letters": {str(key): letter for key, letter in self.letters.items()},
                "closed": {str(key): why for key, why in self.closed.items()},
                "history": self.history[-HISTORY_KEPT:],
                "notices": self.notices,
            }
        )


@dataclass(frozen=True, slots=True, repr=False)
class StatePart:
    """An account's contacts in one part of the state.

    ``cursor``: the place of the next part, ``0`` at the end. ``ids``: numeric ids with commas between. ``users``: their
    users with spaces between. ``lacking``: users without a contact, with spaces between.
    """

    cursor: str
    ids: str
    users: str
    lacking: str
    counts: Mapping[str, int]
