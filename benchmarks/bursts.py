"""Bursts that wait in the queue: events per second with two worker processes, Brevo granting ten requests a second.

The naive app makes one request for each event from the first to the last: a part of its burst tells its speed. Ours is
measured from beginning to end.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from redis import Redis
from rich.console import Console
from rich.table import Table

from benchmarks.crowds import (
    Saying,
    Tell,
    mixed_day,
    opt_outs,
    sign_ups,
    sign_ups_for_all,
    tell_naive,
    tell_pipeline,
    updates,
)
from benchmarks.parts import Parts, running, wait_until

OURS, NAIVE = "sync_tasks", "benchmarks.naive"
PROCESSES = 2
LIMITS = {"enabled": True, "contacts_per_second": 10, "contacts_per_hour": 36_000}
NO_LIMITS = {"enabled": False}
PATIENCE = 900.0
CONFIGURATION = """
[accounts.default]
requests_per_second = {rate}
requests_per_hour = {hourly}
[newsletters.daily]
list_id = 3
[newsletters.weekly]
list_id = 5
[newsletters.monthly]
list_id = 6
[newsletters.sports]
list_id = 7
[newsletters.culture]
list_id = 8
[attributes]
first_name = "FIRSTNAME"
last_name = "LASTNAME"
"""


@dataclass(frozen=True)
class Burst:
    """So many events of a kind; ``known`` people Brevo has before; ``target`` is how many times as fast as naive."""

    what: str
    events: Callable[[int], Iterator[Saying]]
    count: int
    target: float
    known: bool = False


@dataclass(frozen=True)
class Speed:
    """How many events a second both brought to Brevo, and with how many requests ours did."""

    burst: Burst
    ours: float
    naive: float
    requests: int
    refused: int

    @property
    def ratio(self) -> float:
        """How many times as fast as naive ours is."""
        return self.ours / self.naive

    @property
    def missed(self) -> bool:
        """Whether that is less than the target."""
        return self.ratio < self.burst.target


def bursts(scale: float = 1.0) -> list[Burst]:
    """Return the bursts, smaller by a factor where there is less time."""

    def sized(count: int) -> int:
        return int(count * scale)

    return [
        Burst("opt-outs of known contacts from one newsletter", opt_outs, sized(5000), 50, known=True),
        Burst("confirmed sign-ups of new people", sign_ups, sized(5000), 40),
        Burst("sign-ups of new people for five newsletters each", sign_ups_for_all, sized(5000), 40),
        Burst("changes of names", updates, sized(3000), 1.25, known=True),
        Burst("a mixed day", mixed_day, sized(5000), 4, known=True),
    ]


def measure_burst(parts: Parts, burst: Burst, naive_seconds: float) -> Speed:
    """Return how fast both bring a burst to Brevo."""
    parts.forget()
    parts.tell("/reset", {}, "POST")
    if burst.known:
        _make_known(parts, burst.count)
    before = _answered(parts), _refused(parts)
    ours = _time_ours(parts, burst)
    requests, refused = _answered(parts) - before[0], _refused(parts) - before[1]
    parts.forget()
    naive = _time_naive(parts, burst, naive_seconds)
    return Speed(burst, ours, naive, requests, refused)


def _time_ours(parts: Parts, burst: Burst) -> float:
    count = _tell_all(burst.events(burst.count), tell_pipeline)
    parts.tell("/limits", LIMITS)
    with parts.working(OURS, PROCESSES, SYNC_CONFIG=str(_configure(parts, 10))):
        return count / _wait_until_clean(parts)


def _time_naive(parts: Parts, burst: Burst, seconds: float) -> float:
    _tell_all(burst.events(burst.count), tell_naive)
    parts.tell("/limits", LIMITS)
    with parts.working(NAIVE, PROCESSES):
        before, start = _answered(parts), time.monotonic()
        time.sleep(seconds)
        return (_answered(parts) - before) / (time.monotonic() - start)


def _make_known(parts: Parts, count: int) -> None:
    said = {"newsletter": "daily", "first_name": "Ada", "last_name": "Lovelace"}
    _tell_all((Saying("subscribe", f"known-{number}", said) for number in range(count)), tell_pipeline)
    parts.tell("/limits", NO_LIMITS)
    with parts.working(OURS, 1, SYNC_CONFIG=str(_configure(parts, 100_000))):
        _wait_until_clean(parts)
    with Redis.from_url(parts.redis_url) as redis:
        redis.delete(OURS, f"{OURS}.urgent")


def _tell_all(sayings: Iterator[Saying], tell: Tell) -> int:
    count = 0
    for saying in sayings:
        tell(saying)
        count += 1
    return count


def _wait_until_clean(parts: Parts) -> float:
    start = time.monotonic()
    with Redis.from_url(parts.redis_url) as redis:
        wait_until(lambda: not redis.zcard(f"{OURS}:dirty"), "Brevo agrees", PATIENCE)
    return time.monotonic() - start


def _configure(parts: Parts, rate: int) -> Path:
    path = parts.folder / f"sync_tasks-{rate}.toml"
    path.write_text(CONFIGURATION.format(rate=rate, hourly=3600 * rate))
    return path


def _answered(parts: Parts) -> int:
    """Return how many requests Brevo has granted and liked."""
    statuses: dict[str, int] = parts.desk(f"/requests?after={2**62}")["statuses"]
    return sum(count for status, count in statuses.items() if status.startswith("2"))


def _refused(parts: Parts) -> int:
    refused: int = parts.desk("/limits")["refused"]
    return refused


def print_speeds(speeds: Sequence[Speed]) -> None:
    """Print what was measured; a ratio below its target is red."""
    table = Table("burst", "events", "ours, a second", "naive, a second", "ratio", "at least", "requests", "429s")
    for speed in speeds:
        ratio = f"{speed.ratio:.1f}\N{MULTIPLICATION SIGN}"
        table.add_row(
            speed.burst.what,
            f"{speed.burst.count:,}",
            f"{speed.ours:.1f}",
            f"{speed.naive:.1f}",
            f"[red]{ratio}[/red]" if speed.missed else ratio,
            f"{speed.burst.target:g}\N{MULTIPLICATION SIGN}",
            f"{speed.requests:,}",
            f"{speed.refused:,}",
        )
    Console().print(table)


def main() -> int:
    """Measure the bursts and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bursts", description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="make every burst smaller by this factor")
    parser.add_argument("--naive-seconds", type=float, default=60.0, help="how long the naive app is watched")
    told = parser.parse_args()
    with running() as parts:
        speeds = [measure_burst(parts, burst, told.naive_seconds) for burst in bursts(told.scale)]
    print_speeds(speeds)
    return int(any(speed.missed for speed in speeds))


if __name__ == "__main__":
    sys.exit(main())
