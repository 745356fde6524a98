"""Which contacts at Brevo the state can explain, one rule at a time."""

from dataclasses import replace
from typing import Any

import pytest

from sync_tasks.domain.contact import Contact, RemoteContact, RemoteState
from sync_tasks.domain.mapping import AccountMapping, Subscribable
from sync_tasks.ext_ids import make_token
from sync_tasks.reconcile.evidence import explains
from tests.support.saying import ADA, BEA, MAPPING, anonymize, blocked, contact_of, stamp, subscribe, unsubscribe

DELETED = f"deleted-{make_token()}@deleted.example.com"
SEEN = RemoteState(7, ADA, frozenset({3}), read_at=stamp(6))
REMOTE = RemoteContact(7, ADA, "u1", frozenset({3}), {}, None)
NOW = 60
SETTLED = contact_of(subscribe(1), pending={}, seen={"default": SEEN})


def settled(*events: Any, seen: RemoteState = SEEN, **known: Any) -> Contact:
    return contact_of(*events, **{"pending": {}, "seen": {"default": seen}, **known})


CASES: dict[str, tuple[Contact, RemoteContact, bool]] = {
    "as it was seen": (SETTLED, REMOTE, True),
    "an erased user": (settled(subscribe(1), anonymize(2)), replace(REMOTE, id=9, address=BEA), True),
    "anonymized, and the state knows nothing of it": (SETTLED, replace(REMOTE, address=DELETED, ext_id=None), False),
    "anonymized as it was seen": (
        settled(subscribe(1), seen=replace(SEEN, address=DELETED)),
        replace(REMOTE, address=DELETED),
        True,
    ),
    "another contact": (SETTLED, replace(REMOTE, id=8), False),
    "another contact, after a request of unknown outcome": (
        settled(subscribe(1), unknown_since=stamp(2)),
        replace(REMOTE, id=8),
        True,
    ),
    "never seen": (contact_of(subscribe(1), pending={}), REMOTE, False),
    "another address": (SETTLED, replace(REMOTE, address=BEA), False),
    "no address": (SETTLED, replace(REMOTE, address=None), True),
    "the wanted address, not seen yet": (
        settled(subscribe(1), subscribe(2, email=BEA)),
        replace(REMOTE, address=BEA),
        True,
    ),
    "a list that it left": (SETTLED, replace(REMOTE, lists=frozenset()), False),
    "a list that it joined": (SETTLED, replace(REMOTE, lists=frozenset({3, 5})), False),
    "a list of somebody else": (SETTLED, replace(REMOTE, lists=frozenset({3, 9})), True),
    "a list that is under way": (
        contact_of(subscribe(1), subscribe(2, "weekly"), seen={"default": SEEN}),
        replace(REMOTE, lists=frozenset({3, 5})),
        True,
    ),
    "a list that is under way and not there yet": (
        contact_of(subscribe(1), subscribe(2, "weekly"), seen={"default": SEEN}),
        REMOTE,
        True,
    ),
    "a list that may have been joined by a request of unknown outcome": (
        settled(subscribe(1), subscribe(2, "weekly"), unknown_since=stamp(2)),
        replace(REMOTE, lists=frozenset({3, 5})),
        True,
    ),
    "a list of an older subscription whose outcome is unknown": (
        contact_of(
            subscribe(1),
            subscribe(2, "weekly"),
            unsubscribe(3, "weekly"),
            seen={"default": SEEN},
            unknown_since=stamp(2),
        ),
        replace(REMOTE, lists=frozenset({3, 5})),
        True,
    ),
    "the same list, and nothing is unknown": (
        contact_of(subscribe(1), subscribe(2, "weekly"), unsubscribe(3, "weekly"), seen={"default": SEEN}),
        replace(REMOTE, lists=frozenset({3, 5})),
        False,
    ),
    "a list left by an older opt-out whose outcome is unknown": (
        contact_of(unsubscribe(2), subscribe(3), seen={"default": SEEN}, unknown_since=stamp(2)),
        replace(REMOTE, lists=frozenset()),
        True,
    ),
    "a list left, while only the outcome of a subscription is unknown": (
        contact_of(subscribe(1), subscribe(2, "weekly"), seen={"default": SEEN}, unknown_since=stamp(2), pending={}),
        replace(REMOTE, lists=frozenset()),
        False,
    ),
    "a list of an opt-out that has its outcome, while another's is unknown": (
        settled(subscribe(1), unsubscribe(2, "weekly"), unknown_since=stamp(2)),
        replace(REMOTE, lists=frozenset({3, 5})),
        True,
    ),
    "a list that the portal never named, while an outcome is unknown": (
        settled(subscribe(1), unknown_since=stamp(2)),
        replace(REMOTE, lists=frozenset({3, 5})),
        False,
    ),
    "a placeholder that frees the address, whose outcome is unknown": (
        settled(subscribe(1), subscribe(2, email=BEA), unknown_since=stamp(3)),
        replace(REMOTE, address=DELETED),
        True,
    ),
    "the same placeholder, and nothing is unknown": (
        settled(subscribe(1), subscribe(2, email=BEA)),
        replace(REMOTE, address=DELETED),
        False,
    ),
    "anonymized, while an outcome is unknown": (
        settled(subscribe(1), unknown_since=stamp(3)),
        replace(REMOTE, address=DELETED, ext_id=None),
        False,
    ),
    "a contact that is to be anonymized because the user has another one": (
        settled(subscribe(1), seen=replace(SEEN, id=8, extra_contact_ids=frozenset({7}))),
        replace(REMOTE, lists=frozenset({3, 5})),
        True,
    ),
    "lists left before a block is lifted, whose outcome is unknown": (
        settled(subscribe(1), subscribe(5, "weekly"), seen=replace(SEEN, block=blocked(3)), unknown_since=stamp(6)),
        replace(REMOTE, lists=frozenset()),
        True,
    ),
    "a list left to join it again, whose outcome is unknown": (
        settled(subscribe(5), seen=replace(SEEN, skipped=frozenset({3})), unknown_since=stamp(6)),
        replace(REMOTE, lists=frozenset()),
        True,
    ),
    "created by a request of unknown outcome": (
        contact_of(subscribe(1), unknown_since=stamp(2)),
        REMOTE,
        True,
    ),
    "created by such a request, and blocked since": (
        contact_of(subscribe(1), unknown_since=stamp(2)),
        replace(REMOTE, lists=frozenset(), block=blocked(3)),
        True,
    ),
    "created by such a request, and it left the only list since": (
        contact_of(subscribe(1), unknown_since=stamp(2)),
        replace(REMOTE, lists=frozenset()),
        False,
    ),
    "found without lists, while a worker is about to put it on one": (
        contact_of(subscribe(1), unknown_since=stamp(NOW + 1)),
        replace(REMOTE, lists=frozenset()),
        True,
    ),
    "created by such a request, and an opt-out waits": (
        contact_of(subscribe(1), unsubscribe(2), unknown_since=stamp(2)),
        replace(REMOTE, lists=frozenset()),
        True,
    ),
    "a list on which an editor may put this user": (
        settled(subscribe(1), manual=True),
        replace(REMOTE, lists=frozenset({3, 5})),
        True,
    ),
    "a list that a user whom an editor may put on lists left": (
        settled(subscribe(1), manual=True),
        replace(REMOTE, lists=frozenset()),
        False,
    ),
    "a list that is to be left": (
        contact_of(subscribe(1), unsubscribe(2), seen={"default": SEEN}),
        replace(REMOTE, lists=frozenset()),
        True,
    ),
}


