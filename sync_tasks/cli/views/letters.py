"""Which dead letters an operator means, and what came of replaying them."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import typer

from sync_tasks.cli.filters import Filter
from sync_tasks.cli.output import complain
from sync_tasks.domain.priority import Priority
from sync_tasks.domain.timestamps import moment_of
from sync_tasks.state.audit import note_deed
from sync_tasks.state.dead_letters import (
    DeadLetter,
    fetch_letters,
    read_closed,
    read_letters,
    replay,
    scan_letters,
)
from sync_tasks.state.store import Store

CLOSED_SHOWN = 100
_CLOSED_SEARCHED = 10_000
_LOOK_EVERY = 0.05
# So many replayed letters are looked at together.
_WATCHED = 200


def find_ids(store: Store, which: Filter) -> list[str]:
    """Return the ids of the dead letters that match, the oldest first."""
    found = {letter.id: letter.failed for letter in scan_letters(store) if which.matches(letter)}
    return sorted(found, key=found.__getitem__)


def find_letters(store: Store, which: Filter) -> list[DeadLetter]:
    """Return the dead letters that match, the oldest first."""
    return [letter for letter in read_letters(store) if which.matches(letter)]


def find_closed(store: Store, which: Filter) -> list[DeadLetter]:
    """Return the letters dealt with lately that match, the newest first."""
    matching = (letter for letter in read_closed(store, _CLOSED_SEARCHED) if which.matches(letter))
    return list(matching)[:CLOSED_SHOWN]


def pick_letters(store: Store, ids: Sequence[str]) -> list[DeadLetter]:
    """Return the letters with these ids, of which a beginning will do.

    Raises:
        typer.BadParameter: one is unknown, or several begin alike; then nothing has been done to any.
    """
    known = {letter.id: letter for letter in fetch_letters(store, ids)}
    return [known.get(wanted) or _pick(store, wanted) for wanted in dict.fromkeys(ids)]


def _pick(store: Store, wanted: str) -> DeadLetter:
    found = {letter.id: letter for letter in scan_letters(store) if letter.id.startswith(wanted)}
    if len(found) > 1:
        raise typer.BadParameter(f"{len(found)} dead letters begin with {wanted}", param_hint="ID")
    return next(iter(found.values()), None) or _pick_closed(store, wanted)


def _pick_closed(store: Store, wanted: str) -> DeadLetter:
    found = next((letter for letter in read_closed(store, _CLOSED_SEARCHED) if letter.id.startswith(wanted)), None)
    if found is None:
        raise typer.BadParameter(f"no dead letter has the id {wanted}", param_hint="ID")
    return found


@dataclass(frozen=True, slots=True)
class Replay:
    """What came of replaying one letter.

    ``replayed``, ``overtaken``, ``lost`` and ``gone`` as ``dead_letters.replay`` says; after waiting ``reflected``,
    ``failed again``, ``waiting``, or whatever else closed the letter.
    """

    letter: DeadLetter
    outcome: str

    @property
    def troubled(self) -> bool:
        """Whether the event is still not reflected, and no newer one made up for it."""
        return self.outcome in {"lost", "gone", "failed again", "waiting"}


def replay_letters(store: Store, letters: Iterable[DeadLetter], who: str) -> list[Replay]:
    """Give each letter's event another chance and nudge the contacts."""
    replays = [Replay(letter, "gone" if letter.closed else replay(store, letter, who)) for letter in letters]
    for done in replays:
        note_deed(store, who, f"replay: {done.outcome}", done.letter.user_id, done.letter.id)
    nudge({done.letter.user_id for done in replays if done.outcome == "replayed"})
    return replays


def nudge(user_ids: set[str], priority: Priority = Priority.ORDINARY) -> None:
    """Have workers look at these users; where the broker is away, the sweep does it."""
    from kombu.exceptions import OperationalError

    from sync_tasks.tasks.nudge import nudge_contacts

    try:
        nudge_contacts(user_ids, priority)
    except OperationalError as error:
        complain(f"the broker is away ({type(error.__cause__ or error).__name__}): the next sweep brings the contacts")


def preview(store: Store, letters: Iterable[DeadLetter]) -> list[Replay]:
    """Return what replaying these letters would do, without doing it."""
    return [Replay(letter, _foresee(store, letter)) for letter in letters]


def _foresee(store: Store, letter: DeadLetter) -> str:
    if letter.closed:
        return "gone"
    if not letter.user_id or not letter.stamp:
        return "lost"
    contact = store.peek(letter.user_id)
    return "overtaken" if contact is None or contact.overtaken(letter.key) else "replayed"


def wait_for_outcomes(store: Store, replays: Sequence[Replay], seconds: float) -> list[Replay]:
    """Return what became of each replayed letter within so many seconds.

    It looks at those under way some at a time, the first replayed first. So many letters cost no more for each.
    """
    deadline = time.monotonic() + seconds
    waiting = [done.letter.id for done in replays if done.outcome == "replayed"]
    outcomes = dict[str, str]()
    while waiting:
        outcomes |= _outcomes_of(store, waiting[:_WATCHED])
        left = [letter for letter in waiting[:_WATCHED] if outcomes[letter] == "waiting"]
        waiting = left + waiting[_WATCHED:]
        if waiting and time.monotonic() >= deadline:
            for start in range(0, len(waiting), _WATCHED):
                outcomes |= _outcomes_of(store, waiting[start : start + _WATCHED])
            break
        if left:
            time.sleep(_LOOK_EVERY)
    why = {letter.id: (letter.closed or {}).get("why", "reflected") for letter in read_closed(store, _CLOSED_SEARCHED)}
    ends = {letter: why.get(letter, "reflected") if end == "closed" else end for letter, end in outcomes.items()}
    return [replace(done, outcome=ends.get(done.letter.id, done.outcome)) for done in replays]


def _outcomes_of(store: Store, ids: Sequence[str]) -> dict[str, str]:
    """Report where replayed letters are: a push closes one, or writes it anew without the note of its replay."""
    open_letters = fetch_letters(store, ids)
    return dict.fromkeys(ids, "closed") | {
        letter.id: "waiting" if letter.replayed else "failed again" for letter in open_letters
    }


def dump_letter(letter: DeadLetter) -> dict[str, Any]:
    """Return a letter as programs get it, moments in ISO 8601."""
    return {
        "id": letter.id,
        "task": letter.task,
        "user_id": letter.user_id,
        "newsletter": letter.newsletter,
        "occurred_at": moment_of(letter.stamp).isoformat() if letter.stamp else None,
        "error": letter.error,
        "message": letter.message,
        "failed_at": letter.failed_at.isoformat(),
        "task_id": letter.task_id,
        "replayed": _dated(letter.replayed),
        "closed": _dated(letter.closed),
    }


def _dated(note: dict[str, str] | None) -> dict[str, str] | None:
    return {**note, "at": moment_of(note["at"]).isoformat()} if note else None
