"""A glimpse at a user's fields says the same as the whole contact, and leaves alone what is not plain."""

import pytest

from sync_tasks.domain.registers import resolve
from sync_tasks.state.codec import Glimpse
from tests.support.saying import ADA, stamp

PLAIN = {"rev": "1", "address": stamp(1) + ADA, "n:daily": stamp(1) + "s", "s:default:id": "7"}


def glimpse(*had: str, tolerance: int = 0) -> Glimpse:
    return Glimpse("default", ["city"], {"daily": "daily", "former": "daily"}, had, tolerance=tolerance)


@pytest.mark.parametrize(
    "name",
    [
        "s:default:block",
        "s:default:more",
        "lease",
        "unsure",
        "manual",
        "erased",
        "s:before:block",
        "s:before:floor",
        "s:before:more",
        "b:before:complaint",
        "p:update_contact::1",
        "d:update_contact::1",
        "l:default",
    ],
)
def test_a_contact_about_which_anything_is_open_is_not_plain(name: str) -> None:
    assert glimpse("before").is_plain(PLAIN)
    assert not glimpse("before").is_plain(PLAIN | {name: "1"})


@pytest.mark.parametrize("name", ["s:default:floor", "b:default:complaint", "s:other:block", "b:other:complaint"])
def test_what_only_this_account_or_one_it_never_came_from_knows_leaves_a_contact_plain(name: str) -> None:
    for had in ((), ("before",), ("default",)):
        assert glimpse(*had).is_plain(PLAIN | {name: "1"})


def test_single_things_are_read() -> None:
    seen = glimpse()
    fields = PLAIN | {"a:city": stamp(2) + '"Ulm"', "a:age": stamp(2) + "7", "s:default:floor": stamp(3)}
    assert (seen.contact_id(fields), seen.address(fields), seen.ended_up_to(fields)) == ("7", ADA, stamp(3))
    assert list(seen.attributes(fields)) == [("city", '"Ulm"')]
    assert (seen.contact_id({}), seen.address({}), seen.ended_up_to({})) == (None, None, "")


@pytest.mark.parametrize(
    ("fields", "since", "subscribed"),
    [
        ({"n:daily": stamp(1) + "s"}, stamp(1), True),
        ({"t:daily": stamp(1) + "u"}, stamp(1), False),
        ({"n:daily": stamp(1) + "u", "t:daily": stamp(3) + "s"}, stamp(3), True),
        ({"n:daily": stamp(1) + "u", "t:daily": stamp(2) + "s"}, stamp(1), False),
        ({"n:daily": stamp(1) + "u", "n:former": stamp(2) + "s"}, stamp(2), True),
        ({"n:daily": stamp(2) + "s", "n:former": stamp(1) + "u"}, stamp(2), True),
    ],
    ids=["own clock", "reported", "newer", "too close", "newer by a former name", "older by a former name"],
)
def test_of_all_that_was_said_about_a_newsletter_the_newest_counts(
    fields: dict[str, str], since: str, *, subscribed: bool
) -> None:
    tolerance = 90_000_000
    assert list(glimpse(tolerance=tolerance).subscriptions(fields)) == [("daily", since, subscribed)]
    assert resolve(fields.get("n:daily", ""), fields.get("t:daily", ""), tolerance)[:16] in {since, stamp(1), ""}


@pytest.mark.parametrize(
    ("fields", "brought"),
    [
        ({}, True),
        ({"s:default:unlisted": "3-5"}, False),
        ({"s:default:unlisted": "6"}, True),
        ({"s:default:off": "4"}, False),
        ({"s:default:unlisted": "4", "s:default:lists": "4"}, True),
        ({"s:default:strange": "9"}, False),
    ],
)
def test_a_contact_may_have_brought_lists_unless_it_was_seen_off_them(fields: dict[str, str], *, brought: bool) -> None:
    assert glimpse().may_have_brought([4], fields) is brought
