"""``python -m benchmarks.outage [--minutes N] [--contacts N]``: a long outage of Brevo, and how it is caught up.

Two workers and a beat with the settings of production. Brevo answers every request with 503 while so many people sign
up, and goes on with that; one more signs up with each sample. Every few seconds it is seen what the processes and the
queues hold; then the outage ends, and it is watched until nothing is dirty. Exit 1 where a target is missed: a worker
that grows, messages hoarded, more requests a second than Brevo allows.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from redis import Redis

from benchmarks.bursts import configure
from benchmarks.courses import OURS
from benchmarks.crowds import Saying, sign_ups, tell_pipeline
from benchmarks.parts import Parts, running, wait_until
from benchmarks.sampling import Outage, Sample, print_outage, resident, write_outage

RATE = 10
LIMITS = {"enabled": True, "contacts_per_second": RATE, "contacts_per_hour": RATE * 3600}
FAULT = {"kind": "status", "status": 503}
WORKERS = ("one", "two")
LOOK_EVERY, CLOSELY = 10.0, 1.0
LOOK_AFTER, PATIENCE = 1000, 3600.0


class Watch:
    """Looks at everything that should stay small, as often as it is asked to."""

    def __init__(self, parts: Parts, redis: Redis, out: Path | None) -> None:
        self.parts, self.redis, self.out = parts, redis, out
        self.began = time.monotonic()
        self.pids = {name: int(_pid_file(parts, name).read_text()) for name in WORKERS}

    def look(self) -> Sample:
        """Return what everything holds at this moment; kept in a file, too, if one was named."""
        told = self.parts.desk(f"/requests?after={2**62}")
        sample = Sample(
            seconds=time.monotonic() - self.began,
            workers=tuple(resident(pid) for pid in self.pids.values()),
            redis=self.redis.info("memory")["used_memory_rss"] / 2**20,
            queued=sum(int(self.redis.llen(f"{OURS}{suffix}")) for suffix in ("", ".urgent", ".sweeps")),
            in_hand=int(self.redis.hlen(f"{OURS}:unacked")),
            dirty=int(self.redis.zcard(f"{OURS}:dirty")),
            requests=told["total"],
            refused=self.parts.desk("/limits")["refused"],
        )
        self._keep(sample)
        return sample

    def follow(self, every: float, goes_on: Callable[[Sample], bool]) -> Iterator[Sample]:
        """Yield samples for as long as the last one says that it goes on."""
        yield (sample := self.look())
        while goes_on(sample):
            time.sleep(every - (time.monotonic() - self.began) % every)
            yield (sample := self.look())

    def _keep(self, sample: Sample) -> None:
        if self.out:
            with self.out.open("a") as lines:
                print(*sample.cells(), sep=",", file=lines)


def _pid_file(parts: Parts, name: str) -> Path:
    return parts.folder / f"{name}.pid"


def measure(parts: Parts, minutes: float, contacts: int, out: Path | None) -> Outage:
    """Return what was seen while Brevo was away, and after that."""
    parts.tell("/limits", LIMITS)
    parts.tell("/faults", FAULT)
    _start(parts, SYNC_CONFIG=str(configure(parts, RATE)))
    with Redis.from_url(parts.redis_url) as redis:
        watch = Watch(parts, redis, out)
        filling = list(_sign_up(watch, contacts))
        during = list(_endure(watch, 60 * minutes))
        parts.tell("/faults", {}, "DELETE")
        deadline = time.monotonic() + PATIENCE
        after = list(watch.follow(CLOSELY, lambda sample: bool(sample.dirty) and time.monotonic() < deadline))
    return Outage(filling, during, after, allowed=RATE)


def _sign_up(watch: Watch, contacts: int) -> Iterator[Sample]:
    """Let everybody sign up, and wait until the workers have looked at each nudge."""
    for number, saying in enumerate(sign_ups(contacts)):
        tell_pipeline(saying)
        if number % LOOK_AFTER == 0:
            yield watch.look()
    yield from watch.follow(CLOSELY, lambda sample: bool(sample.queued))


def _endure(watch: Watch, ends: float) -> Iterator[Sample]:
    samples = watch.follow(LOOK_EVERY, lambda sample: sample.seconds < ends)
    for number, sample in enumerate(samples):
        yield sample
        tell_pipeline(Saying("subscribe", f"late-{number}", {"newsletter": "daily"}))


def _start(parts: Parts, **env: str) -> None:
    """Start the workers and a beat, and return once messages are taken."""
    app = ("-m", "celery", "-A", OURS)
    told = [
        parts.start(name, *app, "worker", "-n", f"{name}@localhost", "--pidfile", str(_pid_file(parts, name)), **env)
        for name in WORKERS
    ]
    parts.start("beat", *app, "beat", "--schedule", str(parts.folder / "beat"), "--pidfile=", **env)
    for log in told:
        wait_until(lambda log=log: " ready." in log.read_text(), f"a worker is ready: {log}")


def main() -> int:
    """Measure once and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.outage", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="how long Brevo is away")
    parser.add_argument("--contacts", type=int, default=100_000)
    parser.add_argument("--samples", type=Path, help="add every sample to this file, as CSV")
    parser.add_argument("--write", action="store_true", help="keep the figures in docs/reliability.md")
    told = parser.parse_args()
    with running() as parts:
        outage = measure(parts, told.minutes, told.contacts, told.samples)
    print_outage(outage)
    if told.write:
        write_outage(outage)
    return int(bool(outage.missed))


if __name__ == "__main__":
    sys.exit(main())
