"""The rows of a file: what they may look like, and what is said of those that make no sense."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sync_tasks.backfill.cells import Kept, Manner, find_zone
from sync_tasks.backfill.columns import Words
from sync_tasks.backfill.records import UNBALANCED
from sync_tasks.backfill.rows import BadRow, Row, Source, check
from sync_tasks.errors import ConfigurationError
from tests.support.fixtures import WriteRows

WORDS = Words(frozenset({"daily", "weekly"}), frozenset({"first_name", "last_name", "city", "visits"}))
SECRET = "zzsecret"
GOOD = {"user_id": "u1", "email": "anna@portal.org"}


def rows_of(path: Path) -> list[Row | BadRow]:
    return list(Source(path, WORDS).rows())


def write_csv(folder: Path, text: str | bytes, name: str = "portal.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def only_row(path: Path) -> Row:
    (row,) = rows_of(path)
    assert isinstance(row, Row), row.reason
    return row


@pytest.mark.parametrize(
    "text",
    [
        "user_id,email,newsletters,first_name\nu1,Anna@Portal.org,daily weekly,Anna\n",
        '\ufeffuser_id;email;newsletter;first_name\r\nu1;anna@portal.org;"daily,weekly";Anna\r\n',
        'first_name\temail\tuser_id\tnewsletters\tcity\n"Anna"\tanna@portal.org\tu1\tdaily,weekly\t\n',
    ],
)
def test_a_csv_says_who_reads_what(tmp_path: Path, text: str) -> None:
    row = only_row(write_csv(tmp_path, text))
    reported = (row.user_id, row.email, row.newsletters, dict(row.fields))
    assert reported == ("u1", "anna@portal.org", {"daily": True, "weekly": True}, {"first_name": "Anna"})


def test_json_lines_say_the_same_with_numbers_and_with_nothing(write_rows: WriteRows) -> None:
    reported = {**GOOD, "newsletters": ["daily"], "visits": 3, "attributes": {"city": None}, "subscribed": False}
    values = only_row(write_rows(reported)).values
    assert values == {"address": "anna@portal.org", "a:visits": "3", "a:city": "null", "n:daily": "u"}


@pytest.mark.parametrize(
    ("reported", "subscribed"),
    [
        ({"subscribed": "yes"}, True),
        ({"subscribed": "0"}, False),
        ({"unsubscribed": "False"}, True),
        ({"unsubscribed": True}, False),
    ],
)
def test_a_subscription_may_have_ended(write_rows: WriteRows, reported: dict[str, object], *, subscribed: bool) -> None:
    assert only_row(write_rows(GOOD | {"newsletter": "daily"} | reported)).newsletters == {"daily": subscribed}


@pytest.mark.parametrize(
    ("reported", "reason"),
    [
        ({"user_id": "u1"}, "email: missing"),
        (GOOD | {"email": SECRET}, "email: not an e-mail address"),
        (GOOD | {"newsletter": "sports"}, "newsletters: sports: not in the configuration"),
        (GOOD | {"shoe_size": SECRET}, "attributes: shoe_size: mapped to no Brevo attribute"),
        (GOOD | {"subscribed": SECRET}, "subscribed: yes or no, true or false, 1 or 0, subscribed or unsubscribed is"),
        (GOOD | {"subscribed": True, "unsubscribed": True}, "subscribed: unsubscribed says the opposite"),
        (GOOD | {"occurred_at": "2026-01-01T00:00:00"}, "occurred_at: has no zone: add one such as +01:00, or name"),
        (GOOD | {"attributes": SECRET}, "attributes: must be an object"),
        (GOOD | {"first_name": "\udcff"}, "first_name: Input should be a valid string"),
        ([SECRET], "not a JSON object"),
        (5, "not a JSON object"),
        (SECRET, "not a JSON object"),
        (GOOD | {"attributes": {"shoe_size": SECRET}}, "attributes: shoe_size: mapped to no Brevo attribute"),
        (GOOD | {"newsletters": 5}, "newsletters: a list of newsletters is wanted"),
        (GOOD | {"newsletters": ["daily", 5]}, "newsletters: a list of newsletters is wanted"),
        (GOOD | {"newsletters": {"daily": SECRET}}, "newsletters.daily: yes or no, true or false, 1 or 0"),
        (GOOD | {"occurred_at": "2099-01-01T00:00:00Z"}, "occurred_at: lies more than 5 minutes in the future"),
    ],
)
def test_a_bad_row_is_named_without_a_word_of_it(write_rows: WriteRows, reported: object, reason: str) -> None:
    good, bad = rows_of(write_rows(GOOD, reported))
    assert isinstance(good, Row)
    assert isinstance(bad, BadRow)
    assert bad.line == 2
    assert bad.reason.startswith(reason)
    assert SECRET not in bad.reason


def test_lines_are_counted_as_an_editor_counts_them(tmp_path: Path) -> None:
    lines = [
        b"user_id,email,city",
        b'u1,a@portal.org,"New\nYork"',
        b"u2,b@portal.org",
        b"",
        b"u3,c@portal.org,\xff",
        b'u4,"d"x,y',
        b"u5,e@portal.org,z",
    ]
    reported = rows_of(write_csv(tmp_path, b"\n".join(lines)))
    assert [row.line for row in reported if isinstance(row, BadRow)] == [4, 6, 7]
    assert [row.user_id for row in reported if isinstance(row, Row)] == ["u1", "u5"]


@pytest.mark.parametrize(
    ("header", "fault"),
    [
        ("user_id,newsletters", "no column email"),
        ("user_id,email,email", "columns 2 and 3 both say email"),
        ("user_id,email,shoe_size", "column 3 (shoe_size) is not known; say what it means with --map"),
        ("user_id,email,fistname", "column 3 (fistname) is not known; the nearest known name is first_name"),
        ("user_id,email,zz secret", "column 3 is not known"),
        ("u1,zzsecret@portal.org,daily", "the first line looks like a row"),
        ("", "no column user_id"),
    ],
)
def test_a_header_that_makes_no_sense_refuses_the_file(tmp_path: Path, header: str, fault: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        rows_of(write_csv(tmp_path, f"{header}\n"))
    assert fault in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_check_counts_and_names_the_first_thousand_bad_rows(write_rows: WriteRows) -> None:
    rows = [GOOD | {"newsletters": "daily weekly"}, GOOD | {"newsletter": "daily", "subscribed": False}]
    checked = check(Source(write_rows(*rows, *[{}] * 1001), WORDS))
    reported = (checked.rows, checked.subscriptions, checked.unsubscriptions, checked.bad, len(checked.bad_rows))
    assert reported == (2, 2, 1, 1001, 1000)


def sheet(folder: Path, *lines: str, words: Words = WORDS, **how: Any) -> Source:
    return Source(write_csv(folder, "".join(f"{line}\n" for line in lines)), words, **how)


def reports_of(source: Source) -> tuple[list[str], list[tuple[int, str]]]:
    """Return who is reported, and each bad row's line and the beginning of what is wrong with it."""
    rows = list(source.rows())
    bad = [(row.line, row.reason) for row in rows if isinstance(row, BadRow)]
    return [row.user_id for row in rows if isinstance(row, Row)], bad


