"""``sync-tasks backfill`` as an operator types it."""

import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sync_tasks.backfill import load as loading
from sync_tasks.backfill import preview, rows
from sync_tasks.backfill.rows import Source
from sync_tasks.sandbox import Sandbox
from tests.support.desk import MARK, Desk, run
from tests.support.fixtures import WriteRows
from tests.support.loading import IMPORT, PAGE, people, person

BAD = {"user_id": "u9", "email": MARK}
A_MOMENT = 1_767_225_600
OF_THE_ACCOUNT = ("sync_tasks:owners", "sync_tasks:owner_asked:", "sync_tasks:granted:")


def kept_of_people(desk: Desk) -> list[str]:
    """Return the keys that are there but for those of the account itself."""
    return [key for key in desk.pipeline.store.redis.scan_iter() if not key.startswith(OF_THE_ACCOUNT)]


def truncate(path: Path) -> None:
    """Leave the first row of a file alone, as whoever writes it anew may."""
    path.write_text(path.read_text().splitlines(keepends=True)[0])


@pytest.mark.parametrize("change", [truncate, Path.unlink])
def test_a_file_that_changes_while_it_is_weighed_ends_nobodys_subscription(
    desk: Desk, write_rows: WriteRows, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None]
) -> None:
    for user in ("u0", "u1", "u2"):
        desk.pipeline.subscribe(user)
    desk.pipeline.work()
    path, weigh = write_rows(*people(3)), preview.weigh

    def weigh_later(source: Source, *rest: Any) -> preview.Weighed:
        if change is truncate:
            change(path)
            return weigh(source, *rest)
        weighed = weigh(source, *rest)
        change(path)
        return weighed

    monkeypatch.setattr(preview, "weigh", weigh_later)
    said = desk.run("backfill", str(path), "--complete", exits=1)
    assert "nothing was loaded: the file was changed while it was read" in said
    assert [desk.pipeline.state(user).subscriptions()["daily"][1] for user in ("u0", "u1", "u2")] == [True] * 3


def test_a_file_that_changes_while_it_is_loaded_is_no_whole_load(
    desk: Desk, write_rows: WriteRows, monkeypatch: pytest.MonkeyPatch, quick_brevo: Sandbox
) -> None:
    path = write_rows(*people(3))
    before = loading.load

    def load_half(*words: Any, **more: Any) -> Counter[str]:
        truncate(path)
        return before(*words, **more)

    with monkeypatch.context() as patched:
        patched.setattr(loading, "load", load_half)
        said = desk.run("backfill", str(path), exits=1)
    assert "stopped: the file was changed while it was read: wait until it is whole, and start again" in said
    assert quick_brevo.contacts() == []
    write_rows(*people(3))
    desk.run("backfill", str(path))
    assert len(quick_brevo.contacts()) == 3


@pytest.mark.parametrize("words", [("backfill",), ("reconcile", "--from")], ids=" ".join)
@pytest.mark.parametrize(
    ("name", "why"),
    [("x" * 300, "cannot be read: File name too long"), ("pipe", "no plain file: it is read several times, save it")],
    ids=["long", "pipe"],
)
def test_what_is_no_plain_file_is_wrong_use(
    desk: Desk, tmp_path: Path, words: tuple[str, ...], name: str, why: str
) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert desk.run(*words, str(tmp_path / name), exits=2).endswith(f"{name}: {why}\n")


@pytest.mark.parametrize("words", [("--dry-run",), ()])
def test_bad_rows_are_named_and_nothing_happens(desk: Desk, write_rows: WriteRows, words: tuple[str, ...]) -> None:
    path = write_rows(*people(3), BAD)
    with desk.pipeline.requests() as requests:
        said = desk.run("backfill", str(path), *words, exits=1)
    assert "line 4: email: not an e-mail address" in said
    assert "3 good rows (3 subscriptions, 0 unsubscriptions), 1 bad row" in said
    assert (requests, kept_of_people(desk)) == ([], [])


def test_a_dry_run_of_a_good_file_changes_nothing(desk: Desk, write_rows: WriteRows) -> None:
    with desk.pipeline.requests() as requests:
        reported = desk.read("backfill", str(write_rows(*people(3))), "--dry-run")
    assert (reported["rows"], reported["dry_run"], requests, kept_of_people(desk)) == (3, True, [], [])


def test_the_good_rows_are_loaded_and_a_second_time_nothing_is_asked_for(
    desk: Desk, write_rows: WriteRows, quick_brevo: Sandbox
) -> None:
    path = write_rows(*people(5), BAD)
    os.utime(path, (A_MOMENT, A_MOMENT))
    with desk.pipeline.requests() as requests:
        reported = desk.read("backfill", str(path), "--skip-bad-rows", exits=1)
        again = desk.read("backfill", str(path), "--skip-bad-rows", exits=1)
    assert [request for request in requests if request in {IMPORT, PAGE}] == [IMPORT, PAGE]
    assert (reported["as_of"], reported["loaded"], reported["imported"]) == ("2026-01-01T00:00:00+00:00", 5, 5)
    assert (again["unchanged"], again.get("imports")) == (5, None)
    assert len(quick_brevo.contacts()) == 5
    assert desk.pipeline.state("u1").subscriptions()["daily"][0] == str(A_MOMENT * 1_000_000)


