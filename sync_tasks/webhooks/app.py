"""The receiver as a web application: check, write down, answer; nothing else happens before the answer.

Brevo drops an event for good on any answer but 2xx and 429. So trouble that may pass is answered with 429, never 5xx.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from redis import RedisError
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from sync_tasks.log import describe, log
from sync_tasks.providers.brevo.webhook_events import MOST_EVENTS, read_rows
from sync_tasks.webhooks.auth import Tokens
from sync_tasks.webhooks.recorder import OwnChanges, make_notes
from sync_tasks.webhooks.write_batcher import Gatherer, OverloadedError

LARGEST_BODY = 1_000_000
# So much of a body that is too large is read and thrown away, so that its sender is there to hear the answer.
LARGEST_DISCARDED = 16 * LARGEST_BODY
BODY_WITHIN = 10.0
REFUSALS_EVERY = 1.0
WRITTEN_WITHIN = 15.0


@dataclass(frozen=True, slots=True, repr=False)
class Desk:
    """Where the events of one account are written down, and what there is ours."""

    gatherer: Gatherer
    own: OwnChanges


class HttpRefusal(Exception):  # noqa: N818 - an answer, not a fault of ours
    """The request is answered with this status and these words."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(status, words)
        self.status = status
        self.words = words


class RefusalLog:
    """Tells of refused requests, at most once a second: whoever has no token cannot fill the log."""

    def __init__(self) -> None:
        self._next, self._left_out = 0.0, 0

    def tell(self, refusal: HttpRefusal) -> None:
        """Write a line, or count it for the next one."""
        if time.monotonic() < self._next:
            self._left_out += 1
            return
        more = f" and {self._left_out} more" if self._left_out else ""
        log.warning("webhook refused: %d %s%s", refusal.status, refusal.words, more)
        self._next, self._left_out = time.monotonic() + REFUSALS_EVERY, 0


@dataclass(frozen=True, slots=True, repr=False)
class Receiver:
    """Answers Brevo; ``ready`` tells whether Redis is there."""

    desks: Mapping[str, Desk]
    tokens: Tokens
    ready: Callable[[], bool]
    metrics: Callable[[], bytes] = bytes
    body_within: float = BODY_WITHIN
    refusals: RefusalLog = field(default_factory=RefusalLog)

    async def receive(self, request: Request) -> Response:
        """Write down what the events say, and answer what they came to."""
        try:
            return JSONResponse(await self._receive(request))
        except HttpRefusal as refusal:
            self.refusals.tell(refusal)
            return _answer(refusal)
        except ClientDisconnect:
            return Response(status_code=408)
        except Exception as error:  # noqa: BLE001 - the last frontier: 5xx would lose the events
            log.error("webhook: unexpected error\n%s", describe(error))
            return _answer(HttpRefusal(429, "try again later"))

    async def _receive(self, request: Request) -> Counter[str]:
        desk = self._find_desk(request)
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise HttpRefusal(415, "only application/json is read here")
        rows = await asyncio.to_thread(read_rows, await self._read_body(request))
        if rows is None:
            raise HttpRefusal(400, "neither an object nor an array in JSON")
        if len(rows) > MOST_EVENTS:
            raise HttpRefusal(413, f"more than {MOST_EVENTS} events")
        return await _write_down(desk, rows)

    def _find_desk(self, request: Request) -> Desk:
        if "content-length" in request.headers and "transfer-encoding" in request.headers:
            # Two servers may see two requests in one of these (RFC 9112, 6.1).
            raise HttpRefusal(400, "both content-length and transfer-encoding")
        if not self.tokens.admits(request.headers.get("authorization", "").encode("latin-1")):
            raise HttpRefusal(401, "unauthorized")
        desk = self.desks.get(request.path_params["account"])
        if desk is None:
            raise HttpRefusal(404, "unknown account")
        return desk

    async def _read_body(self, request: Request) -> bytes:
        """Return the body, as long as it comes in time and is not too large."""
        body, length = bytearray(), 0
        try:
            async with asyncio.timeout(self.body_within):
                async for chunk in request.stream():
                    length += len(chunk)
                    if length <= LARGEST_BODY:
                        body += chunk
                    elif length > LARGEST_DISCARDED:
                        break
        except TimeoutError:
            raise HttpRefusal(408, "the body came too slowly") from None
        if length > LARGEST_BODY:
            raise HttpRefusal(413, f"more than {LARGEST_BODY} bytes")
        return bytes(body)

    async def show_health(self, _request: Request) -> Response:
        """Say that the process answers."""
        return JSONResponse({"status": "ok"})

    async def show_readiness(self, _request: Request) -> Response:
        """Say whether events can be written down."""
        ready = await asyncio.to_thread(self.ready)
        return JSONResponse({"status": "ok" if ready else "Redis is away"}, 200 if ready else 503)

    async def show_metrics(self, _request: Request) -> Response:
        """Tell how the pipeline is, for Prometheus."""
        try:
            return PlainTextResponse(await asyncio.to_thread(self.metrics))
        except RedisError:
            return PlainTextResponse("Redis is away", 503)


async def _write_down(desk: Desk, rows: list[object]) -> Counter[str]:
    notes = await asyncio.to_thread(make_notes, rows, desk.own)
    try:
        async with asyncio.timeout(WRITTEN_WITHIN):
            return await desk.gatherer.put(notes)
    except (RedisError, OverloadedError, TimeoutError) as error:
        raise HttpRefusal(429, f"try again later ({type(error).__name__})") from None


def _answer(refusal: HttpRefusal) -> Response:
    """Return a refusal; the connection ends with it where more of the body may be on its way."""
    headers = {"connection": "close"} if refusal.status in {400, 401, 408, 413} else {}
    return JSONResponse({"message": refusal.words}, refusal.status, headers=headers)


def build_app(receiver: Receiver) -> Starlette:
    """Return the receiver as an ASGI application."""
    app = Starlette(
        routes=[
            Route("/webhooks/brevo/{account}", receiver.receive, methods=["POST"]),
            Route("/healthz", receiver.show_health),
            Route("/readyz", receiver.show_readiness),
            Route("/metrics", receiver.show_metrics),
        ]
    )
    app.router.redirect_slashes = False  # Brevo follows nobody: the event would be lost
    return app
