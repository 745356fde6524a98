"""What a worker works with."""

from collections.abc import Mapping
from dataclasses import dataclass

from sync_tasks.config.settings import Settings
from sync_tasks.domain.mapping import AccountMapping
from sync_tasks.domain.retry import RetryPolicy
from sync_tasks.providers import Gateway
from sync_tasks.rate_limits.limiter import Limiter
from sync_tasks.state.store import Store


@dataclass(frozen=True, slots=True, repr=False)
class Resources:
    """What a worker process works with."""

    settings: Settings
    store: Store
    limiter: Limiter
    gateways: Mapping[str, Gateway]
    mappings: Mapping[str, AccountMapping]

    @property
    def retry_policy(self) -> RetryPolicy:
        """When trouble is tried again, as configured."""
        pipeline = self.settings.pipeline
        return RetryPolicy(pipeline.retries, pipeline.defer_seconds, pipeline.give_up_hours)
