"""schemathesis judges the intake of events: whatever it sends, the answer is one that the document names."""

import os
import re
import subprocess
from pathlib import Path

from tests.contract.fuzzing import TAIL
from tests.contract.tools import SCHEMATHESIS
from tests.support.station import building

TOKEN = "a-token-of-the-contract"
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,ignored_auth"
_REQUESTS = re.compile(r"(\d+) generated")


def fuzz_intake(folder: Path, seconds: int, program: Path = SCHEMATHESIS) -> tuple[int, list[str]]:
    """Fuzz so long what `sync-tasks serve` opens; return how many requests there were, and what was found."""
    with building(folder, more_env={"SYNC_EVENTS_TOKEN": TOKEN, "SYNC_LOG_LEVEL": "ERROR"}) as station:
        served = station.start_command("serve", "--port", "0")
        served.wait_for("/events")
        origin = served.output.split("receiving on ")[1].split("/events")[0]
        command: list[str | Path] = [program, "run", f"{origin}/openapi.json", "--url", origin]
        command += ["--header", f"Authorization: Bearer {TOKEN}", "--checks", CHECKS, "--max-time", str(seconds)]
        command += ["--continue-on-failure", "--warnings", "off", "--report-dir", folder]
        env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
        output = done.stdout + done.stderr
        wrong = served.output.partition("/events\n")[2].strip()
    requests = sum(map(int, _REQUESTS.findall(output)))
    if done.returncode == 0 and not requests:
        return 0, ["schemathesis sent nothing"]
    return requests, ([output[-TAIL:]] if done.returncode else []) + ([wrong[-TAIL:]] if wrong else [])
