"""Files of portals and spreadsheets: nobody is subscribed again by an old one, or lost in a bad one."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sync_tasks.sandbox import Sandbox
from sync_tasks.sandbox.attributes import Attribute
from tests.support.desk import CONFIGURATION, Desk
from tests.support.pipeline import address_of

WriteSheet = Callable[..., Path]
JANUARY, FEBRUARY, MARCH = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"
DOORS = [("backfill",), ("reconcile", "--from")]


@pytest.fixture
def write_sheet(tmp_path: Path, brevo: Sandbox) -> WriteSheet:
    """Write lines into a CSV."""
    brevo.settings.import_seconds = 0.0

    def write(*lines: str, name: str = "portal.csv") -> Path:
        path = tmp_path / name
        path.write_text("".join(f"{line}\n" for line in lines))
        return path

    return write


def say(user_id: str, newsletters: str, *more: str) -> str:
    return ",".join((user_id, address_of(user_id), newsletters, *more))


@pytest.fixture
def reader(desk: Desk) -> Desk:
    """Anna read the daily newsletter from January on, and unsubscribed in March."""
    desk.pipeline.subscribe("anna", occurred_at=JANUARY)
    desk.pipeline.work()
    desk.pipeline.unsubscribe("anna", occurred_at=MARCH)
    desk.pipeline.work()
    return desk


@pytest.mark.parametrize("door", DOORS, ids=" ".join)
def test_a_stale_export_with_a_fresh_time_subscribes_nobody_again(
    reader: Desk, write_sheet: WriteSheet, door: tuple[str, ...]
) -> None:
    path = write_sheet("user_id,email,newsletters", say("anna", "daily"), say("ben", "daily"))

    for more in (("--dry-run",), ()):
        said = reader.run(*door, str(path), *more, exits=1)
        assert "would re-subscribe 1 who had unsubscribed" in said
        assert "--max-resubscribed 1" in said
    reader.pipeline.work()
    assert reader.pipeline.lists("anna") == set()
    assert reader.pipeline.store.peek("ben") is None


@pytest.mark.parametrize("door", DOORS, ids=" ".join)
def test_who_unsubscribed_a_moment_before_the_file_was_copied_is_counted_too(
    desk: Desk, write_sheet: WriteSheet, door: tuple[str, ...]
) -> None:
    desk.pipeline.subscribe("anna")
    desk.pipeline.work()
    desk.pipeline.unsubscribe("anna")
    desk.pipeline.work()
    path = write_sheet("user_id,email,newsletters", say("anna", "daily"))
    assert "would re-subscribe 1 who had unsubscribed" in desk.run(*door, str(path), "--dry-run", exits=1)
    desk.run(*door, str(path), exits=1)
    desk.pipeline.work()
    assert desk.pipeline.lists("anna") == set()


@pytest.mark.parametrize("door", DOORS, ids=" ".join)
def test_an_export_that_shows_its_age_changes_nothing_that_is_newer(
    reader: Desk, write_sheet: WriteSheet, door: tuple[str, ...]
) -> None:
    path = write_sheet("user_id,email,newsletters", say("anna", "daily"), say("ben", "daily"))

    assert "would re-subscribe" not in reader.run(*door, str(path), "--as-of", FEBRUARY)
    reader.pipeline.work()
    assert (reader.pipeline.lists("anna"), reader.pipeline.lists("ben")) == (set(), {3})


@pytest.mark.parametrize("door", DOORS, ids=" ".join)
def test_the_moment_of_a_row_counts_more_than_that_of_its_file(
    reader: Desk, write_sheet: WriteSheet, door: tuple[str, ...]
) -> None:
    header = "user_id,email,newsletters,occurred_at"
    old = write_sheet(header, say("anna", "daily", FEBRUARY))
    assert "would re-subscribe" not in reader.run(*door, str(old))
    new = write_sheet(header, say("anna", "daily", "2026-04-01 08:00:00+02"))
    assert "would re-subscribe 1 who had unsubscribed" in reader.run(*door, str(new))
    reader.pipeline.work()
    assert reader.pipeline.lists("anna") == {3}


@pytest.mark.parametrize("door", DOORS, ids=" ".join)
def test_one_moment_in_all_rows_is_that_of_the_file(
    reader: Desk, write_sheet: WriteSheet, door: tuple[str, ...]
) -> None:
    now = datetime.now(UTC).isoformat()
    path = write_sheet("user_id,email,newsletters,occurred_at", say("anna", "daily", now), say("ben", "daily", now))
    assert "--max-resubscribed 1" in reader.run(*door, str(path), exits=1)
    reader.pipeline.work()
    assert reader.pipeline.lists("anna") == set()


@pytest.mark.parametrize("door", DOORS, ids=" ".join)
def test_an_old_export_that_brings_many_old_addresses_back_waits_for_somebody_to_look(
    desk: Desk, write_sheet: WriteSheet, door: tuple[str, ...]
) -> None:
    users = [f"user-{number}" for number in range(60)]
    for user in users:
        desk.pipeline.subscribe(user, email=f"new-{user}@portal.org", occurred_at=JANUARY)
    path = write_sheet("user_id,email,newsletters", *(say(user, "daily") for user in users))
    said = desk.run(*door, str(path), exits=1)
    assert "would change the address of 60" in said
    assert "--max-changes 60" in said
    assert desk.pipeline.state("user-7").address == "new-user-7@portal.org"


@pytest.mark.parametrize("door", DOORS, ids=" ".join)
def test_who_unsubscribed_comes_back_by_a_file_only_if_somebody_says_so(
    reader: Desk, write_sheet: WriteSheet, door: tuple[str, ...]
) -> None:
    path = write_sheet("user_id,email,newsletters", say("anna", "daily"))

    reader.run(*door, str(path), "--max-resubscribed", "0", exits=1)
    reader.run(*door, str(path), "--max-resubscribed", "1")
    reader.pipeline.work()
    assert reader.pipeline.lists("anna") == {3}


@pytest.mark.parametrize("door", DOORS, ids=" ".join)
def test_an_opt_out_at_brevo_that_a_file_would_lift_is_counted(
    desk: Desk, brevo: Sandbox, write_sheet: WriteSheet, door: tuple[str, ...]
) -> None:
    desk.pipeline.subscribe("cleo", occurred_at=JANUARY)
    desk.pipeline.work()
    brevo.act("unsubscribe", address_of("cleo"))
    desk.run("reconcile")
    desk.pipeline.work()
    path = write_sheet("user_id,email,newsletters,occurred_at", say("cleo", "daily", datetime.now(UTC).isoformat()))

    said = desk.run(*door, str(path), "--dry-run", "--max-resubscribed", "0", exits=1)
    assert "would re-subscribe 1 who had unsubscribed" in said
    desk.pipeline.work()
    assert desk.pipeline.held("cleo")["emailBlacklisted"]


@pytest.mark.parametrize("door", DOORS, ids=" ".join)
def test_an_opt_out_of_a_newsletter_counts_under_its_new_slug_too(
    reader: Desk, environment: Path, write_sheet: WriteSheet, door: tuple[str, ...]
) -> None:
    environment.write_text(CONFIGURATION.replace("[newsletters.daily]", '[newsletters.news]\nwas = "daily"'))
    for slug in ("news", "daily"):
        path = write_sheet("user_id,email,newsletters", say("anna", slug))
        assert "would re-subscribe 1 who had unsubscribed" in reader.run(*door, str(path), "--dry-run", exits=1)


@pytest.fixture
def two_letters(desk: Desk) -> Desk:
    """Anna and Ben read both newsletters; Ben's weekly one is new."""
    for user, newsletter, since in (
        ("anna", "daily", JANUARY),
        ("anna", "weekly", JANUARY),
        ("ben", "daily", JANUARY),
        ("ben", "weekly", MARCH),
    ):
        desk.pipeline.subscribe(user, newsletter, occurred_at=since)
    desk.pipeline.work()
    return desk


