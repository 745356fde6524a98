"""Whatever a batch wants: Brevo ends as wished, and never takes more writing requests than there are contacts."""

from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync_tasks.sandbox import Sandbox
from tests.support.batching import SHORT, BatchingLimiter
from tests.support.pipeline import MakePipeline, Pipeline

LISTS = {"daily": 3, "weekly": 5, "monthly": 7}
READING = ("GET ",)
PEOPLE = st.lists(
    st.tuples(
        st.frozensets(st.sampled_from(list(LISTS))),
        st.sampled_from(("join", "leave", "name", "join and name", "leave all", "nothing")),
        st.sampled_from(list(LISTS)),
    ),
    min_size=2,
    max_size=9,
)
numbers = count()


@pytest.fixture
def batched(make_pipeline: MakePipeline, brevo: Sandbox) -> Pipeline:
    brevo.settings.import_seconds = SHORT / 3
    return make_pipeline(BatchingLimiter)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PEOPLE, st.booleans())
def test_a_batch_takes_no_more_writing_requests_than_it_has_people(
    batched: Pipeline,
    people: list[tuple[frozenset[str], str, str]],
    known: bool,  # noqa: FBT001
) -> None:
    users = {f"user-{next(numbers)}": person for person in people}
    for user_id, (subscribed, _, _) in users.items():
        for newsletter in sorted(subscribed):
            batched.subscribe(user_id, newsletter)
    if known:
        batched.work()
    for user_id, (subscribed, wish, newsletter) in users.items():
        report(batched, user_id, subscribed, wish, newsletter)

    with batched.requests() as requests:
        batched.work()

    writing = [request for request in requests if not request.startswith(READING)]
    # A list call goes before the writes of the attributes that record it, and serves two people at least.
    flagged = sum(leaves_daily(*person) for person in people)
    assert len(writing) <= len(users) + flagged // 2, writing
    for user_id, (subscribed, wish, newsletter) in users.items():
        wanted = lists_after(subscribed, wish, newsletter)
        assert wanted == (batched.lists(user_id) if exists(batched, user_id) else set())


def report(batched: Pipeline, user_id: str, subscribed: frozenset[str], wish: str, newsletter: str) -> None:
    if wish.startswith("join"):
        batched.subscribe(user_id, newsletter)
    if wish == "leave" and newsletter in subscribed:
        batched.unsubscribe(user_id, newsletter)
    if wish == "leave all":
        for one in sorted(subscribed):
            batched.unsubscribe(user_id, one)
    if wish.endswith("name") and (subscribed or wish.startswith("join")):
        batched.update(user_id, first_name="Ada")


def leaves_daily(subscribed: frozenset[str], wish: str, newsletter: str) -> bool:
    return "daily" in subscribed and (wish == "leave all" or (wish, newsletter) == ("leave", "daily"))


def lists_after(subscribed: frozenset[str], wish: str, newsletter: str) -> set[int]:
    changed = {"join": subscribed | {newsletter}, "leave": subscribed - {newsletter}, "leave all": frozenset[str]()}
    return {LISTS[one] for one in changed.get(wish.removesuffix(" and name"), subscribed)}


def exists(batched: Pipeline, user_id: str) -> bool:
    return any(held["ext_id"] == user_id for held in batched.brevo.contacts())
