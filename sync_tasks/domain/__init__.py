"""Pure rules: no Redis, no Celery, no SDK."""
