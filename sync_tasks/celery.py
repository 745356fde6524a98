"""The Celery application: ``celery -A sync_tasks worker``, also ``beat`` and ``flower``."""

import sys
import threading
from typing import Any

from celery import Celery
from celery.signals import worker_init, worker_ready, worker_shutdown, worker_shutting_down
from kombu import Connection

from sync_tasks.endpoints import transport_for
from sync_tasks.errors import ConfigurationError


class Pipeline(Celery):
    """An application whose messages go out over our transport; Flower's come in over kombu's own, which it knows."""

    def connection_for_write(self, url: str | None = None, *args: Any, **options: Any) -> Connection:
        """Return a connection to send messages by."""
        options.setdefault("transport", transport_for(url or self.conf.broker_write_url))
        connection: Connection = super().connection_for_write(url, *args, **options)
        return connection


# A portal has an application of its own, which must stay the current one, and its workers import this module too.
app = Pipeline("sync_tasks", include=["sync_tasks.tasks"], log="sync_tasks.masking:MaskedLogging", set_as_current=False)
app.config_from_object("sync_tasks.celeryconfig")


@worker_init.connect
def check_configuration(sender: Any, **_: object) -> None:  # noqa: ANN401 - a worker, of whichever application
    """Stop a worker whose configuration makes no sense before it takes a message."""
    if sender.app is not app:
        return
    from sync_tasks import resources

    try:
        resources.worker_resources()
    except ConfigurationError as error:
        print(error, file=sys.stderr)  # noqa: T201 - logging would wrap each line
        sys.exit(2)
    worker_ready.connect(watch_sweeps)
    worker_shutting_down.connect(stop_waiting)
    worker_shutdown.connect(close_sockets)


def watch_sweeps(**_: object) -> None:
    """Let this worker notice, beside its work, that nobody sweeps."""
    from sync_tasks import watching

    threading.Thread(target=watching.watch, name="watch-sweeps", daemon=True).start()


def stop_waiting(**_: object) -> None:
    """Let no task wait for its turn any longer: it ends as one to be tried again, elsewhere."""
    from sync_tasks import resources

    resources.worker_resources().throttle.stop()


def close_sockets(**_: object) -> None:
    """Give the sockets back when the worker ends."""
    from sync_tasks import resources

    resources.close()
