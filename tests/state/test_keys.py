"""Whatever was done, Redis holds only keys that the architecture tells of, and for good only those it says so of."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from sync_tasks.reconcile.lock import standing_alone
from sync_tasks.sync.accounts import AccountOwner
from tests.support.contacts import play_all
from tests.support.loading import Loader

ARCHITECTURE = Path(__file__).parents[2] / "docs" / "architecture.md"
NAMESPACE = "sync_tasks:"
# What the broker keeps is Celery's own: its queues, and which of them there are.
BROKER = re.compile(r"sync_tasks(\.urgent|\.sweeps)?|_kombu\.binding(_permanent)?\.sync_tasks.*|sync_tasks:unacked.*")

Lifetimes = dict[str, str]


@pytest.fixture
def _lived_in(worker_environment: Path, loader: Loader) -> Iterator[None]:  # noqa: ARG001 - delay finds its way by it
    """Leave every trace in Redis that events, operators, comparisons, loads and trouble leave."""
    play_all(loader)
    store, settings = loader.pipeline.store, loader.pipeline.resources.settings
    AccountOwner(store, "default", settings.accounts["default"]).doubt()
    with standing_alone(loader.pipeline.store):
        yield


@pytest.fixture
def documented() -> Lifetimes:
    """Return each key of the architecture's table, and for how long it says that it is there."""
    section = ARCHITECTURE.read_text().partition("\n### Keys")[2].partition("\n### ")[0]
    cells = [line.split("|") for line in section.splitlines() if line.startswith("| `")]
    told = {name: lifetime.strip() for _, names, _, lifetime, *_ in cells for name in re.findall(r"`([^`]+)`", names)}
    return {name: lifetime for name, lifetime in told.items() if not name.startswith(("<namespace>", "unacked"))}


def find_keys(redis_client: Redis, documented: Lifetimes) -> dict[str, str]:
    """Return each key that is there now and not the broker's, and the words by which it is documented."""
    patterns = {words: re.compile(re.sub(r"<[^>]*>", "[^:]*", words)) for words in documented}
    names = [name.decode() for name in redis_client.scan_iter()]
    ours = [name for name in names if not BROKER.fullmatch(name)]
    told = {name: [words for words in patterns if patterns[words].fullmatch(_bare(name))] for name in ours}
    return {name: words[0] if words else "" for name, words in told.items()}


def _bare(name: str) -> str:
    return name.removeprefix(NAMESPACE) if name.startswith(NAMESPACE) else "outside the namespace"


@pytest.mark.usefixtures("_lived_in")
def test_every_key_is_in_the_architecture_and_begins_with_the_namespace(
    redis_client: Redis, documented: Lifetimes
) -> None:
    found = find_keys(redis_client, documented)
    assert [name for name, words in found.items() if not words] == []
    # All that the table tells of was there, so that the next test has seen it.
    assert set(documented) - set(found.values()) == set()


@pytest.mark.usefixtures("_lived_in")
def test_no_key_stays_for_ever_but_those_that_are_documented_as_kept(
    redis_client: Redis, documented: Lifetimes
) -> None:
    found = find_keys(redis_client, documented)
    kept = {name for name, words in found.items() if documented[words].startswith("kept")}
    assert {name for name in found if redis_client.ttl(name) == -1} == kept
