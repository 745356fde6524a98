"""A Brevo whose looks show for a while what was there before a request that it has confirmed."""

from collections.abc import Callable
from typing import Any

import pytest

from sync_tasks.domain.contact import RemoteContact
from sync_tasks.domain.outcomes import Outcome
from sync_tasks.sandbox import Sandbox
from tests.support.pipeline import MakePipeline, Pipeline, address_of
from tests.support.processes import wait_until

MISSING = "document_not_found"


@pytest.fixture
def slow(make_pipeline: MakePipeline) -> Pipeline:
    """A pipeline with somebody else at Brevo, so that a look by address is believed."""
    pipeline = make_pipeline(pipeline={"quiet_seconds": 150})
    pipeline.subscribe("bea", "weekly")
    pipeline.work()
    return pipeline


def hide(brevo: Sandbox, user_id: str, method: str | None, times: int) -> None:
    """Let Brevo know nobody at the next requests for a user's contact."""
    contact = brevo.contact(address_of(user_id))
    names = "|".join([str(contact["id"]), user_id, address_of(user_id).replace("@", "(@|%40)")])
    path = f"^/v3/contacts/({names})$"
    brevo.add_fault("status", status=404, code=MISSING, method=method, path=path, count=times)


def show_as_before(pipeline: Pipeline, user_id: str, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """Let the next looks at a user's contact by its id show it as it is now."""
    gateway = pipeline.resources.gateways["default"]
    read: Callable[[int], RemoteContact | None] = gateway.read
    before, left = read(int(pipeline.held(user_id)["id"])), [None] * times

    def read_late(contact_id: int) -> RemoteContact | None:
        return before if before and before.id == contact_id and left and left.pop() is None else read(contact_id)

    monkeypatch.setattr(gateway, "read", read_late)


@pytest.mark.parametrize("times", [4, 8])
@pytest.mark.parametrize("method", [None, "GET"])
def test_an_opt_out_just_after_the_sign_up_takes_effect(
    slow: Pipeline, brevo: Sandbox, method: str | None, times: int
) -> None:
    slow.subscribe("ada")
    slow.work_once()
    hide(brevo, "ada", method, times)
    key = slow.unsubscribe("ada")

    outcomes = slow.work()

    assert outcomes.done[key] is Outcome.SYNCED
    assert brevo.contact(address_of("ada"))["listIds"] == []


@pytest.mark.parametrize("times", [4, 8])
@pytest.mark.parametrize("method", [None, "GET"])
def test_an_erasure_just_after_the_sign_up_takes_effect(
    slow: Pipeline, brevo: Sandbox, method: str | None, times: int
) -> None:
    slow.subscribe("ada")
    slow.work_once()
    contact_id = int(str(brevo.contact(address_of("ada"))["id"]))
    hide(brevo, "ada", method, times)
    key = slow.anonymize("ada")

    outcomes = slow.work()

    assert outcomes.done[key] is Outcome.SYNCED
    held: Any = brevo.contact(contact_id)
    assert held["email"].startswith("deleted-")
    assert (held["listIds"], held["emailBlacklisted"]) == ([], True)


def test_who_was_deleted_just_after_the_sign_up_is_not_found_once_the_quiet_period_is_over(
    make_pipeline: MakePipeline, brevo: Sandbox
) -> None:
    pipeline = make_pipeline(pipeline={"quiet_seconds": 0.5})
    for user_id in ("ada", "bea"):
        pipeline.subscribe(user_id)
    pipeline.work()
    brevo.act("delete", address_of("ada"))
    key = pipeline.unsubscribe("ada")
    assert key in pipeline.work_once().waiting
    wait_until(lambda: pipeline.work_once().done.get(key) is Outcome.NOT_FOUND, "nobody is found")


@pytest.mark.parametrize("times", [1, 3])
def test_an_erasure_that_a_look_does_not_show_yet_is_no_dead_letter(
    slow: Pipeline, brevo: Sandbox, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    slow.subscribe("ada", first_name="Ada")
    slow.subscribe("ada", "weekly")
    slow.work_once()
    contact_id = int(slow.held("ada")["id"])
    show_as_before(slow, "ada", monkeypatch, times)
    key = slow.anonymize("ada")

    with slow.requests() as requests:
        outcomes = slow.work()

    assert outcomes.done[key] is Outcome.SYNCED
    assert not slow.letters()
    held: Any = brevo.contact(contact_id)
    assert (held["listIds"], held["emailBlacklisted"]) == ([], True)
    assert len(requests) <= 8 + 3 * times, requests


@pytest.mark.parametrize("times", [1, 2, 5])
def test_a_value_that_was_cleared_and_is_shown_for_a_while_is_no_dead_letter(
    slow: Pipeline, brevo: Sandbox, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    slow.subscribe("ada", attributes={"city": "Ulm"})
    slow.work_once()
    show_as_before(slow, "ada", monkeypatch, times)
    key = slow.update("ada", attributes={"city": None})

    outcomes = slow.work()

    assert outcomes.done[key] is Outcome.SYNCED
    assert not slow.letters()
    held: Any = brevo.contact(address_of("ada"))
    assert "CITY" not in held["attributes"]
