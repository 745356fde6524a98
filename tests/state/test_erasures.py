"""An erasure is never given up: it cannot be discarded, it is seen while it is unfinished, and it is taken up again."""

from collections.abc import Callable, Iterator

import pytest
from redis import Redis

from sync_tasks.domain.timestamps import MICROSECONDS_PER_SECOND
from sync_tasks.errors import UnfinishedErasureError
from sync_tasks.reconcile.run import reconcile
from sync_tasks.sandbox import Sandbox
from sync_tasks.sandbox.faults import Fault
from sync_tasks.state.bulk import read_erased_ids
from sync_tasks.state.dead_letters import discard, replay
from tests.support.desk import Desk
from tests.support.pipeline import Pipeline, address_of

ANNA = address_of("anna")


@pytest.fixture
def stuck(pipeline: Pipeline, brevo: Sandbox) -> Pipeline:
    """A pipeline whose erasure of Anna became a dead letter; the cause is mended since."""
    pipeline.subscribe("anna", first_name="Anna")
    pipeline.work()
    brevo.faults.add(Fault(kind="status", status=400, method="PUT"))
    pipeline.anonymize("anna")
    pipeline.work()
    brevo.faults.clear()
    assert [letter.task for letter in pipeline.letters()] == ["anonymize_contact"]
    return pipeline


def assert_erased(pipeline: Pipeline) -> None:
    (held,) = pipeline.brevo.contacts()
    assert str(held["email"]).startswith("deleted-")
    assert (pipeline.store.peek("anna"), pipeline.store.is_erased("anna"), pipeline.letters()) == (None, True, [])
    assert pipeline.store.redis.zcard(pipeline.store.key("erasures")) == 0


def test_an_erasure_cannot_be_discarded_only_replayed(stuck: Pipeline) -> None:
    (letter,) = stuck.letters()
    with pytest.raises(UnfinishedErasureError, match="only replayed"):
        discard(stuck.store, letter, "ops")
    assert replay(stuck.store, letter, "ops") == "replayed"
    stuck.work()
    assert_erased(stuck)


def test_a_comparison_takes_it_up_again(stuck: Pipeline) -> None:
    reconcile(stuck.resources)
    stuck.work()
    assert_erased(stuck)


def test_a_comparison_takes_up_what_an_older_release_let_be_discarded(stuck: Pipeline) -> None:
    (letter,) = stuck.letters()
    assert stuck.store.close("anna", letter.key, letter.id, "discarded", "ops")
    stuck.store.redis.hdel(stuck.store.key("contacts:anna"), "unsure")
    stuck.store.redis.delete(stuck.store.key("erasures"))
    (run,) = reconcile(stuck.resources)
    stuck.work()
    assert run.found == {"unfinished erasure": 1}
    assert_erased(stuck)


def test_what_nobody_finds_at_brevo_is_looked_for_again_each_night(pipeline: Pipeline, brevo: Sandbox) -> None:
    pipeline.subscribe("anna")
    pipeline.anonymize("anna")
    brevo.faults.add(Fault(kind="status", status=500))
    pipeline.work_once()
    brevo.faults.clear()
    pipeline.store.redis.zrem(pipeline.store.key("due"), "anna")
    pipeline.store.redis.zrem(pipeline.store.key("dirty"), "anna")
    pipeline.waiting.clear()
    reconcile(pipeline.resources)
    pipeline.work()
    assert (pipeline.store.peek("anna"), pipeline.store.is_erased("anna")) == (None, True)


def test_an_operator_sees_it(desk: Desk, stuck: Pipeline) -> None:
    (letter,) = stuck.letters()
    assert "1 erasure is unfinished" in desk.run("status", exits=1)
    assert desk.read("status", exits=1)["unfinished_erasures"] == 1
    assert "sync_tasks_unfinished_erasures 1" in desk.run("status", "--metrics")
    assert "cannot be discarded, only replayed" in desk.run("failed", "discard", letter.id, exits=1)
    assert len(stuck.letters()) == 1


def test_an_erasure_on_its_way_is_no_trouble_before_an_hour_is_over(desk: Desk) -> None:
    pipeline = desk.pipeline
    pipeline.subscribe("anna")
    pipeline.anonymize("anna")
    assert "unfinished: see" not in desk.run("status", exits=1)
    late = int(pipeline.store.now()) - 2 * 3600 * MICROSECONDS_PER_SECOND
    pipeline.store.redis.zadd(pipeline.store.key("erasures"), {"anna": late})
    assert "unfinished: see" in desk.run("status", exits=1)


