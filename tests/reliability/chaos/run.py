"""One chaos run from its beginning until everything is settled."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from redis import RedisError

from tests.reliability.chaos.havoc import Havoc, plan_havoc
from tests.reliability.chaos.people import Reported, generate, shuffle
from tests.reliability.chaos.plan import Plan
from tests.reliability.chaos.world import World, building
from tests.support.backups import Backup, back_up
from tests.support.processes import Program

TICK = 0.1
READY_WITHIN = 60.0
# Until the workers have written down what came of the last fault.
LAST_ANSWERS = 2.0
UNSETTLED = ("dirty", "due")

Progress = Callable[[str, int, int], None]


@dataclass
class Run:
    """What was done and how it went, while its world still stands."""

    plan: Plan
    world: World
    reported: list[Reported]
    sent: list[Reported]
    havoc: Havoc
    faults: dict[str, int] = field(default_factory=dict)
    fuzzer: Program | None = None
    backup: Backup | None = None
    settled: bool = False
    left_alone: list[str] = field(default_factory=list)
    seconds: float = 0.0


def play(plan: Plan, folder: Path, decide_outcomes: Callable[[Run], None], progress: Progress) -> None:
    """Play a run and have it judged before its processes are gone."""
    reported = generate(plan.seed, plan.events, plan.people)
    with building(plan, folder) as world:
        run = Run(plan, world, reported, shuffle(plan.seed, reported), plan_havoc(world, plan))
        _start(run)
        _rage(run, progress)
        _settle(run, progress)
        decide_outcomes(run)


def _start(run: Run) -> None:
    world = run.world
    world.workers = [world.start_worker(f"worker-{number}") for number in range(run.plan.workers)]
    if run.plan.sabotage != "sweeper":
        world.start_beat()
    for worker in world.workers:
        worker.wait_for(" ready.", READY_WITHIN)


def _rage(run: Run, progress: Progress) -> None:
    """Send, kill and spoil answers until all is sent and killed; then the faults end, as the promises ask."""
    world, began = run.world, time.monotonic()
    world.brevo.turn_nasty(run.plan)
    portal = world.start_portal(run.sent)
    run.fuzzer = world.start_fuzzer() if run.plan.fuzz else None
    while portal.running or not run.havoc.over:
        run.seconds = time.monotonic() - began
        if run.seconds > run.plan.within:
            break
        run.havoc.go_on(run.seconds)
        _revive(run)
        accepted = _count_accepted(world)
        if run.backup is None and accepted > len(run.sent) // 2:
            with suppress(RedisError):
                run.backup = back_up(world.store.redis)
        progress("accepted", accepted, len(run.sent))
        time.sleep(TICK)
    for fault in world.brevo.faults:
        name = fault.name + (", applied" if fault.applied else "")
        run.faults[name] = run.faults.get(name, 0) + fault.hits
    world.brevo.faults.clear()
    run.seconds = time.monotonic() - began


def _settle(run: Run, progress: Progress) -> None:
    """Wait until nothing is left to do; an operator has replayed what a firewall refused that is mended now."""
    began, before = time.monotonic(), run.seconds
    time.sleep(LAST_ANSWERS)
    run.world.replay_all().process.wait(READY_WITHIN)
    while not run.settled and run.seconds < run.plan.within:
        run.seconds = before + time.monotonic() - began
        run.havoc.go_on(run.seconds)
        _revive(run)
        with suppress(RedisError):
            left = sum(run.world.store.redis.zcard(run.world.store.key(name)) for name in UNSETTLED)
            run.settled = left == 0
            progress("settled", max(run.plan.people - left, 0), run.plan.people)
        time.sleep(TICK)


def _revive(run: Run) -> None:
    """Start a worker anew that ended without being killed, as a supervisor would, and remember that."""
    for number, worker in enumerate(run.world.workers):
        if not worker.running:
            run.left_alone.append(f"worker-{number}: exit {worker.process.returncode}")
            run.world.workers[number] = run.world.start_worker(f"worker-{number}")


def _count_accepted(world: World) -> int:
    return world.accepted.read_bytes().count(b"\n") if world.accepted.exists() else 0
