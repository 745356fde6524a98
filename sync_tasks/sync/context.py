"""What a worker works with, and what it reports."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sync_tasks.config.settings import Settings
from sync_tasks.domain.diff import Layout
from sync_tasks.domain.outcomes import Fates
from sync_tasks.providers import Gateway
from sync_tasks.rate_limits.limiter import Throttle
from sync_tasks.state.store import Store


@dataclass(frozen=True, slots=True, repr=False)
class Resources:
    """What a worker process works with."""

    settings: Settings
    store: Store
    throttle: Throttle
    gateways: Mapping[str, Gateway]
    layouts: Mapping[str, Layout]


@dataclass(frozen=True, slots=True, repr=False)
class Report:
    """What became of a contact: the fates of its events, in how many seconds to try again, whom to nudge besides.

    ``busy``: somebody else is pushing it and will see to everything accepted so far.
    """

    fates: Fates = field(default_factory=Fates)
    retry_in: float | None = None
    nudge: frozenset[str] = frozenset()
    busy: bool = False
