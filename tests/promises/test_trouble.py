"""Brevo, its proxies and the network misbehave: the event waits or is one dead letter, and what is written holds."""

import logging
from dataclasses import dataclass
from typing import Any

import pytest

from sync_tasks.domain.pauses import CREATING
from sync_tasks.errors import (
    GatewayUnavailableError,
    OutOfCreditsError,
    PoisonedContactError,
    RejectedContactError,
    SyncError,
    TooEarlyError,
)
from sync_tasks.reconcile.run import reconcile
from sync_tasks.sandbox import Sandbox
from sync_tasks.state.dead_letters import read_letters, replay
from tests.support.pipeline import SETTINGS, MakePipeline, Pipeline, address_of
from tests.support.processes import wait_until


@dataclass(frozen=True)
class Trouble:
    """A fault of the sandbox, and what the pipeline calls it."""

    kind: str
    fields: dict[str, Any]
    error: type[SyncError] = GatewayUnavailableError

    def __str__(self) -> str:
        return "-".join([self.kind, *map(str, self.fields.values())])


PASSING = [
    Trouble("status", {"status": 500}),
    Trouble("status", {"status": 503, "applied": True}),
    Trouble("status", {"status": 504, "html": True, "applied": True}),
    Trouble("status", {"status": 524, "html": True}),
    Trouble("html", {}),
    Trouble("not_utf8", {"status": 500}),
    Trouble("status", {"status": 425}, TooEarlyError),
    Trouble("slow", {"seconds": 1.0}),
    Trouble("drop", {}),
    Trouble("drop_after", {}),
]


@pytest.fixture
def anna(pipeline: Pipeline) -> Pipeline:
    """A pipeline that knows Anna, who reads the daily and the weekly newsletter."""
    pipeline.subscribe("anna", "daily", first_name="Anna")
    pipeline.subscribe("anna", "weekly")
    pipeline.work()
    return pipeline


@pytest.mark.parametrize("trouble", PASSING, ids=str)
def test_a_new_contact_waits_for_trouble_to_end_and_is_created_once(
    pipeline: Pipeline, brevo: Sandbox, trouble: Trouble
) -> None:
    brevo.add_fault(trouble.kind, method="POST", **trouble.fields)
    key = pipeline.subscribe("anna", first_name="Anna")
    assert isinstance(pipeline.work_once().waiting[key], trouble.error)
    brevo.faults.clear()
    assert key in pipeline.work().done
    assert [contact["listIds"] for contact in brevo.contacts()] == [[3]]
    assert pipeline.letters() == []


@pytest.mark.parametrize("trouble", PASSING, ids=str)
def test_a_change_waits_for_trouble_to_end_and_holds(anna: Pipeline, brevo: Sandbox, trouble: Trouble) -> None:
    brevo.add_fault(trouble.kind, method="PUT", **trouble.fields)
    changed, ended = anna.update("anna", email="anna.tal@portal.org"), anna.unsubscribe("anna", "weekly")
    assert anna.work_once().waiting.keys() == {changed, ended}
    brevo.faults.clear()
    assert {changed, ended} <= anna.work().done.keys()
    held = anna.held("anna")
    assert (held["email"], held["listIds"]) == ("anna.tal@portal.org", [3])
    assert anna.letters() == []


@pytest.mark.parametrize("trouble", PASSING, ids=str)
def test_an_erasure_waits_for_trouble_to_end_and_is_complete(anna: Pipeline, brevo: Sandbox, trouble: Trouble) -> None:
    brevo.add_fault(trouble.kind, method="PUT", **trouble.fields)
    key = anna.anonymize("anna")
    assert key in anna.work_once().waiting
    brevo.faults.clear()
    anna.work()
    (held,) = brevo.contacts()
    assert (held["emailBlacklisted"], held["listIds"], "anna" in repr(held).lower()) == (True, [], False)
    assert anna.store.peek("anna") is None


def test_a_blink_of_trouble_is_over_before_anybody_notices(anna: Pipeline, brevo: Sandbox) -> None:
    brevo.add_fault("status", status=502, count=2)
    key = anna.unsubscribe("anna", "weekly")
    assert key in anna.work_once().done


