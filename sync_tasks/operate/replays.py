"""What an operator does about dead letters, and what came of it: for the command line and the page."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from kombu.exceptions import OperationalError

from sync_tasks.chunks import chunks
from sync_tasks.domain.priority import Priority
from sync_tasks.errors import UnfinishedErasureError
from sync_tasks.log import log
from sync_tasks.state.audit import note_deed, read_audit
from sync_tasks.state.dead_letters import (
    DeadLetter,
    check_discardable,
    discard,
    fetch_letters,
    foresee,
    read_closed,
    replay,
)
from sync_tasks.state.store import Store
from sync_tasks.tasks.accept import nudge_contacts
from sync_tasks.texts import escaped

CLOSED_SEARCHED = 10_000
_LOOK_EVERY = 0.05
# So many replayed letters are looked at together.
_WATCHED = 200
_REPLAYED = "replay: "

Report = Callable[[str], object]


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
        """Whether the event is still not reflected, and no newer one replaced it."""
        return self.outcome in {"lost", "gone", "failed again", "waiting"}


def replay_letters(store: Store, letters: Iterable[DeadLetter], who: str, report: Report = log.warning) -> list[Replay]:
    """Give each letter's event another chance and nudge the contacts."""
    replays = list[Replay]()
    try:
        for letter in letters:
            replays.append(Replay(letter, "gone" if letter.closed else replay(store, letter, who)))
            note_deed(store, who, f"{_REPLAYED}{replays[-1].outcome}", letter.user_id, letter.id)
    finally:
        nudge({done.letter.user_id for done in replays if done.outcome == "replayed"}, report=report)
    return replays


def nudge(user_ids: set[str], priority: Priority = Priority.ORDINARY, report: Report = log.warning) -> None:
    """Have workers look at these users; if the broker is away, the sweep does it."""
    try:
        nudge_contacts(user_ids, priority)
    except OperationalError as error:
        report(f"the broker is away ({type(error.__cause__ or error).__name__}): the next sweep brings the contacts")


def discard_letter(store: Store, letter: DeadLetter, who: str, *, dry_run: bool = False) -> str:
    """Give up the wish of a letter until a newer event arrives; return what came of it."""
    if letter.closed:
        return "gone"
    try:
        if dry_run:
            check_discardable(store, letter)
            return "would be discarded"
        done = discard(store, letter, who)
    except UnfinishedErasureError as error:
        return f"refused: {error}"
    if done:
        note_deed(store, who, "discard", letter.user_id, letter.id)
    return "discarded" if done else "gone"


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
            return look_at_outcomes(store, replays)
        if left:
            time.sleep(_LOOK_EVERY)
    return _name_ends(store, replays, outcomes)


def recall_replays(store: Store, who: str, since: int) -> list[Replay]:
    """Return the replays that somebody asked for since a moment (a stamp), and what became of each until now."""
    done = {
        entry.about: entry.what.removeprefix(_REPLAYED)
        for entry in read_audit(store, since=since)
        if entry.who == escaped(who) and entry.what.startswith(_REPLAYED)
    }
    known = {letter.id: letter for letter in read_closed(store, CLOSED_SEARCHED) if letter.id in done}
    known |= {letter.id: letter for letter in fetch_letters(store, done)}
    return look_at_outcomes(store, [Replay(known.get(one) or _forgotten(one), done[one]) for one in done])


def _forgotten(letter_id: str) -> DeadLetter:
    """Return what is left of a letter that was closed before the last ``CLOSED_SEARCHED``."""
    return DeadLetter(letter_id, user_id="", task="", newsletter="", stamp="", error="", message="", failed="")


def look_at_outcomes(store: Store, replays: Sequence[Replay]) -> list[Replay]:
    """Return what became of each replayed letter until now."""
    outcomes = dict[str, str]()
    waiting = [done.letter.id for done in replays if done.outcome == "replayed"]
    for chunk in chunks(waiting, _WATCHED):
        outcomes |= _outcomes_of(store, chunk)
    return _name_ends(store, replays, outcomes)


def _name_ends(store: Store, replays: Sequence[Replay], outcomes: Mapping[str, str]) -> list[Replay]:
    """Return the replays with their outcomes; of a closed letter, why it was closed, as long as that is known."""
    why = {letter.id: (letter.closed or {}).get("why", "closed") for letter in read_closed(store, CLOSED_SEARCHED)}
    ends = {letter: why.get(letter, end) for letter, end in outcomes.items()}
    return [replace(done, outcome=ends.get(done.letter.id, done.outcome)) for done in replays]


def _outcomes_of(store: Store, ids: Sequence[str]) -> dict[str, str]:
    """Report where replayed letters are: a push closes one, or writes it anew without the note of its replay."""
    open_letters = fetch_letters(store, ids)
    return dict.fromkeys(ids, "closed") | {
        letter.id: "waiting" if letter.replayed else "failed again" for letter in open_letters
    }


def preview(store: Store, letters: Iterable[DeadLetter]) -> list[Replay]:
    """Return what replaying these letters would do, without doing it."""
    return [Replay(letter, "gone" if letter.closed else foresee(store, letter)) for letter in letters]