@pytest.mark.parametrize("door", [("backfill", "--complete"), ("reconcile", "--from")], ids=" ".join)
def test_a_complete_export_ends_what_it_does_not_name_unless_that_is_newer(
    two_letters: Desk, write_sheet: WriteSheet, door: tuple[str, ...]
) -> None:
    path = write_sheet("user_id,email,newsletters", say("anna", "daily"), say("ben", "daily"))
    words = (*door, str(path), "--as-of", FEBRUARY)

    before = two_letters.run(*words, "--dry-run")
    assert "1 subscription of the state missing in the file: would end" in before
    two_letters.pipeline.work()
    assert two_letters.pipeline.lists("anna") == {3, 5}
    two_letters.run(*words)
    two_letters.pipeline.work()
    assert (two_letters.pipeline.lists("anna"), two_letters.pipeline.lists("ben")) == ({3}, {3, 5})


def test_a_user_of_several_rows_keeps_what_any_of_them_names(two_letters: Desk, write_sheet: WriteSheet) -> None:
    rows = (say("anna", "daily"), say("ben", "daily"), say("anna", "weekly"), say("ben", "weekly"))
    said = two_letters.run("reconcile", "--from", str(write_sheet("user_id,email,newsletters", *rows)))
    two_letters.pipeline.work()
    assert "0 lose a subscription" in said
    assert two_letters.pipeline.lists("anna") == two_letters.pipeline.lists("ben") == {3, 5}


