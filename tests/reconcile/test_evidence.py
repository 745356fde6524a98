"""Which contacts at Brevo the state can explain, one rule at a time; and how many unexplained ones a person reads."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Literal, cast

import pytest

from sync_tasks.domain.contact import Contact, RemoteContact, RemoteState, UnreadContact
from sync_tasks.domain.mapping import AccountMapping, Subscribable
from sync_tasks.ext_ids import make_token
from sync_tasks.providers.brevo.operations import Operations
from sync_tasks.reconcile import evidence
from sync_tasks.reconcile.evidence import examine, explains
from sync_tasks.sandbox import Sandbox
from sync_tasks.state.holds import Hold, parse_hold, read_hold
from sync_tasks.state.store import Store
from tests.support.pipeline import Pipeline, address_of
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


@pytest.fixture
def hold(pipeline: Pipeline) -> Hold:
    """A hold after an hour without a sweep."""
    store = pipeline.store
    store.note_sweep()
    store.redis.set(store.key("swept"), int(store.now()) - 3600 * 1_000_000)
    found = parse_hold(store.note_sweep())
    assert found is not None
    return found


def lose(pipeline: Pipeline, number: int) -> list[int]:
    """Let the state forget so many contacts that are at Brevo, and return their numbers there."""
    users = [f"user-{one}" for one in range(number)]
    for user in users:
        pipeline.subscribe(user)
    pipeline.work()
    numbers = [pipeline.held(user)["id"] for user in users]
    for user in users:
        pipeline.store.redis.delete(pipeline.store.key(f"contacts:{user}"))
    return numbers


def reason_of(store: Store) -> str:
    hold = read_hold(store)
    assert hold is not None
    return hold.reason


def test_five_of_those_that_nobody_can_explain_are_named(pipeline: Pipeline, hold: Hold) -> None:
    numbers = sorted(lose(pipeline, 7))
    examine(pipeline.resources, hold)
    reason = reason_of(pipeline.store)
    named = [int(one) for one in reason.partition("contacts ")[2].split(", ")]
    assert len(named) == 5
    assert set(named) <= set(numbers)
    assert reason.startswith(f"account default: changed at Brevo after {hold.since:%Y-%m-%d %H:%M:%S} UTC, and")


def test_what_a_second_look_explains_holds_nothing(
    pipeline: Pipeline, hold: Hold, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose(pipeline, 1)
    looks = list[int]()
    gateway = pipeline.resources.gateways["default"]
    really_read = cast("Callable[[int], RemoteContact | None]", gateway.read)

    def read(contact_id: int) -> RemoteContact | None:
        looks.append(contact_id)
        pipeline.subscribe("user-0")
        pipeline.work()
        return really_read(contact_id)

    monkeypatch.setattr(gateway, "read", read)
    examine(pipeline.resources, hold)
    assert len(looks) == 1
    assert read_hold(pipeline.store) is None


def test_what_a_push_changed_while_an_answer_was_on_its_way_holds_nothing(
    pipeline: Pipeline, hold: Hold, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page shows it before it joined, and the look before an opt-out that was pushed meanwhile."""
    pipeline.subscribe("anna")
    pipeline.work()
    gateway = pipeline.resources.gateways["default"]
    really_read = cast("Callable[[int], RemoteContact | None]", gateway.read)
    really_shown = cast("Callable[..., Iterator[RemoteContact]]", gateway.modified_since)

    def show_late(*args: Any) -> Iterator[RemoteContact]:
        return (replace(one, lists=frozenset()) for one in really_shown(*args))

    def read_late(contact_id: int) -> RemoteContact | None:
        remote = really_read(contact_id)
        pipeline.unsubscribe("anna")
        pipeline.work()
        return remote

    monkeypatch.setattr(gateway, "modified_since", show_late)
    monkeypatch.setattr(gateway, "read", read_late)
    examine(pipeline.resources, hold)
    assert read_hold(pipeline.store) is None


