"""``python -m benchmarks.backfill [USERS]``: load a portal whose users have names and five newsletters.

Shows the wall time, the greatest memory of the load, how many requests it made beside the fewest possible, and how much
memory Redis needs for each contact. Exit 1 where a target is missed.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from redis import Redis

from benchmarks.bursts import CONFIGURATION
from benchmarks.parts import Parts, running

NEWSLETTERS = ("daily", "weekly", "monthly", "sports", "culture")
FIRST = ("Anna", "Berta", "Carl", "Doris", "Emil", "Friederike", "Gustav", "Hannelore", "Ida", "Jonathan")
LAST = ("Baker", "Cooper", "Dyer", "Fletcher", "Glover", "Hoffmann-Whittaker", "Inman", "Joiner", "Knight", "Lister")
MOST_MEMORY, MOST_BYTES, MOST_EXTRA = 300.0, 700.0, 1.03
PAGE, LARGEST = 1000, 8_000_000
# The check of the account before the load: its lists and its attributes.
ASKED_FIRST = 2


@dataclass(frozen=True)
class Measured:
    """What a load took."""

    users: int
    seconds: float
    megabytes: float
    requests: int
    fewest: int
    bytes_each: float

    @property
    def missed(self) -> bool:
        """Whether any target was missed."""
        extra = self.requests / self.fewest
        return self.megabytes > MOST_MEMORY or self.bytes_each > MOST_BYTES or extra > MOST_EXTRA

    def __str__(self) -> str:
        return (
            f"{self.users:,} users in {self.seconds:,.0f} s ({self.users / self.seconds:,.0f} a second), "
            f"{self.megabytes:,.0f} MB (at most {MOST_MEMORY:.0f}), "
            f"{self.requests:,} requests, {self.requests / self.fewest - 1:.1%} more than the fewest (at most 3%), "
            f"{self.bytes_each:,.0f} bytes of Redis for each contact (at most {MOST_BYTES:.0f})"
        )


def main() -> int:
    """Measure once and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.backfill", description=__doc__)
    parser.add_argument("users", type=int, nargs="?", default=100_000)
    parser.add_argument("--sets", type=int, default=1, help="how many different sets of newsletters there are")
    arguments = parser.parse_args()
    with running() as parts:
        (parts.folder / "sync_tasks.toml").write_text(CONFIGURATION.format(rate=1000, hourly=10**9))
        measured = measure(parts, arguments.users, arguments.sets)
    print(measured)
    return int(measured.missed)


def measure(parts: Parts, users: int, sets: int) -> Measured:
    """Return what loading so many users takes."""
    file = parts.folder / "portal.jsonl"
    largest = write_portal(file, users, sets)
    with Redis.from_url(parts.redis_url) as redis:
        before, start = _used(redis), time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "sync_tasks", "backfill", str(file), "--json"], stdout=subprocess.PIPE, check=False
        )
        seconds, each = time.monotonic() - start, (_used(redis) - before) / users
    became = json.loads(done.stdout)
    print({name: number for name, number in became.items() if isinstance(number, int)})
    return Measured(
        users=users,
        seconds=seconds,
        megabytes=resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,
        requests=parts.desk("/requests")["total"],
        fewest=ASKED_FIRST + largest + ceil(users / PAGE),
        bytes_each=each,
    )


def write_portal(file: Path, users: int, sets: int) -> int:
    """Write the rows of a portal, and return how many imports they take at least."""
    sizes = [0] * sets
    with file.open("w", encoding="utf-8") as out:
        for number, row in enumerate(_rows(users, sets)):
            out.write(f"{json.dumps(row)}\n")
            person = {"FIRSTNAME": row["first_name"], "LASTNAME": row["last_name"], "EXT_ID": row["user_id"]}
            sizes[number % sets] += len(json.dumps({"email": row["email"], "attributes": person})) + 2
    return sum(ceil(size / LARGEST) for size in sizes)


def _rows(users: int, sets: int) -> Iterator[dict[str, object]]:
    for number in range(users):
        first, last = FIRST[number % 10], LAST[number // 10 % 10]
        left_out = number % sets
        yield {
            "user_id": f"{number + 100_000_000}",
            "email": f"{first}.{last}.{number}@mail.example.org".lower(),
            "first_name": first,
            "last_name": last,
            "newsletters": [name for place, name in enumerate(NEWSLETTERS) if not left_out & 1 << place],
        }


def _used(redis: Redis) -> int:
    return int(redis.info("memory")["used_memory"])


if __name__ == "__main__":
    sys.exit(main())
