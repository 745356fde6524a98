"""A state that went backwards: what Brevo has proof of is not undone."""

import pytest

from sync_tasks.reconcile.history import find_alarms
from sync_tasks.reconcile.run import reconcile
from sync_tasks.sandbox import Sandbox
from tests.support.backups import Backup, back_up
from tests.support.pipeline import Pipeline, address_of

ANNA = address_of("anna")


def erase_and_restore(pipeline: Pipeline) -> Backup:
    """Have Anna subscribe, then be erased, then bring the state of before the erasure back."""
    pipeline.subscribe("anna", first_name="Anna", last_name="Berg")
    pipeline.work()
    backup = back_up(pipeline.store.redis)
    pipeline.anonymize("anna")
    pipeline.work()
    backup.restore(pipeline.store.redis)
    pipeline.waiting.clear()
    return backup


def assert_still_erased(brevo: Sandbox) -> None:
    (held,) = brevo.contacts()
    assert str(held["email"]).startswith("deleted-")
    assert (held["listIds"], held["emailBlacklisted"]) == ([], True)
    assert "Anna" not in repr(held)


def test_a_comparison_never_brings_an_erased_person_back(pipeline: Pipeline, brevo: Sandbox) -> None:
    erase_and_restore(pipeline)
    for _ in range(3):
        (run,) = reconcile(pipeline.resources)
        pipeline.work()
        assert (run.found, run.left) == ({"erased at Brevo": 1}, 1)
    assert_still_erased(brevo)
    assert "anonymized" in find_alarms(pipeline.store)[0]


def test_an_event_never_brings_an_erased_person_back_and_is_a_dead_letter(pipeline: Pipeline, brevo: Sandbox) -> None:
    erase_and_restore(pipeline)
    pipeline.subscribe("anna", "weekly")
    opted_out = pipeline.unsubscribe("anna")
    assert opted_out in pipeline.work().done
    pipeline.update("anna", first_name="Anne")
    pipeline.work()
    assert {letter.error for letter in pipeline.letters()} == {"ErasedAtBrevoError"}
    assert_still_erased(brevo)


def test_once_it_is_known_that_brevo_erased_somebody_no_request_goes_out(pipeline: Pipeline) -> None:
    erase_and_restore(pipeline)
    reconcile(pipeline.resources)
    pipeline.work()
    pipeline.update("anna", first_name="Anne")
    with pipeline.requests() as requests:
        pipeline.work()
    assert requests == []


def test_the_erasure_said_again_ends_it(pipeline: Pipeline, brevo: Sandbox) -> None:
    erase_and_restore(pipeline)
    pipeline.update("anna", email="anna@elsewhere.org")
    pipeline.work()
    pipeline.anonymize("anna")
    pipeline.work()
    (run,) = reconcile(pipeline.resources)
    assert (run.found, pipeline.letters(), pipeline.store.peek("anna")) == ({}, [], None)
    assert_still_erased(brevo)


@pytest.mark.parametrize("looks", ["comparison", "event"])
def test_who_moved_to_another_contact_is_found_there(pipeline: Pipeline, brevo: Sandbox, looks: str) -> None:
    pipeline.subscribe("anna")
    pipeline.work()
    backup = back_up(pipeline.store.redis)
    brevo.add_contacts([{"email": "anna@elsewhere.org"}])
    pipeline.update("anna", email="anna@elsewhere.org")
    pipeline.work()
    backup.restore(pipeline.store.redis)
    pipeline.waiting.clear()
    if looks == "comparison":
        reconcile(pipeline.resources)
    pipeline.update("anna", email="anna@elsewhere.org")
    pipeline.work()
    living = [contact for contact in brevo.contacts() if contact.get("ext_id") == "anna"]
    assert [(contact["email"], contact["listIds"]) for contact in living] == [("anna@elsewhere.org", [3])]
    assert pipeline.letters() == []


def lose_opt_out(pipeline: Pipeline) -> None:
    """Have Anna leave the daily newsletter, then bring the state of before back."""
    pipeline.subscribe("anna")
    pipeline.subscribe("anna", "weekly")
    pipeline.work()
    backup = back_up(pipeline.store.redis)
    pipeline.unsubscribe("anna")
    pipeline.work()
    backup.restore(pipeline.store.redis)
    pipeline.waiting.clear()


@pytest.mark.parametrize("looks", ["comparison", "event"])
def test_an_opt_out_that_only_its_attribute_at_brevo_reports_is_not_undone(pipeline: Pipeline, looks: str) -> None:
    lose_opt_out(pipeline)
    if looks == "comparison":
        (run,) = reconcile(pipeline.resources)
        assert run.found == {"unsubscribed at Brevo": 1}
    else:
        pipeline.subscribe("anna", "monthly")
    pipeline.work()
    assert pipeline.lists("anna") == ({5} if looks == "comparison" else {5, 7})
    assert pipeline.held("anna")["attributes"]["DAILY_UNSUBSCRIBED"] is True
    assert reconcile(pipeline.resources)[0].found == {}


def test_only_a_newer_confirmed_wish_renews_it(pipeline: Pipeline) -> None:
    lose_opt_out(pipeline)
    reconcile(pipeline.resources)
    pipeline.work()
    pipeline.subscribe("anna")
    pipeline.work()
    assert (pipeline.lists("anna"), pipeline.held("anna")["attributes"]["DAILY_UNSUBSCRIBED"]) == ({3, 5}, False)
    assert reconcile(pipeline.resources)[0].found == {}