@pytest.mark.parametrize(
    "reported",
    [
        {"unsubscribed": "yes"},
        {"unsubscribed": "t"},
        {"unsubscribed": True, "newsletters": []},
        {"subscribed": "no"},
        {"subscribed": "cleaned", "newsletters": ""},
        {"subscribed": 0},
    ],
    ids=str,
)
def test_who_opted_out_of_nothing_named_opted_out_of_everything(
    write_rows: WriteRows, reported: dict[str, object]
) -> None:
    assert only_row(write_rows(GOOD | reported)).newsletters == {"daily": False, "weekly": False}


@pytest.mark.parametrize(
    ("reported", "wishes"),
    [
        ({"newsletters": {"daily": True, "weekly": "no"}}, {"daily": True, "weekly": False}),
        ({"daily": "yes", "weekly": "nein"}, {"daily": True, "weekly": False}),
        ({"newsletters": "daily weekly", "weekly": "no"}, {"daily": True, "weekly": False}),
        ({"newsletters": "daily", "not newsletters.daily": "yes"}, {"daily": False}),
        ({"daily": "yes", "unsubscribed": "yes"}, {"daily": False, "weekly": False}),
        ({"newsletters": "daily", "weekly": "yes", "unsubscribed": "yes"}, {"daily": False, "weekly": False}),
        ({"newsletters": "daily", "subscribed": "pending"}, {}),
        ({"newsletters": "daily", "weekly": "no", "subscribed": "pending"}, {"weekly": False}),
        ({"newsletters": "daily;weekly"}, {"daily": True, "weekly": True}),
        ({"newsletters": '{daily,"weekly"}'}, {"daily": True, "weekly": True}),
        ({"Daily": "t"}, {"daily": True}),
    ],
    ids=str,
)
def test_a_row_says_yes_and_no_to_single_newsletters(
    write_rows: WriteRows, reported: dict[str, object], wishes: dict[str, bool]
) -> None:
    assert only_row(write_rows(GOOD | reported)).newsletters == wishes


