"""What an address and a form say to a page, its bounds, and what each wrong form is answered with."""

import re
from typing import Any

import pytest

from sync_tasks.operate import app, cause_board, replays
from sync_tasks.operate.views import letters, overview, suppressed
from sync_tasks.operate.visit import Visit, link_to_user
from tests.support.operating import Operating

ANY: Any = None


def visit(query: dict[str, str] | None = None, form: dict[str, list[str]] | None = None) -> Visit:
    return Visit(ANY, ANY, ANY, ANY, query or {}, form or {})


def test_the_bounds_of_pages_are_these() -> None:
    assert (letters.SHOWN, letters.AGAIN, overview.CAUSES_SHOWN, suppressed.SHOWN) == (200, 2, 3, 200)
    assert (cause_board.REMEMBERED, replays.CLOSED_SEARCHED, app.MOST_FIELDS) == (15.0, 10_000, 20_000)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("", 0),
        ("7", 7),
        ("007", 7),
        ("-1", 0),
        ("1.5", 0),
        ("٣", 0),
        ("²", 0),
        ("9" * 16, 9_999_999_999_999_999),
        ("9" * 17, 0),
    ],
)
def test_a_number_of_an_address_is_one_or_nothing(text: str, number: int) -> None:
    assert visit({"since": text}).number("since") == number
    assert visit({"since": text}).number("from") == 0


@pytest.mark.parametrize(
    ("asked", "total", "start"),
    [("", 5, 0), ("2", 5, 2), ("3", 5, 3), ("4", 5, 4), ("5", 5, 4), ("99", 5, 4), ("99", 4, 2), ("9", 0, 0)],
)
def test_a_page_of_a_list_begins_where_it_is_asked_to_or_is_the_last_one(asked: str, total: int, start: int) -> None:
    assert visit({"from": asked}).start(total, 2) == start


@pytest.mark.parametrize(
    ("form", "value"), [({}, ""), ({"do": []}, ""), ({"do": [" a ", "b"]}, "a"), ({"else": ["a"]}, "")]
)
def test_the_first_value_of_a_field_counts(form: dict[str, list[str]], value: str) -> None:
    assert visit(form=form).value("do") == value


def test_the_way_to_a_user_holds_any_id() -> None:
    assert link_to_user("a/b ?&ü") == "/people?user=a%2Fb%20%3F%26%C3%BC"


NOBODY = "Nothing is known of this user."


@pytest.mark.parametrize(
    ("path", "fields", "status", "trouble"),
    [
        ("/letters/cause", {"cause": "none"}, 200, "No dead letter has this cause any more."),
        ("/letters/cause", {"cause": "none", "do": "replay"}, 200, "No dead letter has this cause any more."),
        ("/people", {}, 200, "Whom? Give an id or an address."),
        ("/people", {"who": "nobody"}, 404, NOBODY),
        ("/people", {"who": "no@address@at all"}, 200, "This is no address."),
        ("/people", {"who": "else@portal.org"}, 200, "Nobody has this address."),
        ("/people/unmask", {}, 404, NOBODY),
        ("/people/unmask", {"user": "nobody"}, 404, NOBODY),
        ("/comparisons", {"account": "x", "run": "1"}, 200, "Another comparison was made since: look at that one."),
    ],
)
def test_a_form_that_finds_nothing_says_so(
    door: Operating, path: str, fields: dict[str, str], status: int, trouble: str
) -> None:
    door.log_in()
    answer = door.send(path, **fields)
    found = re.search(r'class="trouble"[^>]*>([^<]*)<', answer.body)
    assert (answer.status, found and found[1]) == (status, trouble)


@pytest.mark.parametrize(
    ("fields", "trouble"),
    [
        ({"do": "replay"}, "Choose letters first: none was chosen, or others dealt with them."),
        ({"do": "replay", "id": "none"}, "Choose letters first: none was chosen, or others dealt with them."),
        ({"do": "", "scope": "all"}, "Choose what to do: replay or discard."),
        ({"do": "dance", "scope": "all"}, "Choose what to do: replay or discard."),
    ],
)
def test_a_form_that_says_too_little_about_letters_does_nothing(
    door: Operating, fields: dict[str, str], trouble: str
) -> None:
    (letter,) = door.fail("ada")
    page = door.log_in()
    cause = re.search(r"cause\?cause=(\w+)", page.body)
    assert cause
    answer = door.send("/letters/cause", cause=cause[1], **fields)
    found = re.search(r'class="trouble"[^>]*>([^<]*)<', answer.body)
    assert (answer.status, found and found[1]) == (200, trouble)
    assert door.pipeline.letters() == [letter]


@pytest.mark.parametrize("user", ["nobody", "a" * 300])
def test_whom_nobody_knows_is_no_page(door: Operating, user: str) -> None:
    door.log_in()
    answer = door.ask("GET", f"/people?user={user}")
    assert (answer.status, NOBODY in answer.body) == (404, True)
