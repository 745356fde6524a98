"""What a worker works with, and what it reports."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sync_tasks.differences import Layout
from sync_tasks.fates import Fates
from sync_tasks.gateway import Gateway
from sync_tasks.settings import Settings
from sync_tasks.store import Store
from sync_tasks.throttle import Throttle


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
