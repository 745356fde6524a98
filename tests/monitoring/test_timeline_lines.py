"""Each line of a user's timeline, whoever knows of it: when, from where, and what."""

from types import SimpleNamespace
from typing import Any

import pytest

from sync_tasks.domain.contact import Block, EventKey, RemoteState
from sync_tasks.errors import UnknownContactError
from sync_tasks.monitoring import timeline
from sync_tasks.monitoring.sides import Happening
from sync_tasks.monitoring.timeline import TimelineEntry, read_timeline
from sync_tasks.state.dead_letters import write_letter
from tests.support.saying import ADA, contact_of, stamp, subscribe, update

REASONS = Block("complaint", stamp(7), (("unsubscribed", stamp(6)),))
LETTER = write_letter("u1", EventKey("update_contact", "", stamp(1)), UnknownContactError("?"), stamp(3))
LATER = write_letter("u1", EventKey("subscribe_contact", "daily", stamp(1)), UnknownContactError("?"), stamp(4))


def at(minute: int) -> str:
    return f"2026-03-01T00:{minute:02}:00+00:00"


def entries(*lines: tuple[int, str, str]) -> list[TimelineEntry]:
    return [TimelineEntry(at(minute), source, what) for minute, source, what in lines]


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ANN401 - as much of a store
    """A state that knows Ada from every side."""
    seen = {"default": RemoteState(7, ADA, block=REASONS, read_at=stamp(8)), "sports": RemoteState()}
    contact = contact_of(subscribe(1), update(2), seen=seen)
    happened = [Happening(at(5), "subscribe_contact", "daily", at(1), "reflected")]
    happened.append(Happening(at(4), "update_contact", "", at(1), "overtaken"))
    deeds = [
        SimpleNamespace(at=stamp(9), what="report", about="", who="olga"),
        SimpleNamespace(at=stamp(10), what="discard", about="3f2a", who="otto"),
    ]
    monkeypatch.setattr(timeline, "read_history", lambda *_: happened)
    monkeypatch.setattr(timeline, "read_letters_of", lambda *_: [LETTER, LATER])
    monkeypatch.setattr(timeline, "read_audit", lambda *_: deeds)
    return SimpleNamespace(peek=lambda user: contact if user == "u1" else None)


OF_NOBODY = entries(
    (10, "operator", "discard 3f2a, by otto"),
    (9, "operator", "report, by olga"),
    (5, "pipeline", "subscribe_contact daily as of 2026-03-01 00:01:00: reflected"),
    (4, "pipeline", "update_contact as of 2026-03-01 00:01:00: overtaken"),
    (4, "dead letter", f"{LATER.id}, subscribe_contact daily: UnknownContactError"),
    (3, "dead letter", f"{LETTER.id}, update_contact: UnknownContactError"),
)


def test_each_side_has_its_lines_the_latest_first(known: Any) -> None:  # noqa: ANN401 - as above
    of_ada = entries(
        (8, "Brevo", "account default: the last look"),
        (7, "Brevo", "account default: blocklisted, complaint"),
        (6, "Brevo", "account default: blocklisted, unsubscribed"),
        (2, "portal", "update_contact: on its way"),
        (1, "portal", "subscribe_contact daily: on its way"),
    )
    assert read_timeline(known, "u1") == sorted([*OF_NOBODY, *of_ada], key=lambda one: one.at, reverse=True)
    assert read_timeline(known, "u2") == OF_NOBODY
