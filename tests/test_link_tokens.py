"""Tokens of unsubscribe links: short, signed, the same each time, and nothing personal in them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_tasks.errors import InvalidLinkError
from sync_tasks.link_tokens import (
    LONGEST,
    RENEWAL_NIGHTS,
    LinkToken,
    UnsubscribeLinks,
    longest_id,
    parse_token,
    write_token,
)

OLD, NEW = ("an-old-secret-of-32-characters-or-more",), ("a-new-secret-of-32-characters-or-more!",)
UUID = "0191e0a4-7c1b-7d57-b1c2-9f0a6f6d1c3e"
SAFE = re.compile(r"[A-Za-z0-9._~-]+")
IDS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=20)
AROUND = [" {}", "/{}", "{}/", "{}.", "{}...", "{})", "{}%", "{}<", "{}</a>", "{}|", "{}=", "{}\u201d", "{}\u2026"]
AROUND += ["{}\u200b", "{}&utm_source=mail", "{}?utm_source=mail", "<{}>", "{}\r\nnext", "{}" + ")" * 200]
SLUGS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,9}", fullmatch=True)


@given(user_id=IDS, account=st.from_regex(r"[a-z0-9][a-z0-9_-]{0,9}", fullmatch=True), newsletter=SLUGS | st.just(""))
def test_a_token_says_what_was_written(user_id: str, account: str, newsletter: str) -> None:
    link = LinkToken(user_id, account, newsletter)
    token = write_token(link, NEW)
    assert token == write_token(link, NEW)
    assert not token or (parse_token(token, NEW) == link and len(token) <= LONGEST and SAFE.fullmatch(token))


@pytest.mark.parametrize("user_id", ["1", UUID, "f" * 64, "ümlaut", "a.b", "a b?/&"])
def test_every_usual_id_has_a_short_token(user_id: str) -> None:
    token = write_token(LinkToken(user_id, "default"), NEW)
    assert token
    assert parse_token(token, NEW).user_id == user_id


def test_an_id_too_long_for_a_link_has_none() -> None:
    assert write_token(LinkToken("x" * 255, "default"), NEW) == ""


def test_while_a_secret_is_changed_both_are_understood_and_the_first_signs() -> None:
    link, both = LinkToken("u1", "default"), NEW + OLD
    assert write_token(link, both) == write_token(link, NEW) != write_token(link, OLD)
    assert parse_token(write_token(link, OLD), both) == link
    with pytest.raises(InvalidLinkError):
        parse_token(write_token(link, OLD), NEW)


@pytest.mark.parametrize("link", AROUND)
@pytest.mark.parametrize("user_id", ["1", "12", "123", "1234", "\u00fc"])
def test_what_a_program_puts_around_a_token_is_no_part_of_it(link: str, user_id: str) -> None:
    written = LinkToken(user_id, "default", "daily")
    assert parse_token(link.format(write_token(written, NEW)), NEW) == written


@pytest.mark.parametrize(
    "change", [lambda t: t[:-1], lambda t: f"{t}x", lambda t: t.replace("u1", "u2"), lambda t: t * 9]
)
@pytest.mark.parametrize("user_id", ["u1", "u1 "])
def test_a_token_that_was_changed_is_refused(change: "object", user_id: str) -> None:
    token = write_token(LinkToken(user_id, "default"), NEW)
    changed = change(token)  # type: ignore[operator]
    if changed != token:
        with pytest.raises(InvalidLinkError):
            parse_token(changed, NEW)


@pytest.mark.parametrize("token", ["", ".", "...", "default..u1", "\udcff", "ü", "default..~!.x", "x" * 100_000])
def test_what_is_no_token_is_refused_without_a_word_of_it(token: str) -> None:
    with pytest.raises(InvalidLinkError) as caught:
        parse_token(token, NEW)
    assert "u1" not in str(caught.value)


def test_no_secret_is_shown_and_none_means_no_token() -> None:
    assert NEW[0] not in repr(UnsubscribeLinks("default", {"LINK": ""}, NEW))
    assert UnsubscribeLinks("default", {"LINK": ""}).values("u1") == {}


@pytest.mark.parametrize("newsletter", ["", "daily"])
def test_how_long_an_id_may_be_is_known_without_writing_a_token(newsletter: str) -> None:
    longest = longest_id("default", newsletter)
    tokens = [write_token(LinkToken("x" * length, "default", newsletter), NEW) for length in (longest, longest + 1)]
    assert [len(token) for token in tokens] == [LONGEST, 0]


@pytest.mark.parametrize("held", ["old", "older still", "another's", "unsigned", "none"])
def test_only_a_token_of_the_user_that_an_older_secret_signed_may_wait(held: str) -> None:
    links = UnsubscribeLinks("default", {"LINK": ""}, (*NEW, "x" * 32, *OLD))
    tokens = {
        "old": write_token(LinkToken("u1", "default"), OLD),
        "older still": write_token(LinkToken("u1", "default"), ("x" * 32,)),
        "another's": write_token(LinkToken("u2", "default"), OLD),
        "unsigned": "default..u1",
    }
    attributes = {"LINK": tokens[held]} if held in tokens else {}
    waits = [links.left_for_later("u1", attributes, night) for night in range(RENEWAL_NIGHTS)]
    # In one night of all it is renewed.
    expected = RENEWAL_NIGHTS - 1 if held.startswith("old") else 0
    assert [one for one in waits if one] == [links.values("u1")] * expected


def test_with_one_secret_or_in_the_users_night_nothing_waits() -> None:
    token = {"LINK": write_token(LinkToken("u1", "default"), OLD)}
    nights = range(RENEWAL_NIGHTS)
    assert not any(UnsubscribeLinks("default", {"LINK": ""}, OLD).left_for_later("u1", token, one) for one in nights)
    both = UnsubscribeLinks("default", {"LINK": ""}, (*NEW, *OLD))
    assert [both.left_for_later("u1", token, one) for one in nights].count({}) == 1
    assert not any(both.left_for_later("u1", {"LINK": both.values("u1")["LINK"]}, one) for one in nights)


def test_the_longest_token_is_read_and_one_that_is_longer_by_a_character_is_not() -> None:
    link = LinkToken("x" * longest_id("default", "daily"), "default", "daily")
    token = write_token(link, NEW)
    assert (len(token), LONGEST) == (120, 120)
    assert parse_token(token, NEW) == link
    with pytest.raises(InvalidLinkError):
        parse_token(f"{token}x", NEW)


def test_a_user_without_a_token_waits_for_nothing() -> None:
    links = UnsubscribeLinks("default", {"LINK": ""}, (*NEW, *OLD))
    assert links.left_for_later("x" * 255, {"LINK": ""}, 0) == {}