@pytest.mark.parametrize(("contact", "remote", "explained"), CASES.values(), ids=CASES)
def test_the_state_explains_what_it_did_or_is_about_to_do(
    contact: Contact, remote: RemoteContact, *, explained: bool
) -> None:
    assert explains(contact, remote, MAPPING, idle=False, now=stamp(NOW)) is explained


WAITING = contact_of(subscribe(1), subscribe(2, "weekly"), seen={"default": SEEN})


@pytest.mark.parametrize(
    ("contact", "remote", "idle", "explained"),
    [
        (WAITING, REMOTE, True, False),
        (WAITING, REMOTE, False, True),
        (WAITING, replace(REMOTE, block=blocked(3)), True, True),
        (WAITING, replace(REMOTE, lists=frozenset({3, 5})), True, True),
        (SETTLED, REMOTE, True, True),
    ],
)
def test_who_waits_to_be_subscribed_while_nobody_works_was_perhaps_ended_meanwhile(
    contact: Contact, remote: RemoteContact, *, idle: bool, explained: bool
) -> None:
    assert explains(contact, remote, MAPPING, idle=idle, now=stamp(NOW)) is explained


def test_a_list_of_before_shows_a_subscription_as_well() -> None:
    moved = AccountMapping(
        {"daily": Subscribable(4, had=(("default", 3),))}, {}, account="default", earlier={"daily": frozenset({3})}
    )
    contact = contact_of(subscribe(1), seen={"default": SEEN})
    assert explains(contact, REMOTE, moved, idle=True, now=stamp(NOW))


@pytest.mark.parametrize(
    ("newsletter", "lists"),
    [
        (Subscribable(5, manual=True), {3, 5}),
        (Subscribable(3, retired=True), set[int]()),
    ],
    ids=["an editor may put anybody on it", "it takes nobody any more"],
)
def test_a_list_that_the_state_neither_joins_nor_leaves_is_no_evidence(
    newsletter: Subscribable, lists: set[int]
) -> None:
    slug = "weekly" if newsletter.manual else "daily"
    mapping = replace(MAPPING, newsletters={**MAPPING.newsletters, slug: newsletter})
    assert explains(SETTLED, replace(REMOTE, lists=frozenset(lists)), mapping, idle=False, now=stamp(NOW))
