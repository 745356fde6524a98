"""How Celery is set: every setting with its reason; what is not here is Celery's default.

Only the environment is read, so that the portal needs no configuration file. Names checked with Celery and kombu 5.7.
"""

from typing import Any

from celery.schedules import crontab
from kombu import Exchange, Queue

from sync_tasks.config import environment
from sync_tasks.config.broker import read_broker
from sync_tasks.domain.priority import ENDING
from sync_tasks.errors import ConfigurationError
from sync_tasks.tasks import startup

_ORDINARY = environment.namespace()
_URGENT = f"{_ORDINARY}.urgent"
_SWEEPS = f"{_ORDINARY}.sweeps"
_BACKGROUND = f"{_ORDINARY}.background"
NIGHT_EXPIRES = 3600


def _queue(name: str) -> Queue:
    # With an exchange and a key of its own: a bare Queue(name) is bound to the default exchange and gets every message.
    return Queue(name, Exchange(name, type="direct"), routing_key=name)


def _night() -> tuple[int, int]:
    # Beat alone needs it, and does not start while it is malformed: the portal and the workers need not care.
    try:
        return environment.nightly_at()
    except ConfigurationError:
        return environment.DEFAULT_NIGHT


_HOUR, _MINUTE = _night()
_broker = read_broker(startup.broker_url())
broker_url = _broker.url
if _broker.use_ssl:
    broker_use_ssl = _broker.use_ssl

# The order counts: with queue_order_strategy below, the first queue that has a message is served.
task_queues = (_queue(_SWEEPS), _queue(_URGENT), _queue(_ORDINARY), _queue(_BACKGROUND))
task_default_queue = _ORDINARY
task_routes = {
    **{f"sync_tasks.{task}": {"queue": _URGENT} for task in ENDING},
    # It brings back what got lost, and shows that it still does: it must not wait at the end of a long queue.
    "sync_tasks.sweep": {"queue": _SWEEPS},
    "sync_tasks.post_notices": {"queue": _SWEEPS},
}
# Remote control and events are broadcast to the whole Redis: without names of their own, the workers of another portal
# would obey our commands and show up in our Flower.
control_exchange = f"{_ORDINARY}.control"
event_exchange = f"{_ORDINARY}.events"
event_queue_prefix = f"{_ORDINARY}.events"

# Nothing but JSON is read from the queue: a pickle there would be code that somebody else wrote.
accept_content = ["json"]
task_serializer = "json"
result_serializer = "json"
event_serializer = "json"

# The outcome is in the contact's state, and a result would be one more place for personal data.
task_ignore_result = True
# Beat would otherwise send a task every night that cleans up results.
result_expires = None

# A message is gone when its work is done, not when it begins: a worker that dies gives it back.
task_acks_late = True
# The same if the pool is one of processes (-P prefork) and a child is killed under a living worker.
task_reject_on_worker_lost = True
# A task that raised has settled what becomes of its event: the message has done its duty.
task_acks_on_failure = True
task_acks_on_timeout = True

# A task mostly waits for Brevo: threads wait cheaply, and share the HTTP and Redis connections of their process.
worker_pool = "threads"
worker_concurrency = 16
# Each thread and one message in stock for it: what a worker hoards, no other worker can take, and while it is hoarded
# the visibility time-out runs.
worker_prefetch_multiplier = 1
# Tasks that wait for their next try come on top of the above, without end if nobody says so.
worker_eta_task_limit = 1000

# Flower sees only what workers report; that a message was sent would cost each .delay() a second message.
worker_send_task_events = True
task_send_sent_event = False

# The log is set up by our telemetry alone: one line per outcome, no personal data.
worker_hijack_root_logger = False
worker_redirect_stdouts = False

# Redis may start after the worker, and may be away for a night: wait for it, however long it takes.
broker_connection_retry_on_startup = True
broker_connection_max_retries = None
# A Redis that is full or has become a replica answers with errors: that ends no worker either.
broker_channel_error_retry = True
# A portal's request must not hang because of a nudge: the event is accepted already, and a lost nudge costs delay only.
broker_connection_timeout = 3
broker_pool_acquire_timeout = 5
task_publish_retry_policy = {"max_retries": 1, "interval_start": 0.1, "interval_step": 0.2, "interval_max": 0.5}

broker_transport_options: dict[str, Any] = {
    # Opt-outs and erasures first; the default takes turns.
    "queue_order_strategy": "priority",
    # How long a killed worker's messages wait. Redelivery is harmless here; it must only be longer than any countdown
    # and any wait of a task, or messages would be handed out again while they are being worked on.
    "visibility_timeout": 300,
    # Overdue messages are looked for every 5 seconds; by default only every 10th look, 10 seconds apart, is a real one.
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    # Names of our own, for several portals on one Redis. Not global_keyprefix: it would rename the queues too, and a
    # producer that does not know it would write where nobody reads.
    "unacked_key": f"{_ORDINARY}:unacked",
    "unacked_index_key": f"{_ORDINARY}:unacked_index",
    "unacked_mutex_key": f"{_ORDINARY}:unacked_mutex",
    # A connection whose other end vanished without a word must be found dead in seconds: by default it hangs for ever.
    "socket_timeout": 5,
    "socket_connect_timeout": 3,
    "socket_keepalive": True,
    "health_check_interval": 5,
    # No retry_on_timeout: redis-py then opens a lost connection for broadcasts anew in the middle of a read and waits
    # there for ever, and the whole worker with it. Without it the worker sees the loss and connects again.
    # kombu's pool does not wait for a free connection, it raises: as many as there are threads, and some.
    "max_connections": 2 * worker_concurrency,
    # The name of the primary and how to reach the sentinels, if it is they who know the broker.
    **_broker.options,
}

# Celery's consumer with three defects mended: without that, a restart of Redis would end every busy worker.
worker_consumer = "sync_tasks.tasks.patches.consumer:Consumer"
# SIGQUIT, or Ctrl-C twice: running tasks get this long to end and acknowledge. (SIGTERM waits for all of them.)
worker_soft_shutdown_timeout = 15
# A thread cannot be cancelled: Celery would log a traceback for each task and let it run. It may run to its end: its
# message comes again and finds nothing left to do.
worker_cancel_long_running_tasks_on_connection_loss = False

beat_schedule = {
    "sweep": {
        "task": "sync_tasks.sweep",
        "schedule": 5.0,
        # While no worker runs, sweeps must not pile up to be done all at once.
        "options": {"expires": 30.0},
    },
    "reconcile": {
        "task": "sync_tasks.reconcile",
        "schedule": crontab(hour=_HOUR, minute=_MINUTE),
        # What was found by day is no better than what is found the next night, and costs the portal's own requests.
        "options": {"expires": float(NIGHT_EXPIRES)},
    },
}
# An interval needs no memory: the default would leave a schedule file in the working directory.
beat_scheduler = "sync_tasks.tasks.patches.beat:Scheduler"
