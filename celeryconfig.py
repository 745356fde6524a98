"""Celery's configuration where Celery looks for it; the settings stand in the package, so that a wheel has them too."""

from sync_tasks.tasks.config import *
