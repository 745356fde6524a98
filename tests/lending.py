"""Another broker for the application of this process, for as long as a block lasts."""

from collections.abc import Iterator
from contextlib import contextmanager

from sync_tasks.celery import app


@contextmanager
def lend_broker(url: str) -> Iterator[None]:
    """Let all messages go to the Redis at this URL; afterwards everything is as it was."""
    before = app.conf.broker_url
    _lead_to(url)
    try:
        yield
    finally:
        _lead_to(before)


def _lead_to(url: str) -> None:
    app.conf.update(broker_url=url)
    # The application keeps its first producer for good; only after a fork it makes another.
    app._after_fork()  # type: ignore[attr-defined]  # celery's types leave it out
