"""What a process counts of its own work, for Prometheus; nothing personal is among it.

The portal's side must not import this module: prometheus-client comes with the extra ``worker``.
"""

from prometheus_client import Counter, Histogram

_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 3600, 14400, 86400)
_CONTACTS = (2, 5, 10, 25, 50, 100, 150, 500, 1000, 5000)

EVENTS = Counter("sync_tasks_events", "Outcomes of events, by task and outcome.", ["task", "outcome"])
RETRIES = Counter("sync_tasks_retries", "Events to be tried again, by task and error.", ["task", "error"])
REQUESTS = Counter(
    "sync_tasks_provider_requests", "Requests to Brevo, by kind and answer, each try by itself.", ["kind", "answer"]
)
CONFIRMED = Histogram(
    "sync_tasks_confirmation_seconds",
    "Time from the acceptance of an event until Brevo agreed with it, by task.",
    ["task"],
    buckets=_SECONDS,
)
BATCHES = Histogram("sync_tasks_batch_contacts", "Contacts that one request served.", ["kind"], buckets=_CONTACTS)
REFUSED = Counter("sync_tasks_refused_messages", "Messages in our queues that no task takes.")
SENT = Counter("sync_tasks_beat_sent", "Messages that beat has sent, by task.", ["task"])