def test_a_file_that_is_not_complete_ends_nothing(two_letters: Desk, write_sheet: WriteSheet) -> None:
    two_letters.run("backfill", str(write_sheet("user_id,email,newsletters", say("anna", "daily"))))
    two_letters.pipeline.work()
    assert two_letters.pipeline.lists("anna") == {3, 5}


def test_an_export_of_one_newsletter_ends_nothing_of_another(two_letters: Desk, write_sheet: WriteSheet) -> None:
    path = write_sheet("user_id,email,newsletters", say("anna", "daily"), say("ben", ""))
    two_letters.run("reconcile", "--newsletter", "daily", "--from", str(path))
    two_letters.pipeline.work()
    assert (two_letters.pipeline.lists("anna"), two_letters.pipeline.lists("ben")) == ({3, 5}, {5})


def test_an_export_with_a_bad_row_ends_nothing(two_letters: Desk, write_sheet: WriteSheet) -> None:
    path = write_sheet("user_id,email,newsletters", say("anna", "daily"), say("anna", "weekl"), say("ben", "daily"))
    said = two_letters.run("reconcile", "--from", str(path), "--skip-bad-rows")
    assert "are not ended" in said
    assert "mend the bad rows first" in two_letters.run("backfill", str(path), "--complete", "--skip-bad-rows", exits=1)
    two_letters.pipeline.work()
    assert two_letters.pipeline.lists("anna") == {3, 5}


@pytest.mark.parametrize("door", DOORS, ids=" ".join)
def test_a_complete_export_that_ends_many_subscriptions_waits_for_somebody_to_look(
    desk: Desk, write_sheet: WriteSheet, door: tuple[str, ...]
) -> None:
    users = [f"user-{number}" for number in range(60)]
    for user in users:
        desk.pipeline.subscribe(user, occurred_at=JANUARY)
    desk.pipeline.work()
    path = write_sheet("user_id,email,newsletters", *(say(user, "") for user in users))
    more = ("--complete",) if door[0] == "backfill" else ()

    said = desk.run(*door, str(path), *more, exits=1)
    assert "60 subscriptions of the state missing in the file: would end" in said
    assert "60 users would lose a subscription" in said
    desk.pipeline.work()
    assert desk.pipeline.lists("user-7") == {3}
    desk.run(*door, str(path), *more, "--max-changes", "60")
    desk.pipeline.work()
    assert desk.pipeline.lists("user-7") == set()


def test_who_unsubscribed_from_everything_is_off_every_list(desk: Desk, write_sheet: WriteSheet) -> None:
    for newsletter in ("daily", "weekly"):
        desk.pipeline.subscribe("anna", newsletter, occurred_at=JANUARY)
    desk.pipeline.work()
    desk.run("backfill", str(write_sheet("user_id;email;unsubscribed", f"anna;{address_of('anna')};WAHR")))
    desk.pipeline.work()
    assert desk.pipeline.lists("anna") == set()


@pytest.mark.parametrize("door", DOORS, ids=" ".join)
def test_a_file_with_one_bad_row_loads_nobody_and_names_the_row(
    desk: Desk, write_sheet: WriteSheet, door: tuple[str, ...]
) -> None:
    rows = ("1;a@portal.org", "1,23457E+15;b@portal.org", "1;c@portal.org", '2;d@portal.org"')
    said = desk.run(*door, str(write_sheet("user_id;email", *rows)), exits=1)
    assert [line.partition(":")[0] for line in said.splitlines() if line.startswith("line ")] == [
        "line 2",
        "line 3",
        "line 4",
        "line 5",
    ]
    assert "portal.org" not in said
    assert desk.pipeline.store.peek("1") is None


