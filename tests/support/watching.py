"""Listens to what workers say of their tasks, as Flower does."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

from celery import Celery

from tests.support.processes import wait_until

Event = dict[str, Any]


@contextmanager
def watching(app: Celery) -> Iterator[list[Event]]:
    """Yield a list that grows by every event of every worker while the block runs."""
    heard: list[Event] = []
    with app.connection_for_read() as connection:
        receiver = app.events.Receiver(connection, handlers={"*": heard.append})
        thread = Thread(target=lambda: receiver.capture(limit=None, timeout=None, wakeup=True), daemon=True)
        thread.start()
        try:
            wait_until(lambda: heard, "workers that reports themselves", timeout=20)
            yield heard
        finally:
            receiver.should_stop = True
            thread.join()


def states_of(task_id: str, heard: list[Event]) -> list[str]:
    """Return the kinds of the events about one task, in order."""
    return [event["type"].removeprefix("task-") for event in heard if event.get("uuid") == task_id]
