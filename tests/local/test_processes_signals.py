"""A signal ends a block as Ctrl-C does, with the exit that a shell expects, and is nobody's afterwards."""

import os
import signal
import threading

import pytest

from sync_tasks.local.processes import ending_on_signals
from tests.support.signals import handled

ENDING = [signal.SIGTERM, signal.SIGHUP]


def be_ended(number: int, cleared: list[int]) -> None:
    """Be in the middle of something while a signal comes."""
    with ending_on_signals():
        try:
            os.kill(os.getpid(), number)
            threading.Event().wait(5)
        finally:
            cleared.append(number)


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_ends_the_block_and_its_handler_comes_back(number: signal.Signals) -> None:
    cleared = list[int]()
    with handled(number):
        with pytest.raises(SystemExit) as ended:
            be_ended(number, cleared)
        assert signal.getsignal(number) is signal.SIG_DFL
    assert (ended.value.code, cleared) == (128 + number, [number])


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_that_is_ignored_ends_nothing(number: signal.Signals) -> None:
    """``nohup`` ignores SIGHUP, so that a command outlives its terminal."""
    with handled(number, signal.SIG_IGN):
        with ending_on_signals():
            os.kill(os.getpid(), number)
            assert signal.getsignal(number) is signal.SIG_IGN
        assert signal.getsignal(number) is signal.SIG_IGN
