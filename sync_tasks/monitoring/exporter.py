"""Each worker, and beat, serves its metrics where ``SYNC_METRICS_ADDRESS`` says; without that nobody listens."""

import importlib
from typing import Any

from celery.signals import after_task_publish, beat_init, worker_ready

from sync_tasks.config import environment
from sync_tasks.errors import ConfigurationError
from sync_tasks.log import log


def connect() -> None:
    """Let the workers and the beat of this process serve what they count."""
    worker_ready.connect(serve_worker)
    beat_init.connect(serve_beat)


def serve_worker(**_: object) -> None:
    """Serve what this worker counts."""
    if address := environment.metrics_address():
        # What handles the first task brings the series along: they must be there, at none, before it counts.
        importlib.import_module("sync_tasks.tasks.handler")
        _serve("worker", *address)


def serve_beat(**_: object) -> None:
    """Serve what beat sent, and the numbers of the state: one beat runs, however many workers there are."""
    if address := environment.metrics_address():
        after_task_publish.connect(count_sent)
        _add_state()
        _serve("beat", *address)


def count_sent(sender: Any = None, **_: object) -> None:  # noqa: ANN401 - the name of a task
    """Count a message that beat sent."""
    from sync_tasks.meters import SENT

    SENT.labels(str(sender)).inc()


def _add_state() -> None:
    from prometheus_client import REGISTRY

    from sync_tasks.config.settings import load_settings
    from sync_tasks.monitoring.metrics import StateCollector, read_samples
    from sync_tasks.state.connection import connect as connect_redis
    from sync_tasks.state.store import Store

    try:
        settings = load_settings()
        store = Store(connect_redis(environment.redis_url()), environment.namespace())
    except ConfigurationError as error:
        log.warning("beat's metrics lack the numbers of the state: %s", error.args[0])
        return
    REGISTRY.register(StateCollector(lambda: read_samples(store, settings)))


def _serve(part: str, host: str, port: int) -> None:
    """Listen beside the work; who has no port left works without metrics."""
    from prometheus_client import start_http_server

    try:
        server, _ = start_http_server(port, host)
    except OSError as error:
        log.error("SYNC_METRICS_ADDRESS: port %s of %s: %s; choose another", port, host, error.strerror)
        return
    log.info("metrics of this %s on http://%s:%s/metrics", part, host, server.server_port)
