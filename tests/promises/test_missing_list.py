"""A list that Brevo lacks pauses its newsletter; whatever is sound about a contact reaches Brevo all the same."""

from typing import Literal

import pytest

from sync_tasks.errors import PartPausedError
from sync_tasks.rate_limits.recovery import look_for_lists
from sync_tasks.sandbox import Sandbox
from tests.support.batching import BatchingLimiter
from tests.support.pipeline import MakePipeline, Pipeline
from tests.support.processes import wait_until

Status = Literal[400, 404]
PART = "list 3"


@pytest.fixture(params=[400, 404])
def bare_brevo(brevo: Sandbox, request: pytest.FixtureRequest) -> Sandbox:
    """A sandbox without list 3, which says so in either way."""
    brevo.quirks.missing_list_status = request.param
    return brevo


def restore(brevo: Sandbox, pipeline: Pipeline) -> None:
    """Let list 3 be there, and somebody notice it."""
    brevo.account.lists[3] = brevo.account.create_list("Daily", 1)
    limiter, settings = pipeline.resources.limiter, pipeline.resources.settings

    def is_noticed() -> bool:
        look_for_lists(settings, limiter, pipeline.resources.gateways)
        return not limiter.paused_parts("default")

    wait_until(is_noticed, "the list is seen")


def test_a_new_reader_waits_for_it_and_is_created_for_the_others(bare_brevo: Sandbox, pipeline: Pipeline) -> None:
    bare_brevo.account.delete_list(3)
    joined, waits = pipeline.subscribe("anna", "weekly"), pipeline.subscribe("anna", "daily")
    outcomes = pipeline.work_once()
    assert outcomes.done.keys() == {joined}
    assert {key: type(error) for key, error in outcomes.waiting.items()} == {waits: PartPausedError}
    assert pipeline.lists("anna") == {5}
    assert pipeline.resources.limiter.paused("default") is None
    assert list(pipeline.resources.limiter.paused_parts("default")) == [PART]


def test_a_known_reader_gets_the_rest_of_the_change(bare_brevo: Sandbox, pipeline: Pipeline) -> None:
    pipeline.subscribe("anna", "weekly")
    pipeline.work()
    bare_brevo.account.delete_list(3)
    waits, left = pipeline.subscribe("anna", "daily"), pipeline.unsubscribe("anna", "weekly")
    renamed = pipeline.update("anna", first_name="Anna")
    outcomes = pipeline.work_once()
    assert outcomes.done.keys() == {left, renamed}
    assert set(outcomes.waiting) == {waits}
    assert pipeline.lists("anna") == set()
    assert pipeline.held("anna")["attributes"]["FIRSTNAME"] == "Anna"


def test_who_is_already_known_to_wait_costs_no_request_that_is_refused(brevo: Sandbox, pipeline: Pipeline) -> None:
    brevo.account.delete_list(3)
    pipeline.subscribe("anna", "daily")
    pipeline.work_once()
    for user in ("berta", "carla"):
        pipeline.subscribe(user, "weekly")
        pipeline.subscribe(user, "daily")
    refused = brevo.journal.statuses[400]
    pipeline.work_once()
    assert brevo.journal.statuses[400] == refused
    assert pipeline.lists("carla") == {5}


def test_an_opt_out_of_it_is_done_and_recorded(bare_brevo: Sandbox, pipeline: Pipeline) -> None:
    pipeline.subscribe("anna", "daily")
    pipeline.work()
    bare_brevo.account.delete_list(3)
    left = pipeline.unsubscribe("anna", "daily")
    assert left in pipeline.work().done
    assert pipeline.held("anna")["attributes"]["DAILY_UNSUBSCRIBED"] is True


def test_a_deleted_user_is_erased_although_a_list_is_gone(bare_brevo: Sandbox, pipeline: Pipeline) -> None:
    pipeline.subscribe("anna", "daily")
    pipeline.work()
    bare_brevo.account.delete_list(3)
    gone = pipeline.anonymize("anna")
    assert gone in pipeline.work().done
    assert pipeline.letters() == []
    (held,) = bare_brevo.contacts()
    assert held["emailBlacklisted"]
    assert "anna" not in str(held)


def test_many_sign_ups_waits_as_one_would(brevo: Sandbox, make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(BatchingLimiter, pipeline={"quiet_seconds": 0, "probe_seconds": 0.05})
    brevo.account.delete_list(3)
    waits = {pipeline.subscribe(f"user-{number}", "daily") for number in range(20)}
    assert set(pipeline.work_once().waiting) == waits
    assert (pipeline.letters(), brevo.contacts()) == ([], [])
    restore(brevo, pipeline)
    pipeline.work()
    assert [number for number in range(20) if pipeline.state(f"user-{number}").pending] == []
    assert (pipeline.letters(), len(brevo.contacts())) == ([], 20)
    assert pipeline.store.redis.keys(pipeline.store.key("paused_*")) == []


def test_who_left_it_meanwhile_is_looked_at_once_it_is_there_again(brevo: Sandbox, make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(pipeline={"quiet_seconds": 0, "probe_seconds": 0.05})
    pipeline.subscribe("anna", "daily")
    pipeline.work()
    gone = brevo.account.lists[3]
    brevo.account.delete_list(3)
    pipeline.unsubscribe("anna", "daily")
    pipeline.work()
    brevo.account.lists[3] = gone
    brevo.edit("anna@portal.org", {"listIds": [3]})
    limiter = pipeline.resources.limiter
    wait_until(lambda: not limiter.is_probed("default", PART), "a probe may go out")
    look_for_lists(pipeline.resources.settings, limiter, pipeline.resources.gateways)
    pipeline.work()
    assert pipeline.lists("anna") == set()


def test_a_refused_contact_is_its_own_trouble_where_all_lists_exist(pipeline: Pipeline) -> None:
    pipeline.brevo.quirks.example_addresses_refused = True
    pipeline.subscribe("anna", "daily", email="anna@example.com")
    pipeline.work()
    assert [letter.error for letter in pipeline.letters()] == ["RejectedContactError"]
    assert pipeline.resources.limiter.paused_parts("default") == {}
