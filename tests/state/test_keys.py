"""Whatever was done, Redis holds only keys that the architecture names, and for good only those it says so of."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from sync_tasks.probe.journal import MadeJournal, probing_alone
from sync_tasks.reconcile.lock import standing_alone
from sync_tasks.state.logins import end_logins
from sync_tasks.state.posts import end_post, is_posting_alone, put_post, read_due_posts
from sync_tasks.state.relays import report_outbox
from sync_tasks.state.store import Sighting
from sync_tasks.sync.accounts import AccountAnswers, AccountOwner
from tests.support.contacts import play_all
from tests.support.keys import Lifetimes, find_keys, read_documented
from tests.support.loading import Loader


@pytest.fixture
def _lived_in(worker_environment: Path, loader: Loader) -> Iterator[None]:  # noqa: ARG001 - delay finds its way by it
    """Leave every trace in Redis that events, operators, comparisons, loads and trouble leave."""
    play_all(loader)
    store, settings = loader.pipeline.store, loader.pipeline.resources.settings
    AccountOwner(store, "default", settings.accounts["default"]).ask_anew()
    MadeJournal(store, "default", "owner").begin(["one@portal.org", "two@portal.org"])
    AccountAnswers(store, "default").keep("owner", {"unlink": "yes"})
    loader.pipeline.update("ada", email="ada@third.org")
    store.mark_changed("default", [Sighting(user_id="ada")])
    put_post(store, {"user_id": "gone"})
    end_post(store, read_due_posts(store)[0], given_up=True)
    put_post(store, {"user_id": "waits"})
    is_posting_alone(store)
    end_logins(store, "anna")
    report_outbox(store, 1, 0, None, 0)
    with standing_alone(loader.pipeline.store), probing_alone(store, "default"):
        yield


@pytest.fixture
def documented() -> Lifetimes:
    """Return each key of the architecture's table, and for how long it says that it is there."""
    return read_documented()


@pytest.mark.usefixtures("_lived_in")
def test_every_key_is_in_the_architecture_and_begins_with_the_namespace(
    redis_client: Redis, documented: Lifetimes
) -> None:
    found = find_keys(redis_client, documented)
    assert [name for name, words in found.items() if not words] == []
    # All that the table names was there, so that the next test has seen it.
    assert set(documented) - set(found.values()) == set()


@pytest.mark.usefixtures("_lived_in")
def test_no_key_stays_for_ever_but_those_that_are_documented_as_kept(
    redis_client: Redis, documented: Lifetimes
) -> None:
    found = find_keys(redis_client, documented)
    kept = {name for name, words in found.items() if documented[words].startswith("kept")}
    assert {name for name in found if redis_client.ttl(name) == -1} == kept
