"""Events over HTTP, for portals in any language: one, or an array; each is answered once Redis has it.

An event is an object with ``task`` and the arguments of that task. ``occurred_at`` is required, so that the same event
may come again: the newer wish counts, whatever the order.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from kombu.exceptions import OperationalError
from redis import RedisError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sync_tasks.domain.events import EVENTS
from sync_tasks.errors import ConfigurationError, InvalidEventError
from sync_tasks.http.body import check_json, read_body
from sync_tasks.http.refusal import HttpRefusal, RefusalLog
from sync_tasks.http.tokens import Tokens
from sync_tasks.log import describe, log
from sync_tasks.portal.intake_openapi import MOST_EVENTS, describe_intake
from sync_tasks.state.trouble import concerns_all

PATH = "/events"
RETRY_AFTER = "5"
_NO_JSON = "neither an object nor an array in JSON"
_REFUSED = (RedisError, OperationalError, ConfigurationError)

Accept = Callable[[str, dict[str, Any]], object]


@dataclass(frozen=True, repr=False)
class Intake:
    """Takes events; ``accept`` gets a task's name and its arguments, and returns once the state has the event."""

    tokens: Tokens
    accept: Accept
    refusals: RefusalLog = field(default_factory=lambda: RefusalLog("events"))

    @property
    def routes(self) -> list[Route]:
        """What a server needs to take them."""
        return [Route(PATH, self.take, methods=["POST"]), Route("/openapi.json", self.show_description)]

    async def take(self, request: Request) -> Response:
        """Accept what a request brings, and say of each event what became of it."""
        broken = _say_later("something is broken here; send all of it again later")
        return await self.refusals.answer(self._take(request), broken)

    async def show_description(self, _request: Request) -> Response:
        """Return the OpenAPI document."""
        return JSONResponse(describe_intake())

    async def _take(self, request: Request) -> Response:
        if not self.tokens.admits(request.headers.get("authorization", "").encode("latin-1")):
            raise HttpRefusal(401, "unauthorized")
        check_json(request)
        rows = await asyncio.to_thread(read_events, await read_body(request))
        try:
            answers = await asyncio.to_thread(lambda: [*map(partial(_answer, accept=self.accept), rows)])
        except _REFUSED as error:
            log.warning("events not accepted: %s", type(error).__name__)
            return _say_later("Redis is away, some events may be accepted; send all of it again later")
        accepted = sum(answer["status"] == "accepted" for answer in answers)
        log.info("events: %d accepted, %d refused", accepted, len(answers) - accepted)
        document = {"accepted": accepted, "refused": len(answers) - accepted, "events": answers}
        return JSONResponse(document, 202 if accepted or not answers else 422)


def read_events(body: bytes) -> list[object]:
    """Return the unread events of a body.

    Raises:
        HttpRefusal: it is neither an object nor an array in JSON, or holds too many.
    """
    try:
        parsed = json.loads(body, object_pairs_hook=_once, parse_constant=_no_number)
    except UnicodeDecodeError:
        raise HttpRefusal(400, "not UTF-8: JSON is sent in UTF-8, whatever the charset of the portal") from None
    except (ValueError, RecursionError):
        raise HttpRefusal(400, _NO_JSON) from None
    if not isinstance(parsed, dict | list):
        raise HttpRefusal(400, _NO_JSON)
    rows: list[object] = parsed if isinstance(parsed, list) else [parsed]
    if len(rows) > MOST_EVENTS:
        raise HttpRefusal(413, f"more than {MOST_EVENTS} events")
    return rows


def _answer(row: object, accept: Accept) -> Mapping[str, str]:
    """Accept one event, and return what to say of it."""
    try:
        accept(*_read(row))
    except InvalidEventError as error:
        return {"status": "refused", "why": str(error)}
    except RedisError as error:
        if concerns_all(error):
            raise
        # What Redis answers permanently it would answer to this event for ever.
        log.error("events: unexpected error\n%s", describe(error))
        why = f"Redis cannot accept it ({type(error).__name__}); the place is in our log"
        return {"status": "refused", "why": why}
    return {"status": "accepted"}


def _read(row: object) -> tuple[str, dict[str, Any]]:
    if not isinstance(row, dict):
        raise InvalidEventError("an event must be an object")
    task = row.get("task")
    name = task.removeprefix("sync_tasks.") if isinstance(task, str) else ""
    if name not in EVENTS:
        raise InvalidEventError(f"task: must be one of {', '.join(EVENTS)}")
    if row.get("occurred_at") is None:
        raise InvalidEventError(f"{name} refused: occurred_at: missing; it makes the event safe to repeat")
    return name, {key: value for key, value in row.items() if key != "task"}


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len(fields := dict(pairs)) < len(pairs):
        raise HttpRefusal(400, "a name stands twice in an object; send it once")
    return fields


def _no_number(_text: str) -> object:
    raise HttpRefusal(400, "NaN and Infinity are no numbers in JSON; send null or leave the field out")


def _say_later(words: str) -> Response:
    return JSONResponse({"message": words}, 503, headers={"retry-after": RETRY_AFTER})


def accept_by_tasks() -> Accept:
    """Return what accepts an event as a portal in Python does: the state has it, and a nudge is on its way."""
    from sync_tasks import tasks

    known = {name: getattr(tasks, name) for name in EVENTS}

    def accept(name: str, arguments: dict[str, Any]) -> None:
        known[name].apply_async(kwargs=arguments)

    return accept
