"""Gives a process a share of a core, as a container's CPU limit does: by a control group of Linux."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
# Microseconds in which the share is granted: short beside what is measured.
PERIOD = 5_000
_NUMBERS = count(1)


def can_allot(root: Path = ROOT) -> bool:
    """Tell whether this user may make control groups on this machine."""
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


def _is_unified(root: Path) -> bool:
    return (root / "cgroup.controllers").exists()


def _parent(root: Path) -> Path:
    return root if _is_unified(root) else root / "cpu"


def _remove(group: Path) -> None:
    """Remove a control group, which Linux allows once its last process is quite gone."""
    for _ in range(50):
        try:
            group.rmdir()
        except OSError:
            time.sleep(0.1)
        else:
            return
