"""Each row of ``sync-tasks status``, for each thing that may be so."""

from dataclasses import replace
from typing import Any

import pytest
import typer

from sync_tasks.cli.commands import status
from sync_tasks.monitoring.status import SWEPT_WITHIN, Overview, PausedAccount, PausedPart
from sync_tasks.rate_limits.scarcity import Scarcity
from sync_tasks.state.relays import OutboxReport

COUNTS: dict[str, Any] = {"dirty": 0, "due": 0, "dead_letters": 0, "unfinished_erasures": 0, "in_flight": 0}
COUNTS |= {"posts_waiting": 0, "posts_given_up": 0}
NONE: dict[str, Any] = {"oldest_unsynced_seconds": None, "hold_seconds": None, "unacknowledged": None, "outbox": None}
EMPTY: dict[str, Any] = {"paused_parts": [], "scarcity": [], "reconciled": [], "unknown": [], "alarms": []}
WELL = Overview(
    **COUNTS,
    **NONE,
    **EMPTY,
    paused={},
    webhooks={},
    queues={"sync_tasks": 0},
    swept_seconds_ago=1.0,
    workers=["one@here"],
    accounts=["default"],
)
AWAY = PausedAccount("UnauthorizedError", "the key", 120.0)
PART = PausedPart("default", "list 3", "default: list 3 is paused", "ListMissingError", "", 60.0, 2, "create it")


@pytest.fixture(autouse=True)
def _redis(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNC_REDIS_URL", "redis://localhost:1/0")


def test_a_pipeline_that_has_done_nothing_yet_has_these_rows() -> None:
    assert status._rows(WELL) == [
        ("Redis", "localhost:1/0"),
        ("Queues", "sync_tasks 0"),
        ("Workers", "one@here"),
        ("Beat", "swept 1 s ago"),
        ("Contacts", "0 unsynced · 0 in flight · 0 to look at"),
        ("Oldest", "everything is synced"),
        ("Dead letters", "0"),
        ("Erasures", "0 unfinished"),
        ("Accounts", "default running"),
        ("Webhooks", "Brevo has reported nothing"),
        ("Reconcile", "never"),
    ]


@pytest.mark.parametrize(
    ("said", "row", "text"),
    [
        ({"queues": {"a": 1_000, "b[c]": 2}}, "Queues", r"a 1,000 · b\[c] 2"),
        ({"unacknowledged": 0}, "Queues", "sync_tasks 0 · taken by workers 0"),
        ({"unacknowledged": 1_000}, "Queues", "sync_tasks 0 · taken by workers 1,000"),
        ({"workers": []}, "Workers", "[red]none answers[/]"),
        ({"workers": ["a", "b"]}, "Workers", "a, b"),
        ({"swept_seconds_ago": None}, "Beat", "[red]has not swept for a day[/]"),
        ({"swept_seconds_ago": SWEPT_WITHIN}, "Beat", "swept 1 min ago"),
        ({"swept_seconds_ago": SWEPT_WITHIN + 0.1}, "Beat", "[red]swept 1 min ago[/]"),
        (
            {"dirty": 1_000, "in_flight": 2_000, "due": 3_000},
            "Contacts",
            "1,000 unsynced · 2,000 in flight · 3,000 to look at",
        ),
        ({"oldest_unsynced_seconds": 0.0}, "Oldest", "unsynced for 0 s"),
        ({"dead_letters": 1_000}, "Dead letters", "1,000"),
        ({"unfinished_erasures": 1_000}, "Erasures", "1,000 unfinished"),
        ({"accounts": []}, "Accounts", "0 accounts"),
        ({"scarcity": [Scarcity("default", ((10, 1, None, 2),))]}, "Accounts", "default running, at 20 % of its rate"),
        ({"paused": {"default": AWAY}}, "Accounts", "[red]default paused for 2 min[/]"),
        (
            {"accounts": ["default", "two"], "paused": {"two": AWAY}, "paused_parts": [PART]},
            "Accounts",
            "default running · [red]two paused for 2 min[/] · [red]default: list 3 is paused for 1 min[/]",
        ),
        ({"webhooks": {"a": {}, "b": {"taken": 1_000, "heard": 2}}}, "Webhooks", "b 2 heard, 1,000 taken"),
        ({"posts_waiting": 1}, "Portal", "1 notice not taken yet"),
        ({"posts_given_up": 1_000}, "Portal", "0 notices not taken yet · [red]1,000 given up, see the log[/]"),
        ({"outbox": OutboxReport(2, 0, None, 1.0)}, "Outbox", "2 waiting · relay seen 1 s ago"),
        ({"reconciled": ["a", "b"]}, "Reconcile", "a · b"),
        ({"unknown": ["a", "b[c]"]}, "Unknown", r"a · b\[c]"),
    ],
)
def test_a_row_says_it(said: dict[str, Any], row: str, text: str) -> None:
    rows = dict(status._rows(replace(WELL, **said)))
    assert rows[row] == text
    others = dict(status._rows(WELL))
    assert {name for name in rows if rows[name] != others.get(name)} == {row}


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ({}, (False, False)),
        ({"dead_letters": 1}, (False, True)),
        ({"alarms": ["a hold"]}, (True, False)),
        ({"alarms": ["a hold"], "dead_letters": 2}, (True, True)),
    ],
)
def test_troubles_and_dead_letters_stand_below_the_rows(
    said: dict[str, Any], shown: tuple[bool, bool], capsys: pytest.CaptureFixture[str]
) -> None:
    status._print(replace(WELL, **said))
    printed = capsys.readouterr().out
    assert (" !  a hold" in printed, "sync-tasks failed list" in printed) == shown
    assert printed.startswith("Redis")


def test_while_redis_is_away_who_watches_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def leave(_settings: object) -> Overview:
        raise typer.Exit(1)

    settings: Any = None
    monkeypatch.setattr(status, "_read", leave)
    status._show_anew(settings)
    assert capsys.readouterr().out == ""
    monkeypatch.setattr(status, "_read", lambda _: WELL)
    status._show_anew(settings)
    assert capsys.readouterr().out.rstrip().endswith("UTC, anew every 2 s, until Ctrl-C")
