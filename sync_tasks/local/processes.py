"""The pipeline's parts as processes on this machine: none of them outlives the command that starts it."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Self

from sync_tasks.errors import SyncError

READY_WITHIN = 60.0
_LOOK_EVERY = 0.02
_LAST_WORDS = 2.0

Hear = Callable[[str, str], None]


class PartEndedError(SyncError):
    """A part ended, or did not get ready, although it is needed."""


class LocalPart:
    """One process; every line it prints is heard, and it is ``ready`` once one holds the words, if any."""

    def __init__(self, name: str, process: subprocess.Popen[str], hear: Hear, ready_words: str | None) -> None:
        self.name = name
        self.process = process
        self.ready = threading.Event()
        self._hear = hear
        self._ready_words = ready_words
        if ready_words is None:
            self.ready.set()
        self._listener = threading.Thread(target=self._listen, name=name, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        for line in self.process.stdout or ():
            self._hear(self.name, line.rstrip())
            if self._ready_words and self._ready_words in line:
                self.ready.set()

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def end(self) -> None:
        """End the process at once, if it still runs, and hear its last words."""
        self.process.kill()
        self.process.wait()
        self._listener.join(_LAST_WORDS)
        if self.process.stdout and not self._listener.is_alive():
            self.process.stdout.close()


class Parts:
    """Starts programs of Celery and of ours and stops them with the block; ``hear`` gets every line they print.

    Start them from the main thread: on Linux they die with the thread that started them, even if that is killed.
    ``patience``: the seconds they get to end in good order. ``env``: the environment of those that start from now on.
    """

    def __init__(self, env: Mapping[str, str], hear: Hear, *, patience: float) -> None:
        self.env = dict(env)
        self._hear = hear
        self._patience = patience
        self._parts: list[LocalPart] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._ask_to_end()
        finally:
            for part in self._parts:
                part.end()

    def start(self, name: str, *words: str, ready: str | None = None) -> None:
        """Start ``celery`` with these words."""
        self.start_module(name, "celery", "-A", "sync_tasks", *words, ready=ready)

    def start_module(self, name: str, *words: str, ready: str | None = None) -> None:
        """Start ``python -m`` with these words, in a session of its own: Ctrl-C in the terminal reaches us alone."""
        from sync_tasks.local.leash import leash

        process = subprocess.Popen(  # noqa: S603 - our own programs
            leash([sys.executable, "-m", *words]),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self.env,
            start_new_session=True,
            text=True,
            errors="replace",
        )
        self._parts.append(LocalPart(name, process, self._hear, ready))

    def wait_until_ready(self, within: float = READY_WITHIN) -> None:
        """Return once every part is ready.

        Raises:
            PartEndedError: one has ended instead, or takes too long.
        """
        deadline = time.monotonic() + within
        while waiting := [part.name for part in self._parts if not part.ready.is_set()]:
            self.check()
            if time.monotonic() > deadline:
                raise PartEndedError(f"{waiting[0]} is not ready after {within:.0f} s")
            time.sleep(_LOOK_EVERY)

    def check(self) -> None:
        """Return if all parts still run.

        Raises:
            PartEndedError: one has ended.
        """
        for part in self._parts:
            if not part.running:
                raise PartEndedError(f"{part.name} has ended with exit {part.process.returncode}")

    def _ask_to_end(self) -> None:
        """Ask all, the last started first, and wait for them together."""
        deadline = time.monotonic() + self._patience
        for part in reversed(self._parts):
            part.process.terminate()
        while any(part.running for part in self._parts) and time.monotonic() < deadline:
            time.sleep(_LOOK_EVERY)


@contextmanager
def ending_on_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the block as Ctrl-C does, so that all of it is cleared away.

    One that is ignored stays so: ``nohup`` lets a command outlive its terminal.
    """

    def end(number: int, _frame: object) -> None:
        sys.exit(128 + number)

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
