"""Dead letters as an operator reads them: each cell of each table, and the next step."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from sync_tasks.cli.views import dead_letters
from sync_tasks.cli.views.dead_letters import print_closed, print_letter, print_letters, print_replays
from sync_tasks.domain.timestamps import stamp_of
from sync_tasks.operate.replays import Replay
from sync_tasks.state.dead_letters import DeadLetter
from tests.support.printed import read_cells

FAILED = datetime(2026, 3, 1, 8, tzinfo=UTC)
LETTER = DeadLetter(
    id="3f2a",
    user_id="anna",
    task="unsubscribe_contact",
    newsletter="daily",
    stamp=stamp_of(datetime(2026, 3, 1, 7, tzinfo=UTC)),
    error="UnknownContactError",
    message="nobody [b]knows[/b] her",
    failed=stamp_of(FAILED),
)
OTHER = replace(LETTER, id="77ee", user_id="", task="update_contact", newsletter="", error="InvalidEventError")
Note = dict[str, str] | None
WHAT_NEXT = "→ see why: sync-tasks failed show ID; once mended: sync-tasks failed replay ID"


@pytest.fixture(autouse=True)
def _two_hours_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr(dead_letters, "age_of", lambda moment: 7200.0 if moment == FAILED else -1.0)


ROW, OTHER_ROW = ["3f2a", "2 h", "unsubscribe", "anna", "daily"], ["77ee", "2 h", "update", "?"]
HEAD = ["ID", "Age", "Event", "User", "Newsletter"]


def test_a_list_has_a_row_for_each_letter_and_the_next_step(capsys: pytest.CaptureFixture[str]) -> None:
    print_letters([LETTER, OTHER])
    assert read_cells(capsys) == [
        ["2 dead letters"],
        [*HEAD, "Error"],
        [*ROW, "UnknownContactError"],
        [*OTHER_ROW, "InvalidEventError"],
        [WHAT_NEXT],
    ]


def test_of_very_many_the_rest_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    print_letters([LETTER], 1_002)
    title, _, _, rest, _ = read_cells(capsys)
    assert (title, rest) == (
        ["1,002 dead letters"],
        ["and 1,001 dead letters more. A filter such as --error chooses, --json prints all."],
    )


def test_no_letter_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_letters([])
    print_closed([])
    print_replays([])
    assert read_cells(capsys) == [["no dead letters"], ["no closed letters"], ["no such dead letters"]]


@pytest.mark.parametrize(
    ("replayed", "closed", "cells"),
    [
        (None, {"why": "discarded", "by": "olga"}, ["discarded", "olga"]),
        ({"by": "otto"}, {"why": "reflected"}, ["reflected", "otto"]),
        ({"by": "otto"}, {"why": "reflected", "by": ""}, ["reflected", "otto"]),
        ({"by": "otto"}, {"why": "discarded", "by": "olga"}, ["discarded", "olga"]),
        (None, {"why": "reflected"}, ["reflected"]),
        (None, None, []),
    ],
    ids=range(6),
)
def test_a_closed_letter_names_whoever_dealt_with_it(
    capsys: pytest.CaptureFixture[str], replayed: Note, closed: Note, cells: list[str]
) -> None:
    print_closed([replace(LETTER, replayed=replayed, closed=closed)])
    assert read_cells(capsys) == [["1 letter dealt with"], [*HEAD, "Closed", "By"], [*ROW, *cells]]


def test_one_letter_is_shown_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    print_letter(LETTER)
    assert read_cells(capsys) == [
        ["dead letter 3f2a"],
        ["task", "unsubscribe_contact"],
        ["user id", "anna"],
        ["newsletter", "daily"],
        ["occurred at", "2026-03-01T07:00:00+00:00"],
        ["error", "UnknownContactError"],
        ["message", "nobody [b]knows[/b] her"],
        ["failed at", "2026-03-01T08:00:00+00:00"],
        ["→ once the cause is mended: sync-tasks failed replay 3f2a"],
    ]


def test_a_letter_that_was_dealt_with_says_how_and_needs_no_next_step(capsys: pytest.CaptureFixture[str]) -> None:
    at = stamp_of(datetime(2026, 3, 2, tzinfo=UTC))
    replayed, closed = {"at": at, "by": "olga"}, {"at": at, "by": "", "why": "reflected"}
    print_letter(replace(OTHER, stamp="", task_id="t1", replayed=replayed, closed=closed))
    assert read_cells(capsys) == [
        ["dead letter 77ee"],
        ["task", "update_contact"],
        ["error", "InvalidEventError"],
        ["message", "nobody [b]knows[/b] her"],
        ["failed at", "2026-03-01T08:00:00+00:00"],
        ["task id", "t1"],
        ["replayed", "2026-03-02T00:00:00+00:00 by olga"],
        ["closed", "reflected 2026-03-02T00:00:00+00:00 by the pipeline"],
    ]


@pytest.mark.parametrize(
    ("outcome", "said", "style"),
    [
        ("replayed", "replayed: on its way again", "green"),
        ("overtaken", "overtaken: newer events leave nothing of it", "green"),
        ("lost", "lost: never accepted, only its producer can send it again", "red"),
        ("gone", "gone: dealt with already", "red"),
        ("waiting", "waiting: still on its way", "red"),
        ("failed again", "failed again", "red"),
        ("reflected", "reflected", "green"),
    ],
)
def test_what_came_of_a_replay_is_said_in_words(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, outcome: str, said: str, style: str
) -> None:
    print_replays([Replay(LETTER, outcome)])
    head = ["ID", "Event", "User", "Newsletter", "Outcome"]
    row = ["3f2a", "unsubscribe", "anna", "daily", said]
    assert read_cells(capsys) == [["replayed"], head, row]
    tables: list[Any] = []
    monkeypatch.setattr(dead_letters, "print_table", tables.append)
    print_replays([Replay(LETTER, outcome)], "what a replay would do")
    assert tables[0].title == "what a replay would do"
    assert [*tables[0].columns[-1].cells] == [f"[{style}]{said}[/]"]
