"""The portal's words on one account: earlier slugs, earlier lists, lists that are not there."""

from dataclasses import replace

import pytest

from sync_tasks.domain.mapping import AccountMapping, Subscribable
from sync_tasks.link_tokens import UnsubscribeLinks
from tests.support.saying import contact_of, stamp, subscribe, unsubscribe

MAPPING = AccountMapping(
    {
        "daily": Subscribable(3, "DAILY_OFF", manual=True),
        "weekly": Subscribable(5, retired=True),
        "monthly": Subscribable(6),
    },
    {},
    renamed={"morning": "daily"},
    earlier={"daily": frozenset({8}), "morning": frozenset({8}), "gone": frozenset({9})},
)


@pytest.mark.parametrize(
    ("slug", "lists", "shown"),
    [
        ("daily", {3}, True),
        ("daily", {8, 1}, True),
        ("morning", {3}, True),
        ("daily", {5, 9}, False),
        ("gone", {9}, True),
        ("gone", {3}, False),
        ("unheard-of", {3}, False),
        ("weekly", {5}, True),
        ("weekly", set(), False),
    ],
)
def test_a_list_shows_a_newsletter_that_has_or_had_it(slug: str, lists: set[int], *, shown: bool) -> None:
    assert MAPPING.shows(slug, lists) is shown


@pytest.mark.parametrize(
    ("slug", "nobody"), [("daily", False), ("morning", False), ("weekly", True), ("gone", True), ("unheard-of", True)]
)
def test_only_a_newsletter_that_is_here_and_goes_on_takes_sign_ups(slug: str, *, nobody: bool) -> None:
    assert MAPPING.takes_nobody(slug) is nobody


def test_lists_and_slugs_by_what_they_are() -> None:
    assert MAPPING.former == {8, 9}
    assert MAPPING.departed == {"gone"}
    assert MAPPING.lists == {3, 5, 6}
    assert MAPPING.watched == {3, 5, 6, 8, 9}
    assert MAPPING.manual == MAPPING.flagged == {3}
    assert MAPPING.flags == {"DAILY_OFF"}


def test_an_account_without_some_lists_has_the_others() -> None:
    without = MAPPING.without(frozenset({5})).without(frozenset({8}))
    assert without.absent == {5, 8}
    assert (without.lists, without.watched) == (frozenset({3, 6}), frozenset({3, 6, 8, 9}))
    assert MAPPING.without(frozenset()) is MAPPING


def test_of_several_slugs_of_a_newsletter_the_newest_wish_counts() -> None:
    contact = contact_of(subscribe(1), unsubscribe(3, "morning"), subscribe(2, "unheard-of"), subscribe(2, "monthly"))
    wishes = {"daily": (stamp(3), False), "monthly": (stamp(2), True)}
    assert MAPPING.subscriptions(contact) == wishes
    given_up = replace(contact, given_up={"t:monthly": stamp(2)})
    assert MAPPING.subscriptions(given_up) == {"daily": (stamp(3), False)}


def test_a_newsletter_says_which_attributes_it_has_and_what_they_are() -> None:
    assert [MAPPING.newsletters["daily"].attributes(alive=alive) for alive in (True, False)] == [
        {"DAILY_OFF": False},
        {"DAILY_OFF": True},
    ]
    assert MAPPING.newsletters["monthly"].attributes(alive=True) == {}


def test_whatever_the_pipeline_may_write_is_known() -> None:
    links = UnsubscribeLinks("news", {"LINK": ""})
    assert replace(MAPPING, attributes={"city": "CITY"}, links=links).written == {"CITY", "LINK", "DAILY_OFF"}
