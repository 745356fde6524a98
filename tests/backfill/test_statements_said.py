"""What one row states, word by word: newsletters, yes and no, attributes, and what refuses it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from sync_tasks.backfill.cells import Kept, Manner, find_zone
from sync_tasks.backfill.columns import Words
from sync_tasks.backfill.statements import Grammar, RefusedError

WORDS = Words(
    frozenset({"daily", "weekly"}),
    frozenset({"city", "age"}),
    attributes={"city": "CITY", "age": "AGE", "first_name": "FIRSTNAME"},
)
NAMED = Words(frozenset({"daily", "weekly"}), frozenset(), names={"Morning News": "daily", "Old": "-"})
TYPES = {"age": Kept("float"), "first_name": Kept("float")}


def stated(words: Words = WORDS, numbers: dict[str, int] | None = None, /, **given: Any) -> dict[str, Any]:
    manner = Manner(zone=find_zone("Europe/Berlin"))
    return Grammar(words, manner, lambda: TYPES, numbers or {}).arguments(given)


def refused(words: Words = WORDS, numbers: dict[str, int] | None = None, /, **given: Any) -> str:
    with pytest.raises(RefusedError) as caught:
        stated(words, numbers, **given)
    return str(caught.value)


BOTH = {"daily": True, "weekly": True}
NONE = {"daily": False, "weekly": False}


@pytest.mark.parametrize(
    ("given", "wishes"),
    [
        ({}, {}),
        ({"newsletters": "daily"}, {"daily": True}),
        ({"newsletters": "daily, weekly"}, BOTH),
        ({"newsletters": "daily weekly"}, BOTH),
        ({"newsletters": "daily;weekly|"}, BOTH),
        ({"newsletters": '{"daily","weekly"}'}, BOTH),
        ({"newsletters": ["daily", " weekly "]}, BOTH),
        ({"newsletters": {"daily": True, "weekly": "no"}}, {"daily": True, "weekly": False}),
        ({"newsletters": {"daily": "pending"}}, {}),
        ({"newsletters": "daily", "subscribed": "yes"}, {"daily": True}),
        ({"newsletters": "daily", "subscribed": "no"}, {"daily": False}),
        ({"newsletters": "daily", "unsubscribed": "yes"}, {"daily": False}),
        ({"newsletters": "daily", "unsubscribed": "no"}, {"daily": True}),
        ({"newsletters": "daily", "subscribed": "pending"}, {}),
        ({"subscribed": "no"}, NONE),
        ({"unsubscribed": "yes"}, NONE),
        ({"subscribed": "yes"}, {}),
        ({"subscribed": ""}, {}),
        ({"subscribed": "", "unsubscribed": "yes"}, NONE),
        ({"newsletters": "daily", "subscribed": ("yes", "no")}, {"daily": False}),
        ({"newsletters": "daily", "subscribed": ("yes", "yes")}, {"daily": True}),
        ({"newsletters": "daily", "subscribed": ("yes", "pending")}, {}),
        ({"newsletters": "daily", "unsubscribed": ("no", "yes")}, {"daily": False}),
        ({"newsletters.daily": "yes"}, {"daily": True}),
        ({"newsletters.daily": "no"}, {"daily": False}),
        ({"newsletters.daily": "pending"}, {}),
        ({"not newsletters.daily": "yes"}, {"daily": False}),
        ({"not newsletters.daily": "no"}, {"daily": True}),
        ({"not newsletters.daily": "pending"}, {}),
        ({"newsletters.daily": "no", "not newsletters.daily": "no"}, {"daily": False}),
        ({"newsletters.daily": "yes", "not newsletters.daily": "no"}, {"daily": True}),
        ({"newsletters": "daily", "newsletters.daily": "no"}, {"daily": False}),
        ({"newsletters": {"daily": False}, "newsletters.daily": "yes"}, {"daily": False}),
        ({"newsletters": "weekly", "newsletters.daily": "yes", "subscribed": "no"}, {"weekly": False, "daily": False}),
        ({"newsletters.daily": "yes", "newsletters.weekly": "no", "subscribed": "pending"}, {"weekly": False}),
    ],
)
def test_a_row_wishes(given: dict[str, Any], wishes: dict[str, bool]) -> None:
    assert stated(**given)["newsletters"] == wishes


@pytest.mark.parametrize(
    ("cell", "wishes"),
    [
        ("Morning News", {"daily": True}),
        ("morning news; weekly", BOTH),
        ("Old", {}),
        ("Old, weekly", {"weekly": True}),
        ("weekly daily", BOTH),
        (["Morning News", "weekly"], BOTH),
    ],
)
def test_a_newsletter_may_be_named_otherwise_in_a_file(cell: object, wishes: dict[str, bool]) -> None:
    assert stated(NAMED, newsletters=cell)["newsletters"] == wishes


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"newsletters": 3}, "newsletters: a list of newsletters is wanted"),
        ({"newsletters": ["daily", 3]}, "newsletters: a list of newsletters is wanted"),
        ({"newsletters": "daily monthly"}, "newsletters: monthly: not in the configuration"),
        ({"newsletters": "a@b.org"}, "newsletters: (unprintable): not in the configuration"),
        ({"newsletters": {"hourly": True}}, "newsletters: hourly: not in the configuration"),
        (
            {"newsletters": "daily", "subscribed": "yes", "unsubscribed": "yes"},
            "subscribed: unsubscribed says the opposite",
        ),
        (
            {"newsletters": "daily", "subscribed": "perhaps"},
            "subscribed: yes or no, true or false, 1 or 0, subscribed or unsubscribed is wanted",
        ),
        (
            {"newsletters": "daily", "unsubscribed": "cleaned"},
            "unsubscribed: yes or no, true or false, 1 or 0 is wanted",
        ),
        (
            {"newsletters": "daily", "subscribed": ""},
            "subscribed: yes or no, true or false, 1 or 0, subscribed or unsubscribed is wanted",
        ),
        (
            {"newsletters.daily": "2"},
            "newsletters.daily: yes or no, true or false, 1 or 0, subscribed or unsubscribed is wanted",
        ),
        ({"attributes": {"town": "Ulm"}}, "attributes: town: mapped to no Brevo attribute"),
        ({"age": "old"}, "age: a number is wanted"),
        ({"user_id": "12.0"}, "user_id: a whole number with decimals: format the column as text, and export it again"),
        ({"city": "#NAME?"}, "city: an error of a spreadsheet's formula: mend the formula, and export it again"),
        (
            {"occurred_at": "soon"},
            "occurred_at: must be an ISO 8601 text with a zone, or a moment such as 25.11.2026 08:00",
        ),
    ],
)
def test_a_row_that_makes_no_sense_is_refused(given: dict[str, Any], said: str) -> None:
    assert refused(**given).startswith(said)


def test_a_refusal_names_the_column_if_there_are_columns() -> None:
    assert refused(WORDS, {"age": 4}, age="old") == "age (column 4): a number is wanted"
    assert refused(WORDS, {"city": 4}, age="old") == "age: a number is wanted"


@pytest.mark.parametrize(
    ("given", "names", "attributes"),
    [
        ({"first_name": "Anna", "age": "3"}, {"first_name": "Anna"}, {"age": 3}),
        ({"first_name": "7"}, {"first_name": "7"}, {}),
        ({"first_name": 7}, {"first_name": "7"}, {}),
        ({"attributes": {"age": "3", "city": 5}}, {}, {"age": 3, "city": 5}),
        ({"attributes": {}}, {}, {}),
        ({"attributes": None}, {}, None),
        ({"attributes": ["x"]}, {}, ["x"]),
        ({}, {}, {}),
    ],
)
def test_values_become_what_brevo_keeps(given: dict[str, Any], names: dict[str, object], attributes: object) -> None:
    found = stated(user_id="u1", **given)
    assert {name: found[name] for name in ("first_name", "last_name") if name in found} == names
    assert (found["attributes"], found["user_id"]) == (attributes, "u1")


def test_what_an_option_sets_holds_unless_the_row_says_otherwise() -> None:
    words = Words(frozenset({"daily", "weekly"}), frozenset({"city"}), values={"newsletters": "daily", "city": "Ulm"})
    assert stated(words)["newsletters"] == {"daily": True}
    found = stated(words, newsletters="weekly", city="Bonn")
    assert (found["newsletters"], found["attributes"]) == ({"weekly": True}, {"city": "Bonn"})


@pytest.mark.parametrize("given", [None, 5, datetime(2026, 3, 1, tzinfo=UTC)])
def test_a_moment_that_is_no_text_is_for_others_to_judge(given: object) -> None:
    assert stated(occurred_at=given)["occurred_at"] == given
    assert "occurred_at" not in stated()


def test_an_object_means_by_its_keys_and_says_nothing_twice() -> None:
    def read(words: Words = WORDS, /, **given: Any) -> dict[str, Any]:
        return Grammar(words, Manner(), lambda: TYPES).from_object(given)

    found = read(user_id="u1", Newsletter="daily", attributes={"city": "Ulm"})
    assert (found["user_id"], found["newsletters"], found["attributes"]) == ("u1", {"daily": True}, {"city": "Ulm"})
    assert "attributes" in read(WORDS, **{"-": "x"})
    with pytest.raises(RefusedError, match=r"^newsletters: said twice$"):
        read(newsletter="daily", newsletters="weekly")
    with pytest.raises(RefusedError, match=r"^attributes: towns: mapped to no Brevo attribute"):
        read(towns="Ulm")
    ignoring = Words(WORDS.newsletters, WORDS.fields, ignore_unknown=True)
    assert "towns" not in read(ignoring, user_id="u1", towns="Ulm")


def test_a_field_that_is_said_twice_is_refused_and_not_chosen_from() -> None:
    assert refused(city="Ulm", attributes={"city": "Bonn"}) == "city: said twice, also in attributes"
    assert refused(city="Ulm", attributes={"city": "Ulm"}) == "city: said twice, also in attributes"
    assert stated(age=3, attributes={"city": "Ulm"})["attributes"] == {"city": "Ulm", "age": 3}


def test_what_a_row_says_among_its_attributes_counts_before_what_all_rows_say() -> None:
    words = Words(WORDS.newsletters, WORDS.fields, attributes=WORDS.attributes, values={"city": "Ulm", "age": "3"})
    assert stated(words, attributes={"city": "Bonn"})["attributes"] == {"city": "Bonn", "age": 3}
