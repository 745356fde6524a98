"""What a look at Brevo after a gap finds that the state cannot explain; and how many of those a person reads."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Literal, cast

import pytest

from sync_tasks.domain.contact import RemoteContact, UnreadContact
from sync_tasks.ext_ids import make_token
from sync_tasks.providers.brevo.operations import Operations
from sync_tasks.reconcile import evidence
from sync_tasks.reconcile.evidence import examine
from sync_tasks.sandbox import Sandbox
from sync_tasks.state.holds import Hold, parse_hold, read_hold
from sync_tasks.state.store import Store
from tests.support.pipeline import Pipeline, address_of
from tests.support.saying import ADA, MAPPING

DELETED = f"deleted-{make_token()}@deleted.example.com"
REMOTE = RemoteContact(7, ADA, "u1", frozenset({3}), {}, None)


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
