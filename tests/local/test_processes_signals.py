"""A signal ends a block as Ctrl-C does, with the exit that a shell expects, and is nobody's afterwards."""

import os
import signal
import threading

import pytest

from sync_tasks.local.processes import ending_on_signals


def be_ended(number: int, cleared: list[int]) -> None:
    """Be in the middle of something while a signal comes."""
    with ending_on_signals():
        try:
            os.kill(os.getpid(), number)
            threading.Event().wait(5)
        finally:
            cleared.append(number)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_block_and_its_handler_comes_back(number: signal.Signals) -> None:
    before = {one: signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGHUP)}
    cleared = list[int]()
    with pytest.raises(SystemExit) as ended:
        be_ended(number, cleared)
    assert (ended.value.code, cleared) == (128 + number, [number])
    assert {one: signal.getsignal(one) for one in before} == before
