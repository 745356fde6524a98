"""An event is accepted as a whole or not at all, and one that Redis cannot take is a dead letter, not a loop."""

from typing import Any

import pytest
from redis import ResponseError

from sync_tasks.domain.events import Subscribe, parse_event
from sync_tasks.errors import InvalidEventError, UnexpectedError
from sync_tasks.tasks.foreign import receive_event
from tests.support.pipeline import Pipeline, address_of

WHOLE: dict[str, Any] = {
    "user_id": "ada",
    "newsletter": "daily",
    "email": address_of("ada"),
    "occurred_at": "2026-03-01T00:00:00Z",
}


def test_too_many_attributes_are_refused_before_an_address_is_claimed(pipeline: Pipeline) -> None:
    with pytest.raises(InvalidEventError, match="attributes: at most 100"):
        pipeline.subscribe("ada", attributes={f"field{number}": number for number in range(4500)})
    assert pipeline.store.redis.keys() == []


def test_an_event_that_reaches_the_state_past_all_limits_is_written_in_parts(pipeline: Pipeline) -> None:
    """A portal of another release may have other limits."""
    event = parse_event(Subscribe, {**WHOLE, "attributes": {"city": "Ulm"}})
    many = event.model_copy(update={"attributes": {f"field{number}": number for number in range(9000)}})
    assert pipeline.store.accept(many).status == "accepted"
    assert len(pipeline.state("ada").attributes()) == 9000


@pytest.mark.parametrize("field", ["rev", "clamped"])
def test_a_state_that_makes_no_sense_leaves_no_half_of_an_event(pipeline: Pipeline, field: str) -> None:
    """Whatever is wrong, the script finds it before its first write."""
    pipeline.store.redis.set(pipeline.store.key("secret"), "s")
    pipeline.store.redis.hset(pipeline.store.key("contacts:ada"), "rev", "no number")
    pipeline.store.redis.hset(pipeline.store.key("contacts:ada"), field, "no number")
    before = sorted(map(str, pipeline.store.redis.keys()))
    with pytest.raises(ResponseError):
        pipeline.subscribe("ada")
    assert sorted(map(str, pipeline.store.redis.keys())) == before
    assert pipeline.store.claimant(address_of("ada")) is None


def test_what_redis_cannot_take_is_a_dead_letter_of_the_worker(pipeline: Pipeline) -> None:
    pipeline.store.redis.hset(pipeline.store.key("contacts:ada"), "rev", "no number")
    with pytest.raises(UnexpectedError):
        receive_event(pipeline.store, Subscribe, WHOLE, "task-1")
    (letter,) = pipeline.letters()
    assert (letter.user_id, letter.newsletter, letter.error) == ("ada", "daily", "UnexpectedError")
    assert "@" not in letter.as_json()
