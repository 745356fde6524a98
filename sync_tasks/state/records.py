"""What the scripts are told of a contact, one class for each script that is run for many at once."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from sync_tasks.domain.contact import EventKey, RemoteState
from sync_tasks.domain.timestamps import MICROSECONDS_PER_SECOND
from sync_tasks.state.codec import dump_seen, dump_values


@dataclass(frozen=True, slots=True, repr=False)
class LoadedRow:
    """A row of a file for ``load.lua``; ``stamp`` is when it was true, ``registers`` its values by register."""

    user_id: str
    stamp: str
    registers: Mapping[str, str]

    def arguments(self, random: str, left_alone: int) -> Iterator[str | int]:
        """Yield what the script takes; after ``left_alone`` seconds workers see to the contact."""
        yield from (self.user_id, self.stamp, random, left_alone * MICROSECONDS_PER_SECOND)
        for name, value in dump_values(self.registers).items():
            yield from (name, value)


@dataclass(frozen=True, slots=True, repr=False)
class Confirmation:
    """That an account holds a loaded contact as wished, for ``confirm.lua``; ``clean``: every account agrees."""

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
    """That a loaded contact is left to the workers, for ``hand_over.lua``; ``events`` say what is wished.

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
    """What a page showed of a contact, for ``record_remote.lua``.

    ``state``: ``differs`` from what is wished, ``clean`` if every account agrees, or nothing. ``kind`` is that of the
    repair, ``line`` one for the history.
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
    """Whether a request may go out now, for ``grants.lua``.

    ``part``: the account, or what of it may be paused by itself. ``probe_every``: milliseconds between two probes of a
    paused part. ``windows``: how many requests in how many microseconds, one window after the other.
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
