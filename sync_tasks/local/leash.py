"""End a child process together with its owner, also if the owner is killed."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

# Linux ends the child itself (prctl(2), PR_SET_PDEATHSIG). The lines run before the real command, in the same process:
# a preexec_fn would do the same but is unsafe beside threads. The second look at the parent closes the gap in which it
# may already have died.
_BY_THE_KERNEL = """
import ctypes, os, signal, sys
PR_SET_PDEATHSIG = 1
ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
if os.getppid() != int(sys.argv[1]):
    sys.exit("the owner is gone")
os.execvp(sys.argv[2], sys.argv[2:])
"""

# macOS and other systems have no such signal. A second process looks five times a second whether the owner still runs.
_BY_A_WATCHER = """
import os, signal, sys, time
owner, command = int(sys.argv[1]), os.getpid()
if os.getppid() != owner:
    sys.exit("the owner is gone")
if os.fork():
    os.execvp(sys.argv[2], sys.argv[2:])
os.setsid()
for stream in range(3):
    os.close(stream)
while os.getppid() == command:
    try:
        os.kill(owner, 0)
    except ProcessLookupError:
        os.kill(command, signal.SIGKILL)
    time.sleep(0.2)
"""


def leash(command: Sequence[str | Path], *, platform: str = sys.platform) -> list[str]:
    """Return the command so wrapped that its process ends with its owner; the process keeps its id.

    On Linux the owner is the thread that starts the process, and the end comes at once. Elsewhere the owner is this
    process, and the end comes within half a second. An owner that died and was not yet waited for still counts as
    alive there.
    """
    lines = _BY_THE_KERNEL if platform == "linux" else _BY_A_WATCHER
    return [sys.executable, "-I", "-S", "-c", lines, str(os.getpid()), *(str(part) for part in command)]
