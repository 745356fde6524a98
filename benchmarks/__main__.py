"""``python -m benchmarks``: measure, print a table, exit 1 where a target is missed; ``--write`` keeps the figures."""

import argparse
import sys

from benchmarks.delay import measure_delay
from benchmarks.importing import loads_the_sdk, measure_imports
from benchmarks.latency import measure_latency
from benchmarks.measuring import Comparison
from benchmarks.parts import running
from benchmarks.report import print_table, write_page


def main() -> int:
    """Run all measurements and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--write", action="store_true", help="keep the figures in docs/performance.md")
    arguments = parser.parse_args()
    comparisons = measure_all()
    print_table(comparisons)
    if loads_the_sdk():
        print("importing a task loads sib_api_v3_sdk: it must not")
        return 1
    if arguments.write:
        write_page(comparisons)
    return int(any(comparison.missed for comparison in comparisons))


def measure_all() -> list[Comparison]:
    """Return every comparison, one after the other, so that none disturbs another."""
    with running() as parts:
        delay = measure_delay(parts.redis_url)
        parts.forget()
        return [delay, *measure_imports(), measure_latency(parts)]


if __name__ == "__main__":
    sys.exit(main())
