"""People who opted out, bounced or complained at Brevo, or were deleted there: what we may do and what we never do."""

from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest

from sync_tasks.sandbox import Sandbox
from tests.support.pipeline import Pipeline

ANNA = "anna@portal.org"


@pytest.fixture
def anna(pipeline: Pipeline) -> Pipeline:
    """A pipeline that knows Anna, who reads the daily and the weekly newsletter."""
    pipeline.subscribe("anna", "daily", first_name="Anna")
    pipeline.subscribe("anna", "weekly")
    pipeline.work()
    return pipeline


def is_blocked(pipeline: Pipeline) -> bool:
    return bool(pipeline.held("anna")["emailBlacklisted"])


@pytest.mark.parametrize("act", ["unsubscribe", "bounce", "complain"])
def test_no_update_lifts_a_block(anna: Pipeline, brevo: Sandbox, act: str) -> None:
    brevo.act(act, ANNA)
    anna.update("anna", first_name="Anne")
    anna.unsubscribe("anna", "weekly")
    anna.work()
    held = anna.held("anna")
    assert (held["attributes"]["FIRSTNAME"], held["listIds"], held["emailBlacklisted"]) == ("Anne", [3], True)


@pytest.mark.parametrize("act", ["unsubscribe", "complain"])
def test_an_address_change_leaves_a_block_in_place(anna: Pipeline, either_brevo: Sandbox, act: str) -> None:
    either_brevo.act(act, ANNA)
    anna.update("anna", email="anna.tal@portal.org")
    anna.work()
    assert anna.held("anna")["email"] == "anna.tal@portal.org"
    assert is_blocked(anna)


def test_a_newer_subscription_lifts_an_unsubscription_and_brings_back_that_newsletter_alone(
    anna: Pipeline, brevo: Sandbox
) -> None:
    brevo.act("unsubscribe", ANNA)
    anna.subscribe("anna", "monthly")
    anna.work()
    held = anna.held("anna")
    assert (held["emailBlacklisted"], held["listIds"]) == (False, [7])
    assert held["attributes"]["DAILY_UNSUBSCRIBED"] is True


def test_subscriptions_that_an_opt_out_ended_stay_ended(anna: Pipeline, brevo: Sandbox) -> None:
    brevo.act("unsubscribe", ANNA)
    anna.subscribe("anna", "monthly")
    anna.work()
    anna.update("anna", first_name="Anne", email="anna.tal@portal.org")
    anna.work()
    assert anna.lists("anna") == {7}
    anna.subscribe("anna", "daily", email="anna.tal@portal.org")
    anna.work()
    held = anna.held("anna")
    assert (set(held["listIds"]), held["attributes"]["DAILY_UNSUBSCRIBED"]) == ({3, 7}, False)


@pytest.mark.parametrize("act", ["bounce", "complain"])
def test_a_newer_subscription_never_lifts_a_bounce_or_a_complaint(anna: Pipeline, brevo: Sandbox, act: str) -> None:
    brevo.act(act, ANNA)
    anna.subscribe("anna", "monthly")
    anna.work()
    assert is_blocked(anna)
    assert "unblocklisted" not in {entry.what for entry in brevo.history.entries()}


def test_an_older_subscription_that_arrives_late_lifts_nothing(anna: Pipeline, brevo: Sandbox) -> None:
    brevo.act("unsubscribe", ANNA)
    anna.subscribe("anna", "monthly", occurred_at=datetime.now(UTC) - timedelta(hours=1))
    anna.work()
    assert is_blocked(anna)
    assert "unblocklisted" not in {entry.what for entry in brevo.history.entries()}


def test_a_second_opt_out_is_not_lifted_by_the_subscription_before_it(anna: Pipeline, brevo: Sandbox) -> None:
    brevo.act("unsubscribe", ANNA)
    anna.subscribe("anna", "monthly")
    anna.work()
    brevo.act("unsubscribe", ANNA)
    anna.update("anna", first_name="Anne", email="anna.tal@portal.org")
    anna.work()
    assert is_blocked(anna)


def test_a_contact_deleted_at_brevo_is_created_again_while_a_subscription_is_alive(
    anna: Pipeline, brevo: Sandbox
) -> None:
    brevo.act("delete", ANNA)
    anna.update("anna", last_name="Tal")
    anna.work()
    held = anna.held("anna")
    assert set(held["listIds"]) == {3, 5}
    assert held["attributes"] == {"FIRSTNAME": "Anna", "LASTNAME": "Tal"}


