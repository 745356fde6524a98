"""The receiver as a web application: check, write down, answer; nothing else happens before the answer.

Brevo drops an event on any answer but 2xx and 429. So trouble that may pass is answered with 429, never 5xx.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from redis import RedisError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from sync_tasks.http.body import BODY_WITHIN, OneLength, check_json, read_body
from sync_tasks.http.refusal import HttpRefusal, RefusalLog, answer_refusal
from sync_tasks.http.tokens import Tokens
from sync_tasks.providers.brevo.webhook_events import MOST_EVENTS, read_rows
from sync_tasks.webhooks.recorder import OwnChanges, make_notes
from sync_tasks.webhooks.write_batcher import Gatherer, OverloadedError

WRITTEN_WITHIN = 15.0


@dataclass(frozen=True, slots=True, repr=False)
class Desk:
    """Where the events of one account are written down, and what there is ours."""

    gatherer: Gatherer
    own: OwnChanges


@dataclass(frozen=True, slots=True, repr=False)
class Receiver:
    """Answers Brevo; ``ready`` returns whether Redis is there."""

    desks: Mapping[str, Desk]
    tokens: Tokens
    ready: Callable[[], bool]
    metrics: Callable[[], bytes] = bytes
    body_within: float = BODY_WITHIN
    refusals: RefusalLog = field(default_factory=RefusalLog)

    async def receive(self, request: Request) -> Response:
        """Write down what the events say, and answer what they came to."""
        return await self.refusals.answer(self._receive(request), answer_refusal(HttpRefusal(429, "try again later")))

    async def _receive(self, request: Request) -> Response:
        desk = self._find_desk(request)
        check_json(request)
        rows = await asyncio.to_thread(read_rows, await read_body(request, self.body_within))
        if rows is None:
            raise HttpRefusal(400, "neither an object nor an array in JSON")
        if len(rows) > MOST_EVENTS:
            raise HttpRefusal(413, f"more than {MOST_EVENTS} events")
        return JSONResponse(await _write_down(desk, rows))

    def _find_desk(self, request: Request) -> Desk:
        if not self.tokens.admits(request.headers.get("authorization", "").encode("latin-1")):
            raise HttpRefusal(401, "unauthorized")
        desk = self.desks.get(request.path_params["account"])
        if desk is None:
            raise HttpRefusal(404, "unknown account")
        return desk

    async def show_health(self, _request: Request) -> Response:
        """Say that the process answers."""
        return JSONResponse({"status": "ok"})

    async def show_readiness(self, _request: Request) -> Response:
        """Say whether events can be written down."""
        ready = await asyncio.to_thread(self.ready)
        return JSONResponse({"status": "ok" if ready else "Redis is away"}, 200 if ready else 503)

    async def show_metrics(self, _request: Request) -> Response:
        """Report how the pipeline is, to Prometheus."""
        return PlainTextResponse(await asyncio.to_thread(self.metrics))


async def _write_down(desk: Desk, rows: list[object]) -> Counter[str]:
    notes = await asyncio.to_thread(make_notes, rows, desk.own)
    try:
        async with asyncio.timeout(WRITTEN_WITHIN):
            return await desk.gatherer.put(notes)
    except (RedisError, OverloadedError, TimeoutError) as error:
        raise HttpRefusal(429, f"try again later ({type(error).__name__})") from None


def build_app(receiver: Receiver, more: Iterable[BaseRoute] = ()) -> Starlette:
    """Return the receiver as an ASGI application, with more doors beside it."""
    app = Starlette(
        routes=[
            Route("/webhooks/brevo/{account}", receiver.receive, methods=["POST"]),
            Route("/healthz", receiver.show_health),
            Route("/readyz", receiver.show_readiness),
            Route("/metrics", receiver.show_metrics),
            *more,
        ],
        middleware=[Middleware(OneLength)],
    )
    app.router.redirect_slashes = False  # Brevo follows nobody: the event would be lost
    return app
