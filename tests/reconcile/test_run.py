"""What changed at Brevo behind our back is found by a full comparison and made right by the ordinary path."""

from dataclasses import replace

import pytest

from sync_tasks.reconcile.history import Run, find_alarms, read_runs
from sync_tasks.reconcile.run import Scope, reconcile
from sync_tasks.sandbox import Sandbox
from sync_tasks.state.records import RemoteRecord
from sync_tasks.state.store import Sighting
from tests.support.pipeline import MakePipeline, Pipeline

ANNA = "anna@portal.org"


@pytest.fixture
def anna(pipeline: Pipeline) -> Pipeline:
    """A pipeline that knows Anna, who reads the daily newsletter and has left the weekly one."""
    pipeline.subscribe("anna", "daily", first_name="Anna")
    pipeline.subscribe("anna", "weekly")
    pipeline.unsubscribe("anna", "weekly")
    pipeline.work()
    return pipeline


def compare(pipeline: Pipeline, scope: Scope = Scope()) -> Run:  # noqa: B008 - frozen
    (run,) = reconcile(pipeline.resources, scope)
    return run


def test_where_both_sides_agree_only_pages_are_read(anna: Pipeline) -> None:
    with anna.requests() as requests:
        run = compare(anna)
        anna.work()
    assert (run.compared, run.found, run.repaired) == (1, {}, 0)
    assert set(requests) == {"GET /v3/contacts"}


@pytest.mark.parametrize(
    ("edit", "kind"),
    [
        ({"unlinkListIds": [3]}, "missing on list"),
        ({"listIds": [5]}, "extra on list"),
        ({"attributes": {"FIRSTNAME": "Eve"}}, "attribute"),
        ({"ext_id": "eve"}, "attribute"),
        ({"attributes": {"EMAIL": "eve@portal.org"}}, "address"),
    ],
)
def test_what_was_changed_at_brevo_becomes_as_the_portal_wants_it(
    anna: Pipeline, brevo: Sandbox, edit: dict[str, object], kind: str
) -> None:
    before = anna.held("anna")
    # An attribute that is absent is as good as false.
    before["attributes"].setdefault("DAILY_UNSUBSCRIBED", False)
    brevo.edit(ANNA, edit)
    run = compare(anna)
    assert (run.found, run.repaired) == ({kind: 1}, 1)
    anna.work()
    after = anna.held("anna")
    after["attributes"].setdefault("DAILY_UNSUBSCRIBED", False)
    names = ("id", "email", "listIds", "attributes", "ext_id")
    assert [after[name] for name in names] == [before[name] for name in names]
    assert compare(anna).found == {}


def test_a_repair_of_a_list_takes_one_request(anna: Pipeline, brevo: Sandbox) -> None:
    brevo.edit(ANNA, {"unlinkListIds": [3]})
    compare(anna)
    with anna.requests() as requests:
        anna.work()
    assert requests == ["PUT /v3/contacts/{id}"]


def test_a_contact_deleted_at_brevo_is_created_again_and_the_history_shows_it(anna: Pipeline, brevo: Sandbox) -> None:
    brevo.act("delete", ANNA)
    run = compare(anna)
    anna.work()
    assert run.found == {"missing contact": 1}
    assert anna.lists("anna") == {3}
    assert any("is gone" in line for line in anna.store.history("anna"))


def test_a_deleted_contact_that_had_opted_out_stays_away(anna: Pipeline, brevo: Sandbox) -> None:
    brevo.act("unsubscribe", ANNA)
    compare(anna)
    anna.work()
    brevo.act("delete", ANNA)
    compare(anna)
    anna.work()
    assert brevo.contacts() == []


@pytest.mark.parametrize("act", ["unsubscribe", "bounce", "complain"])
def test_an_opt_out_nobody_reported_is_kept_with_its_kind(anna: Pipeline, brevo: Sandbox, act: str) -> None:
    brevo.act(act, ANNA)
    run = compare(anna)
    anna.work()
    kinds = {"unsubscribe": "unsubscribed", "bounce": "hard_bounce", "complain": "complaint"}
    block = anna.state("anna").seen["default"].block
    assert run.found == {"blocklisted": 1}
    assert block
    assert block.kind == kinds[act]
    assert anna.held("anna")["emailBlacklisted"]
    assert compare(anna).found == {}


def test_a_dry_run_changes_nothing(anna: Pipeline, brevo: Sandbox) -> None:
    brevo.edit(ANNA, {"unlinkListIds": [3]})
    run = compare(anna, Scope(dry_run=True))
    anna.work()
    assert (run.found, run.repaired, run.left) == ({"missing on list": 1}, 0, 1)
    assert anna.lists("anna") == set()


def test_a_contact_that_is_dirty_already_is_left_to_its_push(anna: Pipeline, brevo: Sandbox) -> None:
    brevo.edit(ANNA, {"unlinkListIds": [3]})
    anna.update("anna", first_name="Anne")
    run = compare(anna)
    assert (run.found, run.alone) == ({}, 1)


def test_a_stranger_on_a_managed_list_is_reported_and_removed_only_on_demand(anna: Pipeline, brevo: Sandbox) -> None:
    brevo.add_contacts([{"email": "eve@portal.org", "listIds": [3, 9]}])
    assert (compare(anna).found, brevo.contact("eve@portal.org")["listIds"]) == ({"unknown contact": 1}, [3, 9])
    assert compare(anna, Scope(remove_unknown=True)).repaired == 1
    assert brevo.contact("eve@portal.org")["listIds"] == [9]


