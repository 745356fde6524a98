"""A newsletter gets another name, another list; two become one; one ends."""

import pytest

from sync_tasks.reconcile.census import read_census
from sync_tasks.reconcile.run import Scope, reconcile
from sync_tasks.sandbox import Sandbox
from sync_tasks.state.dead_letters import DeadLetter
from tests.support.comparing import compare, found
from tests.support.pipeline import MakePipeline, Pipeline

DAILY = {"daily": {"list_id": 3}, "weekly": {"list_id": 5}}
MORNING = {"morning": {"list_id": 3, "was": "daily"}, "weekly": {"list_id": 5}}
ON_LIST_8 = {"daily": {"list_id": 8, "former_list_ids": [3]}, "weekly": {"list_id": 5}}
ONE = {"news": {"list_id": 8, "was": ["daily", "weekly"], "former_list_ids": [3, 5]}}
RETIRED = {"daily": {"list_id": 3, "retired": True}, "weekly": {"list_id": 5}}


@pytest.fixture
def before(make_pipeline: MakePipeline) -> Pipeline:
    """A pipeline before the change: Anna reads the daily newsletter, Ben opted out of it, Cleo reads the weekly one."""
    pipeline = make_pipeline(newsletters=DAILY)
    pipeline.subscribe("anna", "daily")
    pipeline.subscribe("ben", "daily")
    pipeline.work()
    pipeline.unsubscribe("ben", "daily")
    pipeline.subscribe("cleo", "weekly")
    pipeline.work()
    return pipeline


# A new name.


@pytest.mark.usefixtures("before")
def test_after_a_new_name_everybody_stays_and_there_is_no_drift(make_pipeline: MakePipeline) -> None:
    after = make_pipeline(newsletters=MORNING)
    assert found(after) == {}
    assert (after.lists("anna"), after.lists("cleo")) == ({3}, {5})


@pytest.mark.usefixtures("before")
def test_an_opt_out_under_the_new_name_ends_what_was_subscribed_under_the_old_one(make_pipeline: MakePipeline) -> None:
    after = make_pipeline(newsletters=MORNING)
    after.unsubscribe("anna", "morning")
    after.work()
    assert after.lists("anna") == set()
    assert found(after) == {}


@pytest.mark.usefixtures("before")
def test_an_opt_out_under_the_old_name_holds_under_the_new_one(make_pipeline: MakePipeline) -> None:
    after = make_pipeline(newsletters=MORNING)
    after.update("ben", first_name="Ben")
    after.work()
    assert found(after) == {}
    assert "ben" not in repr([contact for contact in after.brevo.contacts() if contact["listIds"] == [3]])


@pytest.mark.usefixtures("before")
def test_events_that_still_report_the_old_name_count_for_the_new_one(make_pipeline: MakePipeline) -> None:
    after = make_pipeline(newsletters=MORNING)
    after.subscribe("dora", "daily")
    opt_out = after.unsubscribe("anna", "daily")
    outcomes = after.work()
    assert opt_out in outcomes.done
    assert (after.lists("dora"), after.lists("anna"), after.letters()) == ({3}, set(), [])


@pytest.mark.parametrize("first", ["daily", "morning"])
def test_of_two_wishes_at_one_moment_under_two_names_the_opt_out_wins(make_pipeline: MakePipeline, first: str) -> None:
    after, moment = make_pipeline(newsletters=MORNING), "2026-01-02T03:04:05Z"
    other = {"daily": "morning", "morning": "daily"}[first]
    after.subscribe("anna", "weekly")
    after.subscribe("anna", first, occurred_at=moment)
    after.unsubscribe("anna", other, occurred_at=moment)
    after.work()
    assert after.lists("anna") == {5}


# Another list.


@pytest.mark.usefixtures("before")
def test_a_restart_alone_moves_nobody_and_the_preview_says_how_many_would_move(make_pipeline: MakePipeline) -> None:
    after = make_pipeline(newsletters=ON_LIST_8)
    after.work()
    assert found(after, Scope(dry_run=True)) == {"missing on list": 1, "on a former list": 1}
    assert after.lists("anna") == {3}


