"""A push that must wait has looked for nothing if the next one looks again: what was seen holds for a short while."""

from collections.abc import Callable

import pytest

from sync_tasks.sandbox import LimitSettings
from tests.support.pipeline import Pipeline

LOOK, CREATE = "GET /v3/contacts/anna@portal.org", "POST /v3/contacts"
Trouble = Callable[[Pipeline], None]


def use_up_the_hour(pipeline: Pipeline) -> None:
    """Two requests are left of the hour."""
    pipeline.brevo.limits.apply(LimitSettings(contacts_per_second=1000, contacts_per_hour=2))


def ask_for_patience(pipeline: Pipeline) -> None:
    """Brevo answers 425 for a while."""
    pipeline.brevo.add_fault("status", status=425, method="POST", path="/contacts$")


def refuse_the_key(pipeline: Pipeline) -> None:
    """The account is paused in the middle of a push."""
    pipeline.brevo.add_fault("status", status=401, method="POST", path="/contacts$", count=1)


def end(pipeline: Pipeline) -> None:
    """Whatever it was, it is over."""
    pipeline.brevo.faults.clear()
    pipeline.brevo.limits.apply(LimitSettings(enabled=False))
    pipeline.resources.limiter.resume("default")
    pipeline.store.redis.delete("sync_tasks:held:default:contacts")


@pytest.fixture
def seasoned(pipeline: Pipeline) -> Pipeline:
    """A pipeline that has sent all attributes once, and need not read them back."""
    pipeline.subscribe("olga")
    pipeline.work()
    return pipeline


@pytest.fixture
def waiting(seasoned: Pipeline) -> Pipeline:
    """A pipeline with a sign-up of somebody whose contact may have one of two addresses."""
    seasoned.update("anna", email="anna@portal.org", previous_email="anna@before.org")
    seasoned.subscribe("anna")
    return seasoned


@pytest.mark.parametrize("meet", [use_up_the_hour, ask_for_patience, refuse_the_key])
def test_the_next_push_goes_on_at_the_step_that_was_refused(waiting: Pipeline, meet: Trouble) -> None:
    meet(waiting)
    with waiting.requests() as before:
        waiting.work_once()
    assert before[2] == CREATE
    end(waiting)

    with waiting.requests() as requests:
        waiting.work()

    assert requests == [CREATE]
    assert waiting.lists("anna") == {3}


def test_what_was_seen_holds_no_longer_once_something_new_is_heard(waiting: Pipeline) -> None:
    refuse_the_key(waiting)
    waiting.work_once()
    end(waiting)
    waiting.update("anna", first_name="Anna")

    with waiting.requests() as requests:
        waiting.work()

    assert [request[:4] for request in requests[:3]] == ["GET ", "GET ", "POST"]


def test_what_was_seen_holds_for_some_minutes_only(waiting: Pipeline) -> None:
    refuse_the_key(waiting)
    waiting.work_once()
    end(waiting)
    contact = waiting.store.key("contacts:anna")
    until, _, rev = str(waiting.store.redis.hget(contact, "k:default")).partition(" ")
    waiting.store.redis.hset(contact, "k:default", f"{int(until) - 300_000_000:016d} {rev}")

    with waiting.requests() as requests:
        waiting.work()

    assert len(requests) == 3


def test_a_push_that_ends_well_keeps_no_look(waiting: Pipeline) -> None:
    refuse_the_key(waiting)
    waiting.work_once()
    end(waiting)
    waiting.work()

    assert not waiting.store.redis.hexists(waiting.store.key("contacts:anna"), "k:default")


def test_a_look_that_was_kept_does_not_make_sure_of_an_unknown_outcome(seasoned: Pipeline) -> None:
    seasoned.brevo.add_fault("drop", method="POST", path="/contacts$", count=1)
    seasoned.subscribe("anna")
    seasoned.work_once()
    refuse_the_key(seasoned)
    seasoned.work_once()
    end(seasoned)

    with seasoned.requests() as requests:
        seasoned.work()

    assert requests[0] == CREATE
    assert requests[1:] == ["GET /v3/contacts/{id}"]
    assert not seasoned.state("anna").unknown_since


def test_a_limit_that_is_soon_over_is_waited_for_within_the_push(waiting: Pipeline) -> None:
    waiting.brevo.add_fault("status", status=429, method="POST", path="/contacts$", count=2)

    with waiting.requests() as requests:
        report = waiting.sync("anna")

    assert [request[:4] for request in requests] == ["GET ", "GET ", "POST", "POST", "POST"]
    assert len(report.done) == 2
