"""Twenty contacts are read in one request, and whom that does not show as it should be is read alone."""

import pytest

from sync_tasks.domain.priority import Priority
from sync_tasks.sandbox import Sandbox
from sync_tasks.state.store import Sighting
from tests.support.batching import SHORT, BatchingLimiter
from tests.support.pipeline import MakePipeline, Pipeline, address_of

READ, READ_ALONE, CHANGE = "GET /v3/contacts", "GET /v3/contacts/{id}", "PUT /v3/contacts/{id}"
COUNT = 60
PEOPLE = [f"user-{number}" for number in range(COUNT)]


@pytest.fixture
def readers(make_pipeline: MakePipeline, brevo: Sandbox) -> Pipeline:
    """People who read the weekly newsletter, and a batch at each request."""
    brevo.settings.import_seconds = SHORT / 3
    batched = make_pipeline(BatchingLimiter)
    for user_id in PEOPLE:
        batched.subscribe(user_id, "weekly", first_name="Ada")
    batched.work()
    return batched


def notice_all(readers: Pipeline) -> None:
    readers.store.mark_changed("default", [Sighting(user_id=user_id) for user_id in PEOPLE])
    readers.waiting.extend(PEOPLE)


def test_a_mass_edit_at_brevo_is_looked_at_twenty_a_request(readers: Pipeline) -> None:
    notice_all(readers)

    with readers.requests() as requests:
        readers.work()

    assert requests == [READ] * (COUNT // 20)
    assert not any(readers.state(user_id).looks for user_id in PEOPLE)


def test_whoever_left_a_look_to_another_is_looked_at_after_one_message(readers: Pipeline) -> None:
    readers.store.mark_changed("default", [Sighting(user_id=user_id) for user_id in PEOPLE])
    readers.waiting.append(PEOPLE[0])

    with readers.requests() as requests:
        readers.work()

    assert requests == [READ] * (COUNT // 20)
    assert not any(readers.state(user_id).looks for user_id in PEOPLE)
    assert not readers.store.redis.exists(readers.store.key("pending:look:default"))


def test_looks_ask_for_their_permits_behind_the_portals_events(readers: Pipeline) -> None:
    limiter = readers.resources.limiter
    assert isinstance(limiter, BatchingLimiter)
    limiter.granted.clear()
    notice_all(readers)
    readers.work()
    assert set(limiter.granted) == {Priority.LOOK}


def test_who_was_edited_at_brevo_is_seen_in_a_batch_and_put_right(readers: Pipeline) -> None:
    for user_id in PEOPLE:
        readers.brevo.edit(address_of(user_id), {"attributes": {"FIRSTNAME": "Eve"}})
    notice_all(readers)

    with readers.requests() as requests:
        readers.work()

    assert [requests.count(what) for what in (READ, CHANGE)] == [COUNT // 20, COUNT]
    assert requests.count(READ_ALONE) <= 1, "an attribute that is sent for the first time is read back"
    assert {readers.held(user_id)["attributes"]["FIRSTNAME"] for user_id in PEOPLE} == {"Ada"}


def test_changes_of_address_are_read_in_batches_and_cost_one_request_each(readers: Pipeline) -> None:
    for user_id in PEOPLE:
        readers.update(user_id, email=f"{user_id}@elsewhere.org", previous_email=address_of(user_id))

    with readers.requests() as requests:
        readers.work()

    assert requests.count(CHANGE) == COUNT
    assert len(requests) <= COUNT * 1.1, requests
    assert {readers.held(user_id)["email"] for user_id in PEOPLE} == {f"{user}@elsewhere.org" for user in PEOPLE}


def test_a_block_is_read_alone_for_a_page_shows_no_reason(readers: Pipeline) -> None:
    blocked = PEOPLE[:5]
    for user_id in blocked:
        readers.brevo.act("complain", address_of(user_id))
    notice_all(readers)

    with readers.requests() as requests:
        readers.work()

    assert requests.count(READ_ALONE) == len(blocked)
    blocks = [readers.state(user_id).seen["default"].block for user_id in PEOPLE]
    assert [block.kind for block in blocks if block] == ["complaint"] * len(blocked)


def test_a_blocked_persons_address_changes_only_with_the_block(readers: Pipeline) -> None:
    readers.brevo.act("unsubscribe", address_of(PEOPLE[3]))
    for user_id in PEOPLE:
        readers.update(user_id, email=f"{user_id}@elsewhere.org")

    readers.work()

    assert [readers.held(user_id)["emailBlacklisted"] for user_id in PEOPLE].count(True) == 1
    assert readers.held(PEOPLE[3])["emailBlacklisted"]


def test_who_is_gone_at_brevo_is_found_out_alone(readers: Pipeline) -> None:
    readers.brevo.act("delete", address_of(PEOPLE[0]))
    notice_all(readers)

    with readers.requests() as requests:
        readers.work()

    assert requests.count(READ_ALONE) <= 2
    assert readers.lists(PEOPLE[0]) == {5}, "whoever is subscribed is created again"


def test_where_brevo_ignores_the_ids_each_is_read_alone_from_then_on(readers: Pipeline, brevo: Sandbox) -> None:
    brevo.quirks.ids_look_finds = False
    notice_all(readers)

    with readers.requests() as requests:
        readers.work()

    assert requests.count(READ) == 1
    assert len(requests) <= COUNT + 1
    assert not any(readers.state(user_id).looks for user_id in PEOPLE)
