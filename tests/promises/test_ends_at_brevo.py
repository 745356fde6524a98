"""What becomes of blocks and opt-outs that begin or end at Brevo, and what the portal hears of it."""

from datetime import UTC, datetime, timedelta

import pytest

from sync_tasks.domain.news import Notice
from sync_tasks.sandbox import Sandbox
from sync_tasks.state.store import Sighting
from sync_tasks.state.suppressions import Suppressed, report_notices, report_suppressed
from tests.support.blocks import ANNA, NEW, happened, heard, is_blocked, look, see, steps, subscribe_anna, suppressed
from tests.support.desk import Desk
from tests.support.pipeline import MakePipeline, Pipeline


@pytest.fixture
def reported(make_pipeline: MakePipeline) -> Pipeline:
    """A pipeline that knows Anna, of a portal that wants to hear of everything."""
    return subscribe_anna(make_pipeline(portal={"notice_task": "portal.newsletter_notice"}))


# A block that ended at Brevo.


@pytest.mark.parametrize("how", ["look", "comparison"])
@pytest.mark.parametrize(
    ("act", "kind"), [("unsubscribe", "unsubscribed"), ("bounce", "hard_bounce"), ("complain", "complaint")]
)
def test_a_block_that_support_lifted_by_hand_is_forgotten_and_reported(
    reported: Pipeline, brevo: Sandbox, act: str, kind: str, how: str
) -> None:
    brevo.act(act, ANNA)
    look(reported)
    assert suppressed(reported) == [(kind, 0)]
    brevo.edit(ANNA, {"emailBlacklisted": False})
    see(reported, how)
    assert suppressed(reported) == []
    assert reported.state("anna").seen["default"].block is None
    assert reported.state("anna").reported == {}
    assert heard(reported) == [("ended", kind, "unblocked at Brevo")]
    assert happened(reported)[0] == f"no longer {kind}: unblocked at Brevo"
    assert (reported.lists("anna"), is_blocked(reported)) == ({3, 5}, False)
    assert heard(reported) == []


@pytest.mark.parametrize("act", ["bounce", "complain"])
def test_an_unsubscription_after_a_block_was_lifted_by_hand_can_be_lifted(
    reported: Pipeline, brevo: Sandbox, act: str
) -> None:
    brevo.act(act, ANNA)
    look(reported)
    brevo.edit(ANNA, {"emailBlacklisted": False})
    look(reported)
    brevo.act("unsubscribe", ANNA)
    look(reported)
    assert suppressed(reported) == [("unsubscribed", 0)]
    reported.subscribe("anna", "daily")
    reported.work()
    assert (reported.lists("anna"), is_blocked(reported)) == ({3}, False)


def test_a_contact_lost_after_a_bounce_was_lifted_by_hand_is_created_again(reported: Pipeline, brevo: Sandbox) -> None:
    brevo.act("bounce", ANNA)
    look(reported)
    brevo.edit(ANNA, {"emailBlacklisted": False})
    see(reported, "comparison")
    brevo.act("delete", ANNA)
    see(reported, "comparison")
    assert reported.lists("anna") == {3, 5}


def test_a_contact_lost_after_an_opt_out_was_lifted_by_hand_comes_back_for_what_was_confirmed_since(
    reported: Pipeline, brevo: Sandbox
) -> None:
    brevo.act("unsubscribe", ANNA)
    look(reported)
    brevo.edit(ANNA, {"emailBlacklisted": False})
    look(reported)
    brevo.edit(ANNA, {"unlinkListIds": [5]})
    look(reported)
    assert reported.lists("anna") == {3}, "support left it on that list, and nobody confirmed the other one"
    brevo.act("delete", ANNA)
    see(reported, "comparison")
    assert brevo.contacts() == []
    reported.subscribe("anna", "weekly")
    reported.work()
    assert reported.lists("anna") == {5}


def test_a_block_that_an_address_change_of_ours_lifted_is_no_news(reported: Pipeline, brevo: Sandbox) -> None:
    brevo.act("complain", ANNA)
    look(reported)
    reported.update("anna", email=NEW)
    reported.work()
    assert is_blocked(reported)
    assert (heard(reported), suppressed(reported)) == ([], [("complaint", 0)])


@pytest.mark.parametrize("status", [429, 500])
def test_a_block_that_could_not_be_set_again_at_once_is_set_again_later(
    reported: Pipeline, brevo: Sandbox, status: int
) -> None:
    brevo.act("complain", ANNA)
    look(reported)
    reported.update("anna", email=NEW)
    brevo.add_fault("drop_after", method="PUT", count=1)
    reported.work_once()
    assert not is_blocked(reported), "Brevo lifts a block with the address"
    brevo.add_fault("status", status=status, method="PUT", count=4)
    reported.work_once()
    reported.work()
    assert is_blocked(reported)