def test_a_late_event_leaves_the_ids_in_the_tombstone(pipeline: Pipeline) -> None:
    pipeline.subscribe("anna", first_name="Anna")
    pipeline.work()
    number = pipeline.held("anna")["id"]
    pipeline.anonymize("anna")
    pipeline.work()
    for late in ("old@portal.org", "older@portal.org"):
        pipeline.update("anna", email=late, occurred_at="2026-01-01T00:00:00Z")
        pipeline.work()
    assert read_erased_ids(pipeline.store, "default") == {number}


def test_a_late_event_that_finds_another_contact_adds_its_id(pipeline: Pipeline, brevo: Sandbox) -> None:
    pipeline.subscribe("anna")
    pipeline.anonymize("anna")
    pipeline.work()
    (second,) = brevo.add_contacts([{"email": "old@portal.org"}])
    pipeline.update("anna", email="old@portal.org", occurred_at="2026-01-01T00:00:00Z")
    pipeline.work()
    assert second in read_erased_ids(pipeline.store, "default")
    assert not [one for one in brevo.contacts() if one["email"] == "old@portal.org"]


def test_an_erasure_said_again_with_another_address_looks_there_too(pipeline: Pipeline, brevo: Sandbox) -> None:
    pipeline.subscribe("anna")
    pipeline.anonymize("anna")
    pipeline.work()
    brevo.add_contacts([{"email": "other@portal.org", "listIds": [3]}])
    pipeline.anonymize("anna", email="other@portal.org")
    pipeline.work()
    assert not [one for one in brevo.contacts() if one["email"] == "other@portal.org"]


@pytest.mark.parametrize("ends", ["erased", "moved"])
def test_who_waits_for_an_address_no_longer_is_not_listed_beside_it(pipeline: Pipeline, ends: str) -> None:
    pipeline.subscribe("anna")
    for user in ("berta", "cara"):
        pipeline.subscribe(user, email=ANNA)
    pipeline.work()
    if ends == "erased":
        pipeline.anonymize("berta")
    else:
        pipeline.update("berta", email="berta@portal.org")
    (key,) = map(str, pipeline.store.redis.scan_iter(pipeline.store.key("waiting*")))
    assert pipeline.store.redis.zrange(key, 0, -1) == ["cara"]
    if ends == "erased":
        pipeline.anonymize("cara")
        assert not pipeline.store.redis.exists(key)


def test_whom_an_older_release_listed_beside_an_address_is_not_listed_after_the_erasure(pipeline: Pipeline) -> None:
    pipeline.subscribe("anna")
    pipeline.subscribe("berta", email=ANNA)
    (key,) = map(str, pipeline.store.redis.scan_iter(pipeline.store.key("waiting*")))
    pipeline.store.redis.delete(key)
    pipeline.store.redis.hset(pipeline.store.key("waiting"), key.rpartition(":")[2], "berta cara")
    pipeline.anonymize("berta")
    assert pipeline.store.redis.zrange(key, 0, -1) == ["cara"]


def test_nothing_in_redis_names_an_erased_user(pipeline: Pipeline, brevo: Sandbox) -> None:
    pipeline.subscribe("berta")
    pipeline.subscribe("marked-user")
    pipeline.work()
    brevo.act("complain", address_of("marked-user"))
    pipeline.subscribe("marked-user", "weekly")
    pipeline.update("marked-user", email=address_of("berta"))
    pipeline.work()
    pipeline.anonymize("marked-user")
    pipeline.work()
    named = {name for name, reported in read_all(pipeline.store.redis) if "marked-user" in f"{name} {reported}"}
    assert named == set()


def read_all(redis: Redis) -> Iterator[tuple[str, str]]:
    """Yield each key and all that it holds."""
    readers: dict[str, Callable[[str], object]] = {
        "string": redis.get,
        "hash": redis.hgetall,
        "set": redis.smembers,
        "list": lambda key: redis.lrange(key, 0, -1),
        "zset": lambda key: redis.zrange(key, 0, -1),
    }
    for name in map(str, redis.scan_iter()):
        yield name, str(readers[str(redis.type(name))](name))
