"""One seed, one history: run it, check it, say how to see it again."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from tests.simulation.invariants import find_undone, find_violations
from tests.simulation.plan import make_plan
from tests.simulation.world import Broken, World

WHOLE = Broken()


@dataclass(frozen=True)
class Outcome:
    """What came of one history: the promises that were broken, and all that was done."""

    seed: int
    violations: tuple[str, ...]
    schedule: tuple[str, ...]


def simulate(seed: int, broken: Broken = WHOLE) -> Outcome:
    """Return what comes of the history of a seed."""
    with _undisturbed():
        world = World(seed, make_plan(seed), broken)
        try:
            violations = tuple(_live(world))
        finally:
            world.scheduler.close()
    lines = (f"{at / 1_000_000:12.6f}  {who:10}  {what}" for at, who, what in world.scheduler.schedule)
    return Outcome(seed, violations, tuple(lines))


def simulate_briefly(seed: int) -> Outcome:
    """Return what comes of a seed, without all that was done: another process gets little."""
    return replace(simulate(seed), schedule=())


def report(outcome: Outcome) -> str:
    """Return which promises a history broke, and the command that shows how."""
    return f"seed {outcome.seed}: {'; '.join(outcome.violations)}: python -m tests.simulation {outcome.seed}"


def _live(world: World) -> Iterator[str]:
    rested = world.live()
    if world.plan.rolled_back is not None:
        yield from find_undone(world)
        return
    world.replay()
    if not rested or not world.rest():
        yield "never comes to rest"
    yield from find_violations(world)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Neither log nor measure coverage meanwhile: in thousands of histories both would cost more than they show."""
    tracer = sys.gettrace()
    logging.disable()
    sys.settrace(None)
    try:
        yield
    finally:
        sys.settrace(tracer)
        logging.disable(logging.NOTSET)
