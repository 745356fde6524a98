"""The Celery application where ``celery -A sync_tasks`` looks for it."""

from sync_tasks.monitoring import exporter
from sync_tasks.tasks.app import app

exporter.connect()

__all__ = ["app"]
