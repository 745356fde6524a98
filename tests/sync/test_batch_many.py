"""Whatever many people wish at once, and whatever goes wrong: in a batch, too, Brevo ends as the newest events say."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync_tasks.domain.events import EVENTS, Event, parse_event
from sync_tasks.sandbox import Sandbox
from tests.promises.test_promises import TROUBLE, agrees
from tests.support.batching import SHORT, BatchingLimiter
from tests.support.histories import START
from tests.support.pipeline import MakePipeline, Pipeline

PEOPLE = [f"u{number}" for number in range(8)]
# Most say the same, as in a burst.
TASKS = ["subscribe_contact"] * 5 + ["unsubscribe_contact"] * 4 + ["update_contact", "anonymize_contact"]


@st.composite
def wishes(draw: st.DrawFn) -> Event:
    user_id = draw(st.sampled_from(PEOPLE))
    kind = EVENTS[draw(st.sampled_from(TASKS))]
    said: dict[str, Any] = {"user_id": user_id, "email": f"{user_id}@portal.org"}
    said["occurred_at"] = START + timedelta(microseconds=draw(st.integers(0, 9)))
    if "newsletter" in kind.model_fields:
        said["newsletter"] = draw(st.sampled_from(["weekly", "weekly", "daily"]))
    if kind.task == "update_contact":
        said["first_name"] = draw(st.sampled_from(["Ada", "Bea"]))
    return parse_event(kind, said)


@pytest.fixture
def batched(make_pipeline: MakePipeline) -> Pipeline:
    return make_pipeline(BatchingLimiter)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rounds=st.lists(st.lists(wishes(), min_size=1, max_size=20), min_size=1, max_size=3),
    troubles=st.lists(st.sampled_from(["", "", *TROUBLE]), min_size=3, max_size=3),
)
def test_a_batch_ends_as_the_newest_event_of_each_field_says(
    batched: Pipeline, brevo: Sandbox, rounds: list[list[Event]], troubles: list[str]
) -> None:
    brevo.reset()
    brevo.settings.import_seconds = SHORT / 3
    batched.store.redis.flushall()
    batched.waiting.clear()
    for reported, trouble in zip(rounds, troubles, strict=False):
        for event in reported:
            batched.store.accept(event)
            batched.waiting.append(event.user_id)
        if trouble:
            brevo.add_fault(trouble, count=1, path="contacts")
        batched.work_once()
    brevo.faults.clear()
    batched.work()
    assert not batched.letters()
    history = [event for reported in rounds for event in reported]
    for user_id in PEOPLE:
        own = [event for event in history if event.user_id == user_id]
        assert agrees(brevo, user_id, own), user_id
