"""A deleted user's contact that another user has by now, in the corners of it."""

import pytest

from sync_tasks.sandbox import Sandbox
from tests.support.pipeline import Pipeline

X = "shared@portal.org"
OLD = {"LASTNAME": "Alt", "CITY": "Ulm"}


@pytest.fixture
def inherited(pipeline: Pipeline, brevo: Sandbox) -> Pipeline:
    """Nina has taken over the contact of a user from before the pipeline, with all that is in it."""
    brevo.add_contacts([{"email": X, "ext_id": "old", "attributes": OLD}])
    pipeline.subscribe("new", email=X, first_name="Nina")
    pipeline.work()
    return pipeline


def test_where_the_heir_has_said_all_that_is_there_nothing_is_cleared(inherited: Pipeline, brevo: Sandbox) -> None:
    inherited.update("new", last_name="Alt", attributes={"city": "Ulm"})
    inherited.work()
    before = brevo.contacts()
    erasure = inherited.anonymize("old", email=X)
    with inherited.requests() as requests:
        assert erasure in inherited.work().done
    assert [request for request in requests if not request.startswith("GET")] == []
    assert brevo.contacts() == before
    assert not any("cleared" in line for line in inherited.store.history("old"))


def test_an_inherited_contact_that_goes_meanwhile_leaves_nothing_to_clear(inherited: Pipeline, brevo: Sandbox) -> None:
    brevo.add_fault("status", status=404, code="document_not_found", method="PUT", count=1)
    erasure = inherited.anonymize("old", email=X)
    assert erasure in inherited.sync("old").done
    assert inherited.store.peek("old") is None
    assert inherited.store.history("old") == []
    assert inherited.letters() == []


def test_who_only_claims_a_deleted_users_address_is_no_heir(pipeline: Pipeline, brevo: Sandbox) -> None:
    (contact_id,) = brevo.add_contacts([{"email": X, "ext_id": "old", "attributes": OLD}])
    pipeline.subscribe("new", email=X, first_name="Nina")
    erasure = pipeline.anonymize("old", email=X)
    assert erasure in pipeline.sync("old").done
    assert str(brevo.contact(contact_id)["email"]).startswith("deleted-")
    pipeline.work()
    assert (pipeline.held("new")["email"], pipeline.held("new")["attributes"].get("CITY")) == (X, None)


def test_an_heir_whose_contact_was_cleared_is_looked_at_at_once(inherited: Pipeline) -> None:
    inherited.anonymize("old", email=X)
    outcomes = inherited.sync("old")
    assert "new" in outcomes.users_to_nudge
    assert list(inherited.state("new").looks) == ["default"]


def test_an_heir_of_whose_contact_nothing_was_cleared_is_left_alone(inherited: Pipeline) -> None:
    inherited.update("new", last_name="Alt", attributes={"city": "Ulm"})
    inherited.work()
    inherited.anonymize("old", email=X)
    outcomes = inherited.sync("old")
    assert "new" not in outcomes.users_to_nudge
    assert inherited.state("new").looks == {}
