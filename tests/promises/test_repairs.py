"""Every repair has a line in the person's history: what was found, and what was put right, in names and numbers."""

import pytest

from sync_tasks.reconcile.run import reconcile
from sync_tasks.sandbox import Sandbox
from sync_tasks.state.store import Sighting
from tests.support.batching import SHORT, BatchingLimiter
from tests.support.comparing import compare, found
from tests.support.desk import Desk
from tests.support.pipeline import MakePipeline, Pipeline

ANNA = "anna@portal.org"


@pytest.fixture
def anna(pipeline: Pipeline) -> Pipeline:
    """Anna reads the daily newsletter and has left the weekly one."""
    pipeline.subscribe("anna", "daily", first_name="Anna", attributes={"city": "Ulm"})
    pipeline.subscribe("anna", "weekly")
    pipeline.work()
    pipeline.unsubscribe("anna", "weekly")
    pipeline.work()
    return pipeline


def reported(pipeline: Pipeline, user: str = "anna") -> list[str]:
    """Return what the history reports comparisons and repairs, the oldest first, without moments."""
    lines = [line.split(" ", 2)[2] for line in reversed(pipeline.store.history(user))]
    return [what for what in lines if what.startswith(("compared: ", "put right: "))]


def test_ordinary_events_leave_no_line_of_a_repair(anna: Pipeline) -> None:
    anna.update("anna", email="anna.tal@portal.org", last_name="Tal")
    anna.work()
    assert reported(anna) == []


def test_what_a_comparison_finds_and_puts_right_is_reported(anna: Pipeline, brevo: Sandbox) -> None:
    edit = {"listIds": [5], "unlinkListIds": [3], "attributes": {"CITY": "Bonn", "FIRSTNAME": "Eve"}}
    brevo.edit(ANNA, edit)
    compare(anna)
    assert anna.lists("anna") == {3}
    assert reported(anna) == [
        "compared: not on list 3, on list 5, CITY, FIRSTNAME",
        "put right: joined list 3, left list 5, attributes",
    ]
    assert "Bonn" not in repr(anna.store.history("anna"))


def test_what_a_look_after_a_webhook_puts_right_is_reported(anna: Pipeline, brevo: Sandbox) -> None:
    brevo.edit(ANNA, {"unlinkListIds": [3], "attributes": {"CITY": "Bonn"}})
    anna.store.mark_changed("default", [Sighting(user_id="anna")])
    anna.work()
    assert reported(anna) == ["put right: joined list 3, CITY"]


def test_a_contact_created_again_is_reported(anna: Pipeline, brevo: Sandbox) -> None:
    brevo.act("delete", ANNA)
    compare(anna)
    assert reported(anna)[-1] == f"put right: created as contact {anna.held('anna')['id']}"


def test_a_move_to_another_list_is_reported(anna: Pipeline, make_pipeline: MakePipeline) -> None:
    after = make_pipeline(newsletters={"daily": {"list_id": 8, "former_list_ids": [3]}, "weekly": {"list_id": 5}})
    found(after)
    assert reported(anna)[-1] == "put right: joined list 8, left list 3"


def test_repairs_in_a_batch_are_reported_too(make_pipeline: MakePipeline, brevo: Sandbox) -> None:
    brevo.settings.import_seconds = SHORT / 3
    batched, users = make_pipeline(BatchingLimiter), [f"user{number}" for number in range(24)]
    for user in users:
        batched.subscribe(user, "weekly")
    batched.work()
    for user in users:
        brevo.edit(f"{user}@portal.org", {"unlinkListIds": [5]})
    reconcile(batched.resources)
    with batched.requests() as requests:
        batched.work()
    assert requests == ["POST /v3/contacts/lists/5/contacts/add"]
    assert {reported(batched, user)[-1] for user in users} == {"put right: joined list 5"}
    for user in users:
        brevo.act("delete", f"{user}@portal.org")
    reconcile(batched.resources)
    with batched.requests() as requests:
        batched.work()
    assert "POST /v3/contacts" not in requests
    assert all(reported(batched, user)[-1].startswith("put right: created as contact") for user in users)


def test_a_reader_may_be_managed_by_hand_and_stays_where_an_editor_put_them_until_they_opt_out(
    desk: Desk, brevo: Sandbox
) -> None:
    pipeline = desk.pipeline
    pipeline.subscribe("anna", "daily")
    pipeline.work()
    desk.run("contact", "anna", "--offline", "--manual", "--by", "Eve")
    brevo.edit(ANNA, {"listIds": [5, 7]})
    assert found(pipeline) == {}
    pipeline.update("anna", first_name="Anna")
    pipeline.work()
    assert pipeline.lists("anna") == {3, 5, 7}
    pipeline.unsubscribe("anna", "weekly")
    pipeline.work()
    assert pipeline.lists("anna") == {3, 7}
    assert any("managed by hand, by Eve" in line for line in pipeline.store.history("anna"))
    desk.run("contact", "anna", "--offline", "--automatic", "--by", "Eve")
    brevo.edit(ANNA, {"listIds": [5]})
    assert found(pipeline) == {"extra on list": 1}
    assert pipeline.lists("anna") == {3, 7}
    desk.run("contact", "nobody", "--manual", exits=1)
    assert pipeline.store.peek("nobody") is None
