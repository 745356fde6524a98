"""Beat sends what is due; what cannot be sent is one line in the log."""

from types import SimpleNamespace
from typing import Any

import pytest
from celery.beat import SchedulingError

from sync_tasks.tasks.patches.beat import Scheduler


@pytest.fixture
def scheduler() -> Scheduler:
    """A schedule without an app: nothing is due by itself."""
    return object.__new__(Scheduler)


ENTRY: Any = SimpleNamespace(name="sweep")


def test_what_is_due_is_sent(scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = list[object]()
    monkeypatch.setattr(Scheduler, "apply_async", lambda _, *parts, **how: sent.append((*parts, how)))
    scheduler.apply_entry(ENTRY, producer="the producer")
    assert sent == [(ENTRY, {"producer": "the producer", "advance": False})]


def test_what_cannot_be_sent_is_one_line_that_says_what_to_do(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise SchedulingError("<a body>")

    monkeypatch.setattr(Scheduler, "apply_async", fail)
    scheduler.apply_entry(ENTRY)
    (line,) = caplog.messages
    assert line.startswith("sweep was not sent: the queue is away: start its server, or correct SYNC_")
    assert [record.exc_info for record in caplog.records] == [None]
