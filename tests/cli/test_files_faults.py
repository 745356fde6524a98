"""What an operator says of a file, and why nothing of it may be done: each rule with its bound on both sides."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import typer

from sync_tasks.backfill.preview import Weighed
from sync_tasks.backfill.rows import BadRow, Checked
from sync_tasks.cli.files import (
    Form,
    find_excess,
    find_fault,
    find_losses,
    former_slugs,
    moment_of_file,
    report_bad_rows,
    report_weighed,
)
from sync_tasks.config.settings import Settings
from sync_tasks.errors import ConfigurationError

CHANGED = "the file was changed while it was read: wait until it is whole, and start again"
MEND = "mend the bad rows, or leave them out with --skip-bad-rows"
RESUBSCRIBES = (
    "the file would re-subscribe {0} who had unsubscribed: if it is older than that, say when it was true (--as-of, or "
    "a column occurred_at); if not, allow it with --max-resubscribed {0}"
)
MOVES = (
    "the file would change 3 addresses, and 2 may without asking: say when it was true (--as-of, or a column "
    "occurred_at), or allow it with --max-changes 3"
)
BASE: dict[str, Any] = {"newsletters": {"daily": {"list_id": 3, "was": "early"}}}


def settings(**files: object) -> Settings:
    return Settings.model_validate({**BASE, "files": files})


def opened(form: Form, **files: object) -> Any:  # noqa: ANN401 - also what is its own
    return form.open(Path(__file__), settings(**files), dict)


def test_options_come_before_the_configuration() -> None:
    usual: dict[str, object] = {"zone": "Europe/Berlin", "dates": "day-first", "encoding": "latin-1"}
    plain = opened(Form(), **usual)
    assert (str(plain._manner.zone), plain._manner.dates, plain._encoding) == ("Europe/Berlin", "day-first", "latin-1")
    chosen = opened(Form(zone="UTC", dates="month-first", encoding="utf-8"), **usual)
    assert (str(chosen._manner.zone), chosen._manner.dates, chosen._encoding) == ("UTC", "month-first", "utf-8")
    none = opened(Form())
    assert (none._manner.zone, none._manner.dates) == (None, "")


def test_words_of_a_file_are_those_of_options_and_of_the_configuration() -> None:
    files: dict[str, object] = {
        "columns": {"Mail": "email"},
        "values": {"newsletters": "daily"},
        "newsletters": {"News": "daily"},
    }
    words = opened(Form(columns=["Town=first_name"], values=["last_name=x"], names=["Old=-"]), **files).words
    assert (words.columns, words.usual) == ({"Town": "first_name"}, {"Mail": "email"})
    assert words.names == {"early": "daily", "News": "daily", "Old": "-"}
    assert words.values == {"newsletters": "daily", "last_name": "x"}
    assert not words.ignore_unknown
    assert opened(Form(ignore_unknown=True)).words.ignore_unknown
    assert opened(Form(), ignore_unknown_columns=True).words.ignore_unknown


@pytest.mark.parametrize(
    ("form", "said"),
    [
        (Form(zone="Nowhere"), ["--zone: there is no time zone of that name; such as Europe/Berlin"]),
        (Form(dates="year-first"), ["--dates: must be day-first or month-first"]),
        (
            Form(dates="year-first", zone="Nowhere"),
            [
                "--dates: must be day-first or month-first",
                "--zone: there is no time zone of that name; such as Europe/Berlin",
            ],
        ),
    ],
)
def test_options_that_make_no_sense_are_refused(form: Form, said: list[str]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        opened(form)
    assert [*caught.value.args] == said


def test_what_a_column_shall_mean_must_be_known() -> None:
    with pytest.raises(ConfigurationError, match=r"--map: 'shoe' is not known"):
        opened(Form(columns=["a=shoe"]))


def checked(bad: int = 0, rows: int = 1, bad_rows: list[BadRow] | None = None) -> Checked:
    found = Checked()
    found.bad, found.rows, found.bad_rows = bad, rows, bad_rows or []
    return found


@pytest.mark.parametrize(
    ("found", "skip", "complete", "changed", "said"),
    [
        (checked(), False, False, False, ""),
        (checked(), False, True, False, ""),
        (checked(), False, False, True, CHANGED),
        (checked(bad=1), False, True, False, MEND),
        (checked(bad=1), False, False, False, MEND),
        (checked(bad=1), True, False, False, ""),
        (
            checked(bad=1),
            True,
            True,
            False,
            "what a bad row says would count as ended or deleted: mend the bad rows first",
        ),
        (checked(rows=0), False, False, False, "there is no row in it: is it the right file?"),
    ],
)
def test_why_nothing_of_a_file_may_be_done(
    *, found: Checked, skip: bool, complete: bool, changed: bool, said: str
) -> None:
    source = cast("Any", SimpleNamespace(changed=changed))
    fault = find_fault(found, source, Form(skip_bad_rows=skip), complete=complete)
    assert fault == said


@pytest.mark.parametrize(("losing", "held"), [(2, False), (3, True)])
def test_the_safety_catch_holds_for_more_than_may_lose(losing: int, *, held: bool) -> None:
    found = find_losses(losing, 2, "lose a subscription")
    assert found == (
        "3 users would lose a subscription, and 2 may without asking; look at it with --dry-run, then allow it with "
        "--max-changes 3"
        if held
        else ""
    )


@pytest.mark.parametrize(
    ("weighed", "most", "held"),
    [
        (Weighed(), None, ""),
        (Weighed(dated=2), None, ""),
        (Weighed(dated=3), None, RESUBSCRIBES.format(3)),
        (Weighed(undated=1), None, RESUBSCRIBES.format(1)),
        (Weighed(undated=1), 1, ""),
        (Weighed(undated=1, dated=1), 1, RESUBSCRIBES.format(2)),
        (Weighed(dated=1), 0, RESUBSCRIBES.format(1)),
        (Weighed(moved=2), None, ""),
        (Weighed(moved=3), None, MOVES),
        (Weighed(moved=3, undated=9), 9, MOVES),
    ],
)
def test_the_safety_catch_holds_for_who_would_get_mail_again(weighed: Weighed, most: int | None, held: str) -> None:
    assert find_excess(weighed, most, 2) == held


def test_bad_rows_are_named_and_very_many_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    report_bad_rows(checked(bad=1, bad_rows=[BadRow(2, "no email")]))
    assert capsys.readouterr().err == "line 2: no email\n"
    many = [BadRow(line, "no user") for line in range(2, 102)]
    report_bad_rows(checked(bad=150, bad_rows=[BadRow(1, "no email"), *many]))
    first, lines, rest = capsys.readouterr().err.splitlines()
    assert (first, rest) == ("line 1: no email", "and 49 more bad rows")
    assert lines == "lines 2, 3, 4, 5, 6 and 95 more: no user"


def test_what_a_file_would_do_is_said_line_by_line(capsys: pytest.CaptureFixture[str]) -> None:
    report_weighed(Weighed())
    assert capsys.readouterr().err == ""
    report_weighed(Weighed(undated=1, dated=1, moved=3, lacking=[("anna", "daily")]))
    assert capsys.readouterr().err.splitlines() == [
        "would re-subscribe 2 who had unsubscribed",
        "would change the address of 3, as of the file's time",
        "1 subscription of the state missing in the file: would end",
    ]


def test_a_file_was_true_when_it_was_written_or_as_an_option_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "portal.csv"
    file.touch()
    os.utime(file, (1_000_000_000, 1_000_000_000))
    assert moment_of_file(file, Form()) == datetime(2001, 9, 9, 1, 46, 40, tzinfo=UTC)
    assert moment_of_file(file, Form(as_of="2026-03-01 08:00", zone="Europe/Berlin")).hour == 7
    ahead = datetime.now(UTC) + timedelta(hours=1)
    os.utime(file, (ahead.timestamp(), ahead.timestamp()))
    assert moment_of_file(file, Form()) <= datetime.now(UTC)
    for form, said in (
        (Form(as_of=ahead.isoformat()), "--as-of: lies more than 5 minutes in the future"),
        (Form(as_of="soon"), "--as-of: must be an ISO 8601 text"),
    ):
        with pytest.raises(typer.Exit) as ended:
            moment_of_file(file, form)
        assert (ended.value.exit_code, said in capsys.readouterr().err) == (2, True)
    with pytest.raises(typer.Exit) as ended:
        moment_of_file(tmp_path / "gone", Form())
    assert (ended.value.exit_code, "there is no such file" in capsys.readouterr().err) == (2, True)


def test_a_moment_that_is_a_little_ahead_counts_as_now(tmp_path: Path) -> None:
    file = tmp_path / "portal.csv"
    file.touch()
    before = datetime.now(UTC)
    soon = moment_of_file(file, Form(as_of=(before + timedelta(minutes=4)).isoformat()))
    assert before <= soon <= datetime.now(UTC)
    assert soon.tzinfo is UTC


def test_earlier_slugs_are_those_of_the_configuration() -> None:
    assert former_slugs(settings()) == {"daily": ("early",)}
