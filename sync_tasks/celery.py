"""The Celery application: ``celery -A sync_tasks worker``, also ``beat`` and ``flower``."""

import sys

from celery import Celery
from celery.signals import setup_logging, worker_init, worker_shutdown, worker_shutting_down

from sync_tasks import telemetry
from sync_tasks.errors import ConfigurationError

app = Celery("sync_tasks", include=["sync_tasks.tasks"])
app.config_from_object("sync_tasks.celeryconfig")


@setup_logging.connect
def set_up_logging(**_: object) -> None:
    """Give logging to our telemetry: one line per outcome, nothing personal."""
    telemetry.set_up_logging()


@worker_init.connect
def check_configuration(**_: object) -> None:
    """Stop a worker whose configuration makes no sense before it takes a message."""
    from sync_tasks import resources

    try:
        resources.worker_resources()
    except ConfigurationError as error:
        print(error, file=sys.stderr)  # noqa: T201 - logging would wrap each line
        sys.exit(2)


@worker_shutting_down.connect
def stop_waiting(**_: object) -> None:
    """Let no task wait for its turn any longer: it ends as one to be tried again, elsewhere."""
    from sync_tasks import resources

    resources.worker_resources().throttle.stop()


@worker_shutdown.connect
def close_sockets(**_: object) -> None:
    """Give the sockets back when the worker ends."""
    from sync_tasks import resources

    resources.close()
