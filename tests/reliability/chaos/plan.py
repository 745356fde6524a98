"""How much of everything a chaos run has."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One run; the same seed plays the same events, faults and moments of killing.

    The portal sends its events in ``waves``, each at full speed, over ``load`` seconds; the killing goes on as long.
    ``faulty`` of all requests meet a fault, of which ``late_share`` take effect only after their connection broke, as
    many seconds later as ``late`` says. ``sabotage`` takes a part of the product out of service, see ``sabotage``.
    Beside the load, a receiver of webhooks gets anything at all for ``fuzz`` seconds.
    Leases and grace are the product's own unless something else is said.
    """

    seed: int = 1
    events: int = 10_000
    people: int = 2_000
    workers: int = 4
    kills: int = 40
    redis_kills: int = 4
    waves: int = 30
    load: float = 140.0
    within: float = 360.0
    faulty: float = 0.25
    late: tuple[float, ...] = (1.0, 5.0, 20.0, 60.0)
    late_share: float = 0.15
    faults: tuple[tuple[str, dict[str, Any], float], ...] = ()
    lease_seconds: float = 25.0
    grace_seconds: float = 15.0
    quiet_seconds: float = 70.0
    defer_seconds: float = 10.0
    fuzz: float = 60.0
    sabotage: str = ""

    @property
    def pipeline(self) -> dict[str, float]:
        """What the configuration says under [pipeline]."""
        names = ("lease_seconds", "grace_seconds", "quiet_seconds", "defer_seconds")
        return {"probe_seconds": 1.0} | {name: getattr(self, name) for name in names}


LONG = Plan()
SHORT = Plan(
    events=2_500,
    people=500,
    kills=8,
    redis_kills=1,
    waves=12,
    load=45.0,
    within=300.0,
    late=(1.0, 4.0, 10.0, 20.0),
    quiet_seconds=25.0,
    fuzz=15.0,
)
SMALLEST = Plan(
    events=200,
    people=40,
    workers=2,
    kills=0,
    redis_kills=0,
    waves=2,
    load=2.0,
    within=40.0,
    faulty=0.0,
    lease_seconds=3.0,
    grace_seconds=1.0,
    quiet_seconds=2.0,
    defer_seconds=0.02,
    fuzz=0.0,
)
