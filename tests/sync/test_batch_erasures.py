"""Of many erasures each is written, and twenty are looked at in one request; whom that is not enough for goes alone."""

from collections.abc import Mapping
from typing import Any

import pytest

from sync_tasks.errors import TakenAlongError
from sync_tasks.sandbox import Sandbox
from tests.support.batching import SHORT, BatchingLimiter
from tests.support.pipeline import MakePipeline, Pipeline, address_of

READ, READ_ALONE, CHANGE = "GET /v3/contacts", "GET /v3/contacts/{id}", "PUT /v3/contacts/{id}"
COUNT = 60
PEOPLE = [f"user-{chr(97 + number // 26)}{chr(97 + number % 26)}" for number in range(COUNT)]
FIRST = PEOPLE[0]
# Whose erasure shows what becomes of a block is read alone, twice at most.
EXPLORING = 2


def many(made: Pipeline, brevo: Sandbox) -> Pipeline:
    """Return the pipeline, with people who read the weekly newsletter."""
    brevo.settings.import_seconds = SHORT / 3
    for user_id in PEOPLE:
        made.subscribe(user_id, "weekly", first_name="Ada")
    made.work()
    return made


@pytest.fixture
def readers(make_pipeline: MakePipeline, brevo: Sandbox) -> Pipeline:
    """People who read the weekly newsletter, and a batch at each request."""
    return many(make_pipeline(BatchingLimiter), brevo)


def address_at(brevo: Sandbox, number: int) -> str:
    """Return the address that a contact has by now."""
    return next(str(contact["email"]) for contact in brevo.contacts() if contact["id"] == number)


def values_of(contact: Mapping[str, Any]) -> dict[str, Any]:
    return {**contact["attributes"]}


def erase_all(readers: Pipeline) -> list[str]:
    """Erase everybody, and return what was asked of Brevo until all is verified."""
    for user_id in PEOPLE:
        readers.anonymize(user_id)
    with readers.requests() as requests:
        readers.work()
    assert all(readers.store.is_erased(user_id) for user_id in PEOPLE)
    assert not readers.store.redis.exists(readers.store.key("pending:erased"))
    return requests


def held(brevo: Sandbox) -> list[tuple[object, ...]]:
    """Return what is left of each: addresses of the living, names, lists and blocks."""
    contacts = brevo.contacts()
    return [
        (contact["email"] in {*map(address_of, PEOPLE)}, values_of(contact).get("FIRSTNAME"), bool(contact["listIds"]))
        for contact in contacts
        if contact["emailBlacklisted"]
    ]


def test_many_erasures_are_looked_at_twenty_a_request(readers: Pipeline, brevo: Sandbox) -> None:
    requests = erase_all(readers)

    assert held(brevo) == [(False, "DELETED", False)] * COUNT
    assert requests.count(READ) == COUNT // 20
    assert requests.count(READ_ALONE) <= EXPLORING
    # A change of address lifts the block that is sent along: it is sent once more.
    assert requests.count(CHANGE) == 2 * COUNT


def test_the_second_look_after_the_quiet_period_is_shared_too(make_pipeline: MakePipeline, brevo: Sandbox) -> None:
    quiet = many(make_pipeline(BatchingLimiter, pipeline={"quiet_seconds": 60}), brevo)
    for user_id in PEOPLE:
        quiet.anonymize(user_id)
    quiet.work()
    assert not any(quiet.state(user_id).pending or quiet.store.is_erased(user_id) for user_id in PEOPLE)
    now = int(quiet.store.now())
    for user_id in PEOPLE:
        quiet.store.redis.hset(quiet.store.key(f"contacts:{user_id}"), "unsure", f"{now - 61_000_000:016d}")
    quiet.store.redis.zadd(quiet.store.key("due"), dict.fromkeys(PEOPLE, now))

    with quiet.requests() as requests:
        quiet.work()

    assert all(quiet.store.is_erased(user_id) for user_id in PEOPLE)
    assert len(requests) <= COUNT // 20 + EXPLORING, requests


