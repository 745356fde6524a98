"""Another broker for the application of this process, for as long as a block lasts."""

from collections.abc import Iterator
from contextlib import contextmanager

from sync_tasks.tasks import accept, bootstrap
from sync_tasks.tasks.app import app

_SETTINGS = ("broker_url", "broker_use_ssl", "broker_transport_options", "task_default_queue")


@contextmanager
def lend_broker(url: str) -> Iterator[None]:
    """Let all messages go to the Redis at this URL; afterwards everything is as it was."""
    before = app.conf.broker_url
    _lead_to(url)
    try:
        yield
    finally:
        _lead_to(before)


def find_lent() -> dict[str, object]:
    """Return what this process has that a test may have lent to it: settings, and ways to the state that are open."""
    told = (accept.mapped_fields, accept.known_newsletters, accept.retired_newsletters)
    caches = (accept.portal_store, *told, bootstrap.worker_resources)
    opened = {cache.__name__: cache.cache_info().currsize for cache in caches}
    foreign = [name for name in app.tasks if not name.startswith(("celery.", "sync_tasks."))]
    return opened | {name: str(app.conf[name]) for name in _SETTINGS} | {"tasks": foreign}


def _lead_to(url: str) -> None:
    app.conf.update(broker_url=url)
    # The application keeps its first producer for good; only after a fork it makes another.
    app._after_fork()  # type: ignore[attr-defined]  # celery's types leave it out
