"""A Brevo that says the same in other words or under another status than those it is known for."""

from typing import Any

import pytest

from sync_tasks.domain.diff import NewContact
from sync_tasks.domain.outcomes import Outcome
from sync_tasks.errors import RateLimitedError
from sync_tasks.sandbox import Sandbox
from tests.support.batching import SHORT, BatchingLimiter
from tests.support.pipeline import MakePipeline, Pipeline, address_of


@pytest.fixture
def older(pipeline: Pipeline) -> Pipeline:
    """Brevo has two people of whom the state knows nothing."""
    rows = [{"email": address_of(user_id), "listIds": [5]} for user_id in ("ada", "bea")]
    pipeline.brevo.add_contacts(rows)
    return pipeline


@pytest.mark.parametrize("status", [400, 409, 422])
def test_somebody_who_is_there_already_is_subscribed(older: Pipeline, brevo: Sandbox, status: int) -> None:
    brevo.add_fault("status", status=status, method="POST", code="conflit", message="Ce contact existe")
    key = older.subscribe("ada")

    assert key in older.work().done
    assert brevo.contact(address_of("ada"))["listIds"] == [5, 3]


@pytest.mark.parametrize("status", [400, 409, 422])
def test_a_contact_that_has_the_new_address_takes_over(older: Pipeline, brevo: Sandbox, status: int) -> None:
    older.subscribe("cara")
    older.work()
    brevo.add_fault("status", status=status, method="PUT", code="conflit", message="Ce contact existe", count=1)
    key = older.update("cara", email=address_of("ada"))

    assert key in older.work().done
    assert brevo.contact(address_of("ada"))["listIds"] == [5, 3]
    assert brevo.contact(address_of("ada"))["ext_id"] == "cara"


@pytest.mark.parametrize("code", ["contact_not_found", "not_found"])
def test_a_404_with_another_code_pauses_nobody_else(older: Pipeline, brevo: Sandbox, code: str) -> None:
    brevo.add_fault("status", status=404, method="GET", path="/contacts/nobody", code=code)
    brevo.add_fault("status", status=404, method="PUT", path="/contacts/nobody", code=code)
    lost, kept = (
        older.unsubscribe("nobody", email=address_of("nobody")),
        older.unsubscribe("bea", "weekly", email=address_of("bea")),
    )

    outcomes = older.work()

    assert outcomes.done[kept] is Outcome.SYNCED
    assert lost in outcomes.dead if code == "not_found" else outcomes.done[lost] is Outcome.NOT_FOUND


@pytest.mark.parametrize("known", [True, False])
def test_a_list_call_that_was_carried_out_and_confirms_nobody_makes_no_dead_letters(
    make_pipeline: MakePipeline, brevo: Sandbox, *, known: bool
) -> None:
    pipeline, people = make_pipeline(BatchingLimiter), [f"user-{number}" for number in range(24)]
    brevo.settings.import_seconds = SHORT / 3
    for user_id in people if known else ():
        pipeline.subscribe(user_id)
    if known:
        pipeline.work()
    else:
        brevo.add_contacts([{"email": address_of(user_id), "listIds": [3]} for user_id in people])
    brevo.add_fault("status", status=204, method="POST", path="/contacts/remove$", applied=True)
    keys = [pipeline.unsubscribe(user_id, email=address_of(user_id)) for user_id in people]

    with pipeline.requests() as requests:
        outcomes = pipeline.work()

    assert not pipeline.letters()
    assert {outcomes.done[key] for key in keys} == {Outcome.SYNCED}
    held: Any = brevo.contacts()
    assert all(row["attributes"]["DAILY_UNSUBSCRIBED"] and not row["listIds"] for row in held)
    # Besides one request for the flag of each.
    assert len(requests) <= len(people) + 6, requests


def test_a_look_that_was_kept_does_not_decide_what_a_refused_leave_means(pipeline: Pipeline, brevo: Sandbox) -> None:
    brevo.add_contacts([{"email": address_of("ada"), "listIds": [3]}])
    brevo.add_fault("status", status=402, method="PUT", count=1)
    key = pipeline.unsubscribe("ada", email=address_of("ada"))
    pipeline.work_once()
    pipeline.resources.limiter.resume("default")
    brevo.edit(address_of("ada"), {"unlinkListIds": [3]})

    assert pipeline.work().done[key] is Outcome.SYNCED
    assert not pipeline.letters()


@pytest.mark.parametrize("status", [429, 400, 409])
def test_an_account_that_takes_no_imports_creates_everybody_alone(
    make_pipeline: MakePipeline, brevo: Sandbox, status: int
) -> None:
    pipeline, people = make_pipeline(BatchingLimiter), [f"user-{number}" for number in range(24)]
    brevo.add_fault("status", status=status, method="POST", path="/contacts/import$")
    keys = [pipeline.subscribe(user_id) for user_id in people]

    with pipeline.requests() as requests:
        outcomes = pipeline.work()

    assert {outcomes.done[key] for key in keys} == {Outcome.SYNCED}
    assert requests.count("POST /v3/contacts/import") == 3
    assert len(requests) <= len(people) + 7, requests


def test_imports_go_on_if_anything_else_is_refused_for_the_limit_too(pipeline: Pipeline, brevo: Sandbox) -> None:
    gateway, new = pipeline.resources.gateways["default"], NewContact(address_of("ada"), "ada", {}, frozenset({3}))
    brevo.add_fault("status", status=429, count=4)
    for _ in range(3):
        with pytest.raises(RateLimitedError):
            gateway.start_import([3], [new])
    assert not gateway.imports_safely

    with pytest.raises(RateLimitedError):
        gateway.create(new)

    assert gateway.imports_safely
