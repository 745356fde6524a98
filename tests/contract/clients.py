"""Brevo's own clients against the sandbox, each in a process and a language of its own."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from sync_tasks.sandbox.server import ServedSandbox
from tests.contract.judged import KEY
from tests.contract.tools import FOLDER, PYTHON

WITHIN = 120
CLIENTS: dict[str, list[str | Path]] = {
    "brevo-python": [PYTHON, "-I", FOLDER / "python_client.py"],
    "@getbrevo/brevo": ["node", FOLDER / "node_client.mjs"],
}


def run_client(command: Sequence[str | Path], served: ServedSandbox) -> tuple[int, list[str]]:
    """Return how many requests a client made, and where the sandbox differs from what it expects."""
    served.sandbox.reset()
    done = subprocess.run(
        [*command, served.url, KEY], capture_output=True, text=True, check=False, timeout=WITHIN, cwd=FOLDER
    )
    requests = served.sandbox.journal.total
    found = done.stdout.splitlines()
    if done.returncode != int(bool(found)) or not requests:
        found.append(f"the client ended with exit {done.returncode}: {done.stderr[-2000:]}")
    return requests, found
