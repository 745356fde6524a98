"""The edges of what a cell may say: half days, offsets, thousands, types; and what a spreadsheet did to it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sync_tasks.backfill.cells import (
    PLAIN,
    Kept,
    Manner,
    both_of_hour,
    convert,
    find_damage,
    find_zone,
    last_of_day,
    read_moment,
    read_number,
    read_truth,
)

BERLIN = Manner(zone=find_zone("Europe/Berlin"))


@pytest.mark.parametrize(
    ("text", "moment", "day"),
    [
        ("2026-11-25 12:00 AM UTC", "2026-11-25T00:00:00+00:00", False),
        ("2026-11-25 12:30 pm Z", "2026-11-25T12:30:00+00:00", False),
        ("2026-11-25 11:59 PM GMT", "2026-11-25T23:59:00+00:00", False),
        ("2026-11-25 01:00 am +02", "2026-11-25T01:00:00+02:00", False),
        ("2026-11-25 23:59:58.1234567-0130", "2026-11-25T23:59:58.123456-01:30", False),
        ("2026-11-25 08:00:00,5Z", "2026-11-25T08:00:00.500000+00:00", False),
        ("5.1.2026 08:00", "2026-01-05T08:00:00+01:00", False),
        ("2026-7-5", "2026-07-05T00:00:00+02:00", True),
        (" 2026-07-05 00:00 ", "2026-07-05T00:00:00+02:00", False),
    ],
)
def test_a_moment_is_exactly(text: str, moment: str, *, day: bool) -> None:
    found, whole_day = read_moment(text, BERLIN)
    assert (found.isoformat(), whole_day) == (moment, day)


@pytest.mark.parametrize(("dates", "month"), [("day-first", 2), ("month-first", 1)])
def test_what_stands_before_a_slash_is_said_by_an_option(dates: str, month: int) -> None:
    found, _ = read_moment("1/2/2026 Z", Manner(dates=dates))
    assert (found.month, found.day) == (month, 3 - month)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2026-11-25 24:00 Z", "there is no such time of the day"),
        ("2026-11-25 23:60 Z", "there is no such time of the day"),
        ("2026-02-30 Z", "there is no such day"),
        ("31.4.2026 Z", "there is no such day"),
        ("1/2/2026 Z", "could mean two days"),
        ("2026-11-25", "has no zone"),
        ("25/11-2026", "must be an ISO 8601 text"),
    ],
)
def test_a_moment_that_is_none_says_why(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_moment(text, PLAIN)


@pytest.mark.parametrize(
    ("text", "semicolons", "number"),
    [
        ("5", False, 5),
        ("-5", False, -5),
        ("+7", False, 7),
        ("1.5", False, 1.5),
        ("1,5", False, 1.5),
        ("1.500", False, 1.5),
        ("1.500", True, None),
        ("1,500", False, None),
        ("1,500", True, None),
        ("1,5000", False, 1.5),
        ("1.50", True, 1.5),
        ("1.", False, None),
        (".5", False, None),
        ("1e3", False, None),
        ("", False, None),
    ],
)
def test_a_number_with_three_decimals_may_be_thousands(text: str, number: float | None, *, semicolons: bool) -> None:
    manner = Manner(semicolons=semicolons)
    if number is not None:
        assert read_number(text, manner) == number
        assert type(read_number(text, manner)) is type(number)
        return
    with pytest.raises(ValueError, match=r"a number is wanted|could be thousands"):
        read_number(text, manner)


@pytest.mark.parametrize(
    ("value", "kept", "became"),
    [
        (5, Kept("text"), "5"),
        (1.5, Kept("category"), "1.5"),
        ("x", Kept("id"), "x"),
        (5, Kept("float"), 5),
        ("5", Kept("float"), 5),
        ("yes", Kept("boolean"), True),
        (False, Kept("boolean"), False),
        ("25.11.2026 08:00", Kept("date"), "2026-11-25"),
        ("", Kept("date"), ""),
        (None, Kept("user"), None),
        ("x", Kept(), "x"),
        (["x"], Kept("other"), ["x"]),
        ("red", Kept("category", frozenset({"red"})), "red"),
        ("", Kept("category", frozenset({"red"})), ""),
    ],
)
def test_a_value_becomes_what_is_kept(value: Any, kept: Kept, became: object) -> None:  # noqa: ANN401 - all types
    found = convert(value, kept, PLAIN)
    assert (found, type(found)) == (became, type(became))


@pytest.mark.parametrize(
    ("value", "kept", "said"),
    [
        (True, Kept("text"), "a text is wanted"),
        (True, Kept("float"), "a number is wanted"),
        (5, Kept("date"), "a date such as 2026-11-25 is wanted"),
        ("soon", Kept("date"), "a date such as 2026-11-25 is wanted"),
        ("x", Kept("user"), "takes no single value"),
        (["x"], Kept("multiple-choice"), "takes no single value"),
        ("blue", Kept("category", frozenset({"red"})), "none of the choices"),
        (2, Kept("boolean"), "yes or no"),
    ],
)
def test_a_value_of_another_type_is_refused(value: Any, kept: Kept, said: str) -> None:  # noqa: ANN401 - all types
    with pytest.raises(ValueError, match=said):
        convert(value, kept, PLAIN)


@pytest.mark.parametrize(
    ("value", "status", "said"),
    [(1, False, True), (0, False, False), (" JA ", False, True), ("active", True, True), ("archived", True, None)],
)
def test_yes_and_no_are_read(value: object, said: object, *, status: bool) -> None:
    assert read_truth(value, status=status) is said


@pytest.mark.parametrize("value", ["active", "archived", "cleaned", 2, 1.0, None, "", [True]])
def test_a_status_alone_is_no_yes(value: object) -> None:
    with pytest.raises(ValueError, match=r"^yes or no, true or false, 1 or 0 is wanted$"):
        read_truth(value)


@pytest.mark.parametrize(
    ("text", "is_id", "damage"),
    [
        ("1.2E+10", False, "a long number"),
        ("1E+5", False, "a long number"),
        ("-1,2e10", False, "a long number"),
        ("1.2", False, ""),
        (" #REF! ", False, "an error"),
        ("####", False, "an error"),
        ("#tag", False, ""),
        ("12.0", True, "a whole number"),
        ("12,000", True, "a whole number"),
        ("12.0", False, ""),
        ("12.5", True, ""),
        ("anna", True, ""),
        ("", True, ""),
    ],
)
def test_what_a_spreadsheet_did_is_found(text: str, damage: str, *, is_id: bool) -> None:
    found = find_damage(text, is_id=is_id)
    assert found.startswith(damage)
    assert bool(found) is bool(damage)


def test_an_hour_that_comes_twice_is_two_moments_and_any_other_is_one() -> None:
    zone = find_zone("Europe/Berlin")
    once = datetime(2026, 10, 25, 4, 0, tzinfo=zone)
    assert both_of_hour(once) == (once, once)
    earlier, later = both_of_hour(datetime(2026, 10, 25, 2, 30, tzinfo=zone))
    assert (earlier, later) == (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC))


def test_the_last_of_a_day_is_a_microsecond_before_the_next_and_never_ahead() -> None:
    begun = datetime(2026, 3, 1, tzinfo=UTC)
    assert last_of_day(begun) == datetime(2026, 3, 1, 23, 59, 59, 999_999, tzinfo=UTC)
    before, today = datetime.now(UTC), datetime.now(UTC) - timedelta(hours=1)
    assert before <= last_of_day(today) <= datetime.now(UTC)
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    assert last_of_day(tomorrow) == tomorrow


@pytest.mark.parametrize(
    ("name", "known"), [("UTC", True), ("", False), ("Nowhere/At_All", False), ("/etc/passwd", False)]
)
def test_a_zone_is_known_by_its_name(name: str, *, known: bool) -> None:
    assert (find_zone(name) is not None) is known