@pytest.mark.usefixtures("before")
def test_a_comparison_moves_everybody_to_the_new_list(make_pipeline: MakePipeline) -> None:
    after = make_pipeline(newsletters=ON_LIST_8)
    found(after)
    assert (after.lists("anna"), after.lists("ben"), after.lists("cleo")) == ({8}, set(), {5})
    assert found(after) == {}


def test_a_mass_move_waits_for_somebody_to_allow_it(before: Pipeline, make_pipeline: MakePipeline) -> None:
    for number in range(60):
        before.subscribe(f"user{number}", "daily")
    before.work()
    after = make_pipeline(newsletters=ON_LIST_8)
    (run,) = compare(after, Scope())
    assert "61 contacts would leave a list that a newsletter had before" in run.refused
    assert "--max-changes 61" in run.refused
    assert after.lists("user7") == {3}
    compare(after, Scope(max_changes=61))
    assert after.lists("user7") == {8}


@pytest.mark.usefixtures("before")
def test_any_new_event_of_a_person_moves_that_person(make_pipeline: MakePipeline) -> None:
    after = make_pipeline(newsletters=ON_LIST_8)
    after.update("anna", first_name="Anna")
    after.work()
    assert after.lists("anna") == {8}


@pytest.mark.usefixtures("before")
def test_whoever_opts_out_after_the_move_leaves_the_old_list_too(make_pipeline: MakePipeline) -> None:
    after = make_pipeline(newsletters=ON_LIST_8)
    opt_out = after.unsubscribe("anna", "daily")
    assert opt_out in after.work().done
    assert after.lists("anna") == set()


def test_whoever_we_do_not_know_on_the_old_list_leaves_it_with_an_opt_out(
    make_pipeline: MakePipeline, brevo: Sandbox
) -> None:
    # Another system used list 3; the pipeline knows the people, not that they are on it.
    earlier = make_pipeline(newsletters={"daily": {"list_id": 8}, "weekly": {"list_id": 5}})
    earlier.subscribe("anna", "daily")
    earlier.subscribe("ben", "weekly")
    earlier.work()
    for user in ("anna", "ben"):
        brevo.edit(f"{user}@portal.org", {"listIds": [3]})
    after = make_pipeline(newsletters=ON_LIST_8)
    after.unsubscribe("anna", "daily")
    after.work()
    assert after.lists("anna") == set()
    assert found(after) == {"on a former list": 1}
    assert after.lists("ben") == {5}


@pytest.mark.usefixtures("before")
def test_an_opt_out_at_brevo_before_the_move_is_not_undone_by_it(make_pipeline: MakePipeline, brevo: Sandbox) -> None:
    brevo.act("unsubscribe", "anna@portal.org")
    after = make_pipeline(newsletters=ON_LIST_8)
    compare(after)
    compare(after)
    held = after.held("anna")
    assert (held["emailBlacklisted"], held["listIds"]) == (True, [])


# Two become one.


def test_two_newsletters_become_one_and_its_readers_are_those_of_both(
    before: Pipeline, make_pipeline: MakePipeline
) -> None:
    before.subscribe("dora", "daily")
    before.subscribe("dora", "weekly")
    before.work()
    before.unsubscribe("dora", "weekly")
    before.work()
    after = make_pipeline(newsletters=ONE)
    compare(after)
    reported = {user: after.lists(user) for user in ("anna", "ben", "cleo", "dora")}
    # Dora's last word was an opt-out.
    assert reported == {"anna": {8}, "ben": set(), "cleo": {8}, "dora": set()}
    assert found(after) == {}


# The end of one.


@pytest.mark.usefixtures("before")
def test_a_retired_newsletter_takes_opt_outs_and_leaves_its_other_readers_alone(make_pipeline: MakePipeline) -> None:
    before_it = make_pipeline(newsletters=DAILY)
    before_it.subscribe("dora", "daily")
    before_it.work()
    after = make_pipeline(newsletters=RETIRED)
    opt_out = after.unsubscribe("anna", "daily")
    assert opt_out in after.work().done
    assert found(after) == {}
    assert (after.lists("anna"), after.lists("dora")) == (set(), {3})


