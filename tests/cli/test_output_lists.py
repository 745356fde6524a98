"""What lists and deeds of an operator print, cell by cell and line by line, and what is kept of who did it."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine

from sync_tasks.cli.views import causes
from sync_tasks.cli.views.letters import CLOSED_SHOWN, dump_letter
from sync_tasks.domain.contact import EventKey
from sync_tasks.errors import UnknownContactError
from sync_tasks.monitoring.causes import ADVICE, group_letters
from sync_tasks.operate import replays
from sync_tasks.state.audit import read_audit
from sync_tasks.state.dead_letters import write_letter
from sync_tasks.state.holds import end_hold, place_hold
from sync_tasks.state.store import Sighting
from tests.support.desk import Desk, run
from tests.support.pipeline import address_of
from tests.support.printed import cells_of, read_cells

LETTER = write_letter(
    "anna",
    EventKey("unsubscribe_contact", "daily", "1772348400000000"),
    UnknownContactError("nobody [b]knows[/b] her"),
    "1772352000000000",
    "task-1",
)
NEXT = "→ what still differs is repaired by the next comparison: sync-tasks reconcile"


@pytest.fixture(autouse=True)
def _as_wide_as_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)


def test_a_letter_for_programs_has_every_field() -> None:
    assert dump_letter(replace(LETTER, closed={"why": "reflected", "by": "", "at": LETTER.failed})) == {
        "id": LETTER.id,
        "task": "unsubscribe_contact",
        "user_id": "anna",
        "newsletter": "daily",
        "occurred_at": "2026-03-01T07:00:00+00:00",
        "error": "UnknownContactError",
        "message": "nobody [b]knows[/b] her",
        "failed_at": "2026-03-01T08:00:00+00:00",
        "task_id": "task-1",
        "replayed": None,
        "closed": {"why": "reflected", "by": "", "at": "2026-03-01T08:00:00+00:00"},
    }
    assert dump_letter(replace(LETTER, stamp=""))["occurred_at"] is None
    assert CLOSED_SHOWN == 100


def test_a_cause_is_a_row_with_one_of_its_letters(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(causes, "age_of", lambda moment: moment.hour * 3600.0)
    causes.print_causes([])
    letters = [replace(LETTER, id=f"{number:04}", message=f"nobody knows [{number}]") for number in range(1_002)]
    causes.print_causes(group_letters(letters))
    assert read_cells(capsys) == [
        ["no dead letters"],
        ["1,002 dead letters, 1 cause"],
        ["Letters", "Since", "What to do"],
        ["1,002", "8 h", "UnknownContactError: nobody knows [0]"],
        [f"→ {ADVICE['UnknownContactError']}"],
        ["such as 0000"],
        ["→ once mended: sync-tasks failed replay --error CLASS"],
    ]


def test_an_earlier_hold_is_a_row(desk: Desk) -> None:
    store = desk.pipeline.store
    hold = place_hold(store, "a [b]backup")
    end_hold(store, hold, trusted="brevo", by="olga")
    since = f"{hold.since:%Y-%m-%d %H:%M}"
    first, title, head, row = cells_of(desk.run("state", "show"))
    assert (first, title) == (["the state is not on hold"], ["earlier holds"])
    assert head == ["Since", "Why", "Trusted", "By", "Ended"]
    assert row[:-1] == [since, "a [b]backup", "brevo", "olga"]
    assert since[:10] <= row[-1][:10]


def test_what_an_acceptance_ends_is_a_row(desk: Desk) -> None:
    desk.pipeline.subscribe("anna")
    desk.pipeline.work()
    desk.pipeline.brevo.edit(address_of("anna"), {"unlinkListIds": [3]})
    place_hold(desk.pipeline.store, "a backup")
    assert cells_of(desk.run("state", "accept", "--trust", "brevo", "--yes")) == [
        ["accepted, as Brevo shows it"],
        ["User", "Task", "Newsletter"],
        ["anna", "unsubscribe_contact", "daily"],
        ["the state is no longer on hold"],
        [NEXT],
    ]
    assert cells_of(desk.run("state", "accept", "--trust", "brevo", "--yes", exits=1)) == [["the state is not on hold"]]


def test_accounts_are_rows(desk: Desk) -> None:
    assert cells_of(desk.run("account", "list")) == [
        ["Accounts"],
        ["Account", "Its key opens"],
        ["default", "the account whose contacts the state knows"],
    ]
    assert cells_of(desk.run("account", "accept", "default", "--yes")) == [
        ["account default: the key opens the account whose contacts the state knows; there is nothing to accept"]
    ]


def test_a_suppressed_contact_is_a_row(desk: Desk) -> None:
    desk.pipeline.subscribe("anna")
    desk.pipeline.work()
    desk.pipeline.brevo.act("unsubscribe", address_of("anna"))
    desk.pipeline.store.mark_changed("default", [Sighting(user_id="anna")])
    desk.pipeline.work()
    title, head, row = cells_of(desk.run("suppressed", "list"))
    assert (title, head) == (["1 suppressed contact"], ["User", "Why", "Since", "Account"])
    assert (row[:2], row[3:]) == (["anna", "unsubscribed"], ["default"])


@pytest.fixture
def nudged(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return who was nudged, and how urgently."""
    nudges = list[Any]()
    monkeypatch.setattr(
        replays, "nudge", lambda users, priority, _report: nudges.append((sorted(users), priority.name))
    )
    return nudges


