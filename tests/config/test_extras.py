"""What a portal installs is little; whoever starts more hears which extra brings it."""

import subprocess
import sys
from pathlib import Path

import pytest

from sync_tasks.config.environment import needing
from sync_tasks.errors import ConfigurationError

# As in a portal's environment: what the extra brings cannot be imported.
HIDDEN = """
import sys
for name in ("typer", "rich", "pydantic_settings", "sib_api_v3_sdk", "starlette", "tenacity"):
    sys.modules[name] = None
sys.argv = {argv}
from {module} import main
main()
"""
COMMANDS = {
    "sync_tasks.__main__": ["sync-tasks", "status"],
    "celery.__main__": ["celery", "-A", "sync_tasks", "worker"],
}


def test_a_missing_package_is_named_with_its_extra() -> None:
    with (
        pytest.raises(ConfigurationError, match=r"no_such is not installed: .*'sync-tasks\[worker\]'"),
        needing("worker"),
    ):
        raise ModuleNotFoundError("No module named 'no_such.part'", name="no_such.part")


@pytest.mark.parametrize("name", ["sync_tasks.no_such", None])
def test_a_fault_of_our_own_stays_what_it_is(name: str | None) -> None:
    with pytest.raises(ModuleNotFoundError), needing("worker"):
        raise ModuleNotFoundError("broken", name=name)


@pytest.mark.parametrize("module", COMMANDS)
def test_a_portal_that_starts_more_reads_one_line(module: str, tmp_path: Path) -> None:
    code = HIDDEN.format(argv=COMMANDS[module], module=module)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert line.endswith("is not installed: pip install 'sync-tasks[worker]'")
