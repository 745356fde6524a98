"""How answers of the operator's page look: headers, moments, codes, and what no browser may take for more."""

import pytest
from markupsafe import Markup

from sync_tasks.operate.pages import HEADERS, HtmlPage, Move, answer, answer_style, show_code, show_moment, style_name

RULES = (
    "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
TROUBLE = HtmlPage("trouble.html", {"trouble": "a <b> & \x1b[31m\u202e"}, 418)


def test_every_answer_has_these_rules() -> None:
    assert HEADERS == {
        "content-security-policy": RULES,
        "cache-control": "no-store",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "x-robots-tag": "noindex",
    }
    for one in (answer(TROUBLE, operator=None), answer(Move("/letters")), answer_style()):
        kept = {name: value for name, value in one.headers.items() if name in HEADERS and name != "cache-control"}
        assert kept == {name: value for name, value in HEADERS.items() if name != "cache-control"}


def test_a_page_has_its_status_and_nothing_of_others_is_markup() -> None:
    page = answer(TROUBLE, operator=None)
    assert (page.status_code, page.headers["cache-control"]) == (418, "no-store")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "a &lt;b&gt; &amp; \\x1b[31m\\u202e<" in bytes(page.body).decode()


@pytest.mark.parametrize(("again", "refresh"), [(0, None), (2, "2")])
def test_a_page_that_changes_is_asked_for_anew(again: int, refresh: str | None) -> None:
    page = answer(HtmlPage("trouble.html", {"trouble": ""}, again=again), operator=None)
    assert (page.status_code, page.headers.get("refresh")) == (200, refresh)


def test_a_move_leads_below_the_page_itself() -> None:
    there = answer(Move("/letters?a=1"))
    assert (there.status_code, there.headers["location"]) == (303, "/operate/letters?a=1")
    assert there.headers["cache-control"] == "no-store"


def test_the_stylesheet_is_kept_for_a_year_under_a_name_of_its_own() -> None:
    style = answer_style()
    assert style.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert style.headers["content-type"] == "text/css; charset=utf-8"
    assert (style_name()[:7], len(style_name()), style_name()[-4:]) == ("/style-", 23, ".css")


def test_a_moment_is_said_to_the_second() -> None:
    assert show_moment("1772352001999999") == show_moment(1772352001999999) == "2026-03-01 08:00:01 UTC"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("run `a b`, then `c`", "run <code>a b</code>, then <code>c</code>"),
        ("`<b>` & \x1b", "<code>&lt;b&gt;</code> &amp; \\x1b"),
        ("one ` alone", "one ` alone"),
        ("two `` together", "two `` together"),
    ],
)
def test_what_stands_between_backticks_is_code(text: str, shown: str) -> None:
    assert show_code(text) == Markup(shown)  # noqa: S704 - a text of this test
