"""What cells say, as databases, spreadsheets and newsletter tools write it; what could mean two things is refused."""

from datetime import UTC, datetime
from typing import Any

import pytest

from sync_tasks.backfill.cells import PLAIN, Kept, Manner, convert, find_damage, find_zone, read_moment, read_truth

BERLIN = Manner(zone=find_zone("Europe/Berlin"))
SEMICOLONS = Manner(semicolons=True)


@pytest.mark.parametrize(
    ("text", "manner", "moment"),
    [
        ("2026-11-25T08:00:00+02:00", PLAIN, "2026-11-25T06:00:00"),
        ("2026-11-25 08:00:00+02", PLAIN, "2026-11-25T06:00:00"),
        ("2026-11-25 08:00:00.123456+00", PLAIN, "2026-11-25T08:00:00.123456"),
        ("2026-11-25 08:00:00.1-0330", PLAIN, "2026-11-25T11:30:00.100000"),
        ("2026-11-25T08:00:00.123456789Z", PLAIN, "2026-11-25T08:00:00.123456"),
        ("2026-11-25 08:00 UTC", PLAIN, "2026-11-25T08:00:00"),
        ("25.11.2026 08:00", BERLIN, "2026-11-25T07:00:00"),
        ("25.7.2026, 8:05:09", BERLIN, "2026-07-25T06:05:09"),
        ("25.11.2026 8:00 +01:00", PLAIN, "2026-11-25T07:00:00"),
        ("11/25/2026 12:30 AM", Manner("month-first", find_zone("UTC")), "2026-11-25T00:30:00"),
        ("3/4/2026 1:00 pm", Manner("day-first", find_zone("UTC")), "2026-04-03T13:00:00"),
        ("2026-11-25", BERLIN, "2026-11-24T23:00:00"),
    ],
)
def test_a_moment_is_read_as_it_is_written(text: str, manner: Manner, moment: str) -> None:
    assert read_moment(text, manner)[0] == datetime.fromisoformat(moment).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("2026-11-25 08:00:00", "--zone Europe/Berlin"),
        ("11/12/2026 08:00Z", "--dates"),
        ("31.02.2026 08:00Z", "no such day"),
        ("25.11.2026 25:00Z", "no such time"),
        ("tomorrow", "ISO 8601"),
        ("1700000000", "ISO 8601"),
        ("45986.33", "ISO 8601"),
    ],
)
def test_a_moment_that_could_be_another_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_moment(text, PLAIN)


@pytest.mark.parametrize("text", ["t", "TRUE", "Yes", "1", "ja", "J", "WAHR", "y", "x", "on"])
def test_a_yes_has_many_words(text: str) -> None:
    assert read_truth(text) is True


@pytest.mark.parametrize("text", ["f", "False", "no", "0", "Nein", "FALSCH", "n", "off"])
def test_a_no_has_many_words(text: str) -> None:
    assert read_truth(text) is False


JOINED = ("Subscribed", "confirmed", "active", "opted in", "opt-in", "angemeldet")
LEFT = (
    "unsubscribed",
    "cleaned",
    "bounced",
    "blocked",
    "blocklisted",
    "blacklisted",
    "Opted Out",
    "opt-out",
    "abgemeldet",
)
UNSAID = ("Unconfirmed", "pending", "inactive", "nonsubscribed", "non-subscribed", "transactional", "archived")
STATUSES = [
    *((word, True) for word in JOINED),
    *((word, False) for word in (*LEFT, "abgemeldet")),
    *((word, None) for word in UNSAID),
]


@pytest.mark.parametrize(("text", "said"), STATUSES)
def test_a_status_says_yes_or_no_or_that_nothing_is_known(text: str, *, said: bool | None) -> None:
    assert read_truth(text, status=True) is said
    with pytest.raises(ValueError, match="yes or no"):
        read_truth(text)


@pytest.mark.parametrize("value", ["maybe", "", "2", 2, None, 1.0, []])
def test_what_is_neither_yes_nor_no_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="yes or no"):
        read_truth(value, status=True)


@pytest.mark.parametrize(
    ("value", "kind", "manner", "kept"),
    [
        ("3", "float", PLAIN, 3),
        ("-3.5", "float", PLAIN, -3.5),
        ("3,5", "float", PLAIN, 3.5),
        ("1.234", "float", PLAIN, 1.234),
        ("0,1234", "float", SEMICOLONS, 0.1234),
        (7, "float", PLAIN, 7),
        ("25.11.2026", "date", PLAIN, "2026-11-25"),
        ("2026-11-25 08:00:00+02", "date", PLAIN, "2026-11-25"),
        ("4/3/1990", "date", Manner("day-first"), "1990-03-04"),
        ("WAHR", "boolean", PLAIN, True),
        ("0", "boolean", PLAIN, False),
        (False, "boolean", PLAIN, False),
        ("04711", "text", PLAIN, "04711"),
        (10115, "text", PLAIN, "10115"),
        ("gold", "category", PLAIN, "gold"),
        ("", "float", PLAIN, ""),
        (None, "date", PLAIN, None),
        ("3", "", PLAIN, "3"),
    ],
)
def test_a_value_becomes_what_brevo_keeps(value: Any, kind: str, manner: Manner, kept: object) -> None:  # noqa: ANN401 - all types
    assert convert(value, Kept(kind), manner) == kept
    assert type(convert(value, Kept(kind), manner)) is type(kept)


