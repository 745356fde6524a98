"""The counts of Brevo's events by result, since the first one. Key: ``<namespace>:webhooks:<account>``, kept."""

from collections.abc import Mapping
from typing import cast

from sync_tasks.state.store import Store


def read_counts(store: Store, account: str) -> Mapping[str, int]:
    """Return an account's counts by result: noticed, duplicate, unknown, echo, ignored, malformed."""
    counts = cast("dict[str, str]", store.redis.hgetall(store.key(f"webhooks:{account}")))
    return {what: int(number) for what, number in counts.items()}