def test_a_contact_deleted_at_brevo_stays_deleted_when_nothing_is_subscribed(anna: Pipeline, brevo: Sandbox) -> None:
    anna.unsubscribe("anna", "daily")
    anna.unsubscribe("anna", "weekly")
    anna.work()
    brevo.act("delete", ANNA)
    anna.update("anna", last_name="Tal")
    anna.work()
    assert brevo.contacts() == []


def test_a_deletion_at_brevo_does_not_undo_an_opt_out_that_we_saw(anna: Pipeline, brevo: Sandbox) -> None:
    brevo.act("unsubscribe", ANNA)
    anna.update("anna", email="anna.tal@portal.org")
    anna.work()
    brevo.act("delete", "anna.tal@portal.org")
    anna.update("anna", last_name="Tal")
    anna.work()
    assert brevo.contacts() == []
    anna.subscribe("anna", "monthly", email="anna.tal@portal.org")
    anna.work()
    assert anna.lists("anna") == {7}


@pytest.mark.parametrize("refused", [True, False])
def test_leaving_a_list_that_brevo_has_emptied_already_is_a_success(
    anna: Pipeline, brevo: Sandbox, *, refused: bool
) -> None:
    brevo.quirks.unlink_non_member_is_refused = refused
    brevo.edit(ANNA, {"unlinkListIds": [3]})
    key = anna.unsubscribe("anna", "daily")
    assert key in anna.work().done
    held = anna.held("anna")
    assert (held["listIds"], held["attributes"]["DAILY_UNSUBSCRIBED"]) == ([5], True)
    assert anna.letters() == []


@pytest.mark.parametrize("act", ["unsubscribe", "bounce", "complain"])
@pytest.mark.parametrize("moves", [False, True])
def test_a_block_whose_reason_brevo_hides_is_lifted_by_nothing(
    anna: Pipeline, brevo: Sandbox, act: str, *, moves: bool
) -> None:
    brevo.quirks.statistics_left_out = True
    brevo.act(act, ANNA)
    anna.update("anna", first_name="Anne")
    anna.work()
    anna.subscribe("anna", "monthly", email="anna.tal@portal.org" if moves else ANNA)
    anna.work()
    assert is_blocked(anna)
    block = anna.state("anna").seen["default"].block
    assert block
    assert block.kind == "unknown"


def test_a_hidden_reason_that_brevo_shows_later_decides(anna: Pipeline, brevo: Sandbox) -> None:
    brevo.quirks.statistics_left_out = True
    brevo.act("unsubscribe", ANNA)
    anna.update("anna", email="anna.tal@portal.org")
    anna.work()
    brevo.quirks.statistics_left_out = False
    anna.subscribe("anna", "monthly", email="anna.tal@portal.org")
    anna.work()
    held = anna.held("anna")
    assert (held["emailBlacklisted"], held["listIds"]) == (False, [7])


@pytest.mark.parametrize("quirk", ["statistics_left_out", "null_clears"])
def test_an_unsubscription_holds_whatever_brevo_reports_of_it(anna: Pipeline, brevo: Sandbox, quirk: str) -> None:
    setattr(brevo.quirks, quirk, not getattr(brevo.quirks, quirk))
    brevo.act("unsubscribe", ANNA)
    anna.update("anna", email="anna.tal@portal.org")
    anna.work()
    assert is_blocked(anna)


@pytest.mark.parametrize("act", ["unsubscribe", "complain"])
@pytest.mark.parametrize("shown", ["attribute", "field", "nowhere"])
def test_a_block_outlives_the_placeholder_of_an_exchange_of_addresses(
    pipeline: Pipeline, brevo: Sandbox, act: str, shown: Literal["attribute", "field", "nowhere"]
) -> None:
    brevo.quirks.ext_id_shown = shown
    for user_id in ("anna", "bea"):
        pipeline.subscribe(user_id)
    pipeline.work()
    brevo.act(act, ANNA)
    contact_id = int(str(brevo.contact(ANNA)["id"]))
    pipeline.update("anna", email="bea@portal.org")
    pipeline.update("bea", email=ANNA)
    pipeline.work()
    held = brevo.contact(contact_id)
    assert (held["email"], held["emailBlacklisted"]) == ("bea@portal.org", True)


def test_an_opt_out_is_remembered_of_a_contact_that_vanishes_while_its_block_is_not_decided(
    anna: Pipeline, brevo: Sandbox
) -> None:
    brevo.act("unsubscribe", ANNA)
    anna.update("anna", email="anna.tal@portal.org")
    brevo.add_fault("drop_after", method="PUT", count=1)
    anna.work_once()
    assert not is_blocked(anna), "Brevo lifts a block with the address"
    brevo.add_fault("status", method="PUT", status=404, code="document_not_found", count=1)
    with anna.requests() as made:
        anna.work()
    assert "POST /v3/contacts" not in made
