"""What the tests start, and how they wait for it: nothing started here outlives its test."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol, TypeVar

import pytest

from sync_tasks.errors import ConfigurationError
from sync_tasks.local.leash import leash
from sync_tasks.local.redis_server import find_server

READY_WITHIN = 60.0
STOPPED_WITHIN = 20.0
LOOK_EVERY = 0.02
TAIL = 4_000

T = TypeVar("T")


def wait_until(predicate: Callable[[], T], what: str, timeout: float = 10) -> T:
    """Return what the predicate returns once that is true; fail, naming what was waited for, if it never is."""
    deadline = time.monotonic() + timeout
    while not (found := predicate()):
        if time.monotonic() > deadline:
            message = f"waited {timeout:g} s in vain: {what}"
            raise AssertionError(message)
        time.sleep(LOOK_EVERY)
    return found


def process_exists(pid: int) -> bool:
    """Return whether there is such a process, also one that ended and was not waited for."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def require_redis_server() -> None:
    """Skip the test on a machine without a redis-server; fail it where CI promises one."""
    try:
        find_server()
    except ConfigurationError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))


class Program:
    """A process under test, with its children, and what it has printed so far."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self.log = log

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def output(self) -> str:
        """Everything printed so far, standard output and standard error in one."""
        return self.log.read_text(errors="replace")

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def wait_for(self, text: str, timeout: float = READY_WITHIN) -> None:
        """Return once the text has been printed; fail with the end of the log if it never is or the process ends."""
        wait_until(lambda: text in self.output or not self.running, f"{text!r} in {self.log}", timeout)
        if text not in self.output:
            message = f"ended with exit {self.process.returncode} before it printed {text!r}:\n{self.output[-TAIL:]}"
            raise AssertionError(message)

    def stop(self, how: signal.Signals = signal.SIGTERM, timeout: float = STOPPED_WITHIN) -> int:
        """Ask the process to end and return its exit status; what does not end in time is killed and fails the test."""
        if self.running:
            self.process.send_signal(how)
        try:
            return self.process.wait(timeout)
        finally:
            self.kill()

    def kill(self) -> None:
        """End the process and all its children at once, as a crash of the machine would."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class StartProgram(Protocol):
    """Start a command, wait for its ready line, and see to it that it is gone when the test is over."""

    def __call__(
        self,
        command: Sequence[str | Path],
        *,
        ready: str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> Program: ...


@contextmanager
def programs(folder: Path) -> Iterator[StartProgram]:
    """Yield the function that starts programs, their logs in the folder; kill them all at the end, whatever happens."""
    started: list[Program] = []

    def start(
        command: Sequence[str | Path],
        *,
        ready: str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> Program:
        log = folder / f"{len(started)}-{Path(command[0]).name}.log"
        program = Program(_spawn(command, log, {**os.environ, **(env or {})}, cwd), log)
        started.append(program)
        if ready is not None:
            program.wait_for(ready)
        return program

    try:
        yield start
    finally:
        for program in started:
            program.kill()


def _hear_interrupts() -> None:
    """Whoever started the tests in the background had SIGINT ignored, and a child inherits that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _spawn(
    command: Sequence[str | Path], log: Path, env: Mapping[str, str], cwd: Path | None
) -> subprocess.Popen[bytes]:
    with log.open("wb") as out:
        return subprocess.Popen(
            leash(command),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=env,
            cwd=cwd,
            start_new_session=True,
            preexec_fn=_hear_interrupts,  # noqa: PLW1509 - one call that takes no lock
        )