def test_brevo_says_how_long_to_wait_and_is_obeyed(anna: Pipeline, brevo: Sandbox) -> None:
    brevo.add_fault("status", status=429, count=1)
    key = anna.unsubscribe("anna", "weekly")
    assert key in anna.sync("anna").done
    refused, accepted = [request for request in brevo.journal.requests() if request.method == "PUT"][-2:]
    assert refused.status == 429
    assert accepted.time - refused.time >= 1


def test_a_slow_old_write_is_not_the_last_word(make_pipeline: MakePipeline, brevo: Sandbox) -> None:
    pipeline = make_pipeline(pipeline={"quiet_seconds": 1.0})
    pipeline.subscribe("anna", "daily")
    pipeline.work()
    brevo.add_fault("late", method="PUT", count=1, seconds=0.5)
    pipeline.subscribe("anna", "weekly")
    pipeline.work_once()
    pipeline.unsubscribe("anna", "weekly")
    pipeline.work()
    assert pipeline.lists("anna") == {3}
    late = next(request for request in brevo.journal.requests() if request.late)
    wait_until(lambda: late.applied, "the late write takes effect")
    assert pipeline.lists("anna") == {3, 5}
    wait_until(lambda: pipeline.work().done or pipeline.lists("anna") == {3}, "a verifying read puts it right")
    assert pipeline.lists("anna") == {3}


def test_a_late_address_does_not_survive_an_erasure(make_pipeline: MakePipeline, brevo: Sandbox) -> None:
    pipeline = make_pipeline(pipeline={"quiet_seconds": 1.0})
    pipeline.subscribe("anna", "daily")
    pipeline.work()
    brevo.add_fault("late", method="PUT", count=1, seconds=0.5)
    pipeline.update("anna", email="anna.tal@portal.org", first_name="Anna")
    pipeline.work_once()
    pipeline.anonymize("anna")
    pipeline.work()
    late = next(request for request in brevo.journal.requests() if request.late)
    wait_until(lambda: late.applied, "the late write takes effect")
    assert "anna" in repr(brevo.contacts())
    wait_until(lambda: not pipeline.work().waiting and pipeline.store.peek("anna") is None, "the erasure is complete")
    assert "anna" not in repr(brevo.contacts()).lower()


def test_a_verified_contact_is_left_alone(make_pipeline: MakePipeline, brevo: Sandbox) -> None:
    pipeline = make_pipeline(pipeline={"quiet_seconds": 0.2})
    pipeline.subscribe("anna", "daily")
    pipeline.work()
    brevo.add_fault("drop_after", method="PUT", count=1)
    pipeline.unsubscribe("anna", "daily")
    pipeline.work()
    assert pipeline.state("anna").unknown_since
    wait_until(lambda: not pipeline.work().waiting and not pipeline.state("anna").unknown_since, "a verifying read")
    with pipeline.requests() as requests:
        pipeline.work()
    assert requests == []
    assert pipeline.store.redis.zcard(pipeline.store.key("due")) == 0


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "status", "status": 401}, "UnauthorizedError"),
        ({"kind": "status", "status": 402}, "OutOfCreditsError"),
        ({"kind": "status", "status": 403}, "ForbiddenError"),
        ({"kind": "waf"}, "ForbiddenError"),
    ],
    ids=["401", "402", "403", "firewall"],
)
def test_trouble_of_the_account_is_nobodys_dead_letter(
    make_pipeline: MakePipeline, brevo: Sandbox, fault: dict[str, Any], error: str
) -> None:
    pipeline = make_pipeline(pipeline={"quiet_seconds": 0, "probe_seconds": 0.1})
    brevo.add_fault(**fault)
    keys = {pipeline.subscribe(user) for user in ("anna", "berta", "carla")}
    assert pipeline.work_once().waiting.keys() == keys
    pause = pipeline.resources.limiter.paused("default")
    assert pause is not None
    assert pause.error == error
    assert (pipeline.letters(), brevo.contacts()) == ([], [])
    brevo.faults.clear()
    wait_until(lambda: not pipeline.work_once().waiting, "the account goes on")
    assert {contact["ext_id"] for contact in brevo.contacts()} == {"anna", "berta", "carla"}
    assert pipeline.resources.limiter.paused("default") is None


def test_a_paused_account_is_asked_no_more_than_a_probe(make_pipeline: MakePipeline, brevo: Sandbox) -> None:
    pipeline = make_pipeline(pipeline={"quiet_seconds": 0, "probe_seconds": 60})
    brevo.add_fault("status", status=401)
    pipeline.subscribe("anna")
    pipeline.work_once()
    with pipeline.requests() as requests:
        for user in ("berta", "carla", "dora"):
            pipeline.subscribe(user)
        pipeline.work_once()
    assert requests == []


