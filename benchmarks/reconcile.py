"""``python -m benchmarks.reconcile [--contacts N] [--drift P]``: compare a whole account, one contact in 200 drifting.

Shows what the comparing process takes (of CPU, of memory, how many requests), and whether it found every difference
that was brought in and no other. With ``--drift 95`` so many of 100 contacts drift, and all are repaired, too. Exit 1
where a target is missed.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from math import ceil

from rich.console import Console
from rich.table import Table

from benchmarks.bursts import CONFIGURATION
from benchmarks.drifting import LISTS, Person, introduced, people
from benchmarks.parts import WORDS, Parts, running, wait_until
from sync_tasks.backfill.load import load
from sync_tasks.backfill.rows import Row
from sync_tasks.config.environment import namespace, redis_url
from sync_tasks.config.settings import load_settings
from sync_tasks.domain.contact import RemoteState
from sync_tasks.domain.diff import digest
from sync_tasks.domain.events import Anonymize
from sync_tasks.domain.timestamps import stamp_of
from sync_tasks.local.redis_server import free_port
from sync_tasks.reconcile.comparison import Comparison
from sync_tasks.reconcile.run import Scope, reconcile
from sync_tasks.state.codec import dump_seen
from sync_tasks.state.connection import connect
from sync_tasks.state.records import Settlement
from sync_tasks.state.store import Lease, Store
from sync_tasks.tasks.bootstrap import build_resources, open_patiently

MILLION = 1_000_000
ACCOUNT, PAGE, AT_ONCE = "default", 1000, 1000
MOST_EXTRA, MOST_MEMORY, FEWEST_A_SECOND = 1.02, 300.0, 20_000
# With fewer contacts than these, the request that finds no further contact counts for more than 2 %.
ENOUGH_PAGES = 150
FILLED_WITHIN = 1800.0


@dataclass(frozen=True)
class Measured:
    """What a comparison took, in the process that made it; ``seconds`` are those of its CPU."""

    compared: int
    seconds: float
    elapsed: float
    megabytes: float
    requests: int
    found: dict[str, int]

    @property
    def rate(self) -> float:
        """How many contacts were compared per second of CPU."""
        return self.compared / self.seconds


def main() -> int:
    """Measure once and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reconcile", description=__doc__)
    parser.add_argument("--contacts", type=int, default=MILLION)
    parser.add_argument("--drift", type=int, default=0, metavar="PERCENT", help="how many of 100 contacts drift")
    parser.add_argument("--compare", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.compare:
        print(json.dumps(asdict(repair() if arguments.drift else compare())))
        return 0
    with running() as parts:
        (parts.folder / "sync_tasks.toml").write_text(CONFIGURATION.format(rate=1000, hourly=10**9, words=WORDS))
        measured = measure(parts, arguments.contacts, arguments.drift)
    return show(measured, arguments.contacts, arguments.drift)


def measure(parts: Parts, contacts: int, percent: int = 0) -> Measured:
    """Return what comparing so many contacts takes a process of its own."""
    port = free_port()
    account = replace(parts, origin=f"http://127.0.0.1:{port}")
    log = parts.start("account", "-m", "benchmarks.drifting", str(port), str(contacts), str(percent))
    fill(Store(connect(redis_url()), namespace()), contacts, percent)
    wait_until(lambda: _answers(account), f"the sandbox holds its contacts: {log}", FILLED_WITHIN)
    command = [sys.executable, "-m", "benchmarks.reconcile", "--compare", "--drift", str(percent)]
    env = os.environ | {"SYNC_BASE_URL": f"{account.origin}/v3"}
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, env=env)
    return Measured(**json.loads(done.stdout) | {"requests": account.desk("/requests")["total"]})


def compare() -> Measured:
    """Compare the account once, in this process."""
    settings = load_settings()
    with open_patiently(build_resources(settings, Store(connect(redis_url()), namespace()))) as using:
        started, spent = time.monotonic(), time.process_time()
        comparison = Comparison(ACCOUNT, using)
        comparison.run()
        seconds, elapsed = time.process_time() - spent, time.monotonic() - started
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Measured(comparison.compared, seconds, elapsed, megabytes, 0, dict(comparison.kinds))


