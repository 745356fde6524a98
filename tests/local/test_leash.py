"""A process on a leash ends with its owner, by the kernel on Linux and by a watcher elsewhere."""

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.support.processes import StartProgram, process_exists, wait_until

OWNER = """
import subprocess, sys
from sync_tasks.local.leash import leash
child = subprocess.Popen(leash(["sleep", "600"], platform=sys.argv[1]), start_new_session=True)
print("child", child.pid, flush=True)
child.wait()
"""


@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_a_child_dies_with_an_owner_that_is_killed(platform: str, start_program: StartProgram) -> None:
    owner = start_program([sys.executable, "-c", OWNER, platform], ready="child ")
    child = int(owner.output.split()[1])
    os.kill(owner.pid, signal.SIGKILL)
    owner.process.wait(10)
    wait_until(lambda: not process_exists(child), "the child is gone")


def test_the_watcher_ends_with_the_child(start_program: StartProgram) -> None:
    owner = start_program([sys.executable, "-c", OWNER, "darwin"], ready="child ")
    child = int(owner.output.split()[1])
    watchers = Path(f"/proc/{child}/task/{child}/children")
    if not watchers.exists():
        pytest.skip("this system does not list the children of a process")
    watcher = int(wait_until(watchers.read_text, "the watcher watches"))
    os.kill(child, signal.SIGKILL)
    wait_until(lambda: not process_exists(watcher), "the watcher is gone")