def test_one_write_each_is_enough_where_a_block_survives_a_new_address(readers: Pipeline, brevo: Sandbox) -> None:
    brevo.quirks.email_change_lifts_blocklist_even_if_sent = False

    requests = erase_all(readers)

    assert held(brevo) == [(False, "DELETED", False)] * COUNT
    assert requests.count(CHANGE) == COUNT
    assert requests.count(READ_ALONE) <= EXPLORING


def test_whoever_has_looked_at_others_calls_the_next_so_that_none_waits_for_a_sweep(readers: Pipeline) -> None:
    for user_id in PEOPLE:
        readers.anonymize(user_id)
    for user_id in PEOPLE:
        readers.sync(user_id)

    outcomes = readers.sync(PEOPLE[3])

    left = {user_id for user_id in PEOPLE if not readers.store.is_erased(user_id)}
    assert len(left) == COUNT - 20
    assert len(outcomes.users_to_nudge & left) == 1


def test_an_erasure_is_not_done_before_it_was_looked_at(readers: Pipeline) -> None:
    for user_id in PEOPLE:
        readers.anonymize(user_id)
    readers.sync(FIRST)

    outcomes = readers.sync(PEOPLE[1])

    assert [type(error) for error in outcomes.waiting.values()] == [TakenAlongError]
    assert not outcomes.done
    assert (outcomes.retry_in, readers.state(PEOPLE[1]).pending != {}) == (0.0, True)


def test_what_others_write_after_an_erasure_is_found_by_the_look(readers: Pipeline, brevo: Sandbox) -> None:
    for user_id in PEOPLE:
        readers.anonymize(user_id)
    number = readers.held(PEOPLE[1])["id"]
    for user_id in PEOPLE[:2]:
        readers.sync(user_id)
    address = address_at(brevo, number)
    brevo.edit(address, {"attributes": {"FIRSTNAME": "Eve"}})

    readers.work()

    assert held(brevo) == [(False, "DELETED", False)] * COUNT
    assert all(readers.store.is_erased(user_id) for user_id in PEOPLE)


def test_who_is_gone_at_brevo_is_looked_for_alone(readers: Pipeline, brevo: Sandbox) -> None:
    for user_id in PEOPLE:
        readers.anonymize(user_id)
    number = readers.held(PEOPLE[1])["id"]
    for user_id in PEOPLE[:2]:
        readers.sync(user_id)
    brevo.act("delete", address_at(brevo, number))

    readers.work()

    assert held(brevo) == [(False, "DELETED", False)] * (COUNT - 1)
    assert all(readers.store.is_erased(user_id) for user_id in PEOPLE)


def test_an_account_that_shows_no_ext_id_is_asked_for_each(make_pipeline: MakePipeline, brevo: Sandbox) -> None:
    brevo.quirks.ext_id_shown = "nowhere"
    requests = erase_all(many(make_pipeline(BatchingLimiter), brevo))
    assert READ not in requests
    assert held(brevo) == [(False, "DELETED", False)] * COUNT


def test_more_than_the_erasure_is_unknown_so_each_is_looked_for_alone(readers: Pipeline, brevo: Sandbox) -> None:
    brevo.add_fault("drop_after", method="PUT", count=4)
    readers.anonymize(FIRST)
    readers.anonymize(PEOPLE[1])
    readers.sync(FIRST)
    brevo.faults.clear()

    with readers.requests() as requests:
        readers.sync(FIRST)

    assert f"GET /v3/contacts/{FIRST}" in requests
    assert READ not in requests


def test_a_killed_worker_leaves_an_erasure_to_a_look_of_its_own(readers: Pipeline) -> None:
    for user_id in PEOPLE[:3]:
        readers.anonymize(user_id)
    for user_id in PEOPLE[:3]:
        readers.sync(user_id)
    redis, contact = readers.store.redis, readers.store.key(f"contacts:{PEOPLE[1]}")
    assert redis.zscore(readers.store.key("pending:erased"), PEOPLE[1])
    redis.hset(contact, "lease", "0" * 16 + "dead")

    with readers.requests() as requests:
        readers.sync(PEOPLE[1])

    assert f"GET /v3/contacts/{PEOPLE[1]}" in requests
    assert READ not in requests
