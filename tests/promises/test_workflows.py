"""Subscribing, updating and unsubscribing: what each event does in Brevo, and with how many requests."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from sync_tasks.domain.timestamps import moment_of
from sync_tasks.sandbox import Sandbox
from tests.support.pipeline import Pipeline

LONG_AGO = datetime.now(UTC) - timedelta(hours=2)


def at(minute: int) -> datetime:
    return LONG_AGO + timedelta(minutes=minute)


@pytest.fixture
def warm(pipeline: Pipeline) -> Pipeline:
    """A pipeline that has sent its attributes before and need not read them back."""
    pipeline.subscribe("warm-up", first_name="W", last_name="U", attributes={"city": "Y", "visits": 1})
    pipeline.work()
    return pipeline


@pytest.fixture
def anna(warm: Pipeline) -> Pipeline:
    """A pipeline that knows Anna, who reads the daily newsletter."""
    warm.subscribe("anna", first_name="Anna", last_name="Berg")
    warm.work()
    return warm


def test_a_subscription_creates_the_contact_with_everything_known(pipeline: Pipeline) -> None:
    pipeline.subscribe("anna", first_name="Anna", last_name="Berg", attributes={"city": "Ulm", "visits": 3})
    pipeline.work()
    held = pipeline.held("anna")
    assert (held["email"], held["listIds"], held["emailBlacklisted"]) == ("anna@portal.org", [3], False)
    reported = {"FIRSTNAME": "Anna", "LASTNAME": "Berg", "CITY": "Ulm", "VISITS": 3}
    assert held["attributes"] == reported


def test_a_new_contact_is_one_request(warm: Pipeline) -> None:
    with warm.requests() as requests:
        warm.subscribe("anna", first_name="Anna")
        warm.work()
    assert requests == ["POST /v3/contacts"]


def test_a_sign_up_for_several_newsletters_is_one_request(warm: Pipeline) -> None:
    with warm.requests() as requests:
        for newsletter in ("daily", "weekly", "monthly"):
            warm.subscribe("anna", newsletter, first_name="Anna")
        warm.work()
    assert warm.lists("anna") == {3, 5, 7}
    assert requests == ["POST /v3/contacts"]


def test_several_changes_of_a_known_contact_are_one_write(anna: Pipeline) -> None:
    with anna.requests() as requests:
        anna.subscribe("anna", "weekly")
        anna.subscribe("anna", "monthly")
        anna.unsubscribe("anna", "daily")
        anna.update("anna", last_name="Tal", email="anna.tal@portal.org")
        anna.work()
    assert anna.lists("anna") == {5, 7}
    assert anna.held("anna")["email"] == "anna.tal@portal.org"
    assert [request for request in requests if not request.startswith("GET")] == ["PUT /v3/contacts/{id}"]


def test_a_contact_older_than_the_pipeline_is_taken_over_by_its_address(pipeline: Pipeline, brevo: Sandbox) -> None:
    row = {"email": "anna@portal.org", "attributes": {"HOBBY": "chess", "FIRSTNAME": "A."}, "listIds": [9]}
    (contact_id,) = brevo.add_contacts([row])
    pipeline.subscribe("anna", first_name="Anna")
    pipeline.work()
    held = pipeline.held("anna")
    assert (held["id"], held["listIds"]) == (contact_id, [9, 3])
    assert held["attributes"] == {"HOBBY": "chess", "FIRSTNAME": "Anna", "DAILY_UNSUBSCRIBED": False}
    assert len(brevo.contacts()) == 1


def test_a_name_change_is_one_request(anna: Pipeline) -> None:
    with anna.requests() as requests:
        anna.update("anna", last_name="Tal")
        anna.work()
    assert requests == ["PUT /v3/contacts/{id}"]
    assert anna.held("anna")["attributes"]["LASTNAME"] == "Tal"
    assert anna.held("anna")["attributes"]["FIRSTNAME"] == "Anna"


def test_an_event_that_changes_nothing_is_no_request(anna: Pipeline) -> None:
    with anna.requests() as requests:
        anna.update("anna", last_name="Berg")
        anna.work()
    assert requests == []


def test_an_address_changes_in_place(anna: Pipeline, brevo: Sandbox) -> None:
    contact_id, count = anna.held("anna")["id"], len(brevo.contacts())
    anna.update("anna", email="anna.tal@portal.org")
    anna.work()
    held = anna.held("anna")
    assert (held["id"], held["email"], held["listIds"]) == (contact_id, "anna.tal@portal.org", [3])
    assert len(brevo.contacts()) == count


def test_fields_are_cleared_by_empty_texts_and_nulls(pipeline: Pipeline) -> None:
    pipeline.subscribe("anna", first_name="Anna", last_name="Berg", attributes={"city": "Ulm", "visits": 3})
    pipeline.work()
    pipeline.update("anna", first_name="", attributes={"city": None, "visits": None})
    pipeline.work()
    assert pipeline.held("anna")["attributes"] == {"LASTNAME": "Berg", "DAILY_UNSUBSCRIBED": False}


def test_an_update_never_creates_a_contact_but_is_remembered(pipeline: Pipeline, brevo: Sandbox) -> None:
    key = pipeline.update("anna", email="anna.tal@portal.org", first_name="Anna")
    assert key in pipeline.work().done
    assert brevo.contacts() == []
    pipeline.subscribe("anna", email="anna.tal@portal.org")
    pipeline.work()
    assert pipeline.held("anna")["attributes"]["FIRSTNAME"] == "Anna"


def test_an_update_finds_a_contact_older_than_the_pipeline_by_its_previous_address(
    pipeline: Pipeline, brevo: Sandbox
) -> None:
    (contact_id,) = brevo.add_contacts([{"email": "anna@portal.org", "listIds": [3]}])
    pipeline.update("anna", email="anna.tal@portal.org", previous_email="anna@portal.org")
    pipeline.work()
    held = pipeline.held("anna")
    assert (held["id"], held["email"], held["listIds"]) == (contact_id, "anna.tal@portal.org", [3])


def test_an_opt_out_is_one_request(anna: Pipeline) -> None:
    with anna.requests() as requests:
        anna.unsubscribe("anna")
        anna.work()
    assert requests == ["PUT /v3/contacts/{id}"]


def test_an_opt_out_ends_one_newsletter_and_is_recorded(anna: Pipeline) -> None:
    anna.subscribe("anna", "weekly")
    anna.unsubscribe("anna", "daily")
    anna.work()
    held = anna.held("anna")
    assert (held["listIds"], held["attributes"]["DAILY_UNSUBSCRIBED"]) == ([5], True)
    assert held["emailBlacklisted"] is False
    assert anna.state("anna").subscriptions()["daily"][1] is False


def test_a_newer_subscription_puts_the_contact_back_and_takes_the_record_back(anna: Pipeline) -> None:
    anna.unsubscribe("anna")
    anna.work()
    anna.subscribe("anna")
    anna.work()
    held = anna.held("anna")
    assert (held["listIds"], held["attributes"]["DAILY_UNSUBSCRIBED"]) == ([3], False)


def test_an_opt_out_finds_a_contact_older_than_the_pipeline_by_its_address(pipeline: Pipeline, brevo: Sandbox) -> None:
    (contact_id,) = brevo.add_contacts([{"email": "anna@portal.org", "listIds": [3, 5, 9]}])
    pipeline.unsubscribe("anna", email="anna@portal.org")
    pipeline.work()
    held = brevo.contact(contact_id)
    assert (held["listIds"], held["email"]) == ([5, 9], "anna@portal.org")
    assert held["attributes"] == {"DAILY_UNSUBSCRIBED": True}


def test_an_opt_out_of_somebody_brevo_does_not_hold_creates_nobody(pipeline: Pipeline, brevo: Sandbox) -> None:
    key = pipeline.unsubscribe("anna", email="anna@portal.org")
    assert key in pipeline.work().done
    assert brevo.contacts() == []


def test_the_address_of_an_opt_out_changes_no_address(anna: Pipeline) -> None:
    anna.unsubscribe("anna", email="another@portal.org")
    anna.work()
    assert anna.held("anna")["email"] == "anna@portal.org"


@pytest.mark.parametrize("task", ["update", "unsubscribe", "anonymize"])
def test_an_event_of_somebody_never_seen_without_an_address_becomes_a_dead_letter(
    pipeline: Pipeline, brevo: Sandbox, task: str
) -> None:
    said = {"first_name": "Anna"} if task == "update" else {}
    getattr(pipeline, task)("anna", **said)
    pipeline.work()
    (letter,) = pipeline.letters()
    assert (letter.error, letter.user_id) == ("UnknownContactError", "anna")
    assert "send it again with `email`" in letter.message
    assert brevo.journal.total == 0


def test_a_dead_letter_ends_when_the_event_comes_again_with_the_address(pipeline: Pipeline, brevo: Sandbox) -> None:
    (contact_id,) = brevo.add_contacts([{"email": "anna@portal.org", "listIds": [3, 5]}])
    pipeline.unsubscribe("anna")
    pipeline.work()
    assert brevo.contact(contact_id)["listIds"] == [3, 5]
    pipeline.unsubscribe("anna", email="anna@portal.org")
    pipeline.work()
    assert brevo.contact(contact_id)["listIds"] == [5]
    assert pipeline.letters() == []


def test_a_repeated_event_changes_nothing_and_another_opt_out_looks_once(anna: Pipeline) -> None:
    stamp = anna.unsubscribe("anna").stamp
    anna.work()
    with anna.requests() as requests:
        for moment in (moment_of(stamp), moment_of(stamp), at(100), at(100)):
            anna.unsubscribe("anna", occurred_at=moment)
            anna.work()
    assert requests == ["GET /v3/contacts/{id}"]


def test_every_order_of_arrival_ends_alike(warm: Pipeline) -> None:
    for number, order in enumerate(permutations(range(4))):
        user = f"user-{number}"
        said = [
            lambda user=user: warm.subscribe(user, email=f"old-{user}@portal.org", first_name="Old", occurred_at=at(1)),
            lambda user=user: warm.unsubscribe(user, email=f"old-{user}@portal.org", occurred_at=at(2)),
            lambda user=user: warm.update(user, email=f"new-{user}@portal.org", first_name="New", occurred_at=at(3)),
            lambda user=user: warm.subscribe(user, "weekly", email=f"mid-{user}@portal.org", occurred_at=at(2)),
        ]
        for index in order:
            said[index]()
            warm.work()
        held = warm.held(user)
        assert (held["email"], held["listIds"]) == (f"new-{user}@portal.org", [5]), order
        assert held["attributes"] == {"FIRSTNAME": "New", "DAILY_UNSUBSCRIBED": True}, order
    assert warm.letters() == []


def test_unsubscribing_wins_a_tie(warm: Pipeline) -> None:
    warm.unsubscribe("anna", email="anna@portal.org", occurred_at=at(5))
    warm.subscribe("anna", occurred_at=at(5))
    warm.subscribe("berta", occurred_at=at(5))
    warm.unsubscribe("berta", occurred_at=at(5))
    warm.work()
    assert [contact["ext_id"] for contact in warm.brevo.contacts()] == ["warm-up"]


def test_an_opt_out_comes_before_an_older_subscription_that_arrives_later(warm: Pipeline) -> None:
    warm.unsubscribe("anna", email="anna@portal.org", occurred_at=at(5))
    warm.work()
    warm.subscribe("anna", occurred_at=at(4))
    warm.work()
    assert [contact["ext_id"] for contact in warm.brevo.contacts()] == ["warm-up"]


def test_events_without_a_time_of_their_own_keep_the_order_of_the_calls(anna: Pipeline) -> None:
    ahead = datetime.now(UTC) + timedelta(minutes=4)
    anna.subscribe("anna", "weekly", occurred_at=ahead)
    anna.unsubscribe("anna", "weekly")
    anna.work()
    assert anna.lists("anna") == {3}