@pytest.mark.usefixtures("before")
def test_a_sign_up_for_a_retired_newsletter_is_a_dead_letter_that_says_so(make_pipeline: MakePipeline) -> None:
    after = make_pipeline(newsletters=RETIRED)
    for user in ("cleo", "dora"):
        after.subscribe(user, "daily")
    after.work()
    letters: list[DeadLetter] = after.letters()
    assert {(letter.user_id, letter.error) for letter in letters} == {
        ("cleo", "RetiredNewsletterError"),
        ("dora", "RetiredNewsletterError"),
    }
    assert "retired" in letters[0].message
    assert after.lists("cleo") == {5}
    assert [contact for contact in after.brevo.contacts() if contact.get("ext_id") == "dora"] == []


@pytest.mark.usefixtures("before")
def test_whoever_left_brevo_is_not_created_again_for_a_retired_newsletter(
    make_pipeline: MakePipeline, brevo: Sandbox
) -> None:
    brevo.act("delete", "anna@portal.org")
    assert found(make_pipeline(newsletters=RETIRED)) == {}


# An editor's hand.


MANUAL = {"daily": {"list_id": 3}, "weekly": {"list_id": 5, "manual": True}}


def test_whom_an_editor_puts_on_a_list_managed_by_hand_stays_until_they_opt_out(
    before: Pipeline, make_pipeline: MakePipeline, brevo: Sandbox
) -> None:
    after = make_pipeline(newsletters=MANUAL)
    for user in ("anna", "ben"):
        brevo.edit(f"{user}@portal.org", {"listIds": [5]})
    brevo.add_contacts([{"email": "guest@elsewhere.org", "attributes": {}, "listIds": [5]}])
    assert found(after, Scope(max_changes=1000, remove_unknown=True)) == {}
    after.update("anna", first_name="Anna")
    after.work()
    assert (after.lists("anna"), after.lists("ben")) == ({3, 5}, {5})
    after.unsubscribe("anna", "weekly")
    after.work()
    assert after.lists("anna") == {3}
    brevo.edit("anna@portal.org", {"listIds": [5]})
    assert found(after) == {"extra on list": 1}
    assert (after.lists("anna"), before.letters()) == ({3}, [])


@pytest.mark.usefixtures("before")
def test_who_subscribes_a_newsletter_managed_by_hand_joins_its_list(make_pipeline: MakePipeline) -> None:
    after = make_pipeline(newsletters=MANUAL)
    after.subscribe("anna", "weekly")
    after.work()
    assert after.lists("anna") == {3, 5}


# What the state knows and the configuration does not.


@pytest.mark.usefixtures("before")
def test_a_newsletter_that_vanished_from_the_configuration_is_counted(make_pipeline: MakePipeline) -> None:
    after = make_pipeline(newsletters={"weekly": {"list_id": 5}})
    found(after)
    census = read_census(after.store)
    assert (census.newsletters, census.subscribed, census.lists) == ({"daily": 2}, {"daily": 1}, {"default:3": 1})
    assert "daily" in census.alarms[0]
    found(make_pipeline(newsletters={"morning": {"list_id": 8, "was": "daily", "former_list_ids": [3]}} | DAILY_LESS))
    assert read_census(after.store).lines == []


DAILY_LESS = {"weekly": {"list_id": 5}}


def test_a_living_subscription_without_a_contact_is_drift(before: Pipeline) -> None:
    # As after a creation that was settled and never happened.
    before.store.redis.hset(before.store.key("contacts:anna"), "s:default:id", "-")
    before.brevo.act("delete", "anna@portal.org")
    assert found(before) == {"missing contact": 1}
    assert before.lists("anna") == {3}
    assert found(before) == {}


def test_whoever_has_a_contact_after_all_is_no_drift_and_neither_is_whom_a_push_is_about_to_create(
    before: Pipeline,
) -> None:
    before.store.redis.hdel(before.store.key("contacts:anna"), "s:default:id")
    before.subscribe("dora", "daily")
    before.waiting.clear()
    (preview,) = reconcile(before.resources, Scope(dry_run=True))
    assert preview.found == {}