@pytest.mark.parametrize(
    ("value", "kind", "manner"),
    [
        ("three", "float", PLAIN),
        ("1,234", "float", PLAIN),
        ("1.234", "float", SEMICOLONS),
        ("1.234,56", "float", SEMICOLONS),
        (True, "float", PLAIN),
        ("11/12/2026", "date", PLAIN),
        ("soon", "date", PLAIN),
        (45986, "date", PLAIN),
        ("perhaps", "boolean", PLAIN),
        (3.5, "boolean", PLAIN),
        (True, "text", PLAIN),
        ("a, b", "multiple-choice", PLAIN),
        ("ben", "user", PLAIN),
    ],
)
def test_a_value_that_brevo_would_ignore_is_refused(value: Any, kind: str, manner: Manner) -> None:  # noqa: ANN401 - as above
    with pytest.raises(ValueError, match=r"."):
        convert(value, Kept(kind), manner)


@pytest.mark.parametrize(
    "text", ["1,23457E+15", "1.23457E+15", "1.2E15", "4,9171E+11", "1E+10", "#NV", "#NAME?", "#REF!", "####"]
)
def test_what_a_spreadsheet_destroyed_is_found(text: str) -> None:
    assert find_damage(text)


@pytest.mark.parametrize("text", ["4711.0", "4711,00"])
def test_an_id_is_no_decimal_number(text: str) -> None:
    assert find_damage(text, is_id=True)
    assert not find_damage(text)


@pytest.mark.parametrize("text", ["1e10", "5E10", "4711", "E+10", "#1", "0.1.0", "u-1.5"])
def test_an_id_that_only_looks_odd_is_none_of_it(text: str) -> None:
    assert not find_damage(text, is_id=True)


def test_a_zone_that_nobody_knows_is_none() -> None:
    assert [find_zone(name) for name in ("Europe/Nowhere", "../etc/passwd", "")] == [None, None, None]


def test_a_category_takes_one_of_its_choices() -> None:
    tier = Kept("category", frozenset({"1", "gold", "2", "silver"}))
    assert [convert(value, tier, PLAIN) for value in ("gold", 2, "1")] == ["gold", "2", "1"]
    for value in ("platinum", 3, True):
        with pytest.raises(ValueError, match=r"choices|text"):
            convert(value, tier, PLAIN)


@pytest.mark.parametrize("kind", ["text", "category", "float"])
@pytest.mark.parametrize("given", [{"a": 1}, ["a"], True], ids=["object", "list", "truth"])
def test_what_is_no_single_value_is_no_text_and_no_number(kind: str, given: Any) -> None:  # noqa: ANN401 - any JSON
    """Python would write it in its own words, and a person would get mail that begins so."""
    with pytest.raises(ValueError, match=r"^a (text|number) is wanted$"):
        convert(given, Kept(kind), PLAIN)


@pytest.mark.parametrize("text", ["9" * 5_000, "9" * 101, f"{'9' * 101}.5"], ids=len)
def test_a_number_of_very_many_digits_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"^a number is wanted$"):
        convert(text, Kept("float"), PLAIN)


@pytest.mark.parametrize("zone", ["+99:00", "+24:00", "-9900", "+99"])
def test_an_offset_that_no_zone_has_is_none(zone: str) -> None:
    with pytest.raises(ValueError, match=r"^there is no such offset of a zone$"):
        read_moment(f"2026-01-01T00:00:00{zone}", PLAIN)


@pytest.mark.parametrize("text", ['="4711"', '="a@portal.org"', ' ="" '])
def test_a_text_that_stands_in_a_formula_is_not_taken_for_itself(text: str) -> None:
    assert find_damage(text)
    assert not find_damage(text.replace("=", "", 1))


ERRORS = (
    "#N/A",
    "#NV",
    "#NAME?",
    "#REF!",
    "#BEZUG!",
    "#VALUE!",
    "#WERT!",
    "#DIV/0!",
    "#NUM!",
    "#ZAHL!",
    "#NULL!",
    "####",
)


@pytest.mark.parametrize("text", ERRORS)
def test_each_error_of_a_spreadsheet_is_known(text: str) -> None:
    assert find_damage(text).startswith("an error of a spreadsheet's formula")
