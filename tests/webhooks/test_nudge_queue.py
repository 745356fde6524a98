"""The prompter: how many nudges it takes, how fast it sends them, and that it ends although some wait."""

import logging
import threading

import pytest

from sync_tasks.webhooks.nudge_queue import MOST_WAITING, PER_SECOND, Prompter

pytestmark = pytest.mark.usefixtures("ends_soon")


class Pauses(threading.Event):
    """An event whose waits take no time and are remembered."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.seconds.append(timeout)
        return self.is_set()


def test_so_many_wait_and_no_more(caplog: pytest.LogCaptureFixture) -> None:
    prompter = Prompter(lambda _users: None)
    users = [str(number) for number in range(MOST_WAITING)]
    with caplog.at_level(logging.DEBUG):
        prompter.put(users)
        assert (prompter._users.qsize(), caplog.records) == (200, [])
        prompter.put(["one more", "and another"])
    assert prompter._users.qsize() == 200
    assert [record.getMessage() for record in caplog.records] == [
        "more was noticed than can be nudged at once: the sweep nudges the rest"
    ]


def test_a_pause_between_two_nudges_keeps_them_to_so_many_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    nudged: list[list[str]] = []
    prompter, pauses = Prompter(nudged.append), Pauses()
    monkeypatch.setattr(prompter, "_stopping", pauses)
    prompter.put(["a", "b"])
    prompter._users.put_nowait(None)
    prompter.start()
    prompter._thread.join(20)
    assert nudged == [["a"], ["b"]]
    assert pauses.seconds == [0.05, 0.05]
    assert PER_SECOND == 20


def test_it_ends_at_once_and_leaves_who_waits_to_the_sweep() -> None:
    nudged: list[str] = []
    entered, may = threading.Event(), threading.Event()

    def nudge(users: list[str]) -> None:
        nudged.extend(users)
        entered.set()
        may.wait(20)

    prompter = Prompter(nudge)
    prompter.put([str(number) for number in range(MOST_WAITING)])
    prompter.start()
    assert entered.wait(20)
    ending = threading.Thread(target=prompter.stop, daemon=True)
    ending.start()
    while not prompter._stopping.is_set():
        pass
    may.set()
    ending.join(20)
    assert not ending.is_alive()
    assert nudged == ["0"]


def test_one_that_nobody_gave_anything_ends_too() -> None:
    prompter = Prompter(lambda _users: None)
    prompter.start()
    ending = threading.Thread(target=prompter.stop, daemon=True)
    ending.start()
    ending.join(20)
    assert not ending.is_alive()
