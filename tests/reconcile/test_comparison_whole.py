"""What a comparison makes of users whom the state knows without a contact, of duplicates, and what it goes on with."""

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import pytest

from sync_tasks.domain.contact import RemoteState
from sync_tasks.domain.mapping import AccountMapping, Subscribable
from sync_tasks.reconcile import comparison as module
from sync_tasks.reconcile import ownership
from sync_tasks.reconcile.comparison import Comparison
from sync_tasks.reconcile.drift import Drift
from sync_tasks.sandbox import Sandbox
from tests.reconcile.test_checkpoint import STRANGERS, compare, strangers
from tests.support.pipeline import Pipeline, address_of
from tests.support.saying import contact_of, subscribe


@pytest.fixture
def anna(pipeline: Pipeline) -> Pipeline:
    """A pipeline that knows Anna, and Dora whom Brevo did not take."""
    pipeline.subscribe("anna")
    pipeline.work()
    pipeline.subscribe("dora")
    pipeline.brevo.add_fault("status", status=400, path="contacts")
    pipeline.work()
    pipeline.brevo.faults.clear()
    return pipeline


def found(comparison: Comparison) -> list[tuple[tuple[str, ...], str]]:
    return sorted((drift.kinds, drift.user_id) for drift in comparison.drifts)


def test_who_subscribed_and_is_on_no_page_lacks_a_contact(anna: Pipeline) -> None:
    comparison, _ = compare(anna)
    assert found(comparison) == [(("dead letter",), "dora")]
    anna.anonymize("dora")
    comparison, _ = compare(anna)
    assert found(comparison) == []


@pytest.mark.parametrize(("lists", "kinds"), [([3], []), ([], ["dead letter"])])
def test_who_has_a_contact_of_which_the_state_knew_nothing_lacks_none(
    anna: Pipeline, brevo: Sandbox, lists: list[int], kinds: list[str]
) -> None:
    brevo.add_contacts([{"email": address_of("dora"), "ext_id": "dora", "listIds": lists}])
    comparison, _ = compare(anna, dry=True)
    assert found(comparison) == [((kind,), "dora") for kind in kinds]


def test_whoever_was_met_before_a_comparison_broke_off_lacks_no_contact(anna: Pipeline, brevo: Sandbox) -> None:
    brevo.add_contacts([{"email": address_of("dora"), "ext_id": "dora"}])
    strangers(brevo, "many")
    compare(anna, pages=1)
    resumed, _ = compare(anna)
    assert (resumed.resumed, found(resumed)) == (STRANGERS, [(("dead letter",), "dora")])


@pytest.mark.parametrize("owned", [False, True])
def test_a_duplicate_found_before_a_comparison_broke_off_is_one_unless_it_has_a_user_by_now(
    anna: Pipeline, brevo: Sandbox, *, owned: bool
) -> None:
    brevo.edit(address_of("anna"), {"ext_id": "eve"})
    (number,) = brevo.add_contacts([{"email": "x@portal.org", "ext_id": "anna"}])
    strangers(brevo, "many")
    compare(anna, pages=1)
    if owned:
        anna.store.redis.hset(anna.store.key("contacts:dora"), "s:default:id", number)
    resumed, _ = compare(anna)
    assert ((("duplicate contact",), "anna") in found(resumed)) is not owned


