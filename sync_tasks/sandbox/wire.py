"""One request to Brevo and one answer from it, free of any web framework."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

JsonObject: TypeAlias = dict[str, object]
Header: TypeAlias = tuple[bytes, bytes]

JSON = b"application/json"
HTML = b"text/html; charset=UTF-8"
# Python's isdigit takes digits of other scripts too, and those that int() refuses.
NUMBER = re.compile(r"[0-9]{1,18}\Z")


@dataclass(slots=True)
class ApiCall:
    """A request as it arrived; ``contact_ids`` collects the contacts it touched."""

    number: int
    method: str
    path: str
    query: Mapping[str, list[str]] = field(default_factory=dict)
    body: bytes = b""
    key: str | None = None
    params: tuple[str, ...] = ()
    contact_ids: list[int] = field(default_factory=list)

    def param(self, name: str) -> str | None:
        """Return the first value of a query parameter, if it was sent."""
        values = self.query.get(name)
        return values[0] if values else None


@dataclass(slots=True)
class Reply:
    """An answer, and what the network does to it on its way to the client.

    ``delay`` is how many seconds it is held back. A ``dropped`` one never leaves: the connection ends instead. A
    ``truncated`` one ends in the middle of its body.
    """

    status: int
    body: bytes = b""
    content_type: bytes = JSON
    headers: tuple[Header, ...] = ()
    delay: float = 0.0
    dropped: bool = False
    truncated: bool = False

    def json(self) -> object:
        """Return the body as JSON, or None if it is empty."""
        return json.loads(self.body) if self.body else None


class ApiRefusal(Exception):  # noqa: N818 - an answer of Brevo, not a fault of the sandbox
    """Brevo says no: becomes an answer in Brevo's error format."""

    def __init__(self, status: int, code: str, message: str, *, duplicates: list[str] | None = None) -> None:
        super().__init__(status, code, message)
        self.status = status
        self.code = code
        self.message = message
        self.duplicates = duplicates

    def as_reply(self) -> Reply:
        """Return the refusal as Brevo words it."""
        body: JsonObject = {"code": self.code, "message": self.message}
        if self.duplicates:
            body["metadata"] = {"duplicate_identifiers": self.duplicates}
        return answer(self.status, body)


def answer(status: int, body: object = None) -> Reply:
    """Return a JSON answer, an empty one if there is nothing to say."""
    return Reply(status, b"" if body is None else json.dumps(body, separators=(",", ":")).encode())


def read_json(body: bytes) -> JsonObject:
    """Return the JSON object in a request body.

    Raises:
        Refusal: The body is no JSON object.
    """
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        raise ApiRefusal(400, "invalid_parameter", "Input must be a valid JSON object")
    return parsed


def read_number(text: str) -> int | None:
    """Return the number in a path or a query; None if it is none or has more digits than any id."""
    return int(text) if NUMBER.match(text) else None


def invalid(message: str) -> ApiRefusal:
    """Return Brevo's commonest refusal: 400 with ``invalid_parameter``."""
    return ApiRefusal(400, "invalid_parameter", message)


def missing(message: str) -> ApiRefusal:
    """Return the refusal of a request that lacks something."""
    return ApiRefusal(400, "missing_parameter", message)


def not_found(message: str) -> ApiRefusal:
    """Return the refusal of a request about something that does not exist."""
    return ApiRefusal(404, "document_not_found", message)
