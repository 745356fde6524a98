"""Nudges for what was noticed, beside the receiver's own work: never in its way, and never more than is of use."""

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from queue import Full, Queue

from kombu.exceptions import OperationalError

from sync_tasks.log import log

# Brevo grants ten requests a second: more nudges than that do not make it faster. The sweep nudges the others.
PER_SECOND = 20
MOST_WAITING = 200

Nudge = Callable[[list[str]], None]


class Prompter:
    """Nudges users one by one in a thread of its own; what it cannot take is left to the sweep."""

    def __init__(self, nudge: Nudge) -> None:
        self._nudge = nudge
        self._users: Queue[str | None] = Queue(MOST_WAITING + 1)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="prompter", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; who still waits is left to the sweep."""
        self._stopping.set()
        with suppress(Full):
            self._users.put_nowait(None)
        self._thread.join()

    def put(self, user_ids: Iterable[str]) -> None:
        """Have these users nudged soon, as far as there is room."""
        for user_id in user_ids:
            if self._users.qsize() >= MOST_WAITING:
                log.debug("more was noticed than can be nudged at once: the sweep nudges the rest")
                return
            self._users.put_nowait(user_id)

    def _run(self) -> None:
        while (user_id := self._users.get()) is not None and not self._stopping.is_set():
            try:
                self._nudge([user_id])
            except OperationalError as error:
                log.warning("noticed, but the nudge could not be sent: %s", type(error).__name__)
            self._stopping.wait(1 / PER_SECOND)
