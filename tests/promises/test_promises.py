"""Whatever the order, the repetition and the trouble on the way: Brevo ends as the newest event of each field says."""

from collections.abc import Iterable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync_tasks.domain.events import Event
from sync_tasks.domain.merge import values_of
from sync_tasks.domain.timestamps import stamp_of
from sync_tasks.errors import UnknownContactError
from sync_tasks.sandbox import Sandbox
from tests.support.histories import START, events
from tests.support.pipeline import Pipeline

LISTS = {"daily": 3, "weekly": 5}
TROUBLE = ["drop", "drop_after", "html", "not_utf8", "status", "truncated"]


def newest(history: Iterable[Event]) -> dict[str, str]:
    """Return the newest value of each register, reported as plainly as the promise is."""
    state: dict[str, tuple[str, str]] = {}
    for event in history:
        for name, value in values_of(event).items():
            reported = (stamp_of(event.occurred_at or START), value)
            state[name] = max(reported, state.get(name, reported))
    return {name: value for name, (_, value) in state.items()}


def agrees(brevo: Sandbox, user_id: str, history: list[Event]) -> bool:
    held = [contact for contact in brevo.contacts() if contact.get("ext_id") == user_id]
    wanted = newest(history)
    lists = {LISTS[name[2:]] for name, value in wanted.items() if name.startswith("n:") and value == "s"}
    if "erased" in wanted or not held:
        return not held and ("erased" in wanted or not lists)
    on_lists: Any = held[0]["listIds"]
    return len(held) == 1 and set(on_lists) == lists and held[0]["email"] == wanted.get("address", "")


def is_held(event: Event) -> bool:
    """Return whether Brevo takes all addresses of an event: it refuses those beyond ASCII."""
    return all((getattr(event, name, None) or "").isascii() for name in ("email", "previous_email"))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=st.lists(events().filter(is_held), min_size=1, max_size=7), data=st.data())
def test_brevo_ends_as_the_newest_event_of_each_field_says(
    pipeline: Pipeline, brevo: Sandbox, history: list[Event], data: st.DataObject
) -> None:
    brevo.reset()
    pipeline.store.redis.flushall()
    pipeline.waiting.clear()
    reported = data.draw(st.permutations(history + data.draw(st.lists(st.sampled_from(history), max_size=3))))
    for event, trouble in zip(
        reported, data.draw(st.lists(st.sampled_from(["", "later", *TROUBLE]), min_size=len(reported))), strict=False
    ):
        pipeline.store.accept(event)
        pipeline.waiting.append(event.user_id)
        if trouble in TROUBLE:
            brevo.add_fault(trouble, count=1, path="contacts")
        if trouble != "later":
            pipeline.work_once()
    brevo.faults.clear()
    pipeline.work()
    assert {letter.error for letter in pipeline.letters()} <= {UnknownContactError.__name__}
    assert agrees(brevo, "u1", history)
