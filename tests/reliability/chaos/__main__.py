"""Real processes under every fault a single Redis survives: exit 0 only where all promises were kept."""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from tests.reliability.chaos.plan import LONG, SHORT, SMALLEST, Plan
from tests.reliability.chaos.report import build_tables
from tests.reliability.chaos.run import Progress, play
from tests.reliability.chaos.verdict import Verdict


def read_plan(words: list[str]) -> Plan:
    """Return the plan that the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.reliability.chaos", description=__doc__)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--short", dest="base", action="store_const", const=SHORT, help="about two minutes, for CI")
    size.add_argument("--smallest", dest="base", action="store_const", const=SMALLEST, help="seconds, without faults")
    options = [each for each in fields(Plan) if each.type in (int, float, "int", "float")]
    for option in options:
        kind = int if option.type in (int, "int") else float
        parser.add_argument(f"--{option.name.replace('_', '-')}", type=kind, help=f"(long form: {option.default})")
    reported = vars(parser.parse_args(words))
    base = reported.pop("base") or LONG
    return replace(base, **{name: value for name, value in reported.items() if value is not None})


@contextmanager
def showing(console: Console) -> Iterator[Progress]:
    """Yield what moves the progress bars; on something that is no terminal there are none."""
    columns = (TextColumn("{task.description:>9}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bars(*columns, console=console, disable=not console.is_terminal) as bars:
        tasks = {name: bars.add_task(name, total=None) for name in ("accepted", "settled")}
        yield lambda name, done, total: bars.update(tasks[name], completed=done, total=total)


def main(words: list[str]) -> int:
    """Play one run, print what it has shown and return the exit status."""
    plan, console, verdict = read_plan(words), Console(), Verdict()
    folder = Path(tempfile.mkdtemp(prefix="sync-tasks-chaos-"))
    console.print(f"seed {plan.seed}, logs in {folder}")
    with showing(console) as progress:
        play(plan, folder, verdict.pronounce, progress)
    for table in build_tables(verdict):
        console.print(table)
    if not verdict.broken:
        shutil.rmtree(folder)
    return 1 if verdict.broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
