"""Bursts that wait in the queue: how fast two worker processes bring them to Brevo, which grants ten requests a second.

Ours is measured from beginning to end. So is the naive app where no request can be saved, unless that takes too long;
where one request serves many, its first minute shows its best speed.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from redis import Redis

from benchmarks.allotting import can_allot
from benchmarks.courses import NAIVE, OURS, Course, Freely, Run, Speed, Urgent, follow
from benchmarks.drawing import print_speeds, write_figures
from benchmarks.parts import OFFERS, WORDS, Parts, running, wait_until
from benchmarks.workload import (
    Reporter,
    Saying,
    address_of,
    flagged_opt_outs,
    mixed_day,
    new_addresses,
    opt_outs,
    report_to_naive,
    report_to_pipeline,
    sign_ups,
    sign_ups_for_all,
    unknown_opt_outs,
    updates,
)

PROCESSES = 2
# So many more people are known than have something to say.
SILENT = 2
LIMITS = {"enabled": True, "contacts_per_second": 10, "contacts_per_hour": 36_000}
NO_LIMITS = {"enabled": False}
PATIENCE = 900.0
FREELY = 10_000
FLAGGED = "opt-outs from a newsletter with an attribute for them"
# So long after a burst began, one more person opts out.
IN_BETWEEN = 10.0
CONFIGURATION = """
[accounts.default]
requests_per_second = {rate}
requests_per_hour = {hourly}
{words}"""


@dataclass(frozen=True)
class Burst:
    """So many events of a kind; ``known`` people Brevo has before; ``target`` is how many times as fast as naive.

    ``watched``: for how many seconds the naive app is. ``unknown``: Brevo has the people, and the state is empty.
    ``newsletter``: what known people have subscribed to. ``limited``: Brevo grants ten requests a second, or all.
    """

    what: str
    events: Callable[[int], Iterator[Saying]]
    count: int
    target: float
    watched: float
    known: bool = False
    unknown: bool = False
    newsletter: str = "daily"
    limited: bool = True


def bursts(scale: float, watched: float) -> list[Burst]:
    """Return the bursts, smaller by a factor where there is less time; ``watched`` is how long naive may take."""

    def sized(count: int) -> int:
        return int(count * scale)

    short = min(60.0, watched)
    return [
        Burst("opt-outs of known contacts from one newsletter", opt_outs, sized(5000), 50, short, known=True),
        Burst("confirmed sign-ups of new people", sign_ups, sized(5000), 40, short),
        Burst("sign-ups of new people for five newsletters each", sign_ups_for_all, sized(5000), 40, short),
        Burst("changes of names", updates, sized(3000), 1.25, watched, known=True),
        Burst("changes of address", new_addresses, sized(1000), 0.8, watched, known=True),
        Burst("opt-outs of people the state does not know", unknown_opt_outs, sized(3000), 1, watched, unknown=True),
        Burst(FLAGGED, flagged_opt_outs, 200, 0.8, watched, known=True, newsletter="offers"),
        Burst("a mixed day", mixed_day, sized(5000), 4, watched, known=True),
    ]


def measure_freely(parts: Parts, count: int, import_seconds: float) -> Freely:
    """Return how many sign-ups a second each run brings to a Brevo without limits: the better of two by turns."""
    runs = [run for run in Freely.RUNS if run.cores is None or can_allot()]
    found = [_sign_up_freely(parts, count, run, import_seconds) for _ in range(2) for run in runs]
    return Freely({run: max(found[number :: len(runs)]) for number, run in enumerate(runs)})


def _forget(parts: Parts, import_seconds: float) -> None:
    """Empty Redis and Brevo."""
    parts.forget()
    parts.send("/reset", {}, "POST")
    parts.send("/settings", {"import_seconds": import_seconds})


def _sign_up_freely(parts: Parts, count: int, run: Run, import_seconds: float) -> float:
    _forget(parts, import_seconds)
    parts.send("/limits", NO_LIMITS)
    report_all(sign_ups(count), report_to_pipeline if run.app == OURS else report_to_naive)
    before = count_answered(parts)

    def done() -> float:
        return 1 - count_dirty(parts) / count if run.app == OURS else (count_answered(parts) - before) / count

    with parts.working(run.app, run.processes, run.cores, SYNC_CONFIG=str(configure(parts, 100_000))):
        return follow(count, done, PATIENCE, None).speed


def measure_burst(parts: Parts, burst: Burst, import_seconds: float) -> Speed:
    """Return how fast both bring a burst to Brevo, each to one where nothing of it was done yet."""
    _prepare(parts, burst, import_seconds)
    before = count_asked(parts), _refused(parts)
    ours = _time_ours(parts, burst)
    requests, refused = count_asked(parts) - before[0], _refused(parts) - before[1]
    _prepare(parts, burst, import_seconds)
    parts.forget()
    asked = count_asked(parts)
    naive = _time_naive(parts, burst)
    asked = count_asked(parts) - asked
    return Speed(burst.what, burst.count, burst.target, ours, naive, requests, refused, asked, _urgent_words(burst))


def _urgent_words(burst: Burst) -> str:
    if burst.what == FLAGGED:
        return f"Of {burst.count:,} {FLAGGED} the last is off the list"
    return f"An opt-out sent while {burst.count:,} {burst.what} wait is at Brevo"


def _prepare(parts: Parts, burst: Burst, import_seconds: float) -> None:
    _forget(parts, import_seconds)
    if burst.known or burst.unknown:
        _make_known(parts, burst.count + SILENT, burst.newsletter)
    if burst.unknown:
        parts.forget()


def _time_ours(parts: Parts, burst: Burst) -> Course:
    people = len({saying.user for saying in burst.events(burst.count)})
    workers = parts.working(OURS, PROCESSES, SYNC_CONFIG=str(configure(parts, 10 if burst.limited else 100_000)))

    def watch(urgent: Urgent | None) -> Course:
        return follow(burst.count, lambda: 1 - count_dirty(parts) / people, PATIENCE, urgent)

    return _time(parts, burst, workers, report_to_pipeline, watch)


def _time_naive(parts: Parts, burst: Burst) -> Course:
    before = count_answered(parts)

    def watch(urgent: Urgent | None) -> Course:
        return follow(burst.count, lambda: (count_answered(parts) - before) / burst.count, burst.watched, urgent)

    return _time(parts, burst, parts.working(NAIVE, PROCESSES), report_to_naive, watch)


def _time(
    parts: Parts,
    burst: Burst,
    workers: AbstractContextManager[None],
    report: Reporter,
    watch: Callable[[Urgent | None], Course],
) -> Course:
    report_all(burst.events(burst.count), report)
    parts.send("/limits", LIMITS if burst.limited else NO_LIMITS)
    urgent = _plan_opt_out(parts, burst, report) if burst.events is updates and burst.limited else None
    if burst.what == FLAGGED:
        urgent = Urgent(0.0, lambda: None, lambda: _left(parts))
    with workers:
        return watch(urgent)


def _left(parts: Parts) -> bool:
    """Return whether nobody is on the list any more but those two who say nothing."""
    held = parts.desk("/contacts")["contacts"]
    return sum(OFFERS in contact["listIds"] for contact in held) <= SILENT


def _plan_opt_out(parts: Parts, burst: Burst, report: Reporter) -> Urgent:
    """One more person opts out: of ours and of naive's somebody else."""
    user = f"known-{burst.count + (report is report_to_naive)}"
    saying = Saying("unsubscribe", user, {"newsletter": "daily"})
    return Urgent(IN_BETWEEN, lambda: report(saying), _left_list(parts, user))


