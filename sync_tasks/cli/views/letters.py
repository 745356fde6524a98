"""Which dead letters an operator means, and how programs get them."""

from collections.abc import Sequence
from typing import Any

import typer

from sync_tasks.cli.filters import Filter
from sync_tasks.domain.timestamps import moment_of
from sync_tasks.operate.replays import CLOSED_SEARCHED
from sync_tasks.state.dead_letters import DeadLetter, fetch_letters, read_closed, read_letters, scan_letters
from sync_tasks.state.store import Store

CLOSED_SHOWN = 100


def find_ids(store: Store, which: Filter) -> list[str]:
    """Return the ids of the dead letters that match, the oldest first."""
    found = {letter.id: letter.failed for letter in scan_letters(store) if which.matches(letter)}
    return sorted(found, key=found.__getitem__)


def find_letters(store: Store, which: Filter) -> list[DeadLetter]:
    """Return the dead letters that match, the oldest first."""
    return [letter for letter in read_letters(store) if which.matches(letter)]


def find_closed(store: Store, which: Filter) -> list[DeadLetter]:
    """Return the letters dealt with lately that match, the newest first."""
    matching = (letter for letter in read_closed(store, CLOSED_SEARCHED) if which.matches(letter))
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
    found = next((letter for letter in read_closed(store, CLOSED_SEARCHED) if letter.id.startswith(wanted)), None)
    if found is None:
        raise typer.BadParameter(f"no dead letter has the id {wanted}", param_hint="ID")
    return found


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