def test_only_contacts_that_may_differ_are_looked_at_closer(
    anna: Pipeline, brevo: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked, find = list[int](), ownership.find_users

    def find_users(remotes: Iterable[Any], *rest: Any) -> Any:  # noqa: ANN401 - as the original
        looked.extend(remote.id for remote in remotes)
        return find(remotes, *rest)

    monkeypatch.setattr(module, "find_users", find_users)
    brevo.edit(address_of("anna"), {"attributes": {"DAILY_UNSUBSCRIBED": False}})
    compare(anna, dry=True)
    assert looked == []
    brevo.edit(address_of("anna"), {"unlinkListIds": [3]})
    compare(anna, dry=True, anew=True)
    assert looked == [anna.held("anna")["id"]]


def test_after_each_page_it_is_reported_how_many_were_compared(anna: Pipeline, brevo: Sandbox) -> None:
    strangers(brevo, "many")
    reported = list[tuple[str, int]]()
    Comparison("default", anna.resources, report=lambda *far: reported.append(far)).run()
    assert reported == [("default", STRANGERS), ("default", STRANGERS + 1)]


@pytest.mark.parametrize(("hours", "waits"), [(0.9, False), (1.1, True)])
def test_who_is_left_to_a_push_is_reported_if_that_takes_long(anna: Pipeline, hours: float, *, waits: bool) -> None:
    anna.update("anna", first_name="Anna")
    began = int(anna.store.now()) - int(hours * 3_600_000_000)
    anna.store.redis.zadd(anna.store.key("dirty"), {"anna": began})
    anna.store.redis.hset(anna.store.key("contacts:anna"), "since", began)
    comparison, _ = compare(anna, dry=True)
    assert comparison.alone == 1
    waiting = [drift for drift in comparison.drifts if drift.kinds == ("waiting",)]
    assert [(drift.user_id, drift.contact_id) for drift in waiting] == [("anna", anna.held("anna")["id"])] * waits


def test_an_erased_person_who_is_known_by_number_alone_is_one_unless_anonymized(anna: Pipeline, brevo: Sandbox) -> None:
    comparison = Comparison("default", anna.resources)
    (number,) = brevo.add_contacts([{"email": "x@portal.org", "listIds": [3]}])
    (remote,) = (one for one in anna.resources.gateways["default"].read_page(0).contacts if one.id == number)
    for tombs in (frozenset({number}), frozenset[int]()):
        comparison._note_unknown(remote, tombs)
    erased, unknown = comparison.drifts
    assert (erased.kinds, erased.contact_id, erased.loses) == (("erased person",), number, True)
    assert (unknown.kinds, unknown.contact_id, unknown.lists) == (("unknown contact",), number, frozenset({3}))


@pytest.mark.parametrize(
    ("drift", "still"),
    [
        (Drift(("unknown contact",), contact_id=7), False),
        (Drift(("unknown contact",), contact_id=8), True),
        (Drift(("unreadable",), contact_id=7), True),
        (Drift(("attribute",), "anna", 7), True),
    ],
)
def test_what_had_no_user_is_no_longer_so_if_it_has_one(drift: Drift, *, still: bool) -> None:
    assert module._still_is(drift, {7}) is still  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("seen", "agrees"),
    [({"one"}, ""), ({"one", "two"}, ""), ({"one", "two", "three"}, "clean"), ({"one", "two", "four"}, "")],
    ids=["none of the others", "one of the others", "all that are concerned", "one that is not concerned"],
)
def test_a_contact_agrees_only_if_it_was_seen_on_each_account_that_it_concerns(seen: set[str], agrees: str) -> None:
    newsletters = {"one": "daily", "two": "weekly", "three": "sports", "four": "politics"}
    mappings = {name: AccountMapping({slug: Subscribable(3)}, {}, account=name) for name, slug in newsletters.items()}
    comparison = object.__new__(Comparison)
    comparison.account, comparison.context = "one", SimpleNamespace(mappings=mappings)  # type: ignore[assignment]
    events = (subscribe(1, "daily"), subscribe(2, "weekly"), subscribe(3, "sports"))
    assert comparison._agrees(contact_of(*events, seen=dict.fromkeys(seen, RemoteState()))) == agrees


@pytest.mark.parametrize("made", [True, False])
def test_whoever_got_a_contact_while_the_pages_were_read_lacks_none(anna: Pipeline, *, made: bool) -> None:
    comparison = Comparison("default", anna.resources, dry=True)
    if not made:
        anna.store.redis.hdel(anna.store.key("contacts:anna"), "s:default:id")
    comparison._find_lacking(iter(["anna"]), str(int(anna.store.now())))
    assert found(comparison) == ([] if made else [(("missing contact",), "anna")])
