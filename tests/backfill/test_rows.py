"""The rows of a file: what they may look like, and what is said of those that make no sense."""

from pathlib import Path

import pytest

from sync_tasks.backfill.rows import BadRow, Row, Source, Words, check
from sync_tasks.errors import ConfigurationError
from tests.backfill.conftest import WriteRows

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
    told = (row.user_id, row.email, row.newsletters, dict(row.fields), row.subscribed)
    assert told == ("u1", "anna@portal.org", ["daily", "weekly"], {"first_name": "Anna"}, True)


def test_json_lines_say_the_same_with_numbers_and_with_nothing(write_rows: WriteRows) -> None:
    told = {**GOOD, "newsletters": ["daily"], "visits": 3, "attributes": {"city": None}, "subscribed": False}
    values = only_row(write_rows(told)).values
    assert values == {"address": "anna@portal.org", "a:visits": "3", "a:city": "null", "n:daily": "u"}


@pytest.mark.parametrize(
    ("told", "subscribed"),
    [
        ({"subscribed": "yes"}, True),
        ({"subscribed": "0"}, False),
        ({"unsubscribed": "False"}, True),
        ({"unsubscribed": True}, False),
    ],
)
def test_a_subscription_may_have_ended(write_rows: WriteRows, told: dict[str, object], *, subscribed: bool) -> None:
    assert only_row(write_rows(GOOD | told)).subscribed is subscribed


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"user_id": "u1"}, "email: missing"),
        (GOOD | {"email": SECRET}, "email: not an e-mail address"),
        (GOOD | {"newsletter": "sports"}, "newsletters: sports: not in the configuration"),
        (GOOD | {"shoe_size": SECRET}, "attributes: shoe_size: mapped to no Brevo attribute"),
        (GOOD | {"subscribed": SECRET}, "subscribed: Input should be a valid boolean"),
        (GOOD | {"subscribed": True, "unsubscribed": True}, "subscribed: Input should be a valid boolean"),
        (GOOD | {"occurred_at": "2026-01-01T00:00:00"}, "occurred_at: Input should have timezone info"),
        (GOOD | {"attributes": SECRET}, "attributes: Input should be a valid dictionary"),
        (GOOD | {"first_name": "\udcff"}, "first_name: Input should be a valid string"),
        ([SECRET], "not a JSON object"),
    ],
)
def test_a_bad_row_is_named_without_a_word_of_it(write_rows: WriteRows, told: object, reason: str) -> None:
    good, bad = rows_of(write_rows(GOOD, told))
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
    told = rows_of(write_csv(tmp_path, b"\n".join(lines)))
    assert [row.line for row in told if isinstance(row, BadRow)] == [4, 6, 7]
    assert [row.user_id for row in told if isinstance(row, Row)] == ["u1", "u5"]


@pytest.mark.parametrize(
    ("header", "fault"),
    [
        ("user_id,newsletters", "no column email"),
        ("user_id,email,email", "column email stands there 2 times"),
        ("user_id,email,shoe_size", "column shoe_size: mapped to no Brevo attribute"),
        ("u1,zzsecret@portal.org,daily", "column (unprintable): mapped to no Brevo attribute"),
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
    told = (checked.rows, checked.subscriptions, checked.unsubscriptions, checked.bad, len(checked.bad_rows))
    assert told == (2, 2, 1, 1001, 1000)
