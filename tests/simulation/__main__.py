"""Replay one history with all that was done in it, or search many for one that breaks a promise.

``python -m tests.simulation 42`` · ``python -m tests.simulation --seeds 1000000 [--first 5120]``
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from multiprocessing import get_context

from tests.simulation.simulation import Outcome, report, simulate, simulate_briefly

SHOWN = 10
EVERY = 1000


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 1 where a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("seed", type=int, nargs="?", help="replay this one and print its schedule")
    parser.add_argument("--seeds", type=int, default=5120, help="how many to search, on all processors")
    parser.add_argument("--first", type=int, default=0, help="where to begin")
    chosen = parser.parse_args(arguments)
    if chosen.seed is not None:
        return _replay(chosen.seed)
    return _search(range(chosen.first, chosen.first + chosen.seeds))


def _replay(seed: int) -> int:
    outcome = simulate(seed)
    _say(*outcome.schedule, "", *(outcome.violations or ("every promise was kept",)))
    return int(bool(outcome.violations))


def _search(seeds: range) -> int:
    began = time.monotonic()
    with get_context("spawn").Pool() as pool:
        failed = list(islice(_failures(pool.imap_unordered(simulate_briefly, seeds, chunksize=50), len(seeds)), SHOWN))
    _say(f"{'failed' if failed else 'all kept their promises'} · {time.monotonic() - began:.0f} s")
    return int(bool(failed))


def _failures(outcomes: Iterator[Outcome], total: int) -> Iterator[Outcome]:
    for number, outcome in enumerate(outcomes, 1):
        if outcome.violations:
            _say(report(outcome))
            yield outcome
        if number % EVERY == 0:
            _say(f"{number:,} of {total:,} histories")


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}{os.linesep}" for line in lines))
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