def test_an_erased_person_who_is_back_is_erased_again(anna: Pipeline, brevo: Sandbox) -> None:
    anna.anonymize("anna")
    anna.work()
    brevo.add_contacts([{"email": ANNA, "ext_id": "anna", "listIds": [3], "attributes": {"FIRSTNAME": "Anna"}}])
    assert compare(anna).found == {"erased person": 1}
    assert all(str(held["email"]).startswith("deleted-") and not held["listIds"] for held in brevo.contacts())
    assert compare(anna).found == {}


def test_an_erasure_by_a_comparison_is_a_loss_that_may_have_to_be_allowed(anna: Pipeline, brevo: Sandbox) -> None:
    anna.anonymize("anna")
    anna.work()
    brevo.add_contacts([{"email": ANNA, "ext_id": "anna", "attributes": {"FIRSTNAME": "Anna"}}])
    run = compare(anna, Scope(max_changes=0))
    assert (run.found, run.repaired, bool(run.refused)) == ({"erased person": 1}, 0, True)
    assert compare(anna, Scope(max_changes=1)).repaired == 1


def test_too_many_losses_wait_for_somebody_to_allow_them(anna: Pipeline, brevo: Sandbox) -> None:
    brevo.edit(ANNA, {"listIds": [3, 5], "attributes": {"FIRSTNAME": "Eve"}})
    refused = compare(anna, Scope(max_changes=0))
    anna.work()
    assert (refused.losing, refused.repaired, anna.lists("anna")) == (1, 0, {3, 5})
    assert "--max-changes 1" in refused.refused
    assert len(find_alarms(anna.store)) == 1
    compare(anna, Scope(max_changes=1))
    anna.work()
    assert (anna.lists("anna"), find_alarms(anna.store)) == ({3}, [])


def test_thirty_runs_are_remembered(anna: Pipeline) -> None:
    runs = [compare(anna) for _ in range(32)]
    assert read_runs(anna.store) == runs[:1:-1]


def test_a_second_contact_that_took_the_ext_id_of_the_first_is_for_a_person(anna: Pipeline, brevo: Sandbox) -> None:
    brevo.edit(ANNA, {"ext_id": "eve"})
    brevo.add_contacts([{"email": "x@portal.org", "ext_id": "anna"}])
    before = brevo.contacts()
    assert compare(anna).found["duplicate contact"] == 1
    anna.work()
    assert brevo.contacts() == before


def test_a_second_contact_that_took_the_address_of_the_first_gives_it_back(anna: Pipeline, brevo: Sandbox) -> None:
    first = anna.held("anna")["id"]
    brevo.edit(ANNA, {"attributes": {"EMAIL": "eve@portal.org"}})
    (second,) = brevo.add_contacts([{"email": ANNA, "listIds": [3]}])

    compare(anna)
    anna.work()

    held = {contact["id"]: contact for contact in brevo.contacts()}
    mine = [number for number, contact in held.items() if contact["email"] == ANNA]
    assert len(mine) == 1
    assert (held[mine[0]]["ext_id"], held[mine[0]]["listIds"]) == ("anna", [3])
    (other,) = {first, second} - set(mine)
    assert str(held[other]["email"]).endswith("@deleted.example.com")
    assert compare(anna).found == {}


def test_a_page_from_before_the_last_look_is_not_believed(anna: Pipeline, brevo: Sandbox) -> None:
    asked = anna.store.now()
    brevo.edit(ANNA, {"unlinkListIds": [3]})
    anna.store.mark_changed("default", [Sighting(address=ANNA)])
    anna.work()
    contact = anna.state("anna")
    shown = replace(contact.seen["default"], lists=frozenset(), read_at=asked)

    assert anna.store.record_remote([RemoteRecord("anna", contact.rev, "default", shown, "differs")]) == 0
    assert anna.state("anna").seen["default"].lists == {3}


def test_who_is_on_the_list_of_a_new_newsletter_stays_there(make_pipeline: MakePipeline, brevo: Sandbox) -> None:
    daily, weekly = {"list_id": 3}, {"list_id": 5}
    before = make_pipeline(newsletters={"daily": daily})
    before.subscribe("anna")
    before.work()
    brevo.edit(ANNA, {"listIds": [5]})
    after = make_pipeline(newsletters={"daily": daily, "weekly": weekly})

    assert compare(after).found == {}
    after.update("anna", first_name="Anna")
    after.work()
    assert after.lists("anna") == {3, 5}


def test_a_list_that_the_portal_never_spoke_of_is_left_again_unless_the_contact_brought_it_along(
    pipeline: Pipeline, brevo: Sandbox
) -> None:
    brevo.add_contacts([{"email": "ben@portal.org", "listIds": [7]}])
    for user_id in ("anna", "ben"):
        pipeline.subscribe(user_id)
    pipeline.work()
    brevo.edit(ANNA, {"listIds": [7]})
    brevo.edit("ben@portal.org", {"listIds": [5]})

    assert compare(pipeline).found == {"extra on list": 2}
    pipeline.work()

    assert (pipeline.lists("anna"), pipeline.lists("ben")) == ({3}, {3, 7})
    assert compare(pipeline).found == {}
    pipeline.subscribe("anna", "monthly")
    pipeline.work()
    assert pipeline.lists("anna") == {3, 7}


def test_a_run_of_a_newer_release_is_read_all_the_same(anna: Pipeline) -> None:
    run = compare(anna)
    name = anna.store.key("reconciles")
    (text,) = anna.store.redis.lrange(name, 0, -1)
    anna.store.redis.lset(name, 0, str(text).replace("{", '{"newer": 1, ', 1))
    assert read_runs(anna.store) == [run]
