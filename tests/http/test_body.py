"""The body of a request: as much as is allowed, and of more no more than its sender needs to hear the answer."""

import asyncio
from typing import Any

import pytest
from starlette.requests import Request

from sync_tasks.http.body import LARGEST_BODY, LARGEST_DISCARDED, check_json, read_body
from sync_tasks.http.refusal import HttpRefusal

CHUNK = 100_000


class Sender:
    """Sends a body of so many bytes, and counts what was taken of it; at ``stalls_at`` it stops to send."""

    def __init__(self, size: int, *, stalls_at: int | None = None) -> None:
        self.size, self.taken, self.stalls_at = size, 0, stalls_at

    async def receive(self) -> dict[str, Any]:
        if self.taken == self.stalls_at:
            await asyncio.Event().wait()
        piece = min(CHUNK, self.size - self.taken)
        self.taken += piece
        return {"type": "http.request", "body": b"x" * piece, "more_body": self.taken < self.size}

    def read(self, within: float = 10.0) -> int:
        request = Request({"type": "http", "method": "POST", "headers": []}, self.receive)
        return len(asyncio.run(read_body(request, within)))


@pytest.mark.parametrize("size", [0, CHUNK, LARGEST_BODY])
def test_what_is_allowed_is_read(size: int) -> None:
    assert Sender(size).read() == size


@pytest.mark.parametrize(
    ("size", "taken"),
    [
        (LARGEST_BODY + 1, LARGEST_BODY + 1),
        (LARGEST_DISCARDED, LARGEST_DISCARDED),
        (LARGEST_DISCARDED * 2, LARGEST_DISCARDED + CHUNK),
    ],
)
def test_of_what_is_too_large_so_much_is_taken_and_no_more(size: int, taken: int) -> None:
    sender = Sender(size)
    with pytest.raises(HttpRefusal) as caught:
        sender.read()
    assert (caught.value.status, sender.taken) == (413, taken)


def test_a_body_that_stalls_is_refused() -> None:
    with pytest.raises(HttpRefusal) as caught:
        Sender(3 * CHUNK, stalls_at=CHUNK).read(0.05)
    assert caught.value.status == 408


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content-type": "application/json"}, 0),
        ({"content-type": "Application/JSON; charset=utf-8", "content-encoding": "Identity"}, 0),
        ({}, 415),
        ({"content-type": "text/json"}, 415),
        ({"content-type": "application/json", "content-encoding": "gzip"}, 415),
    ],
)
def test_only_json_as_it_is_is_read(headers: dict[str, str], status: int) -> None:
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    request = Request({"type": "http", "method": "POST", "headers": pairs})
    if not status:
        check_json(request)
        return
    with pytest.raises(HttpRefusal) as caught:
        check_json(request)
    assert caught.value.status == status
