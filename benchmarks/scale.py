"""``python -m benchmarks.scale [--sizes N...] [--write]``: what a unit costs as the state, a list or a batch grows.

Each line is measured at every size in one run. It is flat if a unit at the largest size costs at most twice as much as
at the smallest. ``--sizes 10000 100000 1000000`` adds a million. ``--write`` keeps the figures in ``docs/scaling.md``.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.parts import Parts, running
from benchmarks.report import TIMES, describe_machine
from sync_tasks.domain.contact import EventKey, RemoteState
from sync_tasks.domain.events import EVENTS, Event, parse_event
from sync_tasks.errors import RejectedContactError
from sync_tasks.operate.replays import Replay, wait_for_outcomes
from sync_tasks.state.codec import dump_seen
from sync_tasks.state.dead_letters import DeadLetter, read_letters, read_letters_of, replay, write_letter
from sync_tasks.state.records import Settlement
from sync_tasks.state.store import Lease, Store
from sync_tasks.sync.contact import sync_contact
from sync_tasks.sync.context import Resources
from sync_tasks.tasks.bootstrap import worker_resources

PAGE = Path(__file__).parents[1] / "docs" / "scaling.md"
_MEASURED = re.compile(r"(<!-- scale -->\n).*(<!-- /scale -->)", re.DOTALL)
COLUMNS = ("what", "unit", "at", "costs", "largest to smallest", "flat")
FLAT = 2.0
SAMPLE = 500
CHUNK = 1000
OTHERS = 499
HOUR = 3_600_000_000
NEWSLETTERS = (5, 150, 500)
WINDOWS = (3_600, 36_000, 216_000)
# Of how many newsletters one person is a subscriber, and how many such persons are pushed.
SUBSCRIPTIONS, PUSHES = (5, 150, 499), 20


@dataclass(frozen=True)
class Line:
    """What one thing costs at each size."""

    what: str
    unit: str
    sizes: tuple[int, ...]
    costs: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """How many times as much a unit costs at the largest size."""
        return self.costs[-1] / self.costs[0]

    def _grows(self) -> str:
        if self.ratio <= FLAT:
            return "yes"
        return "linear" if "in all" in self.what and self.ratio <= FLAT * self.sizes[-1] / self.sizes[0] else "no"

    def cells(self) -> tuple[str, ...]:
        """Return the line of the table."""
        sizes, costs = (
            " / ".join(f"{one:{form}}" for one in all_) for all_, form in ((self.sizes, ","), (self.costs, ".3g"))
        )
        return (self.what, self.unit, sizes, costs, f"{self.ratio:.2f}{TIMES}", self._grows())


def fill(store: Store, first: int, last: int) -> None:
    """Let the state hold contacts that Brevo agrees with: names, and two of three newsletters."""
    seen = {name: text for name, text in dump_seen("default", _seen(3, frozenset({3, 5}))).items() if text}
    for start in range(first, last, CHUNK):
        pipeline = store.redis.pipeline(transaction=False)
        for number in range(start, min(start + CHUNK, last)):
            fields = {"address": f"{1:016d}old-{number}@portal.example", "rev": "2", "latest": f"{1:016d}", "v": "1"}
            fields |= {f"n:{slug}": f"{1:016d}s" for slug in ("daily", "weekly")}
            pipeline.hset(store.key(f"contacts:old-{number}"), mapping=fields | seen)
        pipeline.execute()


def _seen(newsletters: int, lists: frozenset[int]) -> RemoteState:
    absent = frozenset(range(3, 3 + newsletters)) - lists
    return RemoteState(7, "augusta.lovelace@portal.example", lists, "0123456789abcdef", absent_lists=absent)


def sign_up(user: str, newsletter: str = "daily") -> Event:
    """Return the sign-up of somebody who has an address of their own."""
    said = {"user_id": user, "newsletter": newsletter, "email": f"{user}@portal.example"}
    return parse_event(EVENTS["subscribe_contact"], said)


def timed(act: Callable[[int], object], times: int = SAMPLE) -> float:
    """Return how many milliseconds each of so many calls takes."""
    began = time.perf_counter()
    for turn in range(times):
        act(turn)
    return (time.perf_counter() - began) / times * 1000


def measure_state(store: Store, sizes: Sequence[int]) -> list[Line]:
    """An event is accepted, leased and settled while the state holds so many contacts."""
    costs = dict[str, list[float]]()
    for number, size in enumerate(sizes):
        fill(store, sizes[number - 1] if number else 0, size)
        users, leases = [f"new-{size}-{turn}" for turn in range(SAMPLE)], list[Lease]()
        accepted = timed(lambda turn, users=users: store.accept(sign_up(users[turn])))
        leased = timed(lambda turn, users=users, leases=leases: leases.append(_lease(store, users[turn])))
        settled = timed(lambda turn, leases=leases: store.settle(leases[turn], Settlement(clean=True)))
        for what, cost in (("accept", accepted), ("lease", leased), ("settle", settled)):
            costs.setdefault(f"{what} an event, so many contacts", []).append(cost)
    return [Line(what, "ms", tuple(sizes), tuple(each)) for what, each in costs.items()]


def _lease(store: Store, user: str) -> Lease:
    lease = store.lease(user, 600)
    if not isinstance(lease, Lease):
        raise TypeError(f"{user} is {lease}")
    return lease


def measure_letters(store: Store, sizes: Sequence[int]) -> list[Line]:
    """So many dead letters are listed, one user's are read."""
    costs = dict[str, list[float]]()
    for number, size in enumerate(sizes):
        _write_letters(store, sizes[number - 1] if number else 0, size)
        for what, words in (("failed list", ("failed", "list")), ("failed list --json", ("failed", "list", "--json"))):
            _note_command(costs, what, words)
        costs.setdefault("letters of one user, so many letters", []).append(
            timed(lambda turn: read_letters_of(store, f"ill-{turn}"))
        )
    return _lines(costs, sizes)