@pytest.mark.parametrize("name", ["portal.jsonl", "portal.NDJSON", "portal.json"])
def test_lines_of_json_are_known_by_the_end_of_the_name(tmp_path: Path, name: str) -> None:
    assert only_row(write_csv(tmp_path, json.dumps(GOOD), name)).user_id == "u1"


def test_an_empty_cell_under_subscribed_is_no_yes(tmp_path: Path) -> None:
    header = "user_id,email,newsletters,subscribed"
    users, bad = reports_of(sheet(tmp_path, header, "u1,a@portal.org,daily,", "u2,b@portal.org,,"))
    assert users == ["u2"]
    assert bad[0][1].startswith("subscribed (column 4): ")


@pytest.mark.parametrize(
    ("day", "wish", "moment"),
    [
        ("2026-01-02", "yes", datetime(2026, 1, 2, tzinfo=UTC)),
        ("02.01.2026", "no", datetime(2026, 1, 2, 23, 59, 59, 999999, tzinfo=UTC)),
    ],
)
def test_of_a_day_alone_an_opt_out_takes_the_end_and_a_subscription_the_beginning(
    tmp_path: Path, day: str, wish: str, moment: datetime
) -> None:
    lines = ("user_id,email,daily,occurred_at", f"u1,a@portal.org,{wish},{day}")
    (row,) = sheet(tmp_path, *lines, manner=Manner(zone=find_zone("UTC"))).rows()
    assert isinstance(row, Row)
    assert row.occurred_at == moment


def test_rows_of_nothing_and_empty_columns_at_the_end_are_fine(tmp_path: Path) -> None:
    lines = (
        "user_id,email,city,,",
        ",,,,",
        "u1,a@portal.org,Kiel,,",
        "",
        " , ,",
        "u2,b@portal.org,\\N",
        ",,,,,,,",
        "u3,c@portal.org,NULL",
    )
    assert reports_of(sheet(tmp_path, *lines)) == (["u1", "u2", "u3"], [])


def test_a_cell_beside_the_named_columns_is_refused(tmp_path: Path) -> None:
    lines = ("user_id,email,,city", f"u1,a@portal.org,{SECRET},Kiel", "u2,b@portal.org,,Kiel,more", "u3,c@portal.org,,")
    users, bad = reports_of(sheet(tmp_path, *lines))
    assert (users, bad) == (
        ["u3"],
        [(2, "column 3 has a value and no name"), (3, "5 cells under 4 columns")],
    )


