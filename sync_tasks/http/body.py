"""The body of a request: no larger and no slower than allowed."""

import asyncio

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from sync_tasks.http.refusal import HttpRefusal, RefusalLog, answer_refusal

LARGEST_BODY = 1_000_000
# So much of a body that is too large is read and thrown away, so that its sender is there to hear the answer.
LARGEST_DISCARDED = 16 * LARGEST_BODY
BODY_WITHIN = 10.0


async def read_body(request: Request, within: float = BODY_WITHIN) -> bytes:
    """Return the body, as long as it comes in time and is not too large.

    Raises:
        HttpRefusal: it is too large, or has not come within so many seconds.
    """
    try:
        async with asyncio.timeout(within):
            return await _read_whole(request)
    except TimeoutError:
        raise HttpRefusal(408, "the body came too slowly") from None


async def _read_whole(request: Request) -> bytes:
    body, length = bytearray(), 0
    async for chunk in request.stream():
        length += len(chunk)
        if length <= LARGEST_BODY:
            body += chunk
        elif length > LARGEST_DISCARDED:
            break
    if length > LARGEST_BODY:
        raise HttpRefusal(413, f"more than {LARGEST_BODY} bytes")
    return bytes(body)


def check_json(request: Request) -> None:
    """Return if a request brings JSON as it is.

    Raises:
        HttpRefusal: it does not, or has compressed it.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise HttpRefusal(415, "only application/json is read here")
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise HttpRefusal(415, "compressed bodies are not read here: send it without content-encoding")


class OneLength:
    """Lets only requests with one length or none through: two servers may see two in another (RFC 9112, 6.1)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app, self._refusals = app, RefusalLog("request")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        if "content-length" not in headers or "transfer-encoding" not in headers:
            await self._app(scope, receive, send)
            return
        refusal = HttpRefusal(400, "both content-length and transfer-encoding")
        self._refusals.report(refusal)
        await answer_refusal(refusal)(scope, receive, send)
