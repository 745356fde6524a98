"""Messages as producers leave them in the queue and as a worker handles them, in this process."""

import base64
import json
from dataclasses import dataclass, field
from typing import Any

from celery.app.trace import build_tracer
from celery.worker.request import Request
from kombu import Message
from kombu.utils.imports import symbol_by_name
from redis import Redis

from sync_tasks.tasks.app import app

QUEUES = ("sync_tasks", "sync_tasks.urgent", "sync_tasks.background")


@dataclass
class Sent:
    """A message in the queue: its task, its keyword arguments, its headers and its whole text."""

    task: str
    kwargs: dict[str, Any]
    headers: dict[str, Any]
    text: str = field(repr=False)


def queued(redis: Redis, queue: str) -> list[Sent]:
    """Return the messages of a queue, the oldest first."""
    return [_read(text) for text in reversed(redis.lrange(queue, 0, -1))]


def _read(raw: bytes | str) -> Sent:
    message = json.loads(raw)
    body = base64.b64decode(message["body"]).decode()
    headers = message["headers"]
    return Sent(headers["task"], json.loads(body)[1], headers, f"{headers} {body}")


def find_task(name: str) -> Any:  # noqa: ANN401 - a task of whatever signature
    """Return a task as a worker finds it, by its name alone."""
    app.loader.import_default_modules()
    return app.tasks[name]


def request_for(task: str, kwargs: dict[str, Any], **headers: Any) -> Request:
    """Return the request that a worker makes of a message."""
    reported = {"lang": "py", "task": task, "id": "task-1", "argsrepr": "", "kwargsrepr": "", **headers}
    body = json.dumps([[], kwargs, {}])
    plain: dict[str, Any] = {"delivery_tag": "1", "delivery_info": {}, "properties": {}, "headers": reported}
    message = Message(body=body, content_type="application/json", content_encoding="utf-8", **plain)
    known = find_task(task)
    kind: type[Request] = symbol_by_name(known.Request)
    return kind(message, app=app, task=known, body=body, headers=reported, decoded=False, utc=True)


def handle(
    task: str, kwargs: dict[str, Any], headers: dict[str, str] | None = None, *args: Any, **further: Any
) -> tuple[str, Any]:
    """Do with a message what a worker does; return the state it ends in and what the task returned or raised."""
    trace = build_tracer(task, find_task(task), app=app)
    request = {"id": "task-1", "headers": headers, "is_eager": False, "delivery_info": {}, "retries": 0}
    result, info, *_ = trace("task-1", list(args), kwargs, request | further)
    return (info.state, info.retval) if info else ("SUCCESS", result)
