"""Anonymizing: no personal data is left, wherever the contact came from and whatever else goes on."""

from typing import Any

import redis

from sync_tasks.sandbox import Sandbox
from sync_tasks.sandbox.attributes import Attribute
from sync_tasks.state.dead_letters import replay
from tests.support.pipeline import Pipeline

ANNA = {"email": "anna@portal.org", "first_name": "Anna", "last_name": "Berg"}


def subscribe_anna(pipeline: Pipeline) -> int:
    """Have Anna read two newsletters and be on a list that is none of the pipeline's; return her id at Brevo."""
    pipeline.subscribe("anna", **ANNA, attributes={"city": "Ulm", "visits": 3})
    pipeline.subscribe("anna", "weekly")
    pipeline.work()
    personal = {"HOBBY": "chess", "BORN": "1990-01-02", "SMS": "4915123456789"}
    pipeline.brevo.edit("anna@portal.org", {"attributes": personal, "listIds": [9]})
    return int(pipeline.held("anna")["id"])


def assert_nothing_is_left(brevo: Sandbox, contact_id: int) -> None:
    held: Any = brevo.contact(contact_id)
    assert held["email"].startswith("deleted-")
    assert held["ext_id"].startswith("deleted-")
    assert held["listIds"] == []
    assert held["emailBlacklisted"] is True
    texts = dict.fromkeys(("FIRSTNAME", "LASTNAME", "CITY", "HOBBY"), "DELETED")
    assert held["attributes"] == texts | {"DAILY_UNSUBSCRIBED": True}


def test_nothing_personal_is_left_however_brevo_treats_the_block(pipeline: Pipeline, either_brevo: Sandbox) -> None:
    contact_id = subscribe_anna(pipeline)
    key = pipeline.anonymize("anna")
    assert key in pipeline.work().done
    assert_nothing_is_left(either_brevo, contact_id)
    assert "anna" not in repr(either_brevo.contacts())


def test_the_new_address_and_id_show_nothing_of_the_user(pipeline: Pipeline, brevo: Sandbox) -> None:
    for user in ("anna", "berta"):
        pipeline.subscribe(user)
        pipeline.anonymize(user)
    pipeline.work()
    reported = [(contact["email"], contact.get("ext_id")) for contact in brevo.contacts()]
    assert len(set(reported)) == len(reported)
    assert not any(user in f"{address} {ext_id}" for address, ext_id in reported for user in ("anna", "berta"))


def test_nothing_personal_is_left_in_redis(pipeline: Pipeline, redis_client: redis.Redis) -> None:
    subscribe_anna(pipeline)
    pipeline.update("anna", email="anna.tal@portal.org")
    pipeline.work()
    pipeline.anonymize("anna")
    pipeline.work()
    assert pipeline.store.peek("anna") is None
    dump = b"".join(redis_client.dump(key) or b"" for key in redis_client.scan_iter())
    assert not any(word in dump for word in (b"portal.org", b"Anna", b"Berg", b"Ulm"))


def test_a_contact_that_never_existed_is_a_success(pipeline: Pipeline, brevo: Sandbox) -> None:
    key = pipeline.anonymize("anna", email="anna@portal.org")
    assert key in pipeline.work().done
    assert brevo.contacts() == []
    assert pipeline.letters() == []


def test_a_contact_older_than_the_pipeline_is_found_by_its_address(pipeline: Pipeline, brevo: Sandbox) -> None:
    row = {"email": "anna@portal.org", "attributes": {"FIRSTNAME": "Anna"}, "listIds": [3, 9]}
    (contact_id,) = brevo.add_contacts([row])
    pipeline.anonymize("anna", email="anna@portal.org")
    pipeline.work()
    held = brevo.contact(contact_id)
    assert (held["listIds"], held["emailBlacklisted"]) == ([], True)
    assert held["attributes"] == {"FIRSTNAME": "DELETED", "DAILY_UNSUBSCRIBED": True}
    assert "anna" not in repr(held)


def test_an_address_change_that_was_still_on_its_way_leaves_no_second_contact(
    pipeline: Pipeline, brevo: Sandbox
) -> None:
    contact_id = subscribe_anna(pipeline)
    pipeline.update("anna", email="anna.tal@portal.org")
    pipeline.anonymize("anna")
    pipeline.work()
    assert_nothing_is_left(brevo, contact_id)
    assert len(brevo.contacts()) == 1


def test_nothing_brings_an_erased_user_back(pipeline: Pipeline, brevo: Sandbox) -> None:
    contact_id = subscribe_anna(pipeline)
    pipeline.anonymize("anna")
    pipeline.work()
    pipeline.subscribe("anna", **ANNA)
    pipeline.update("anna", email="anna.tal@portal.org")
    with pipeline.requests() as requests:
        pipeline.work()
    assert requests == []
    assert pipeline.store.peek("anna") is None
    assert_nothing_is_left(brevo, contact_id)


def test_events_before_the_erasure_is_complete_change_nothing(pipeline: Pipeline, brevo: Sandbox) -> None:
    contact_id = subscribe_anna(pipeline)
    pipeline.anonymize("anna")
    pipeline.subscribe("anna", "monthly", **ANNA)
    pipeline.work()
    assert_nothing_is_left(brevo, contact_id)


