"""Events of portals on an event loop: a Redis that hangs holds up neither the loop nor the process."""

import asyncio
import contextvars
import os
import signal
import threading
from collections.abc import Iterator

import pytest
import redis

from sync_tasks import subscribe_contact, unsubscribe_contact
from sync_tasks.errors import InvalidEventError
from sync_tasks.local.redis_server import EmbeddedRedis
from sync_tasks.portal.local_pipeline import lead_to
from sync_tasks.state.store import Store
from sync_tasks.tasks import threads
from sync_tasks.tasks.threads import run_in_thread

WHOLE = {"user_id": "anna", "newsletter": "daily", "email": "anna@portal.org"}


@pytest.mark.usefixtures("worker_environment")
def test_an_event_is_accepted_before_adelay_returns(store: Store) -> None:
    accepted = asyncio.run(subscribe_contact.adelay(user_id="anna", newsletter="daily", email="anna@portal.org"))
    contact = store.peek("anna")
    assert accepted.id
    assert contact is not None
    assert "daily" in contact.subscriptions()


def test_what_is_wrong_raises_as_delay_does() -> None:
    with pytest.raises(InvalidEventError, match="newsletter: missing"):
        asyncio.run(unsubscribe_contact.adelay(user_id="anna"))  # type: ignore[call-arg]


@pytest.fixture
def hanging_redis(private_redis: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddedRedis]:
    """A Redis that answers nothing and closes nothing."""
    monkeypatch.setenv("SYNC_REDIS_URL", private_redis.url)
    assert private_redis.pid is not None
    with lead_to(private_redis.url):
        os.kill(private_redis.pid, signal.SIGSTOP)
        yield private_redis
        os.kill(private_redis.pid, signal.SIGCONT)


@pytest.mark.usefixtures("hanging_redis")
def test_a_redis_that_hangs_does_not_hold_up_the_loop() -> None:
    async def serve() -> int:
        turns = 0
        call = asyncio.ensure_future(unsubscribe_contact.adelay(user_id="anna", newsletter="daily"))
        while not call.done():
            await asyncio.wait({call}, timeout=0.01)
            turns += 1
        with pytest.raises(redis.TimeoutError):
            await call
        return turns

    assert asyncio.run(serve()) > 10


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """All threads are busy until the event is set."""
    monkeypatch.setattr(threads, "BEGINS_WITHIN", 0.05)
    goes_on = threading.Event()
    for _ in range(threads.THREADS):
        threads._threads().submit(goes_on.wait)
    yield goes_on
    goes_on.set()


def test_where_all_threads_are_busy_nothing_is_accepted_and_the_portal_hears(busy: threading.Event) -> None:
    made: list[str] = []
    with pytest.raises(redis.TimeoutError, match="nothing was accepted"):
        asyncio.run(run_in_thread(lambda: made.append("made")))
    busy.set()
    asyncio.run(run_in_thread(lambda: None))
    assert made == []


def test_a_call_that_nobody_waits_for_any_longer_is_not_begun(busy: threading.Event) -> None:
    made: list[str] = []

    async def leave() -> None:
        call = asyncio.ensure_future(run_in_thread(lambda: made.append("made")))
        await asyncio.wait({call}, timeout=0.001)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    asyncio.run(leave())
    busy.set()
    asyncio.run(run_in_thread(lambda: None))
    assert made == []


def test_a_call_knows_the_context_it_was_made_in() -> None:
    request = contextvars.ContextVar[str]("request")

    async def serve() -> str:
        request.set("one")
        return await run_in_thread(request.get)

    assert asyncio.run(serve()) == "one"


def test_a_child_of_the_process_has_threads_of_its_own() -> None:
    asyncio.run(run_in_thread(lambda: None))
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        asyncio.run(run_in_thread(lambda: None))
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