def _write_letters(store: Store, first: int, last: int) -> None:
    """Let events of so many users be dead letters, as a push leaves them."""
    error = RejectedContactError("POST /contacts: 400")
    for start in range(first, last, CHUNK):
        pipeline = store.redis.pipeline(transaction=False)
        for number in range(start, min(start + CHUNK, last)):
            letter = write_letter(
                f"ill-{number}", _key(number), error, store.now() if number == start else _key(number).stamp
            )
            fields = {"address": f"{number:016d}ill-{number}@portal.example", "rev": "1", "n:daily": f"{number:016d}s"}
            pipeline.hset(store.key(f"contacts:ill-{number}"), mapping=fields | {f"d:{_key(number)}": letter.id})
            pipeline.hset(store.key("dead_letters"), letter.id, letter.as_json())
        pipeline.execute()


def _key(number: int) -> EventKey:
    return EventKey("subscribe_contact", "daily", f"{number:016d}")


def measure_replays(store: Store, sizes: Sequence[int]) -> Line:
    """So many letters are replayed; nobody works, and each is looked at once."""
    costs = []
    for size in sizes:
        store.redis.flushall()
        _write_letters(store, 0, size)
        letters = read_letters(store)
        began = time.perf_counter()
        wait_for_outcomes(store, [_replay(store, letter) for letter in letters], 0)
        costs.append((time.perf_counter() - began) / size * 1000)
    return Line("failed replay --all --wait, so many letters", "s a 1,000", tuple(sizes), tuple(costs))


def _replay(store: Store, letter: DeadLetter) -> Replay:
    return Replay(letter, replay(store, letter, "ops"))


def measure_suppressed(store: Store, sizes: Sequence[int]) -> list[Line]:
    """So many people opted out at Brevo."""
    costs = dict[str, list[float]]()
    for size in sizes:
        for start in range(0, size, CHUNK):
            names = {f"default user-{number}": f"complaint:{number + 1:016d}" for number in range(start, start + CHUNK)}
            store.redis.hset(store.key("suppressed"), mapping=names)
        for what in (("suppressed", "list"), ("suppressed", "list", "--json")):
            _note_command(costs, " ".join(what), what)
    return _lines(costs, sizes)


def _note_command(costs: dict[str, list[float]], what: str, words: Iterable[str]) -> None:
    """Run a command of the command line, and note its seconds of CPU in all, and its greatest memory."""
    child = subprocess.Popen([sys.executable, "-m", "sync_tasks", *words], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"{what} ended with {child.returncode}")
    costs.setdefault(f"{what}, in all|s of CPU", []).append(used.ru_utime + used.ru_stime)
    costs.setdefault(f"{what}, memory|MB", []).append(used.ru_maxrss / 1024)


def _lines(costs: dict[str, list[float]], sizes: Sequence[int]) -> list[Line]:
    named = ((name.partition("|"), each) for name, each in costs.items())
    return [Line(what, unit or "ms", tuple(sizes), tuple(each)) for (what, _, unit), each in named]


def measure_subscriptions(context: Resources) -> list[Line]:
    """Somebody's first push creates a contact with so many subscriptions: CPU of a worker, and of Redis."""
    costs = dict[str, list[float]]()
    for many in SUBSCRIPTIONS:
        worker = redis = 0.0
        for turn in range(PUSHES):
            for number in range(many):
                context.store.accept(sign_up(f"fan-{many}-{turn}", f"other-{number}"))
            before = time.process_time(), _redis_cpu(context.store)
            sync_contact(f"fan-{many}-{turn}", context)
            worker, redis = worker + time.process_time() - before[0], redis + _redis_cpu(context.store) - before[1]
        for what, spent in (("ms of CPU", worker), ("ms of Redis", redis)):
            costs.setdefault(f"the first push of somebody with so many subscriptions, in all|{what}", []).append(
                spent / PUSHES * 1000
            )
    return _lines(costs, SUBSCRIPTIONS)


