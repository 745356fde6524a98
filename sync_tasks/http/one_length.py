"""Refuses a request with two lengths: two servers may see two requests in it (RFC 9112, 6.1)."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from sync_tasks.http.refusal import HttpRefusal, RefusalLog, answer_refusal


class OneLength:
    """Lets only those requests through to an application that have one length or none."""

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
