"""The sweeper: whatever is due and has no nudge under way gets one, so that a lost message costs delay, never an event.

Keys under ``<namespace>:``: ``swept`` when the last sweep was, one day · ``sweeping`` while no other may sweep.
"""

from typing import Any

from kombu import Queue

from sync_tasks.celery import app
from sync_tasks.nudging import nudge_contacts
from sync_tasks.resources import worker_resources
from sync_tasks.syncing import Resources

# Shorter than beat's interval: with one beat or with ten, there is one sweep in this time.
ALONE = 4.0
LIMIT = 500
# While every account is paused somebody must probe; all others would only be put off once more.
PROBES = 5
# A queue this long is slow, not empty-handed: more nudges would not make it faster.
LONG_QUEUE = 1000


def sweep() -> int:
    """Nudge contacts that have been due for too long, and return how many."""
    using = worker_resources()
    redis, key = using.store.redis, using.store.key
    if not redis.set(key("sweeping"), "1", nx=True, px=int(ALONE * 1000)):
        return 0
    redis.set(key("swept"), using.store.now(), ex=86_400)
    users = using.store.overdue(_limit(using), using.settings.pipeline.grace_seconds)
    urgent = using.store.urgent(users)
    nudge_contacts(urgent, urgent=True)
    if _queued() > LONG_QUEUE:
        return len(urgent)
    nudge_contacts(user for user in users if user not in urgent)
    return len(users)


def _limit(using: Resources) -> int:
    paused = all(using.throttle.paused(account) for account in using.settings.accounts)
    return PROBES if paused else LIMIT


def _queued() -> int:
    """Return how many ordinary messages wait in the broker; on Redis an empty queue is one that does not exist."""
    queue = Queue(app.conf.task_default_queue)
    with app.connection_for_write() as connection:
        try:
            declared: Any = queue.bind(connection.default_channel).queue_declare(passive=True)
        except connection.channel_errors:
            return 0
        return int(declared.message_count)
