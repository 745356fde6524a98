"""The Celery application where ``celery -A sync_tasks`` looks for it."""

from sync_tasks.tasks.app import app

__all__ = ["app"]
