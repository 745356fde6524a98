"""A codec that seals what is personal is a change of two functions: all else works on, and Redis shows nobody."""

from collections.abc import Iterator
from typing import Any

import pytest

from sync_tasks.reconcile.run import reconcile
from sync_tasks.state import codec
from sync_tasks.state.store import Store
from tests.support.loading import Loader, people
from tests.support.pipeline import Pipeline, address_of

TURNED = str.maketrans("abcdefghijklmnopqrstuvwxyz@.", "nopqrstuvwxyzabcdefghijklm#~")
TURNED_BACK = {new: old for old, new in TURNED.items()}
PERSONAL = ("portal.org", "elsewhere.org", "Marked", "Ulm", "Anna")


@pytest.fixture(autouse=True)
def _sealing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the codec seal: what lies in Redis can be read by nobody else."""
    monkeypatch.setattr(codec, "seal", lambda text: f"!{text.translate(TURNED)}" if text else "")
    monkeypatch.setattr(codec, "unseal", lambda text: text[1:].translate(TURNED_BACK))


def texts_in(store: Store) -> Iterator[str]:
    """Yield every key and every value that Redis holds."""
    redis: Any = store.redis
    read = {
        "hash": lambda name: (one for pair in redis.hgetall(name).items() for one in pair),
        "string": lambda name: [redis.get(name)],
        "list": lambda name: redis.lrange(name, 0, -1),
        "set": redis.smembers,
        "zset": lambda name: redis.zrange(name, 0, -1),
    }
    for name in redis.scan_iter():
        yield name
        yield from read[redis.type(name)](name)


def shown(pipeline: Pipeline) -> list[str]:
    """Return what in Redis shows a person."""
    return [text for text in texts_in(pipeline.store) if any(word in text for word in PERSONAL)]


def test_the_four_workflows_work_on_and_redis_shows_nobody(pipeline: Pipeline) -> None:
    for user in ("ada", "bea", "cara"):
        pipeline.subscribe(user, first_name="Marked", attributes={"city": "Ulm"})
    pipeline.work()
    assert shown(pipeline) == []
    pipeline.update("ada", email="ada@elsewhere.org")
    pipeline.unsubscribe("bea", email="bea@elsewhere.org")
    # Who takes over an address that is another's waits for it; then it is given up.
    pipeline.subscribe("dora", email=address_of("ada"))
    assert shown(pipeline) == []
    pipeline.work()
    assert shown(pipeline) == []
    assert pipeline.held("ada")["email"] == "ada@elsewhere.org"
    assert pipeline.held("dora")["email"] == address_of("ada")
    assert pipeline.held("ada")["attributes"]["FIRSTNAME"] == "Marked"
    pipeline.anonymize("ada")
    pipeline.work()
    assert pipeline.store.is_erased("ada")
    assert pipeline.store.claimant(address_of("ada")) == "dora"
    assert shown(pipeline) == []


def test_a_load_and_a_comparison_agree_as_before(loader: Loader) -> None:
    loader.load_rows(*people(12))
    assert shown(loader.pipeline) == []
    loader.bring()
    assert len(loader.pipeline.brevo.contacts()) == 12
    (run,) = reconcile(loader.pipeline.resources)
    assert (run.compared, run.found, run.refused) == (12, {}, "")
    assert shown(loader.pipeline) == []


def test_a_sealed_text_is_what_it_was() -> None:
    assert codec.unseal(codec.seal("zoë@portal.org")) == "zoë@portal.org"
    assert codec.seal("zoë@portal.org") != "zoë@portal.org"