@pytest.mark.parametrize("door", DOORS, ids=" ".join)
@pytest.mark.parametrize(
    ("content", "advice"),
    [
        (b'[{"user_id": "1"}]', "not CSV"),
        (b"user_id,email\r1,a@portal.org\r", "old Mac line ends"),
        ("user_id,email\n".encode("utf-16-le"), "--encoding utf-16"),
        (b"user_id,email\n", "no row"),
        (b"", "the file is empty"),
    ],
    ids=["array", "mac", "utf-16", "header", "empty"],
)
def test_a_file_of_another_kind_is_explained(
    desk: Desk, write_sheet: WriteSheet, door: tuple[str, ...], content: bytes, advice: str
) -> None:
    path = write_sheet()
    path.write_bytes(content)
    said = desk.run(*door, str(path), exits=1 if advice == "no row" else 2)
    assert advice in said


def test_windows_1252_is_one_line_however_many_rows_it_concerns(desk: Desk, write_sheet: WriteSheet) -> None:
    path = write_sheet()
    rows = (f"{number};u{number}@portal.org;Jürgen" for number in range(40))
    path.write_text("\n".join(("user_id;email;first_name", *rows)), encoding="windows-1252")
    reported = [line for line in desk.run("backfill", str(path), exits=1).splitlines() if "--encoding" in line]
    assert len(reported) == 1
    assert reported[0].startswith("lines 2, 3, 4, 5, 6 and 35 more: not UTF-8: ")
    desk.run("backfill", str(path), "--encoding", "windows-1252")
    assert desk.pipeline.state("7").attributes() == {"first_name": "Jürgen"}


TYPED = """
visits = "VISITS"
born = "BORN"
"""


@pytest.mark.parametrize("door", DOORS, ids=" ".join)
def test_a_cell_is_written_as_brevo_keeps_it_or_not_at_all(
    desk: Desk, environment: Path, write_sheet: WriteSheet, door: tuple[str, ...]
) -> None:
    environment.write_text(CONFIGURATION + TYPED)
    header = "user_id;email;newsletters;visits;born"
    good = write_sheet(header, f"anna;{address_of('anna')};daily;3,5;25.11.1990")
    desk.run(*door, str(good))
    desk.pipeline.work()
    assert desk.pipeline.state("anna").attributes() == {"visits": 3.5, "born": "1990-11-25"}

    bad = write_sheet(header, f"ben;{address_of('ben')};daily;many;1.1.1990", f"carl;{address_of('carl')};daily;1;soon")
    said = desk.run(*door, str(bad), exits=1)
    assert "line 2: visits (column 4): a number is wanted" in said
    assert "line 3: born (column 5): a date such as 2026-11-25 is wanted" in said
    assert desk.pipeline.store.peek("ben") is None


def test_a_choice_that_brevo_does_not_have_is_refused(
    desk: Desk, environment: Path, brevo: Sandbox, write_sheet: WriteSheet
) -> None:
    environment.write_text(f'{CONFIGURATION}tier = "TIER"\n')
    brevo.account.attributes["TIER"] = Attribute("TIER", "category", "category", ["gold", "silver"])
    path = write_sheet("user_id,email,tier", f"anna,{address_of('anna')},gold", f"ben,{address_of('ben')},platinum")
    said = desk.run("backfill", str(path), exits=1)
    assert "line 3: tier (column 3): none of the choices that the attribute has at Brevo" in said


def test_json_lines_are_converted_too(desk: Desk, environment: Path, tmp_path: Path, brevo: Sandbox) -> None:
    brevo.settings.import_seconds = 0.0
    environment.write_text(CONFIGURATION + TYPED)
    path = tmp_path / "portal.jsonl"
    row = {"user_id": "anna", "email": address_of("anna"), "newsletters": ["daily"], "visits": "7", "born": None}
    path.write_text(json.dumps(row))
    desk.run("backfill", str(path))
    assert desk.pipeline.state("anna").attributes() == {"visits": 7, "born": None}


def test_a_killed_load_of_a_complete_file_is_finished_by_the_same_command(
    two_letters: Desk, brevo: Sandbox, write_sheet: WriteSheet
) -> None:
    path = write_sheet("user_id,email,newsletters", say("anna", "daily"), say("ben", "daily"), say("carl", "daily"))
    os.utime(path, (1_780_000_000, 1_780_000_000))
    brevo.add_fault("status", status=401, path="/contacts/lists")
    two_letters.run("backfill", str(path), "--complete", exits=1)
    assert two_letters.pipeline.store.peek("carl") is None
    brevo.faults.clear()
    two_letters.pipeline.resources.limiter.resume("default")
    assert "2 ended" in two_letters.run("backfill", str(path), "--complete")
    two_letters.pipeline.work()
    assert [two_letters.pipeline.lists(user) for user in ("anna", "ben", "carl")] == [{3}, {3}, {3}]