def test_the_moment_of_the_rows_can_be_reported(desk: Desk, write_rows: WriteRows, quick_brevo: Sandbox) -> None:
    desk.pipeline.unsubscribe("u1", email="u1@portal.org", occurred_at="2026-02-01T00:00:00Z")
    path = write_rows(person(1), *people(1))
    said = desk.run("backfill", str(path), "--as-of", "2026-01-31T23:59:59+00:00")
    assert "2 good rows" in said
    assert desk.pipeline.state("u1").subscriptions()["daily"][1] is False
    assert quick_brevo.contacts() == []


@pytest.mark.parametrize("reported", ["2026-01-01", "tomorrow", "2099-01-01T00:00:00Z", "2026-01-01 08:00"])
def test_a_moment_that_makes_no_sense_is_wrong_use(desk: Desk, write_rows: WriteRows, reported: str) -> None:
    assert "--as-of: " in desk.run("backfill", str(write_rows(*people(1))), "--as-of", reported, exits=2)


def test_a_file_that_is_not_there_is_wrong_use(desk: Desk) -> None:
    assert "there is no such file" in desk.run("backfill", "nowhere.csv", exits=2)


def test_an_account_that_lacks_an_attribute_refuses_the_load(
    desk: Desk, write_rows: WriteRows, quick_brevo: Sandbox
) -> None:
    del quick_brevo.account.attributes["FIRSTNAME"]
    assert "FIRSTNAME does not exist" in desk.run("backfill", str(write_rows(*people(1))), exits=1)
    assert desk.pipeline.store.peek("u0") is None
    done = run("backfill", str(write_rows(*people(1))), "--json")
    assert "FIRSTNAME does not exist" in json.loads(done.stdout)["troubles"][0]


def test_a_paused_account_ends_the_load_with_what_to_do(
    desk: Desk, write_rows: WriteRows, quick_brevo: Sandbox
) -> None:
    quick_brevo.add_fault("status", status=401, path="/contacts/import")
    path = write_rows(*people(3))
    said = desk.run("backfill", str(path), exits=1)
    assert "the same command goes on from here" in said
    desk.pipeline.resources.limiter.resume("default")
    quick_brevo.faults.clear()
    assert desk.read("backfill", str(path))["imported"] == 3


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (("--dates", "year-first"), "--dates: must be day-first or month-first"),
        (("--zone", "Europe/Nowhere"), "--zone: there is no time zone of that name"),
        (("--map", "Mail"), "--map: a name, =, and what it means are wanted"),
        (("--set", "city="), "--set: a name, =, and what it means are wanted"),
        (("--name", "=daily"), "--name: a name, =, and what it means are wanted"),
    ],
)
def test_what_options_say_of_a_file_must_make_sense(
    desk: Desk, write_rows: WriteRows, words: tuple[str, ...], fault: str
) -> None:
    assert fault in desk.run("backfill", str(write_rows(*people(1))), *words, exits=2)
    assert kept_of_people(desk) == []


def test_many_lines_of_one_fault_are_one_line_and_others_are_named(desk: Desk, write_rows: WriteRows) -> None:
    path = write_rows(*[BAD] * 5, {"user_id": "u8"}, *[BAD] * 3, *people(1))
    said = [line for line in desk.run("backfill", str(path), exits=1).splitlines() if line.startswith("line")]
    assert said == [
        "lines 1, 2, 3, 4, 5 and 3 more: email: not an e-mail address",
        "line 6: email: missing",
    ]
    said = [line for line in desk.run("backfill", str(write_rows(*[BAD] * 5)), exits=1).splitlines() if "line" in line]
    assert said == [f"line {number}: email: not an e-mail address" for number in range(1, 6)]


def test_of_very_many_bad_rows_the_rest_is_counted(
    desk: Desk, write_rows: WriteRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "_SHOWN_AT_MOST", 3)
    assert "and 1 more bad rows" in desk.run("backfill", str(write_rows(*[BAD] * 4)), exits=1)
    assert "more bad rows" not in desk.run("backfill", str(write_rows(*[BAD] * 3)), exits=1)


@pytest.mark.parametrize(("words", "said"), [(("--dry-run",), "it would be refused"), ((), "nothing was loaded")])
def test_a_load_that_is_held_says_whether_anything_would_have_happened(
    desk: Desk, write_rows: WriteRows, words: tuple[str, ...], said: str
) -> None:
    path = str(write_rows(BAD))
    trouble = f"{said}: mend the bad rows, or leave them out with --skip-bad-rows"
    assert trouble in desk.run("backfill", path, *words, exits=1)
    document = json.loads(run("backfill", path, *words, "--json").stdout)
    assert (document["troubles"], document.get("loaded", 0)) == ([trouble], 0)
    assert json.loads(run("backfill", str(write_rows(*people(1))), "--dry-run", "--json").stdout)["troubles"] == []


def test_nobody_may_lose_a_subscription_if_an_option_says_so(desk: Desk, write_rows: WriteRows) -> None:
    desk.run("backfill", str(write_rows(*people(1))), "--max-changes", "0", "--dry-run")
    desk.run("backfill", str(write_rows(*people(1))), "--max-changes", "-1", "--dry-run", exits=2)