def _left_list(parts: Parts, user: str) -> Callable[[], bool]:
    """Return what says whether Brevo has taken somebody off the list."""
    held = parts.desk("/contacts")["contacts"]
    number = next(contact["id"] for contact in held if contact["email"] == address_of(user))

    def has_left() -> bool:
        return bool(parts.desk(f"/history?contact={number}")["history"][-1]["what"] == "left")

    return has_left


def _make_known(parts: Parts, count: int, newsletter: str) -> None:
    said = {"newsletter": newsletter, "first_name": "Ada", "last_name": "Lovelace"}
    report_all((Saying("subscribe", f"known-{number}", said) for number in range(count)), report_to_pipeline)
    parts.send("/limits", NO_LIMITS)
    with parts.working(OURS, 1, SYNC_CONFIG=str(configure(parts, 100_000))):
        wait_until(lambda: not count_dirty(parts), "Brevo agrees", PATIENCE)
    with Redis.from_url(parts.redis_url) as redis:
        redis.delete(OURS, f"{OURS}.urgent", f"{OURS}.background")


def report_all(sayings: Iterator[Saying], report: Reporter) -> None:
    """Put all of it into the queue."""
    for saying in sayings:
        report(saying)


def configure(parts: Parts, rate: int) -> Path:
    """Return a configuration for an account that grants so many requests a second."""
    path = parts.folder / f"sync_tasks-{rate}.toml"
    path.write_text(CONFIGURATION.format(rate=rate, hourly=3600 * rate, words=WORDS))
    return path


