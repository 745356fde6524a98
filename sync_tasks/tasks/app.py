"""The Celery application: ``celery -A sync_tasks worker``, also ``beat`` and ``flower``."""

import gc
import os
import signal
import sys
import threading
from contextlib import suppress
from functools import cache
from types import FrameType
from typing import Any, NoReturn

import click
from celery import Celery
from celery.signals import (
    after_task_publish,
    beat_init,
    worker_init,
    worker_ready,
    worker_shutdown,
    worker_shutting_down,
)
from kombu import Connection
from kombu.transport import TRANSPORT_ALIASES

from sync_tasks.config.broker import PATCHES, SOCKET_TRANSPORT, declares_queues, transport_for
from sync_tasks.config.environment import needing, operate_url
from sync_tasks.errors import ConfigurationError
from sync_tasks.heartbeat import note_beat, watch_worker
from sync_tasks.log import log, log_all_output, wants_json

# So many seconds may a nudge take: its event is accepted, and after a failover the old primary may hang.
NUDGED_WITHIN = 1.0
# After so many new objects a worker looks for unused ones; CPython 3.11 would after 700 (`gc.get_threshold()`).
_NEW_OBJECTS = 20_000

_ENDING = (signal.SIGTERM, signal.SIGINT)

# By default Flower shows neither whom a task is about nor why it failed or waits.
_COLUMNS = "name,state,kwargs,result,exception,received,runtime,worker,uuid"

TRANSPORT_ALIASES[SOCKET_TRANSPORT] = f"{PATCHES}:Transport"


class PipelineApp(Celery):
    """An application whose messages go out over our transport; Flower's come in over kombu's own, which it knows."""

    def connection_for_write(self, url: str | None = None, *args: Any, **options: Any) -> Connection:
        """Return a connection to send messages by."""
        url, transport = transport_for(url or self.conf.broker_write_url)
        options.setdefault("transport", transport)
        options.setdefault("transport_options", {"socket_timeout": NUDGED_WITHIN})
        connection: Connection = super().connection_for_write(url, *args, **options)
        return connection

    def send_task(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - Celery's own
        """Send a message; no queue is declared if the broker needs none, which costs a tenth of sending."""
        if not declares_queues(self.conf.broker_write_url):
            options.setdefault("declare", ())
        return super().send_task(*args, **options)

    @property
    def user_options(self) -> Any:  # noqa: ANN401 - Celery's own
        """What Celery's command line asks an application for before it does anything: a part checks what it needs."""
        command = click.get_current_context(silent=True)
        if command and command.invoked_subcommand and "--help" not in sys.argv:
            _check_command(command.invoked_subcommand)
        return self._user_options

    @user_options.setter
    def user_options(self, options: object) -> None:
        self._user_options = options


@cache
def _check_command(name: str) -> None:
    from sync_tasks.tasks import startup

    if wants_json():
        log_all_output()
    check = {
        "worker": startup.check_worker,
        "beat": startup.check_beat,
        "flower": startup.check_watcher,
    }.get(name, startup.check_queue)
    try:
        with needing("worker"):
            from sync_tasks.config.settings import load_settings
        check()
    except ConfigurationError as error:
        _end(error)
    if name == "flower":
        _prepare_flower()
    startup.warn(_print, load_settings().accounts if name == "worker" else ())


def _prepare_flower() -> None:
    os.environ.setdefault("FLOWER_TASKS_COLUMNS", _COLUMNS)
    # Whoever may log in could erase and subscribe people, and stop workers.
    os.environ.setdefault("FLOWER_READ_ONLY", "true")
    if url := operate_url():
        from sync_tasks.tasks.patches.flower import link_to

        link_to(url)


def _print(line: object) -> None:
    print(line, file=sys.stderr)  # noqa: T201 - the log is not set up yet, and would wrap each line


def _end(error: ConfigurationError) -> NoReturn:
    _print(error)
    sys.exit(2)


# A portal has an application of its own, which must stay the current one, and its workers import this module too.
app = PipelineApp(
    "sync_tasks", include=["sync_tasks.tasks"], log="sync_tasks.tasks.masking:MaskedLogging", set_as_current=False
)
app.config_from_object("sync_tasks.tasks.config")


@worker_init.connect
def check_configuration(sender: Any, **_: object) -> None:  # noqa: ANN401 - a worker, of whichever application
    """Stop a worker whose configuration makes no sense before it takes a message."""
    if sender.app is not app:
        return
    try:
        with needing("worker"):
            from sync_tasks.tasks import bootstrap
        bootstrap.worker_resources()
    except ConfigurationError as error:
        _end(error)
    worker_ready.connect(collect_less)
    worker_ready.connect(watch_sweeps)
    worker_ready.connect(watch_worker)
    worker_ready.connect(report_left_accounts)
    worker_shutting_down.connect(stop_waiting)
    worker_shutdown.connect(close_sockets)


@beat_init.connect
def watch_beat(sender: Any = None, **_: object) -> None:  # noqa: ANN401 - Celery's beat
    """Let beat leave a sign of life each time it has sent something, and end when it is asked to."""
    after_task_publish.connect(note_beat)
    if sender is not None and threading.current_thread() is threading.main_thread():
        for number in _ENDING:
            _end_for_certain(sender, number)


def _end_for_certain(beat: Any, number: signal.Signals) -> None:  # noqa: ANN401 - as above
    """Let beat's loop end by itself after a signal.

    Celery's handler (5.7) raises ``SystemExit`` wherever beat is. In a destructor or a weak reference's callback Python
    only reports that, and beat would send on for ever. A second signal amid the first would wait for ever for
    the lock of an event. To drop this: see its test pass without.
    """
    before = signal.getsignal(number)

    def end(got: int, frame: FrameType | None) -> None:
        for each in _ENDING:
            signal.signal(each, signal.SIG_IGN)
        beat.stop()
        if callable(before):
            before(got, frame)

    signal.signal(number, end)


def collect_less(**_: object) -> None:
    """Let the collector pass over what was loaded at the start: a full collection would look at all of it."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, *gc.get_threshold()[1:])


def watch_sweeps(**_: object) -> None:
    """Let this worker notice, beside its work, that nobody sweeps."""
    from sync_tasks.tasks import sweep_watchdog

    threading.Thread(target=sweep_watchdog.watch, name="watch-sweeps", daemon=True).start()


def report_left_accounts(**_: object) -> None:
    """Say which accounts left the configuration although the state may know contacts of theirs."""
    from redis import RedisError

    from sync_tasks.sync import accounts
    from sync_tasks.tasks import bootstrap

    context = bootstrap.worker_resources()
    with suppress(RedisError):
        for name in accounts.find_left(context.store, context.mappings):
            log.error("%s", accounts.describe_left(name))


def stop_waiting(**_: object) -> None:
    """Let no task wait for its turn any longer: it ends as one to be tried again, elsewhere."""
    from sync_tasks.tasks import bootstrap

    if wants_json():
        log.info("the worker ends: what runs may finish")
    bootstrap.worker_resources().limiter.stop()


def close_sockets(**_: object) -> None:
    """Give the sockets back when the worker ends."""
    from sync_tasks.tasks import bootstrap

    bootstrap.close()
