"""Threads in which an ASGI portal accepts events: a Redis that hangs blocks them, and not the event loop."""

import asyncio
import contextvars
import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import TypeVar

Answer = TypeVar("Answer")

# So many events may one process be accepting at a time.
THREADS = 16
# So many seconds an event waits for one of them, before nothing is accepted.
BEGINS_WITHIN = 5.0


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS, thread_name_prefix="sync-tasks-accept")


# The threads of a parent do not live on in its children.
os.register_at_fork(after_in_child=_threads.cache_clear)


async def run_in_thread(call: Callable[[], Answer]) -> Answer:
    """Return what a call answers, made in one of a few threads.

    Raises:
        redis.TimeoutError: all threads are busy, as they are if Redis hangs; the call was not made.
    """
    made = _threads().submit(contextvars.copy_context().run, call)
    answer = asyncio.wrap_future(made)
    try:
        await asyncio.wait({answer}, timeout=BEGINS_WITHIN)
        if made.cancel():
            _refuse()
        return await asyncio.shield(answer)
    except asyncio.CancelledError:
        _let_go(made, answer)
        raise


def _refuse() -> None:
    from redis import TimeoutError as RedisTimeoutError

    raise RedisTimeoutError("nothing was accepted: Redis is slow to answer the events before this one")


def _let_go(made: "Future[Answer]", answer: "asyncio.Future[Answer]") -> None:
    """Nobody waits any longer: a call that has not begun is not made, and nobody learns how another one ends."""
    made.cancel()
    answer.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
