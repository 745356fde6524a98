"""A contact goes from one person to another: what the first one left is not the second one's, and is erased."""

from typing import Any

import pytest

from sync_tasks.sandbox import Sandbox
from tests.support.pipeline import Pipeline

X = "shared@portal.org"
OLD = {"FIRSTNAME": "Otto", "LASTNAME": "Alt", "CITY": "Ulm", "HOBBY": "chess", "SMS": "4915123456789"}


def add_former_contact(brevo: Sandbox, ext_id: str = "old") -> int:
    """Let Brevo hold the contact of a user from before the pipeline."""
    row = {"email": X, "ext_id": ext_id, "attributes": OLD, "listIds": [5, 9]}
    return brevo.add_contacts([row])[0]


def held(brevo: Sandbox, contact_id: int) -> dict[str, Any]:
    return dict(brevo.contact(contact_id))


def reported(brevo: Sandbox, contact_id: int) -> dict[str, Any]:
    return {name: value for name, value in held(brevo, contact_id)["attributes"].items() if value not in ("", None)}


def test_an_erasure_whose_address_is_another_users_by_now_clears_what_that_user_never_set(
    pipeline: Pipeline, brevo: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "sync_tasks")
    contact_id = add_former_contact(brevo)
    pipeline.subscribe("new", "daily", email=X, first_name="Nina")
    pipeline.work()
    erasure = pipeline.anonymize("old", email=X)
    outcomes = pipeline.work()
    assert erasure in outcomes.done
    assert reported(brevo, contact_id) == {"FIRSTNAME": "Nina", "DAILY_UNSUBSCRIBED": False}
    after = held(brevo, contact_id)
    assert (after["email"], after["ext_id"], after["listIds"], after["emailBlacklisted"]) == (X, "new", [3], False)
    # The history goes with the user; the log says it.
    assert any(f"cleared in contact {contact_id}: left list 5, left list 9" in line for line in caplog.messages)
    assert pipeline.store.history("old") == []
    # The heir goes on as before.
    pipeline.subscribe("new", "weekly", email=X)
    pipeline.update("new", attributes={"city": "Bonn"})
    pipeline.work()
    assert (pipeline.lists("new"), reported(brevo, contact_id)["CITY"]) == ({3, 5}, "Bonn")


@pytest.mark.parametrize("loses_ext_id", [False, True])
def test_an_erasure_never_takes_the_new_owners_own_data(
    pipeline: Pipeline, brevo: Sandbox, *, loses_ext_id: bool
) -> None:
    contact_id = add_former_contact(brevo)
    pipeline.subscribe("new", "daily", email=X, first_name="Nina", last_name="Neu", attributes={"city": "Bonn"})
    pipeline.work()
    if loses_ext_id:
        brevo.edit(contact_id, {"ext_id": "nobody"})
    pipeline.anonymize("old", email=X)
    pipeline.work()
    own = {"FIRSTNAME": "Nina", "LASTNAME": "Neu", "CITY": "Bonn", "DAILY_UNSUBSCRIBED": False}
    assert reported(brevo, contact_id) == own
    assert (held(brevo, contact_id)["email"], held(brevo, contact_id)["listIds"]) == (X, [3])


def test_what_brevo_keeps_after_all_is_a_letter_that_names_it(pipeline: Pipeline, brevo: Sandbox) -> None:
    contact_id = add_former_contact(brevo)
    pipeline.subscribe("new", "daily", email=X, first_name="Nina")
    pipeline.work()
    brevo.add_fault("status", status=400, method="PUT")
    erasure = pipeline.anonymize("old", email=X)
    assert erasure in pipeline.work().dead
    (letter,) = pipeline.letters()
    assert (letter.error, letter.user_id) == ("RejectedContactError", "old")
    assert f"contact {contact_id}" in letter.message
    assert "CITY" in letter.message
    assert "list 5" in letter.message
    assert "Ulm" not in letter.message


def test_whoever_gets_an_address_that_a_deleted_user_gave_up_long_ago_loses_nothing(
    pipeline: Pipeline, brevo: Sandbox
) -> None:
    pipeline.subscribe("old", "weekly", email=X, last_name="Alt")
    pipeline.work()
    pipeline.update("old", email="moved@portal.org")
    pipeline.work()
    pipeline.subscribe("new", "daily", email=X, first_name="Nina")
    pipeline.work()
    brevo.edit(X, {"attributes": {"HOBBY": "chess"}, "listIds": [9]})
    pipeline.anonymize("old", email=X)
    pipeline.work()
    contact = pipeline.held("new")
    assert (contact["attributes"]["HOBBY"], set(contact["listIds"])) == ("chess", {3, 9})
    assert "Alt" not in repr(brevo.contacts())


def test_whoever_takes_over_a_deleted_users_contact_does_not_inherit_their_data(
    pipeline: Pipeline, brevo: Sandbox
) -> None:
    pipeline.subscribe("old", "weekly", email="old@portal.org", last_name="Alt")
    pipeline.work()
    pipeline.anonymize("old")
    pipeline.work()
    # An import by hand brings the deleted person back, under the address that somebody else has by now.
    contact_id = add_former_contact(brevo)
    pipeline.subscribe("new", "daily", email=X, first_name="Nina")
    pipeline.work()
    assert reported(brevo, contact_id) == {"FIRSTNAME": "Nina", "DAILY_UNSUBSCRIBED": False}
    assert (pipeline.lists("new"), pipeline.letters()) == ({3}, [])


def test_whoever_moves_to_the_address_of_a_deleted_users_contact_does_not_inherit_their_data(
    pipeline: Pipeline, brevo: Sandbox
) -> None:
    pipeline.subscribe("old", "weekly", email="old@portal.org", last_name="Alt")
    pipeline.subscribe("new", "daily", first_name="Nina")
    pipeline.work()
    pipeline.anonymize("old")
    pipeline.work()
    contact_id = add_former_contact(brevo)
    pipeline.update("new", email=X)
    pipeline.work()
    assert reported(brevo, contact_id) == {"FIRSTNAME": "Nina", "DAILY_UNSUBSCRIBED": False}
    assert (pipeline.held("new")["id"], pipeline.lists("new"), pipeline.letters()) == (contact_id, {3}, [])


def test_whoever_takes_over_a_contact_of_nobody_keeps_what_it_brought_along(pipeline: Pipeline, brevo: Sandbox) -> None:
    row = {"email": X, "attributes": OLD, "listIds": [9]}
    contact_id = brevo.add_contacts([row])[0]
    pipeline.subscribe("new", "daily", email=X, first_name="Nina")
    pipeline.work()
    assert reported(brevo, contact_id) == OLD | {"FIRSTNAME": "Nina", "DAILY_UNSUBSCRIBED": False}
    assert pipeline.lists("new") == {3, 9}
