"""Both sides change at random and every webhook is lost: one full comparison, and there is no drift any more."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync_tasks.reconciling.running import Scope, reconcile
from sync_tasks.sandbox import Sandbox
from tests.integration.pipeline import MakePipeline, Pipeline, address_of

USERS = st.sampled_from(["anna", "ben"])
NEWSLETTERS = st.sampled_from(["daily", "weekly"])
LISTS = st.sampled_from([3, 5, 9])
CALM = Scope(max_changes=10)

Step = tuple[str, str, str, int]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["subscribe", "unsubscribe", "rename", "join", "leave", "edit", "move", "delete", "opt out", "bounce"]
        ),
        USERS,
        NEWSLETTERS,
        LISTS,
    ),
    min_size=2,
    max_size=12,
)


def act_at_portal(pipeline: Pipeline, what: str, user: str, newsletter: str) -> None:
    match what:
        case "subscribe":
            pipeline.subscribe(user, newsletter)
        case "unsubscribe":
            pipeline.unsubscribe(user, newsletter, email=address_of(user))
        case "rename":
            pipeline.update(user, first_name="Anne", email=address_of(user))


def act_at_brevo(brevo: Sandbox, what: str, contact: int, list_id: int) -> None:
    acts: dict[str, Callable[[], object]] = {
        "join": lambda: brevo.edit(contact, {"listIds": [list_id]}),
        "leave": lambda: brevo.edit(contact, {"unlinkListIds": [list_id]}),
        "edit": lambda: brevo.edit(contact, {"attributes": {"FIRSTNAME": "Eve"}}),
        "move": lambda: brevo.edit(contact, {"attributes": {"EMAIL": f"moved-{contact}@portal.org"}}),
        "delete": lambda: brevo.act("delete", contact),
        "opt out": lambda: brevo.act("unsubscribe", contact),
        "bounce": lambda: brevo.act("bounce", contact),
    }
    if what in acts:
        acts[what]()


def contact_of(brevo: Sandbox, user: str) -> int | None:
    return next((int(str(held["id"])) for held in brevo.contacts() if held.get("ext_id") == user), None)


def blocked(brevo: Sandbox) -> set[object]:
    return {held["id"] for held in brevo.contacts() if held["emailBlacklisted"]}


def play(pipeline: Pipeline, steps: list[Step]) -> None:
    """Begin with two contacts, so that there is something to change at Brevo."""
    pipeline.subscribe("anna", "daily", first_name="Anna")
    pipeline.subscribe("ben", "weekly")
    pipeline.unsubscribe("ben", "daily")
    pipeline.work()
    for what, user, newsletter, list_id in steps:
        contact = contact_of(pipeline.brevo, user)
        act_at_portal(pipeline, what, user, newsletter)
        if contact is not None:
            act_at_brevo(pipeline.brevo, what, contact, list_id)
        pipeline.work()


@pytest.fixture
def make_empty(make_pipeline: MakePipeline) -> Callable[[], Pipeline]:
    """Begin anew for each example."""
    pipeline = make_pipeline()

    def empty() -> Pipeline:
        pipeline.store.redis.flushall()
        pipeline.brevo.reset()
        pipeline.waiting.clear()
        return pipeline

    return empty


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_after_one_comparison_there_is_no_drift_and_a_second_one_only_reads(
    make_empty: Callable[[], Pipeline], steps: list[Step]
) -> None:
    pipeline = make_empty()
    play(pipeline, steps)
    before = blocked(pipeline.brevo)
    reconcile(pipeline.resources, CALM)
    pipeline.work()
    with pipeline.requests() as requests:
        (run,) = reconcile(pipeline.resources, CALM)
        pipeline.work()
    assert run.found == {}
    assert all(request.startswith("GET ") for request in requests)
    assert before <= blocked(pipeline.brevo)