def _redis_cpu(store: Store) -> float:
    used: Any = store.redis.info("cpu")
    return float(used["used_cpu_user"]) + float(used["used_cpu_sys"])


def measure_batch(context: Resources, sizes: Sequence[int]) -> Line:
    """So many people sign up at once, each for a common newsletter and one of many others; CPU of a worker."""
    costs = list[float]()
    for size in sizes:
        context.store.redis.flushall()
        for number in range(size):
            for newsletter in ("common", f"other-{number % OTHERS}"):
                context.store.accept(sign_up(f"many-{size}-{number}", newsletter))
        began = time.process_time()
        for number in range(size):
            sync_contact(f"many-{size}-{number}", context)
        costs.append((time.process_time() - began) / size * 1000)
    return Line("a sign-up in a batch of whom few wish the same", "ms of CPU", tuple(sizes), tuple(costs))


def _configure_many(parts: Parts) -> Path:
    """Make lists for a common newsletter and many others, and return a configuration that names them."""
    lines, headers = (
        ["[accounts.default]", "requests_per_second = 100000", "requests_per_hour = 360000000"],
        {"api-key": "k"},
    )
    for name in ("common", *(f"other-{number}" for number in range(OTHERS))):
        body = json.dumps({"name": name, "folderId": 1}).encode()
        request = urllib.request.Request(  # noqa: S310 - our own
            f"{parts.origin}/v3/contacts/lists", body, headers | {"Content-Type": "application/json"}, method="POST"
        )
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - as above
            lines += [f"[newsletters.{name}]", f"list_id = {json.load(answer)['id']}"]
    path = parts.folder / "many.toml"
    path.write_text("\n".join(lines))
    return path


def measure_bytes(store: Store) -> Line:
    """A contact on two lists while so many newsletters are configured."""
    costs = []
    for newsletters in NEWSLETTERS:
        fields = {"rev": "2", "v": "1", "latest": f"{1:016d}", "address": f"{1:016d}augusta.lovelace@portal.example"}
        fields |= {f"a:{name}": f'{1:016d}"Augusta"' for name in ("first_name", "last_name")}
        fields |= {f"n:newsletter-{number}": f"{1:016d}s" for number in range(2)}
        seen = dump_seen("default", _seen(newsletters, frozenset({3, 4 + newsletters // 2})))
        name = store.key(f"contacts:bytes-{newsletters}")
        store.redis.hset(name, mapping=fields | {field: text for field, text in seen.items() if text})
        costs.append(float(store.redis.memory_usage(name) or 0))
    return Line("a contact, so many newsletters configured", "bytes", NEWSLETTERS, tuple(costs))


def measure_windows(store: Store) -> Line:
    """Brevo says how much others used of a window that holds so many requests."""
    costs = []
    for most in WINDOWS:
        store.redis.flushall()
        for counted in range(CHUNK, most, CHUNK):
            store.record_usage("default", "contacts", length=HOUR, most=most, used=counted)
        costs.append(
            timed(lambda _, most=most: store.record_usage("default", "contacts", length=HOUR, most=most, used=most - 5))
        )
    return Line("an answer that shows what others used, the hour's window so large", "ms", WINDOWS, tuple(costs))


def measure(parts: Parts, sizes: Sequence[int]) -> list[Line]:
    """Return every line; a batch has a hundredth of each size, letters to replay a tenth."""
    from redis import Redis

    store = Store(Redis.from_url(parts.redis_url, decode_responses=True), "sync_tasks")
    lines = [*measure_state(store, sizes)]
    store.redis.flushall()
    lines += measure_letters(store, sizes)
    lines.append(measure_replays(store, [size // 10 for size in sizes]))
    store.redis.flushall()
    lines += measure_suppressed(store, sizes)
    lines += [measure_bytes(store), measure_windows(store)]
    os.environ["SYNC_CONFIG"] = str(_configure_many(parts))
    context = worker_resources()
    lines.append(measure_batch(context, [size // 100 for size in sizes]))
    context.store.redis.flushall()
    return lines + measure_subscriptions(context)


def write_page(lines: Sequence[Line], page: Path = PAGE) -> None:
    """Put the figures into the page, between its two marks."""
    rows = [COLUMNS, ("---",) * len(COLUMNS), *(line.cells() for line in lines)]
    table = "\n".join([*(f"| {' | '.join(row)} |" for row in rows), "", describe_machine(), ""])
    page.write_text(_MEASURED.sub(lambda found: f"{found[1]}{table}{found[2]}", page.read_text(encoding="utf-8")))


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=[10_000, 100_000], help="from the smallest to the largest"
    )
    parser.add_argument("--write", action="store_true", help="keep the figures in docs/scaling.md")
    asked = parser.parse_args()
    with running() as parts:
        parts.send("/limits", {"enabled": False})
        lines = measure(parts, asked.sizes)
    table = Table(*COLUMNS)
    for line in lines:
        table.add_row(*line.cells())
    Console(width=200).print(table)
    if asked.write:
        write_page(lines)


if __name__ == "__main__":
    main()