@pytest.mark.parametrize(
    "lines",
    [
        ('u1,a@portal.org,"New York', "u2,b@portal.org,Kiel", "u3,c@portal.org,Rome"),
        ('u1,a@portal.org,"New York', "u2,b@portal.org,Kiel", 'u3,c@portal.org,Rome"'),
        ('u1,a@portal.org,"New York', 'u2,b@portal.org,Kiel"', "u3,c@portal.org,Rome"),
        ('u1,a@portal.org,New" York', "u2,b@portal.org,Kiel", "u3,c@portal.org,Rome"),
        ('"u1,a@portal.org,New York', "u2,b@portal.org,Kiel", "u3,c@portal.org,Rome"),
    ],
    ids=range(5),
)
def test_a_quotation_mark_that_swallows_rows_is_refused_on_its_line_and_the_rows_are_read(
    tmp_path: Path, lines: tuple[str, ...]
) -> None:
    users, bad = reports_of(sheet(tmp_path, "user_id,email,city", *lines))
    assert bad[0] == (2, UNBALANCED)
    assert {*users} | {f"u{line - 1}" for line, _ in bad} == {"u1", "u2", "u3"}


def test_a_quotation_mark_that_never_closes_costs_no_other_row(tmp_path: Path) -> None:
    rows = [f"u{number},u{number}@portal.org,Kiel" for number in range(2, 400)]
    users, bad = reports_of(sheet(tmp_path, "user_id,email,city", 'u1,a@portal.org,"Kiel', *rows))
    assert (len(users), bad) == (398, [(2, UNBALANCED)])


def test_a_name_over_two_lines_is_a_name(tmp_path: Path) -> None:
    lines = ("user_id,city,email", 'u1,"Bad ""Ems""', 'an der Lahn",a@portal.org', "u2,Kiel,b@portal.org")
    assert reports_of(sheet(tmp_path, *lines)) == (["u1", "u2"], [])


@pytest.mark.parametrize("user_id", ["1,23457E+15", "1.23457E+15", "4711.0", "#NV"])
def test_an_id_that_a_spreadsheet_destroyed_is_refused_with_its_row(tmp_path: Path, user_id: str) -> None:
    users, bad = reports_of(sheet(tmp_path, "user_id;email", "u1;a@portal.org", f"{user_id};b@portal.org"))
    assert users == ["u1"]
    assert bad[0][0] == 3
    assert bad[0][1].startswith("user_id (column 1): ")
    assert user_id not in bad[0][1]


def test_two_addresses_for_one_user_are_refused_wherever_they_stand(tmp_path: Path) -> None:
    same = ("u1,A@portal.org", "u2,b@portal.org", "u3,d@portal.org", "u1,a@portal.org")
    source = sheet(tmp_path, "user_id,email", *same, "u2,c@portal.org")
    checked = check(source)
    reason = "user_id: two addresses for one user, on lines 3 and 6"
    assert checked.bad_rows == [BadRow(3, reason), BadRow(6, reason)]
    assert reports_of(source) == (["u1", "u3", "u1"], [(3, reason), (6, reason)])


def test_a_cell_becomes_what_brevo_keeps_or_is_refused_with_its_column(tmp_path: Path) -> None:
    types = {"visits": Kept("float"), "city": Kept("text")}
    lines = ("user_id;email;visits;city", "u1;a@portal.org;3,5;04711", f"u2;b@portal.org;{SECRET};Kiel")
    first, second = sheet(tmp_path, *lines, types=lambda: types).rows()
    assert isinstance(first, Row)
    assert first.attributes == {"visits": 3.5, "city": "04711"}
    assert second == BadRow(3, "visits (column 3): a number is wanted")