def test_whoever_was_deleted_between_two_looks_holds_nothing(
    pipeline: Pipeline, brevo: Sandbox, hold: Hold, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose(pipeline, 1)
    gateway = pipeline.resources.gateways["default"]
    monkeypatch.setattr(gateway, "read", lambda _id: None)
    examine(pipeline.resources, hold)
    assert read_hold(pipeline.store) is None
    assert len(brevo.contacts()) == 1


def test_a_contact_without_our_mark_is_not_of_a_push_that_the_state_lost(
    pipeline: Pipeline, brevo: Sandbox, hold: Hold
) -> None:
    """While the account is paused, a sign-up waits, and somebody edits the contact that had the address before."""
    brevo.add_contacts([{"email": address_of("anna"), "listIds": [5]}])
    pipeline.subscribe("anna")
    examine(pipeline.resources, hold)
    assert read_hold(pipeline.store) is None


@pytest.mark.parametrize("shown", ["field", "nowhere"])
def test_a_contact_that_a_lost_push_took_over_is_noticed(
    pipeline: Pipeline, brevo: Sandbox, hold: Hold, shown: Literal["field", "nowhere"]
) -> None:
    brevo.add_contacts([{"email": address_of("anna"), "ext_id": "anna", "listIds": [5]}])
    brevo.quirks = replace(brevo.quirks, ext_id_shown=shown)
    pipeline.subscribe("anna")
    examine(pipeline.resources, hold)
    assert "the state knows nothing of it" in reason_of(pipeline.store)


def test_a_list_that_somebody_deleted_at_brevo_is_no_evidence(pipeline: Pipeline, brevo: Sandbox, hold: Hold) -> None:
    for newsletter in ("daily", "weekly"):
        pipeline.subscribe("anna", newsletter)
    pipeline.work()
    brevo.request("DELETE", "/contacts/lists/3")
    pipeline.subscribe("ben")
    pipeline.work_once()
    brevo.edit(pipeline.held("anna")["id"], {"attributes": {"CITY": "Rome"}})
    examine(pipeline.resources, hold)
    assert read_hold(pipeline.store) is None


@pytest.mark.parametrize(("most", "asked"), [(2, False), (1, True)])
def test_more_changes_than_are_looked_through_are_for_a_person(
    pipeline: Pipeline, hold: Hold, monkeypatch: pytest.MonkeyPatch, most: int, *, asked: bool
) -> None:
    for user in ("anna", "ben"):
        pipeline.subscribe(user)
    pipeline.work()
    monkeypatch.setattr(evidence, "MOST", most)
    examine(pipeline.resources, hold)
    if asked:
        assert reason_of(pipeline.store).startswith("account default: more than 1 contacts changed at Brevo after ")
    else:
        assert read_hold(pipeline.store) is None


def test_a_row_that_cannot_be_read_and_is_gone_counts_among_the_changes(
    pipeline: Pipeline, hold: Hold, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence, "MOST", 1)
    rows = [UnreadContact(98, None, None), UnreadContact(99, None, None)]
    monkeypatch.setattr(Operations, "modified_since", lambda *_: iter(rows))

    with pipeline.requests() as requests:
        examine(pipeline.resources, hold)

    assert requests == []
    assert "more than 1 contacts changed at Brevo" in reason_of(pipeline.store)


@pytest.mark.parametrize(
    ("remote", "erased", "of_nobody"),
    [
        (REMOTE, False, False),
        (REMOTE, True, True),
        (replace(REMOTE, ext_id=None), False, True),
        (replace(REMOTE, lists=frozenset({9})), False, True),
        (replace(REMOTE, address=DELETED), False, True),
    ],
)
def test_only_a_living_users_contact_on_a_list_of_ours_needs_explaining(
    pipeline: Pipeline, remote: RemoteContact, *, erased: bool, of_nobody: bool
) -> None:
    if erased:
        pipeline.subscribe("u1")
        pipeline.work()
        pipeline.anonymize("u1")
        pipeline.work()
    assert bool(evidence._is_of_nobody(remote, MAPPING, pipeline.store)) is of_nobody