def test_the_kind_that_decides_is_the_kind_that_is_shown(reported: Pipeline, brevo: Sandbox, desk: Desk) -> None:
    brevo.quirks.statistics_left_out = True
    brevo.act("bounce", ANNA)
    reported.store.mark_changed("default", [Sighting(user_id="anna", kind="hard_bounce")])
    reported.work()
    assert "hard_bounce since" in desk.run("contact", "anna")
    assert [one["kind"] for one in desk.read("suppressed", "list")] == ["hard_bounce"]
    brevo.edit(ANNA, {"emailBlacklisted": False})
    assert "no longer; remembered: hard_bounce" in desk.run("contact", "anna")


# What the portal hears.


@pytest.mark.parametrize("seen", [True, False])
def test_the_portal_hears_when_a_subscription_lifts_a_block_and_which_other_lists_that_reopens(
    reported: Pipeline, brevo: Sandbox, caplog: pytest.LogCaptureFixture, *, seen: bool
) -> None:
    brevo.edit(ANNA, {"listIds": [9]})
    brevo.act("unsubscribe", ANNA)
    if seen:
        look(reported)
    reported.subscribe("anna", "monthly")
    with caplog.at_level("INFO"):
        reported.work()
    notices: list[Notice] = []
    report_notices(reported.store, notices.append)
    assert [(one.what, one.kind, one.why, one.foreign) for one in notices] == [
        ("ended", "unsubscribed", "subscribed again", (9,))
    ]
    assert "mail again from lists that are not ours: 9" in caplog.text
    assert "mail again from lists that are not ours: 9" in happened(reported)[0]


def test_the_lists_that_are_not_ours_are_named_for_somebody_who_was_at_brevo_before_us(
    make_pipeline: MakePipeline, brevo: Sandbox
) -> None:
    pipeline = make_pipeline(portal={"notice_task": "portal.newsletter_notice"})
    brevo.add_contacts([{"email": ANNA, "listIds": [3, 9]}])
    brevo.act("unsubscribe", ANNA)
    pipeline.subscribe("anna", "monthly")
    pipeline.work()
    assert "no longer unsubscribed: subscribed again; mail again from lists that are not ours: 9" in happened(pipeline)


def test_the_portal_hears_that_a_new_address_ended_a_bounce(reported: Pipeline, brevo: Sandbox) -> None:
    brevo.act("bounce", ANNA)
    look(reported)
    reported.update("anna", email=NEW)
    reported.work()
    assert heard(reported) == [("ended", "hard_bounce", "another address was confirmed")]
    assert suppressed(reported) == []


@pytest.mark.parametrize("how", ["look", "comparison"])
@pytest.mark.parametrize(
    ("edit", "kind"),
    [
        ({"attributes": {"EMAIL": "eve@portal.org"}}, "edited (address)"),
        ({"attributes": {"FIRSTNAME": "Eve"}}, "edited (attributes)"),
        ({"unlinkListIds": [3]}, "edited (lists)"),
        ({"listIds": [7], "attributes": {"FIRSTNAME": "Eve"}}, "edited (attributes, lists)"),
        (None, "deleted"),
    ],
)
def test_the_portal_hears_that_a_contact_was_put_back(
    reported: Pipeline, brevo: Sandbox, edit: dict[str, object] | None, kind: str, how: str
) -> None:
    if edit is None:
        brevo.act("delete", ANNA)
    else:
        brevo.edit(ANNA, edit)
    see(reported, how)
    held = reported.held("anna")
    assert (held["email"], held["attributes"]["FIRSTNAME"], reported.lists("anna")) == (ANNA, "Anna", {3, 5})
    assert heard(reported) == [("put back", kind, "")]
    assert f"put back after it was {kind} at Brevo" in happened(reported)
    see(reported, how)
    assert heard(reported) == []


def test_nothing_is_called_put_back_that_the_portal_itself_has_changed(reported: Pipeline) -> None:
    reported.update("anna", first_name="Anne", email=NEW, attributes={"city": "Ulm"})
    reported.unsubscribe("anna", "weekly")
    reported.subscribe("anna", "monthly", email=NEW)
    reported.work()
    look(reported)
    see(reported, "comparison")
    assert heard(reported) == []


# Unsubscribed from one newsletter at Brevo.


@pytest.fixture
def one_by_one(reported: Pipeline, brevo: Sandbox) -> Pipeline:
    """The same at an account where readers unsubscribe from one newsletter."""
    brevo.quirks.unsubscription_per_list = True
    look(reported)
    return reported


