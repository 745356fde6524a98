"""What a comparison makes of one contact, by what the state knows of it."""

from dataclasses import replace
from typing import Any

import pytest

from sync_tasks.domain.contact import RemoteContact, RemoteState
from sync_tasks.link_tokens import RENEWAL_NIGHTS, LinkToken, UnsubscribeLinks, write_token
from sync_tasks.reconcile.comparison import Comparison, ignore
from sync_tasks.reconcile.drift import Drift
from sync_tasks.reconcile.fast_path import FastComparison
from tests.support.pipeline import Pipeline
from tests.support.saying import ADA, BEA, anonymize, contact_of, stamp, subscribe

NOW = stamp(60)
SEEN = RemoteState(7, ADA, frozenset({3}), read_at=stamp(6))
REMOTE = RemoteContact(7, ADA, "u1", frozenset({3}), {"DAILY_UNSUBSCRIBED": False}, None)


@pytest.fixture
def comparison(pipeline: Pipeline) -> Comparison:
    return Comparison("default", pipeline.resources)


def known(*events: Any, seen: RemoteState | None = SEEN) -> Any:  # noqa: ANN401 - a contact
    return contact_of(*(events or (subscribe(1),)), pending={}, seen={"default": seen} if seen else {})


def test_a_second_contact_of_a_user_is_a_stray(comparison: Comparison) -> None:
    assert comparison.look_at(replace(REMOTE, id=8), known(), NOW) is None
    assert comparison._strays == {"u1": 8}
    comparison._note_strays()
    assert [(drift.kinds, drift.user_id, drift.contact_id) for drift in comparison.drifts] == [
        (("duplicate contact",), "u1", 8)
    ]


@pytest.mark.parametrize(("seen", "news"), [(None, True), (replace(SEEN, id=None), True), (SEEN, False)])
def test_a_contact_that_agrees_is_news_if_the_state_knew_no_number(
    comparison: Comparison, seen: RemoteState | None, *, news: bool
) -> None:
    found = comparison.look_at(REMOTE, known(seen=seen), NOW)
    assert isinstance(found, RemoteState) if news else found is None
    assert comparison._strays == {}


def test_a_second_contact_that_is_unlike_the_first_is_a_stray_too(comparison: Comparison) -> None:
    assert comparison.look_at(replace(REMOTE, id=8, address=BEA, ext_id="u2", attributes={}), known(), NOW) is None
    assert comparison._strays == {"u1": 8}


def test_an_erased_user_who_is_still_there_is_an_unfinished_erasure(comparison: Comparison) -> None:
    found = comparison.look_at(REMOTE, known(subscribe(1), anonymize(2)), NOW)
    assert isinstance(found, Drift)
    assert (found.kinds, found.contact_id) == (("unfinished erasure",), 7)


def test_what_differs_is_a_drift(comparison: Comparison) -> None:
    found = comparison.look_at(replace(REMOTE, lists=frozenset()), known(), NOW)
    assert isinstance(found, Drift)
    assert found.kinds == ("missing on list",)


def test_nobody_need_hear_how_far_it_is(comparison: Comparison) -> None:
    ignore("default", 3)
    assert (comparison.report, comparison.kinds, comparison.compared) == (ignore, {}, 0)
    assert comparison.night == int(comparison.memory.began) // 86_400_000_000
    assert (comparison.anew, comparison.dry, comparison.counting) == (False, False, False)


def test_a_stranger_under_the_number_of_a_living_user_is_called_so(comparison: Comparison) -> None:
    stranger = replace(REMOTE, address=BEA, ext_id="u2", attributes={})
    found = comparison.look_at(stranger, known(), NOW)
    assert isinstance(found, Drift)
    assert found.kinds == ("stranger",)
    erased = comparison.look_at(stranger, known(subscribe(1), anonymize(2)), NOW)
    assert isinstance(erased, Drift)
    assert erased.kinds == ("unfinished erasure",)


@pytest.mark.parametrize("dry", [True, False])
def test_what_was_seen_of_who_agrees_is_written_down_but_by_a_mere_look(pipeline: Pipeline, *, dry: bool) -> None:
    pipeline.subscribe("anna")
    pipeline.work()
    pipeline.store.redis.hdel(pipeline.store.key("contacts:anna"), "s:default:id")
    comparison = Comparison("default", pipeline.resources, dry=dry)
    before = pipeline.store.redis.hgetall(pipeline.store.key("contacts:anna"))
    comparison.run()
    after = pipeline.store.redis.hgetall(pipeline.store.key("contacts:anna"))
    assert (before == after) is dry
    assert comparison.compared == 1


def test_each_page_is_remembered_until_the_comparison_is_done(pipeline: Pipeline) -> None:
    pipeline.subscribe("anna")
    pipeline.work()
    comparison = Comparison("default", pipeline.resources)
    comparison.run()
    (page,) = comparison.memory.recall()
    assert page.ids == [pipeline.held("anna")["id"]]
    again = Comparison("default", pipeline.resources)
    again.run()
    assert (again.resumed, again.compared) == (1, 1)
    assert Comparison("default", pipeline.resources, anew=True).memory.began > comparison.memory.began


def test_a_token_that_an_older_secret_signed_is_a_drift_in_the_users_night_alone(pipeline: Pipeline) -> None:
    new, old = ("n" * 32,), ("o" * 32,)
    resources = pipeline.resources
    mapping = replace(resources.mappings["default"], links=UnsubscribeLinks("default", {"LINK": ""}, (*new, *old)))
    comparison = Comparison("default", replace(resources, mappings={"default": mapping}))
    token = write_token(LinkToken("u1", "default"), old)
    remote = replace(REMOTE, attributes={**REMOTE.attributes, "LINK": token})
    drifts, agreed = list[Drift](), list[bool]()
    for night in range(RENEWAL_NIGHTS):
        comparison.memory.began = str(night * 86_400_000_000)
        found = comparison.look_at(remote, known(), NOW)
        drifts += [found] if isinstance(found, Drift) else []
        agreed.append(FastComparison(mapping, 0, night)._has_links(remote, "u1"))
    assert [drift.kinds for drift in drifts] == [("attribute",)]
    # A look at each contact after a change of the secret would be slow.
    assert agreed.count(False) == 1
