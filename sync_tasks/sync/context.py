"""What a worker works with, and what it reports."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sync_tasks.config.settings import Settings
from sync_tasks.domain.mapping import AccountMapping
from sync_tasks.domain.outcomes import Outcomes
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


@dataclass(frozen=True, slots=True, repr=False)
class Report:
    """What became of a contact: the outcomes of its events, in how many seconds to try again, whom to nudge besides.

    ``busy``: somebody else is pushing it and will see to everything accepted so far.
    """

    outcomes: Outcomes = field(default_factory=Outcomes)
    retry_in: float | None = None
    nudge: frozenset[str] = frozenset()
    busy: bool = False