def test_a_block_that_the_person_set_stays(pipeline: Pipeline, brevo: Sandbox) -> None:
    contact_id = subscribe_anna(pipeline)
    brevo.act("unsubscribe", "anna@portal.org")
    pipeline.anonymize("anna")
    pipeline.work()
    assert_nothing_is_left(brevo, contact_id)


def test_a_contact_that_was_deleted_at_brevo_is_a_success(pipeline: Pipeline, brevo: Sandbox) -> None:
    subscribe_anna(pipeline)
    brevo.act("delete", "anna@portal.org")
    key = pipeline.anonymize("anna")
    assert key in pipeline.work().done
    assert brevo.contacts() == []
    assert pipeline.store.peek("anna") is None


def test_a_contact_that_somebody_edits_meanwhile_is_looked_at_again(pipeline: Pipeline, brevo: Sandbox) -> None:
    contact_id = subscribe_anna(pipeline)
    pipeline.anonymize("anna")
    pipeline.work_once()
    assert pipeline.store.peek("anna") is not None, "an erasure is verified before it is complete"
    brevo.edit(contact_id, {"attributes": {"LASTNAME": "Berg"}, "listIds": [9], "emailBlacklisted": False})
    pipeline.work()
    assert_nothing_is_left(brevo, contact_id)


def test_the_address_of_an_erased_user_is_free_for_another(pipeline: Pipeline, brevo: Sandbox) -> None:
    contact_id = subscribe_anna(pipeline)
    pipeline.anonymize("anna")
    pipeline.subscribe("berta", email="anna@portal.org")
    pipeline.work()
    assert_nothing_is_left(brevo, contact_id)
    assert pipeline.held("berta")["email"] == "anna@portal.org"
    assert pipeline.letters() == []


def test_dead_letters_of_an_erased_user_are_closed(pipeline: Pipeline) -> None:
    subscribe_anna(pipeline)
    pipeline.subscribe("anna", "no-such-newsletter")
    pipeline.work()
    assert [letter.error for letter in pipeline.letters()] == ["UnknownNewsletterError"]
    pipeline.anonymize("anna")
    pipeline.work()
    assert pipeline.letters() == []


def test_an_erasure_that_brevo_accepts_and_does_not_carry_out_is_a_letter_that_names_what_it_keeps(
    pipeline: Pipeline, brevo: Sandbox
) -> None:
    contact_id = subscribe_anna(pipeline)
    brevo.add_fault("status", status=204, method="PUT")
    key = pipeline.anonymize("anna")
    outcomes = pipeline.work()
    assert key in outcomes.dead
    assert key not in outcomes.done
    (letter,) = pipeline.letters()
    assert (letter.task, letter.error) == ("anonymize_contact", "RejectedContactError")
    assert f"contact {contact_id}" in letter.message
    assert "FIRSTNAME" in letter.message
    assert "Anna" not in letter.message
    assert not pipeline.store.is_erased("anna"), "no tombstone says that it is done"
    brevo.faults.clear()
    assert replay(pipeline.store, letter, "an operator") == "replayed"
    pipeline.waiting.append("anna")
    pipeline.work()
    assert_nothing_is_left(brevo, contact_id)
    assert pipeline.store.is_erased("anna")


def test_an_erasure_that_brevo_carries_out_in_part_is_asked_for_again(pipeline: Pipeline, brevo: Sandbox) -> None:
    contact_id = subscribe_anna(pipeline)
    brevo.add_fault("status", status=204, method="PUT", count=2)
    key = pipeline.anonymize("anna")
    assert key in pipeline.work().done
    assert_nothing_is_left(brevo, contact_id)


def test_an_attribute_that_somebody_made_a_moment_ago_is_emptied_too(pipeline: Pipeline, brevo: Sandbox) -> None:
    pipeline.anonymize("berta", email="berta@portal.org")
    brevo.add_contacts([{"email": "berta@portal.org", "attributes": {"FIRSTNAME": "Berta"}}])
    pipeline.work()
    contact_id = subscribe_anna(pipeline)
    brevo.account.attributes["NICKNAME"] = Attribute("NICKNAME")
    brevo.edit(contact_id, {"attributes": {"NICKNAME": "Anni"}})

    pipeline.anonymize("anna")
    pipeline.work()

    assert "Anni" not in repr(brevo.contacts())
    assert pipeline.letters() == []


def test_an_attribute_that_the_account_does_not_list_is_not_taken_for_gone(pipeline: Pipeline, brevo: Sandbox) -> None:
    contact_id = subscribe_anna(pipeline)
    del brevo.account.attributes["HOBBY"]

    key = pipeline.anonymize("anna")

    assert str(pipeline.work().dead[key]) == f"Brevo keeps data of contact {contact_id} after its erasure: HOBBY"
    brevo.account.attributes["HOBBY"] = Attribute("HOBBY")
    (letter,) = pipeline.letters()
    replay(pipeline.store, letter, "an operator")
    pipeline.waiting.append("anna")
    pipeline.work()
    assert "chess" not in repr(brevo.contacts())
    assert pipeline.letters() == []
