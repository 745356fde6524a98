"""schemathesis as a fuzzer: whatever it sends to the sandbox, the answer is no 5xx."""

import os
import subprocess
from pathlib import Path

from sync_tasks.sandbox.server import ServedSandbox
from tests.contract.judged import KEY
from tests.contract.tools import SCHEMATHESIS

TAIL = 6_000


def fuzz(text: Path, served: ServedSandbox, folder: Path, seconds: int) -> tuple[int, list[str]]:
    """Fuzz so long; return how many requests there were, and what was found."""
    command: list[str | Path] = [SCHEMATHESIS, "run", text, "--url", served.url, "--header", f"api-key: {KEY}"]
    command += ["--checks", "not_a_server_error", "--max-time", str(seconds), "--continue-on-failure"]
    command += ["--warnings", "off", "--report-dir", folder]
    before = served.sandbox.journal.total
    # A path of modules that leads to the project must not lead its own Python astray.
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    output = (done.stdout + done.stderr)[-TAIL:]
    requests = served.sandbox.journal.total - before
    if done.returncode == 0 and not requests:
        return 0, ["schemathesis sent nothing"]
    return requests, [output] if done.returncode else []
