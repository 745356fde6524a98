"""Signals as a terminal's foreground has them, whoever runs the tests: a shell's background ignores some."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def handled(number: int, handler: signal.Handlers | None = None) -> Iterator[None]:
    """Handle a signal in this way as long as the block lasts; ``None``: as Python does at its start."""
    start = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
    before = signal.signal(number, handler or start)
    try:
        yield
    finally:
        signal.signal(number, before)
