"""One walk through the state finds whose contacts an account holds, who lacks one, and how many there are of all."""

from collections.abc import Mapping

import pytest

from sync_tasks.state.records import StatePart
from sync_tasks.state.store import Store
from tests.support.saying import stamp


def put(store: Store, user_id: str, fields: Mapping[str, str]) -> None:
    for name, text in fields.items():
        store.redis.hset(store.key(f"contacts:{user_id}"), name, text)


def walk(store: Store, *newsletters: str, counting: bool = True) -> StatePart:
    part = store.walk("default", "0", 1000, newsletters, counting=counting)
    assert part.cursor == "0"
    return part


def test_contacts_of_the_account_are_paired_with_their_users(store: Store) -> None:
    put(store, "anna", {"s:default:id": "7", "s:other:id": "8"})
    put(store, "bert", {"s:other:id": "9"})
    put(store, "cara", {"s:default:id": "-"})
    part = walk(store)
    assert (part.ids, part.users, part.lacking) == ("7", "anna", "")
    assert part.counts == {"s:default": 1, "s:other": 2}


@pytest.mark.parametrize(
    ("fields", "lacks"),
    [
        ({"n:daily": f"{stamp(1)}s"}, True),
        ({"t:daily": f"{stamp(1)}s"}, True),
        ({"n:daily": f"{stamp(1)}u"}, False),
        ({"n:weekly": f"{stamp(1)}s"}, True),
        ({"n:monthly": f"{stamp(1)}s"}, False),
        ({"n:daily": f"{stamp(1)}s", "filling": "1"}, False),
        ({"n:daily": f"{stamp(1)}s", "s:default:id": "-"}, True),
        ({"n:daily": f"{stamp(1)}s", "s:default:id": "7"}, False),
        ({"n:daily": f"{stamp(1)}u", "n:weekly": f"{stamp(1)}s"}, True),
        ({}, False),
    ],
)
def test_who_reads_a_newsletter_and_has_no_contact_lacks_one(
    store: Store, fields: dict[str, str], *, lacks: bool
) -> None:
    put(store, "anna", {"rev": "1"} | fields)
    assert walk(store, "daily", "weekly", counting=False).lacking == ("anna" if lacks else "")
    assert walk(store, counting=False).lacking == ""


def test_wishes_are_counted_by_newsletter_and_of_two_clocks_the_later_wish_counts(store: Store) -> None:
    put(store, "anna", {"n:daily": f"{stamp(1)}s", "t:daily": f"{stamp(2)}u", "n:weekly": f"{stamp(1)}s"})
    put(store, "bert", {"n:daily": f"{stamp(2)}s", "t:daily": f"{stamp(1)}u"})
    put(store, "cara", {"t:daily": f"{stamp(1)}s", "g:n:daily": stamp(1), "address": f"{stamp(1)}c@example.com"})
    assert walk(store).counts == {"n:daily": 3, "a:daily": 2, "n:weekly": 1, "a:weekly": 1}


def test_users_are_counted_by_list_and_account(store: Store) -> None:
    put(store, "anna", {"s:default:id": "7", "s:default:lists": "3,5", "s:default:absent": "9"})
    put(store, "bert", {"s:default:id": "-", "s:default:lists": "3", "s:other:lists": "3"})
    assert walk(store).counts == {"s:default": 1, "l:default:3": 2, "l:default:5": 1, "l:other:3": 1}


def test_nothing_is_counted_that_nobody_asked_for(store: Store) -> None:
    put(store, "a" * 30, {"n:daily": f"{stamp(1)}s", "s:default:id": "7", "s:default:lists": "3"})
    assert walk(store, counting=False).counts == {}


# In base64 three characters become four, behind a mark.
@pytest.mark.parametrize(
    ("user_id", "counts"),
    [
        ("a" * 20, {}),
        ("a" * 21, {"i:21": 1}),
        ("a.b" * 4, {}),
        ("a.b" * 5, {"i:21": 1}),
        ("a.b" * 5 + "c", {"i:23": 1}),
    ],
)
def test_long_ids_are_counted_by_their_length_in_a_token(store: Store, user_id: str, counts: dict[str, int]) -> None:
    put(store, user_id, {"rev": "1"})
    assert walk(store).counts == counts
