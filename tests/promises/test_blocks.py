"""What readers who opt out, bounce or come back may rely on, whatever Brevo and its editors do."""

from datetime import UTC, datetime, timedelta

import pytest

from sync_tasks.domain.timestamps import stamp_of
from sync_tasks.sandbox import Sandbox
from tests.support.blocks import ANNA, NEW, is_blocked, look, steps, subscribe_anna
from tests.support.pipeline import MakePipeline, Pipeline
from tests.support.processes import wait_until


@pytest.fixture
def anna(pipeline: Pipeline) -> Pipeline:
    """A pipeline that knows Anna, who reads the daily and the weekly newsletter."""
    return subscribe_anna(pipeline)


# An opt-out of everything.


def test_an_opt_out_of_everything_holds_for_lists_that_the_portal_never_spoke_of(
    pipeline: Pipeline, brevo: Sandbox
) -> None:
    brevo.add_contacts([{"email": ANNA, "listIds": [3, 5, 9]}])
    brevo.act("unsubscribe", ANNA)
    pipeline.subscribe("anna", "monthly")
    pipeline.work()
    assert not is_blocked(pipeline)
    assert pipeline.lists("anna") == {7, 9}
    order = steps(brevo, "left", "joined", "unblocklisted")
    assert sorted(order[:2]) == [("left", 3), ("left", 5)]
    assert order[2:] == [("unblocklisted", None), ("joined", 7)]


@pytest.mark.parametrize("kept", [True, False])
def test_an_opt_out_of_everything_holds_for_the_list_of_a_newsletter_that_was_renamed_or_removed(
    pipeline: Pipeline, brevo: Sandbox, make_pipeline: MakePipeline, *, kept: bool
) -> None:
    pipeline.subscribe("anna", "daily")
    pipeline.subscribe("anna", "weekly")
    pipeline.work()
    newsletters = {"weekly": {"list_id": 5}, "monthly": {"list_id": 7}}
    later = make_pipeline(newsletters=newsletters | ({"news": {"list_id": 3}} if kept else {}))
    brevo.act("unsubscribe", ANNA)
    look(later)
    later.subscribe("anna", "monthly")
    later.work()
    assert (later.lists("anna"), is_blocked(later)) == ({7}, False)
    assert steps(brevo, "left", "unblocklisted")[-1] == ("unblocklisted", None)


def test_whoever_blocks_an_address_change_off_leaves_the_lists_before_it(anna: Pipeline, brevo: Sandbox) -> None:
    brevo.act("unsubscribe", ANNA)
    anna.subscribe("anna", "monthly", email=NEW)
    anna.work()
    assert (anna.lists("anna"), is_blocked(anna), anna.held("anna")["email"]) == ({7}, False, NEW)
    order = [what for what, _ in steps(brevo, "left", "address_changed", "unblocklisted")]
    assert order == ["left", "left", "address_changed", "unblocklisted"]


# A bounce belongs to an address.


@pytest.mark.parametrize("confirms", ["subscribe", "update"])
def test_a_reader_who_gives_a_working_address_after_a_bounce_gets_mail_again(
    anna: Pipeline, either_brevo: Sandbox, confirms: str
) -> None:
    either_brevo.act("bounce", ANNA)
    look(anna)
    if confirms == "subscribe":
        anna.subscribe("anna", "daily", email=NEW)
    else:
        anna.update("anna", email=NEW)
    anna.work()
    assert (anna.held("anna")["email"], is_blocked(anna), anna.lists("anna")) == (NEW, False, {3, 5})
    look(anna)
    assert not is_blocked(anna)
    assert anna.state("anna").seen["default"].block is None


def test_a_bounce_that_nobody_had_seen_before_the_new_address_ends_too(anna: Pipeline, either_brevo: Sandbox) -> None:
    either_brevo.act("bounce", ANNA)
    anna.update("anna", email=NEW)
    anna.work()
    assert not is_blocked(anna)


def test_a_confirmation_of_the_same_address_lifts_no_bounce(anna: Pipeline, brevo: Sandbox) -> None:
    brevo.act("bounce", ANNA)
    anna.subscribe("anna", "daily")
    anna.work()
    anna.subscribe("anna", "monthly")
    anna.work()
    assert is_blocked(anna)


