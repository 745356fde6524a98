"""Gives a process a share of a core, by a control group of Linux as a container does, and says what it used."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

ROOT = Path("/sys/fs/cgroup")
# Microseconds in which the share is granted: short beside what is measured.
PERIOD = 5_000
_NUMBERS = count(1)


def can_allot(root: Path = ROOT) -> bool:
    """Return whether this user may make control groups on this machine."""
    granting = not _is_unified(root) or "cpu" in (root / "cgroup.subtree_control").read_text().split()
    return granting and os.access(_parent(root), os.W_OK)


@contextmanager
def allotted(process: int, cores: float, root: Path = ROOT) -> Iterator[None]:
    """Let a process and its children take no more than so many cores for as long as the block lasts.

    The block must end after the process.
    """
    group = _parent(root) / f"sync-tasks-bench-{os.getpid()}-{next(_NUMBERS)}"
    group.mkdir()
    try:
        quota = int(cores * PERIOD)
        if _is_unified(root):
            (group / "cpu.max").write_text(f"{quota} {PERIOD}")
        else:
            (group / "cpu.cfs_period_us").write_text(str(PERIOD))
            (group / "cpu.cfs_quota_us").write_text(str(quota))
        (group / "cgroup.procs").write_text(str(process))
        yield
    finally:
        _remove(group)


def cpu_seconds(process: int) -> float:
    """Return how many seconds of CPU a process has used so far, its children aside."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _is_unified(root: Path) -> bool:
    return (root / "cgroup.controllers").exists()


def _parent(root: Path) -> Path:
    return root if _is_unified(root) else root / "cpu"


@retry(retry=retry_if_exception_type(OSError), wait=wait_fixed(0.1), stop=stop_after_delay(5), reraise=True)
def _remove(group: Path) -> None:
    """Remove a control group, which Linux allows once its last process is quite gone, and says nobody when."""
    group.rmdir()