@pytest.mark.parametrize(
    ("words", "printed", "kept"),
    [
        (
            ("unsubscribe", "anna", "weekly", "daily", "daily"),
            ["anna: unsubscribe weekly accepted", "anna: unsubscribe daily accepted"],
            [("unsubscribe", "weekly"), ("unsubscribe", "daily")],
        ),
        (
            ("unsubscribe", "anna", "--all"),
            ["anna: unsubscribe daily accepted", "anna: unsubscribe weekly accepted"],
            [("unsubscribe", "daily"), ("unsubscribe", "weekly")],
        ),
        (("erase", "anna"), ["anna: anonymize accepted"], [("anonymize", "")]),
    ],
)
def test_support_says_what_was_accepted_keeps_who_did_it_and_nudges_at_once(
    desk: Desk,
    nudged: list[Any],
    words: tuple[str, ...],
    printed: list[str],
    kept: list[tuple[str, str]],
) -> None:
    desk.pipeline.subscribe("anna")
    said = desk.run(*words, "--yes", "--by", "olga").splitlines()
    assert said == [*printed, "→ see what comes of it: sync-tasks contact anna"]
    assert nudged == [(["anna"], "URGENT")]
    deeds = sorted(read_audit(desk.pipeline.store, "anna"), key=lambda one: one.at)
    assert [(one.who, one.what, one.about) for one in deeds] == [("olga", *one) for one in kept]
    history = " ".join(line.split(" ", 1)[1] for line in desk.pipeline.store.history("anna"))
    noted = re.findall(r"(\w+)_contact:(\w*):\d{16} sent by olga", history)
    assert sorted(noted) == sorted(kept)


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (("unsubscribe", "anna", "weekly", "daily"), "unsubscribe user anna from weekly, daily? [y/N]:"),
        (("erase", "anna"), "anonymize user anna everywhere, for good? [y/N]:"),
    ],
)
def test_support_is_asked_on_standard_error(desk: Desk, words: tuple[str, ...], asked: str) -> None:
    desk.pipeline.subscribe("anna")
    done = run(*words, typed="n\n")
    assert (done.exit_code, "?" in done.stdout) == (1, False)
    assert done.stderr.startswith(asked)


