"""A portal's own tests, run by a pytest of their own with the plugin of the test kit."""

import os
import subprocess
import sys
from pathlib import Path

from tests.support.station import ROOT

PLUGIN = "sync_tasks.portal.pytest_plugin"


def run_tests(folder: Path, code: str, *options: str, status: int = 0) -> str:
    """Run the tests of a portal and return what pytest says."""
    (folder / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    (folder / "test_portal.py").write_text(code)
    env = {name: text for name, text in os.environ.items() if not name.startswith(("SYNC_", "PYTEST_", "COV"))}
    command = [sys.executable, "-m", "pytest", "-q", "-p", PLUGIN, "-p", "no:randomly", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, *options],
        env=env | {"PYTHONPATH": str(ROOT)},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout
