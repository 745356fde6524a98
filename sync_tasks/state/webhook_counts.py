"""How many events of Brevo came to what, since the first one: ``webhooks:<account>``, kept."""

from collections.abc import Mapping
from typing import cast

from sync_tasks.state.store import Store


def read_counts(store: Store, account: str) -> Mapping[str, int]:
    """Return how many events of an account came to what: noticed, duplicate, unknown, echo, ignored, malformed."""
    counts = cast("dict[str, str]", store.redis.hgetall(store.key(f"webhooks:{account}")))
    return {what: int(number) for what, number in counts.items()}