def test_an_outage_pauses_the_account_until_it_is_over(make_pipeline: MakePipeline, brevo: Sandbox) -> None:
    pipeline = make_pipeline(pipeline={"quiet_seconds": 0, "probe_seconds": 0.1})
    brevo.add_fault("status", status=500)
    users = {f"user-{number}" for number in range(15)}
    for user in users:
        pipeline.subscribe(user)
    pipeline.work_once()
    assert pipeline.resources.limiter.paused("default") is not None
    brevo.faults.clear()
    wait_until(lambda: not pipeline.work_once().waiting, "the account goes on")
    assert {contact["ext_id"] for contact in brevo.contacts()} == users
    assert pipeline.letters() == []


def test_the_firewalls_dislike_of_one_contact_is_a_dead_letter_of_that_one(pipeline: Pipeline, brevo: Sandbox) -> None:
    brevo.add_fault("waf", method="POST", path="/contacts$", count=1)
    key = pipeline.subscribe("anna")
    assert isinstance(pipeline.work_once().dead[key], RejectedContactError)
    assert pipeline.resources.limiter.paused("default") is None


def test_a_refused_value_is_one_dead_letter_at_the_first_try_and_stops_no_opt_out(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(attributes={**SETTINGS["attributes"], "mobile": "SMS"})
    pipeline.subscribe("anna", "daily")
    pipeline.subscribe("anna", "weekly")
    pipeline.work()
    changed = pipeline.update("anna", attributes={"mobile": "no number"})
    ended = pipeline.unsubscribe("anna", "daily")
    outcomes = pipeline.work_once()
    assert ended in outcomes.done
    assert outcomes.dead.keys() == {changed}
    held = pipeline.held("anna")
    assert (held["listIds"], held["attributes"]["DAILY_UNSUBSCRIBED"]) == ([5], True)
    assert [letter.error for letter in pipeline.letters()] == ["RejectedNumberError"]
    with pipeline.requests() as requests:
        pipeline.work()
    assert requests == []


def test_a_newer_value_makes_up_for_a_refused_one(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(attributes={**SETTINGS["attributes"], "mobile": "SMS"})
    pipeline.subscribe("anna", attributes={"mobile": "no number"})
    pipeline.work()
    assert len(pipeline.letters()) == 1
    pipeline.update("anna", attributes={"mobile": "+4915123456789"})
    pipeline.work()
    assert pipeline.letters() == []
    assert pipeline.lists("anna") == {3}


@pytest.mark.parametrize("name", ["VISITS", "NICKNAME"], ids=["of another type", "that does not exist"])
def test_an_attribute_that_brevo_ignores_is_one_warning(
    make_pipeline: MakePipeline, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    pipeline = make_pipeline(attributes={"nickname": name, "first_name": "FIRSTNAME"})
    with caplog.at_level(logging.WARNING):
        for user in ("anna", "berta"):
            pipeline.subscribe(user, first_name="F", attributes={"nickname": "Nick"})
        pipeline.work()
    (warning,) = [record.getMessage() for record in caplog.records]
    assert f"ignores the attribute {name}" in warning
    assert "Nick" not in warning
    assert len(pipeline.brevo.contacts()) == 2


def test_a_refused_erasure_is_a_dead_letter_and_its_replay_completes_it(anna: Pipeline, brevo: Sandbox) -> None:
    brevo.add_fault("status", status=400, method="PUT")
    anna.anonymize("anna")
    anna.work()
    (letter,) = anna.letters()
    assert (letter.task, letter.error) == ("anonymize_contact", "RejectedContactError")
    brevo.faults.clear()
    assert replay(anna.store, letter, "an operator") == "replayed"
    anna.waiting.append("anna")
    anna.work()
    assert read_letters(anna.store) == []
    assert "anna" not in repr(brevo.contacts()).lower()
    assert anna.store.peek("anna") is None


def test_trouble_of_one_contact_that_lasts_too_long_is_a_dead_letter(
    make_pipeline: MakePipeline, brevo: Sandbox
) -> None:
    pipeline = make_pipeline(pipeline={"quiet_seconds": 0, "give_up_hours": 0.0001})
    brevo.add_fault("status", status=425)
    pipeline.subscribe("anna")
    wait_until(lambda: not pipeline.work_once().waiting, "the pipeline gives up")
    assert [letter.error for letter in pipeline.letters()] == ["TooEarlyError"]


def test_a_contact_that_ends_its_worker_again_and_again_is_a_dead_letter(pipeline: Pipeline, brevo: Sandbox) -> None:
    key = pipeline.subscribe("anna")
    for _ in range(3):
        wait_until(
            lambda: not isinstance(pipeline.store.lease("anna", 0.001), str), "the lease of a dead worker runs out"
        )
    wait_until(lambda: not pipeline.sync("anna").busy, "the last lease runs out")
    assert [letter.error for letter in pipeline.letters()] == [PoisonedContactError.__name__]
    assert (brevo.contacts(), pipeline.letters()[0].key) == ([], key)


def test_who_exists_already_is_found_while_creating_is_paused(pipeline: Pipeline, brevo: Sandbox) -> None:
    brevo.add_contacts([{"email": address_of("anna"), "listIds": [5]}])
    brevo.add_fault("status", status=402, method="POST", path="/contacts$")
    pipeline.subscribe("anna", "daily")
    assert pipeline.work_once().waiting == {}
    assert pipeline.lists("anna") == {3, 5}


def test_an_opt_out_of_somebody_never_seen_goes_through_while_the_same_persons_sign_up_waits(
    pipeline: Pipeline, brevo: Sandbox
) -> None:
    brevo.add_fault("status", status=402, method="POST", path="/contacts$")
    joined, left = pipeline.subscribe("anna", "daily"), pipeline.unsubscribe("anna", "weekly")
    outcomes = pipeline.work_once()
    assert outcomes.done.keys() == {left}
    assert outcomes.waiting.keys() == {joined}


def test_whom_nobody_creates_is_looked_for_once(pipeline: Pipeline, brevo: Sandbox) -> None:
    brevo.add_fault("status", status=402, method="POST", path="/contacts$")
    pipeline.subscribe("anna", "daily")
    pipeline.work_once()
    with pipeline.requests() as requests:
        pipeline.sync("anna")
    assert requests == []


def test_all_who_waited_are_due_once_one_creation_succeeds(make_pipeline: MakePipeline, brevo: Sandbox) -> None:
    pipeline = make_pipeline(pipeline={"quiet_seconds": 0, "probe_seconds": 0.05})
    brevo.add_fault("status", status=402, method="POST", path="/contacts$")
    keys = {pipeline.subscribe(user) for user in ("anna", "berta", "carla")}
    assert pipeline.work_once().waiting.keys() == keys
    assert pipeline.store.overdue(100, 0.0) == []
    brevo.faults.clear()
    wait_until(lambda: not pipeline.sync("anna").waiting, "creating goes on")
    assert set(pipeline.store.overdue(100, 0.0)) == {"berta", "carla"}
    assert pipeline.store.redis.keys(pipeline.store.key("paused_*")) == []


def test_a_key_that_no_account_knew_at_first_is_tried_again_also_by_a_batch(
    make_pipeline: MakePipeline, brevo: Sandbox
) -> None:
    pipeline = make_pipeline(sure=True, pipeline={"quiet_seconds": 0, "probe_seconds": 0.05})
    brevo.add_fault("status", status=401)
    for user in ("anna", "berta", "carla"):
        pipeline.subscribe(user)
    assert len(pipeline.work_once().waiting) == 3
    brevo.faults.clear()
    wait_until(lambda: not pipeline.work_once().waiting, "everybody is subscribed")
    assert pipeline.lists("carla") == {3}


def test_while_an_account_creates_nobody_all_is_read_and_put_right(anna: Pipeline, brevo: Sandbox) -> None:
    anna.resources.limiter.pause("default", OutOfCreditsError("402"), CREATING)
    brevo.add_contacts([{"email": "zoe@portal.org", "listIds": [3]}])
    brevo.edit(address_of("anna"), {"unlinkListIds": [3]})
    left = anna.unsubscribe("zoe", "daily", email="zoe@portal.org")
    assert left in anna.work().done
    (run,) = reconcile(anna.resources)
    assert (run.repaired, run.refused) == (1, "")
    anna.work()
    assert (anna.lists("anna"), brevo.contacts()[1]["listIds"]) == ({3, 5}, [])
    assert set(anna.resources.limiter.paused_parts("default")) == {CREATING}
