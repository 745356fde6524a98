"""Beat ends when it must, whatever it does at that moment."""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from typing import ClassVar

import pytest
from celery.apps.beat import Beat
from celery.beat import Scheduler, Service
from celery.signals import after_task_publish, beat_init

from sync_tasks.tasks.app import app, watch_beat

MANY = 50


class Deaf(Scheduler):
    """A scheduler that is asked to end where Python reports an exception and goes on, as in a destructor."""

    number: ClassVar[signal.Signals]
    ticks: ClassVar[int]

    def tick(self, *_: object, **__: object) -> float:
        type(self).ticks += 1
        if self.ticks > MANY:
            raise SystemExit
        if self.ticks == 1:
            with suppress(SystemExit):
                os.kill(os.getpid(), self.number)
        return 0.001


@pytest.fixture
def signals(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let this process end as before afterwards."""
    monkeypatch.setattr(after_task_publish, "receivers", [])
    monkeypatch.setattr(beat_init, "receivers", [])
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_beat_ends_although_its_exception_was_lost(number: signal.Signals, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Deaf, "number", number, raising=False)
    monkeypatch.setattr(Deaf, "ticks", 0, raising=False)
    beat_init.connect(watch_beat)
    service = Service(app=app, scheduler_cls=Deaf)
    Beat.install_sync_handler(object.__new__(Beat), service)

    service.start()

    assert Deaf.ticks == 1
