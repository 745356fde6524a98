"""The pipeline between a portal's newsletter subscriptions and Brevo: four tasks the portal enqueues."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    __version__: str
    from sync_tasks.tasks import anonymize_contact, subscribe_contact, unsubscribe_contact, update_contact

__all__ = ["anonymize_contact", "subscribe_contact", "unsubscribe_contact", "update_contact"]


def __getattr__(name: str) -> object:
    """Import the tasks when the first of them is asked for: a command that needs none need not load Celery."""
    if name == "__version__":
        from importlib.metadata import version

        return version("sync-tasks")
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from sync_tasks import tasks

    return getattr(tasks, name)
