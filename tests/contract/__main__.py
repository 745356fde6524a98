"""Hold the sandbox and our traffic to the outside: exit 1 where something that others wrote objects.

``python -m tests.contract`` · ``python -m tests.contract --short``
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeAlias

from sync_tasks.errors import SyncError
from sync_tasks.sandbox.server import ServedSandbox
from tests.contract.clients import CLIENTS, run_client
from tests.contract.fuzzing import fuzz
from tests.contract.intake import fuzz_intake
from tests.contract.judged import judged_sandbox, write_text
from tests.contract.prism import proxying
from tests.contract.tools import MissingError, prepare
from tests.contract.traffic import find_unspoken, play
from tests.support.processes import programs

Judged: TypeAlias = tuple[int, list[str]]
SECONDS, SHORT = 60, 15
SHOWN = 30


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 1 where a judge objects, 0 also where there is no judge."""
    parser = argparse.ArgumentParser(prog="python -m tests.contract", description=__doc__)
    parser.add_argument("--seconds", type=int, default=SECONDS, help=f"how long to fuzz (default: {SECONDS})")
    parser.add_argument("--short", action="store_const", dest="seconds", const=SHORT, help=f"fuzz {SHORT} s, for CI")
    chosen = parser.parse_args(arguments)
    try:
        prepare()
    except MissingError as missing:
        _say(f"skipped: {missing}")
        return 0
    with tempfile.TemporaryDirectory(prefix="sync-tasks-contract-") as folder:
        return _judge(Path(folder), chosen.seconds)


def _judge(folder: Path, seconds: int) -> int:
    sound = [_report("Prism, our traffic", lambda served: _watch_traffic(folder, served))]
    sound += [_report(name, partial(run_client, command)) for name, command in CLIENTS.items()]
    sound.append(_report("schemathesis", lambda served: fuzz(write_text(folder, served), served, folder, seconds)))
    sound.append(_report("schemathesis, our intake", lambda _: fuzz_intake(folder, seconds)))
    return int(not all(sound))


def _watch_traffic(folder: Path, served: ServedSandbox) -> Judged:
    with programs(folder) as start, proxying(write_text(folder, served), served.url, start) as prism:
        before = served.sandbox.journal.total
        ended: list[str] = []
        try:
            play(prism.url, served.sandbox, folder)
        except (AssertionError, SyncError) as error:
            # Prism's word says why, most likely.
            ended.append(f"the pipeline did not come to its end: {error!r}")
        requests = served.sandbox.journal.total - before
        missing = [f"never said: {kind}" for kind in sorted(find_unspoken(served.sandbox))]
        return requests, prism.take_findings(requests) + ended + missing


def _report(judge: str, ask: Callable[[ServedSandbox], Judged]) -> bool:
    """Let a judge look at a fresh sandbox, print its word, and return whether it is content."""
    began = time.monotonic()
    with judged_sandbox() as served:
        requests, found = ask(served)
    verdict = f"{len(found)} objections" if found else "content"
    _say(f"{judge}: {requests} requests in {time.monotonic() - began:.0f} s: {verdict}")
    for objection in found[:SHOWN]:
        _say(f"  {objection}")
    return not found


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - the report


if __name__ == "__main__":
    sys.exit(main())