@pytest.mark.parametrize("words", [("person", "report", "anna"), ("person", "erasure", "anna")])
def test_a_paper_is_kept_with_who_asked_for_it(desk: Desk, words: tuple[str, ...]) -> None:
    desk.pipeline.subscribe("anna")
    if "erasure" in words:
        desk.pipeline.anonymize("anna", requested_by="ticket 1")
    desk.pipeline.work()
    document = json.loads(desk.run(*words, "--by", "olga"))
    deed = next(one for one in read_audit(desk.pipeline.store, "anna") if one.who == "olga")
    assert (deed.what, deed.about) == ({"report": "report", "erasure": "erasure paper"}[words[1]], "")
    if "erasure" in words:
        assert list(document) == ["erased", "verified", "accounts", "requested_by", "consents_kept"]
        (asked,) = document["requested_by"]
        assert (asked["who"], list(asked), asked["at"][-6:]) == ("ticket 1", ["who", "at"], "+00:00")


ROWS = """INSERT INTO sync_tasks_outbox (task, user_id, event, written_at, error) VALUES
('subscribe_contact', 'zoe', '{}', 1772348400123456, 'newsletter: missing'),
('ge[b]t', 'a b', '{}', 1772348400000000, 'why'), (CAST(x'616eff' AS TEXT), 'zoe', '{}', 1, 'why')"""


@pytest.fixture
def outbox(tmp_path: Path, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let a portal's database, named by the environment, have rows."""
    url = f"sqlite:///{tmp_path / 'portal.db'}"
    monkeypatch.setenv("SYNC_DATABASE_URL", url)
    assert desk.run("outbox", "create") == "✓ the outbox is there\n"

    def write(statement: str) -> None:
        engine = create_engine(url)
        with engine.begin() as connection:
            connection.exec_driver_sql(statement)
        engine.dispose()

    return write


def test_rows_that_are_no_events_are_rows_here_too(desk: Desk, outbox: Callable[[str], None]) -> None:
    assert desk.run("outbox", "failed") == ""
    outbox(ROWS)
    hidden = "(unprintable)"
    first = ["1", "subscribe_contact", "zoe", "2026-03-01T07:00:00+00:00", "newsletter: missing"]
    second = ["2", hidden, hidden, "2026-03-01T07:00:00+00:00", "why"]
    third = ["3", hidden, hidden, hidden, "why"]
    assert cells_of(desk.run("outbox", "failed", exits=1)) == [
        ["rows that are no events"],
        ["ID", "Task", "User", "Written", "Error"],
        first,
        second,
        third,
        ["mend a row in the database, then sync-tasks outbox retry ID, or outbox discard ID"],
    ]
    names = ("id", "task", "user_id", "written_at", "error")
    assert desk.read("outbox", "failed", exits=1) == [
        dict(zip(names, (int(row[0]), *row[1:]), strict=True)) for row in (first, second, third)
    ]


def test_each_deed_on_rows_is_one_line(desk: Desk, outbox: Callable[[str], None]) -> None:
    assert desk.run("outbox", "relay", "--until-empty") == "relaying from sqlite\n0 events accepted\n"
    outbox(ROWS)
    assert desk.run("outbox", "retry", "1") == "1 row will be tried again\n"
    assert desk.run("outbox", "discard", "--all", "--yes", exits=1) == (
        "0 rows removed\nleft, since they are or may be erasures: 2, 3; mend them, or discard each by its id\n"
    )
    assert desk.run("outbox", "discard", "2", typed="n\n", exits=1).startswith("Give these wishes up? [y/N]: ")
    assert desk.run("outbox", "discard", "2", "3", "--yes", "--by", "olga") == "2 rows removed\n"
    deeds = [(one.who, one.what, one.about) for one in read_audit(desk.pipeline.store)]
    assert sorted(deeds) == [("olga", "discard outbox row", f"{number} (unprintable)") for number in (2, 3)]


def test_a_new_secret_is_said_with_what_to_do(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    give = "→ give it to every part, restart them, then: sync-tasks secret use\n"
    assert desk.run("secret", "new", "kept") == f"kept: a new secret\n{give}"
    assert desk.run("secret", "new", "kept") == f"kept: a new secret, before those that were there\n{give}"
    assert [len(line) for line in Path("kept").read_text().splitlines()] == [64, 64]
