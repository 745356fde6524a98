"""A request that is answered with why it was not served."""

import logging
import time
from collections.abc import Awaitable

from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response

from sync_tasks.log import describe, log

REFUSALS_EVERY = 1.0


class HttpRefusal(Exception):  # noqa: N818 - an answer, not a fault of ours
    """The request is answered with this status and these words."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(status, words)
        self.status = status
        self.words = words


class RefusalLog:
    """Logs refused requests, at most once a second: whoever has no token cannot fill the log."""

    def __init__(self, what: str = "webhook") -> None:
        self._what, self._next, self._left_out = what, 0.0, 0

    def report(self, refusal: HttpRefusal) -> None:
        """Write a line, or count it for the next one."""
        if time.monotonic() < self._next:
            self._left_out += 1
            return
        more = f" and {self._left_out} more" if self._left_out else ""
        log.warning("%s refused: %d %s%s", self._what, refusal.status, refusal.words, more)
        self._next, self._left_out = time.monotonic() + REFUSALS_EVERY, 0

    async def answer(self, serving: Awaitable[Response], broken: Response) -> Response:
        """Return what a request is answered with, also if it is refused; ``broken`` after an error nobody expected."""
        try:
            return await serving
        except HttpRefusal as refusal:
            self.report(refusal)
            return answer_refusal(refusal)
        except ClientDisconnect:
            return Response(status_code=408)
        except Exception as error:  # noqa: BLE001 - the last frontier: nothing personal in an answer or a log
            log.error("%s: unexpected error\n%s", self._what, describe(error))
            return broken


class Sparing(logging.Filter):
    """Lets each warning of a server through at most once a second: it warns of whatever is no HTTP."""

    def __init__(self) -> None:
        super().__init__()
        self._next: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a line may be written now."""
        now = time.monotonic()
        if record.levelno != logging.WARNING:
            return True
        if now < self._next.get(str(record.msg), now):
            return False
        self._next[str(record.msg)] = now + REFUSALS_EVERY
        return True


SPARING = Sparing()


def answer_refusal(refusal: HttpRefusal) -> Response:
    """Return a refusal; the connection ends with it if more of the body may be on its way."""
    headers = {"connection": "close"} if refusal.status in {400, 401, 408, 413} else {}
    return JSONResponse({"message": refusal.words}, refusal.status, headers=headers)