@pytest.mark.parametrize("how", ["look", "comparison"])
def test_an_opt_out_of_one_newsletter_at_brevo_ends_that_one_and_no_other(
    one_by_one: Pipeline, brevo: Sandbox, how: str
) -> None:
    brevo.act("unsubscribe", ANNA, list_id=3)
    see(one_by_one, how)
    held = one_by_one.held("anna")
    assert (held["listIds"], held["emailBlacklisted"], held["attributes"]["DAILY_UNSUBSCRIBED"]) == ([5], False, True)
    assert suppressed(one_by_one) == [("unsubscribed", 3)]
    assert "unsubscribed from list 3" in happened(one_by_one)
    see(one_by_one, how)
    one_by_one.update("anna", first_name="Anne", email=NEW)
    one_by_one.work()
    assert one_by_one.lists("anna") == {5}
    unreported: list[Suppressed] = []
    report_suppressed(one_by_one.store, unreported.append)
    assert [(one.kind, one.list_id) for one in unreported] == [("unsubscribed", 3)]
    assert heard(one_by_one) == []


@pytest.mark.parametrize("seen", [True, False])
def test_a_newer_subscription_takes_back_an_opt_out_of_one_newsletter(
    one_by_one: Pipeline, brevo: Sandbox, *, seen: bool
) -> None:
    brevo.act("unsubscribe", ANNA, list_id=3)
    if seen:
        look(one_by_one)
    one_by_one.subscribe("anna", "daily")
    one_by_one.work()
    held = one_by_one.held("anna")
    assert (set(held["listIds"]), held["listUnsubscribed"]) == ({3, 5}, [])
    assert held["attributes"].get("DAILY_UNSUBSCRIBED") is not True
    assert steps(brevo, "left", "joined")[-2:] == [("left", 3), ("joined", 3)]
    assert suppressed(one_by_one) == []
    assert heard(one_by_one) == ([("ended", "unsubscribed", "subscribed again")] if seen else [])
    brevo.act("unsubscribe", ANNA, list_id=3)
    look(one_by_one)
    assert one_by_one.lists("anna") == {5}


def test_a_subscription_from_before_the_opt_out_that_comes_late_takes_back_nothing(
    one_by_one: Pipeline, brevo: Sandbox
) -> None:
    brevo.act("unsubscribe", ANNA, list_id=3)
    one_by_one.subscribe("anna", "daily", occurred_at=datetime.now(UTC) - timedelta(minutes=5))
    one_by_one.work()
    look(one_by_one)
    assert one_by_one.lists("anna") == {5}


def test_a_contact_that_opted_out_of_one_newsletter_and_was_lost_comes_back_without_it(
    one_by_one: Pipeline, brevo: Sandbox
) -> None:
    brevo.act("unsubscribe", ANNA, list_id=3)
    look(one_by_one)
    brevo.act("delete", ANNA)
    look(one_by_one)
    assert one_by_one.lists("anna") == {5}


def test_an_answer_that_says_nothing_of_single_newsletters_ends_and_renews_nothing(
    one_by_one: Pipeline, brevo: Sandbox
) -> None:
    brevo.act("unsubscribe", ANNA, list_id=3)
    look(one_by_one)
    brevo.quirks.unsubscription_per_list = False
    look(one_by_one)
    see(one_by_one, "comparison")
    assert (one_by_one.lists("anna"), suppressed(one_by_one)) == ({5}, [("unsubscribed", 3)])


def test_the_event_of_an_opt_out_names_lists_and_the_read_shows_whether_it_is_of_everything(
    reported: Pipeline, brevo: Sandbox
) -> None:
    named = Sighting(user_id="anna", kind="unsubscribed", opted_out=frozenset({3}))
    brevo.act("unsubscribe", ANNA)
    reported.store.mark_changed("default", [named])
    reported.work()
    assert suppressed(reported) == [("unsubscribed", 0)]
    brevo.edit(ANNA, {"emailBlacklisted": False})
    look(reported)
    assert reported.lists("anna") == {3, 5}, "support lifted it, and the event was about what is over"
    reported.store.mark_changed("default", [named])
    reported.work()
    assert (reported.lists("anna"), suppressed(reported), is_blocked(reported)) == ({5}, [("unsubscribed", 3)], False)


def test_an_opt_out_of_one_newsletter_is_over_once_the_portal_has_ended_that_subscription_itself(
    one_by_one: Pipeline, brevo: Sandbox
) -> None:
    brevo.act("unsubscribe", ANNA, list_id=3)
    look(one_by_one)
    one_by_one.unsubscribe("anna", "daily")
    one_by_one.work()
    look(one_by_one)
    assert (suppressed(one_by_one), heard(one_by_one)) == ([], [])