def count_dirty(parts: Parts) -> int:
    """Return with how many contacts of ours Brevo does not agree yet."""
    with Redis.from_url(parts.redis_url) as redis:
        return int(redis.zcard(f"{OURS}:dirty"))


def count_answered(parts: Parts) -> int:
    """Return how many requests Brevo has granted and liked."""
    statuses: dict[str, int] = parts.desk(f"/requests?after={2**62}")["statuses"]
    return sum(count for status, count in statuses.items() if status.startswith("2"))


def _refused(parts: Parts) -> int:
    refused: int = parts.desk("/limits")["refused"]
    return refused


def count_asked(parts: Parts) -> int:
    """Return how many requests Brevo has answered, whatever it said."""
    statuses: dict[str, int] = parts.desk(f"/requests?after={2**62}")["statuses"]
    return sum(statuses.values())


def main() -> int:
    """Measure the bursts and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bursts", description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="make every burst smaller by this factor")
    parser.add_argument("--naive-seconds", type=float, default=1200.0, help="how long the naive app may take at most")
    parser.add_argument("--import-seconds", type=float, default=1.0, help="how long Brevo takes for an import")
    parser.add_argument("--only", default="", help="measure only bursts whose name has these words")
    parser.add_argument("--unlimited", action="store_true", help="let Brevo grant every request of these bursts")
    parser.add_argument("--no-freely", action="store_true", help="leave out the runs without limits")
    parser.add_argument("--short", action="store_true", help="a few minutes: small bursts, imports of 8 s, naive 20 s")
    parser.add_argument("--write", action="store_true", help="keep figures and plot in docs/")
    arguments = parser.parse_args()
    if arguments.short:
        arguments.scale, arguments.naive_seconds, arguments.import_seconds, arguments.no_freely = 0.12, 20.0, 8.0, True
    named = (burst for burst in bursts(arguments.scale, arguments.naive_seconds) if arguments.only in burst.what)
    # What one request serves counts for nothing if all are granted: the work itself is compared.
    chosen = [replace(burst, limited=False, target=1.0) if arguments.unlimited else burst for burst in named]
    with running() as parts:
        freely = (
            None
            if arguments.no_freely
            else measure_freely(parts, int(arguments.scale * FREELY), arguments.import_seconds)
        )
        speeds = [_measure_aloud(parts, burst, arguments.import_seconds) for burst in chosen]
    print_speeds(speeds, freely)
    if arguments.write and freely:
        write_figures(speeds, freely)
    return int(any(speed.missed for speed in speeds) or (freely is not None and freely.missed))


def _measure_aloud(parts: Parts, burst: Burst, import_seconds: float) -> Speed:
    """Measure a burst, and say at once what came of it: the whole may be too long for somebody's patience."""
    speed = measure_burst(parts, burst, import_seconds)
    print(
        f"{burst.count:,} {burst.what}: {speed.requests:,} requests, {speed.ours.speed:.1f} a second; naive "
        f"{speed.naive.speed:.1f}: {speed.shown_ratio}",
        file=sys.stderr,
        flush=True,
    )
    return speed


if __name__ == "__main__":
    sys.exit(main())