def repair() -> Measured:
    """Compare and repair the account once, in this process, however much is changed by that."""
    settings = load_settings()
    with open_patiently(build_resources(settings, Store(connect(redis_url()), namespace()))) as using:
        started, spent = time.monotonic(), time.process_time()
        (run,) = reconcile(using, Scope(max_changes=MILLION))
        seconds, elapsed = time.process_time() - spent, time.monotonic() - started
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Measured(run.compared, seconds, elapsed, megabytes, 0, dict(run.found))


def fill(store: Store, contacts: int, percent: int = 0) -> None:
    """Bring the people into the state as a first load does that Brevo has confirmed."""
    as_of = datetime.now(UTC)
    everybody = people(contacts, percent)
    while chunk := list(islice(everybody, AT_ONCE)):
        living = [person for person in chunk if person.drift != "erased person"]
        load(map(_row, living), as_of, store)
        store.run_all("confirm", (_confirmation(person, stamp_of(as_of)) for person in living))
        for person in chunk:
            if person.drift == "erased person":
                _entomb(person, store)
    store.redis.delete(store.key("filling"))


def _row(person: Person) -> Row:
    fields = {"user_id": person.user_id, "email": person.address}
    names = {"first_name": person.first_name, "last_name": person.last_name}
    wishes = dict.fromkeys(person.newsletters, True) | dict.fromkeys(person.left, False)
    return Row.model_validate(fields | names | {"newsletters": wishes})


def _confirmation(person: Person, now: str) -> list[str]:
    held = digest({"FIRSTNAME": person.first_name, "LASTNAME": person.last_name}, person.user_id)
    lists = frozenset(LISTS[newsletter] for newsletter in person.newsletters)
    fields = dump_seen(
        ACCOUNT,
        RemoteState(
            person.contact_id, person.address, lists, held, read_at=now, absent_lists=frozenset(LISTS.values()) - lists
        ),
    )
    pairs = (text for pair in fields.items() if pair[1] for text in pair)
    return [person.user_id, "1", "1", *pairs]


def _entomb(person: Person, store: Store) -> None:
    store.accept(Anonymize(user_id=person.user_id, email=person.address))
    lease = store.lease(person.user_id, 60)
    if isinstance(lease, Lease):
        text = f"{lease.contact.registers['erased']} {ACCOUNT}={person.contact_id}"
        store.settle(lease, Settlement(clean=True, tombstone=text))


def show(measured: Measured, contacts: int, percent: int = 0) -> int:
    """Print what was measured, a missed target in red, and return the exit status."""
    fewest, expected = ceil(contacts / PAGE), introduced(contacts, percent)
    extra = measured.requests / fewest - 1
    rows = [
        ("contacts compared", f"{measured.compared:,}", "", False),
        ("seconds", f"{measured.elapsed:,.1f}", "", False),
        ("seconds of CPU", f"{measured.seconds:,.1f}", "", False),
        ("contacts a second of CPU", f"{measured.rate:,.0f}", f"{FEWEST_A_SECOND:,}", measured.rate < FEWEST_A_SECOND),
        ("MB at most", f"{measured.megabytes:,.0f}", f"{MOST_MEMORY:,.0f}", measured.megabytes > MOST_MEMORY),
        (
            "requests",
            f"{measured.requests:,} ({extra:+.1%})",
            f"{fewest:,} + 2%",
            extra > MOST_EXTRA - 1 and fewest >= ENOUGH_PAGES,
        ),
        *(_kind_row(kind, measured.found, expected) for kind in sorted(expected.keys() | measured.found.keys())),
    ]
    table = Table("measured", "value", "target")
    for what, value, target, missed in rows:
        table.add_row(what, f"[red]{value}[/red]" if missed else value, target)
    Console().print(table)
    return int(any(missed for *_, missed in rows))


def _kind_row(kind: str, found: dict[str, int], expected: Counter[str]) -> tuple[str, str, str, bool]:
    number = found.get(kind, 0)
    return f"drift: {kind}", f"{number:,}", f"{expected[kind]:,}", number != expected[kind]


def _answers(parts: Parts) -> bool:
    try:
        return bool(parts.desk("/settings"))
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main())
