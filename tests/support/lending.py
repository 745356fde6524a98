"""Another broker for the application of this process, for as long as a block lasts."""

from sync_tasks.tasks import accept, bootstrap
from sync_tasks.tasks.app import app

_SETTINGS = ("broker_url", "broker_use_ssl", "broker_transport_options", "task_default_queue")


def find_lent() -> dict[str, object]:
    """Return what this process has that a test may have lent to it: settings, and ways to the state that are open."""
    caches = (accept.portal_store, accept.configuration_at_hand, bootstrap.worker_resources)
    opened = {cache.__name__: cache.cache_info().currsize for cache in caches}
    foreign = [name for name in app.tasks if not name.startswith(("celery.", "sync_tasks."))]
    return opened | {name: str(app.conf[name]) for name in _SETTINGS} | {"tasks": foreign}
