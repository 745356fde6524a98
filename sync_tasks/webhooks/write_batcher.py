"""Many requests, few round trips: what comes while Redis is being written to is written together, next."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from sync_tasks.state.store import Noticed
from sync_tasks.webhooks.recorder import Notes, count_all

MOST_WAITING = 20_000

Write = Callable[[Notes], list[Noticed]]


class OverloadedError(Exception):
    """More is waiting to be written than can be soon."""


@dataclass(slots=True, repr=False)
class _Request:
    notes: Notes
    written: asyncio.Future[list[Noticed]]


class Gatherer:
    """Hands the notes of many requests to ``write``, in another thread, one call after the other."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._waiting: list[_Request] = []
        self._weight = 0
        self._working: asyncio.Task[None] | None = None

    async def put(self, notes: Notes) -> Counter[str]:
        """Return, once the notes are written, what became of how many.

        Raises:
            OverloadedError: too much waits already; nothing was written.
            Exception: whatever ``write`` raised.
        """
        if self._weight > MOST_WAITING:
            raise OverloadedError
        self._weight += 1 + len(notes.sightings)
        request = _Request(notes, asyncio.get_running_loop().create_future())
        self._waiting.append(request)
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work())
        return count_all(notes, await request.written)

    async def _work(self) -> None:
        while self._waiting:
            requests, self._waiting, self._weight = self._waiting, [], 0
            notes = Notes()
            for request in requests:
                notes += request.notes
            try:
                noticed = await asyncio.to_thread(self._write, notes)
            except Exception as error:  # noqa: BLE001 - each request gets it
                _fail(requests, error)
            else:
                _share(requests, noticed)


def _fail(requests: list[_Request], error: Exception) -> None:
    for request in requests:
        if not request.written.done():
            request.written.set_exception(error)


def _share(requests: list[_Request], noticed: list[Noticed]) -> None:
    start = 0
    for request in requests:
        end = start + len(request.notes.sightings)
        if not request.written.done():
            request.written.set_result(noticed[start:end])
        start = end