def test_columns_are_explained(tmp_path: Path) -> None:
    words = replace(
        WORDS,
        attributes={"first_name": "FIRSTNAME", "city": "CITY"},
        columns={"EXT_ID": "user_id", "Opted out: Daily": "not newsletters.daily", "Notes": "-"},
        usual={"Vorname": "first_name", "Ort": "city"},
        names={"Weekly Digest": "weekly", "Old News": "-"},
        values={"newsletters": "daily"},
    )
    lines = (
        "EXT_ID,Mail,Opted out: Daily,notes,vorname,CITY,Newsletters",
        "u1,a@portal.org,true,x,Anna,Kiel,",
        'u2,b@portal.org,,x,Ben,,"Weekly Digest, old news"',
    )
    with pytest.raises(ConfigurationError, match="no column email"):
        list(sheet(tmp_path, *lines, words=words).rows())
    words = replace(words, columns={**words.columns, "MAIL": "email"})
    first, second = sheet(tmp_path, *lines, words=words).rows()
    assert isinstance(first, Row)
    assert isinstance(second, Row)
    assert (first.newsletters, dict(first.fields)) == ({"daily": False}, {"first_name": "Anna", "city": "Kiel"})
    assert (second.newsletters, dict(second.fields)) == ({"weekly": True}, {"first_name": "Ben"})


def test_what_is_said_of_columns_must_make_sense(tmp_path: Path) -> None:
    reported = replace(
        WORDS, columns={"Name": "fist_name"}, values={"email": "x"}, names={"Digest": "monthly"}, usual={"a": "b"}
    )
    faults = [*reported.faults()]
    assert len(faults) == 4
    assert any("the nearest known name is first_name" in fault for fault in faults)
    words = replace(WORDS, columns={"Vorname": "first_name"})
    with pytest.raises(ConfigurationError, match="there is no column 'Vorname'"):
        list(sheet(tmp_path, "user_id,email", words=words).rows())


def test_unknown_columns_are_left_out_on_demand(tmp_path: Path, write_rows: WriteRows) -> None:
    words = replace(WORDS, ignore_unknown=True)
    assert reports_of(sheet(tmp_path, "user_id,email,shoe", "u1,a@portal.org,x", words=words)) == (["u1"], [])
    assert reports_of(Source(write_rows(GOOD | {"shoe": {"size": 1}}), words)) == (["u1"], [])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"user_id": "u1", "email": "a@portal.org", "email": "b@portal.org"}', "a JSON object that names a key twice"),
        ('{"user_id": "u1", "email": "a@portal.org", "Email": "b@portal.org"}', "email: said twice"),
        ('{"user_id": "u1"} {"user_id": "u2"}', "more than one JSON object"),
        ('{"user_id": "u1", "visits": NaN}', "NaN and Infinity"),
        ("},", "not a JSON object: one object a line is wanted"),
        ("[" * 100_000, "not JSON: nested too deeply"),
    ],
    ids=range(6),
)
def test_an_object_that_could_be_another_is_refused(tmp_path: Path, line: str, reason: str) -> None:
    path = tmp_path / "portal.jsonl"
    path.write_text(f"{json.dumps(GOOD)}\n\n{line}\n")
    good, bad = rows_of(path)
    assert isinstance(good, Row)
    assert isinstance(bad, BadRow)
    assert (bad.line, bad.reason[: len(reason)]) == (3, reason)


def test_of_several_columns_that_say_the_same_one_no_is_enough(tmp_path: Path) -> None:
    words = replace(WORDS, columns={"Global status": "subscribed", "List status": "subscribed"})
    lines = ("user_id,email,newsletters,Global status,List status", "u1,a@portal.org,daily,subscribed,subscribed")
    more = ("u2,b@portal.org,daily,subscribed,unsubscribed", "u3,c@portal.org,daily,unsubscribed,subscribed")
    last = ("u4,d@portal.org,daily,unconfirmed,subscribed",)
    rows = [row for row in sheet(tmp_path, *lines, *more, *last, words=words).rows() if isinstance(row, Row)]
    assert [row.newsletters.get("daily") for row in rows] == [True, False, False, None]


def test_a_file_that_is_still_being_written_is_noticed(tmp_path: Path) -> None:
    source = sheet(tmp_path, "user_id,email", "u1,a@portal.org")
    check(source)
    assert not source.changed
    with source.path.open("a") as still:
        still.write("u2,b@portal.org\n")
    assert source.changed
