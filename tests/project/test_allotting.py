"""The benchmarks give a process its share of a core where Linux lets them, in both of its ways."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.allotting import allotted, can_allot, cpu_seconds
from tests.support.processes import wait_until

OLDER = {"cpu.cfs_period_us": "5000", "cpu.cfs_quota_us": "2500", "cgroup.procs": "77"}
UNIFIED = {"cpu.max": "2500 5000", "cgroup.procs": "77"}


@pytest.mark.parametrize(("parent", "written"), [("cpu", OLDER), (".", UNIFIED)])
def test_a_group_of_its_own_grants_the_share(tmp_path: Path, parent: str, written: dict[str, str]) -> None:
    (tmp_path / parent).mkdir(exist_ok=True)
    if parent == ".":
        (tmp_path / "cgroup.controllers").touch()
    with allotted(77, 0.5, tmp_path):
        (group,) = (tmp_path / parent).glob("sync-tasks-bench-*")
        assert {file.name: file.read_text() for file in group.iterdir()} == written
        for file in group.iterdir():
            file.unlink()
    assert not group.exists()


@pytest.mark.parametrize(("granted", "possible"), [("cpu memory", True), ("memory", False)])
def test_where_linux_does_not_grant_cores_nothing_is_allotted(tmp_path: Path, granted: str, *, possible: bool) -> None:
    (tmp_path / "cgroup.controllers").touch()
    (tmp_path / "cgroup.subtree_control").write_text(granted)
    assert can_allot(tmp_path) is possible


@pytest.mark.skipif(not can_allot(), reason="this user may not make control groups here")
def test_a_process_gets_no_more_than_its_share() -> None:
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as busy:
        with allotted(busy.pid, 0.25):
            used, began = cpu_seconds(busy.pid), time.monotonic()
            wait_until(lambda: cpu_seconds(busy.pid) > used + 0.25, "a quarter of a second of CPU is used", timeout=30)
            took = time.monotonic() - began
            busy.kill()
            busy.wait()
        assert took > 0.5
