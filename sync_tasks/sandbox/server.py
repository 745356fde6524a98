"""The sandbox over HTTP: for the command line, and in a thread for tests."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from threading import Thread
from typing import TypeAlias

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from sync_tasks.sandbox import control, page
from sync_tasks.sandbox.delivery import Pace, delivering
from sync_tasks.sandbox.sandbox import Sandbox
from sync_tasks.sandbox.settings import SandboxSettings
from sync_tasks.sandbox.wire import Reply

HangUp: TypeAlias = Callable[[Scope], None]
TICK_SECONDS = 0.02


@dataclass(frozen=True)
class ServedSandbox:
    """A sandbox that listens; ``url`` is what Brevo's base URL is."""

    sandbox: Sandbox
    origin: str

    @property
    def url(self) -> str:
        """Return the base URL for clients of the API."""
        return f"{self.origin}/v3"


@contextmanager
def serving(
    settings: SandboxSettings | None = None,
    *,
    sandbox: Sandbox | None = None,
    port: int = 0,
    pace: Pace | None = None,
) -> Iterator[ServedSandbox]:
    """Serve a sandbox in a thread while the block runs, on a free port unless one is given.

    Its webhooks are delivered at Brevo's pace unless another is given.
    """
    sandbox = sandbox or Sandbox(settings)
    with socket.create_server(("127.0.0.1", port)) as listener, delivering(sandbox, pace):
        # asyncio does this for sockets of its own making; without it each body comes 40 ms after its headers.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        server = _build_server(sandbox)
        thread = Thread(target=server.run, args=([listener],), name="sandbox", daemon=True)
        thread.start()
        try:
            # The socket listens already: requests wait until the server has started.
            yield ServedSandbox(sandbox, f"http://127.0.0.1:{listener.getsockname()[1]}")
        finally:
            server.should_exit = True
            thread.join()


def _build_server(sandbox: Sandbox) -> uvicorn.Server:
    config = uvicorn.Config(
        build_app(sandbox, lambda scope: _hang_up(server, scope)),
        access_log=False,
        log_config=None,
        log_level="error",
        ws="none",
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
        server_header=False,
    )
    server = uvicorn.Server(config)
    return server


def _hang_up(server: uvicorn.Server, scope: Scope) -> None:
    client = scope["client"]
    for connection in list(server.server_state.connections):
        if getattr(connection, "client", None) == client:
            connection.transport.close()


def build_app(sandbox: Sandbox, hang_up: HangUp) -> ASGIApp:
    """Return the sandbox as an ASGI application; ``hang_up`` ends the connection a scope came through."""
    routes = [*page.build_routes(sandbox), Mount("/_sandbox", routes=control.build_routes(sandbox))]
    desk = Starlette(routes=routes, lifespan=lambda _app: _ticking(sandbox))

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/v3"):
            await _serve_brevo(sandbox, hang_up, scope, receive, send)
        elif scope["type"] == "http" and is_from_elsewhere(scope):
            await PlainTextResponse("the desk takes orders from its own page and from programs", 403)(
                scope, receive, send
            )
        else:
            await desk(scope, receive, send)

    return app


def is_from_elsewhere(scope: Scope) -> bool:
    """Return whether a page of another site has a browser change something at the desk."""
    headers = Headers(scope=scope)
    origin = headers.get("origin")
    return scope["method"] not in {"GET", "HEAD"} and (
        headers.get("sec-fetch-site", "none") not in {"same-origin", "none"}
        or (origin is not None and origin.rpartition("/")[2] != headers.get("host", ""))
    )


@asynccontextmanager
async def _ticking(sandbox: Sandbox) -> AsyncIterator[None]:
    ticking = asyncio.create_task(_tick(sandbox))
    yield
    ticking.cancel()


async def _tick(sandbox: Sandbox) -> None:
    while True:
        sandbox.run_due()
        await asyncio.sleep(TICK_SECONDS)


async def _serve_brevo(sandbox: Sandbox, hang_up: HangUp, scope: Scope, receive: Receive, send: Send) -> None:
    body = await _read_body(receive)
    reply = sandbox.handle(
        scope["method"],
        scope["raw_path"].decode("latin-1"),
        query=scope["query_string"].decode("latin-1"),
        body=body,
        key=Headers(scope=scope).get("api-key", "").strip(),
    )
    if reply.delay:
        await asyncio.sleep(reply.delay)
    if not reply.dropped:
        await _send_reply(reply, send)
    if reply.dropped or reply.truncated:
        hang_up(scope)
        await receive()


async def _send_reply(reply: Reply, send: Send) -> None:
    headers = [(b"content-length", b"%d" % len(reply.body)), *reply.headers]
    if reply.body:
        headers.append((b"content-type", reply.content_type))
    if reply.status == 204:  # noqa: PLR2004 - no body, hence no length
        del headers[0]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    sent = reply.body[: len(reply.body) // 2] if reply.truncated else reply.body
    await send({"type": "http.response.body", "body": sent, "more_body": reply.truncated})


async def _read_body(receive: Receive) -> bytes:
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body"):
        message = await receive()
        body += message.get("body", b"")
    return body