def test_an_address_from_before_the_bounce_lifts_nothing_until_it_is_confirmed_again(
    anna: Pipeline, brevo: Sandbox
) -> None:
    before = datetime.now(UTC)
    wait_until(lambda: datetime.now(UTC) > before + timedelta(milliseconds=2), "Brevo's clock shows a later moment")
    brevo.act("bounce", ANNA)
    anna.update("anna", email=NEW, occurred_at=before)
    anna.work()
    assert (anna.held("anna")["email"], is_blocked(anna)) == (NEW, True)
    anna.subscribe("anna", "daily", email=NEW)
    anna.work()
    assert not is_blocked(anna)


def test_the_way_back_to_the_address_that_bounced_lifts_nothing(anna: Pipeline, brevo: Sandbox) -> None:
    brevo.act("bounce", ANNA)
    anna.update("anna", email=NEW)
    anna.work()
    brevo.act("bounce", NEW)
    look(anna)
    anna.update("anna", email=ANNA)
    anna.work()
    assert (anna.held("anna")["email"], is_blocked(anna)) == (ANNA, True)


def test_a_bounce_of_the_new_address_counts(anna: Pipeline, brevo: Sandbox) -> None:
    brevo.act("bounce", ANNA)
    anna.update("anna", email=NEW)
    anna.work()
    brevo.act("bounce", NEW)
    look(anna)
    anna.subscribe("anna", "monthly", email=NEW)
    anna.work()
    block = anna.state("anna").seen["default"].block
    assert is_blocked(anna)
    assert block is not None
    assert block.kind == "hard_bounce"


@pytest.mark.parametrize("act", ["unsubscribe", "complain"])
@pytest.mark.parametrize("first", [True, False])
def test_a_new_address_ends_a_bounce_and_not_what_was_under_it(
    anna: Pipeline, either_brevo: Sandbox, act: str, *, first: bool
) -> None:
    for what in (act, "bounce") if first else ("bounce", act):
        either_brevo.act(what, ANNA)
        look(anna)
    anna.update("anna", email=NEW)
    anna.work()
    look(anna)
    block = anna.state("anna").seen["default"].block
    assert is_blocked(anna)
    assert block is not None
    assert block.kind == {"unsubscribe": "unsubscribed", "complain": "complaint"}[act]
    anna.subscribe("anna", "monthly", email=NEW)
    anna.work()
    assert is_blocked(anna) is (act == "complain")


def test_a_worker_that_dies_while_it_lifts_a_bounce_blocks_nobody(anna: Pipeline, brevo: Sandbox) -> None:
    brevo.act("bounce", ANNA)
    anna.update("anna", email=NEW)
    brevo.add_fault("drop_after", method="PUT", count=1)
    anna.work_once()
    anna.work()
    assert (anna.held("anna")["email"], is_blocked(anna)) == (NEW, False)


# A kind of opt-out counts near the beginning of the block only.


def test_a_bounce_that_an_event_reported_long_before_leaves_a_later_unsubscription_one_that_can_be_lifted(
    anna: Pipeline, brevo: Sandbox
) -> None:
    days_ago = [stamp_of(datetime.now(UTC) - timedelta(days=days)) for days in (5, 6)]
    reported, read_at = days_ago
    for name, text in {"b:default:hard_bounce": reported, "s:default:looked": read_at}.items():
        anna.store.redis.hset(anna.store.key("contacts:anna"), name, text)
    brevo.act("unsubscribe", ANNA)
    look(anna)
    block = anna.state("anna").seen["default"].block
    assert block is not None
    assert block.kind == "unsubscribed"
    anna.subscribe("anna", "monthly")
    anna.work()
    assert not is_blocked(anna)


def test_a_second_opt_out_at_brevo_after_a_new_sign_up_keeps_the_block(anna: Pipeline, brevo: Sandbox) -> None:
    """No webhook reports this: only the person's newest click in Brevo's statistics does."""
    brevo.act("unsubscribe", ANNA)
    look(anna)
    anna.work()
    anna.subscribe("anna", "monthly", email=ANNA)
    # Brevo shows whole milliseconds.
    later = datetime.now(UTC) + timedelta(milliseconds=5)
    wait_until(lambda: datetime.now(UTC) > later, "the moment of the sign-up is over")
    brevo.act("unsubscribe", ANNA)
    anna.work()
    assert is_blocked(anna)
