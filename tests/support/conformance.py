"""Brevo's OpenAPI text as a judge of every answer, and of every request the sandbox takes.

``CORRECTIONS`` is where that text is not believed, each with the reason.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs

import yaml
from openapi_core import OpenAPI
from openapi_core.exceptions import OpenAPIError
from openapi_core.templating.paths.exceptions import PathError
from openapi_core.testing import MockRequest, MockResponse

from sync_tasks.sandbox import Sandbox
from sync_tasks.sandbox.wire import HTML, Reply

TEXT = Path(__file__).parents[3] / "shared" / "brevo-openapi.yaml"
HOST = "https://api.brevo.com"


class Correction(NamedTuple):
    """What stands at ``place`` in Brevo's text instead, and why."""

    place: tuple[str, ...]
    value: object
    reason: str


CONTACT_WRITES = (
    ("paths", "/contacts", "post", "requestBody"),
    ("paths", "/contacts/{identifier}", "put", "requestBody"),
)
ATTRIBUTES = ("content", "application/json", "schema", "properties", "attributes", "additionalProperties")
MOVED = {"type": "array", "items": {"oneOf": [{"type": "string"}, {"type": "integer"}]}}
ID_ANSWER = {
    "description": "Contact updated",
    "content": {"application/json": {"schema": {"type": "object", "properties": {"id": {"type": "integer"}}}}},
}

CORRECTIONS = (
    Correction(
        ("components", "schemas", "getContactDetails", "properties", "listUnsubscribed", "nullable"),
        value=True,
        reason="null unless the account pays for that feature",
    ),
    *(
        Correction(
            ("components", "schemas", "postContactInfo", "properties", "contacts", "properties", kind),
            MOVED,
            reason="an empty array fits both of its alternatives, and ext_ids are no addresses",
        )
        for kind in ("success", "failure")
    ),
    *(
        Correction((*place, *ATTRIBUTES), {}, reason="null, and values of a wrong type, are taken and at most ignored")
        for place in CONTACT_WRITES
    ),
    Correction(
        ("components", "schemas", "getWebhook", "properties", "type", "enum"),
        ["marketing", "transactional", "inbound"],
        reason="webhooks of this type can be created and are asked for by it",
    ),
    Correction(
        ("paths", "/contacts", "post", "responses", "200"),
        ID_ANSWER,
        reason="with getId an update answers with the id; the status is not reported",
    ),
    Correction(
        ("paths", "/contacts/{identifier}", "get", "responses", "200", "content", "application/json", "schema"),
        {"$ref": "#/components/schemas/getContactDetails"},
        reason="a contact without statistics is legal; those there are have a test of their own",
    ),
)


class CheckedSandbox(Sandbox):
    """A sandbox that fails the test when it says, or takes, what Brevo's text does not allow."""

    def handle(self, method: str, path: str, *, query: str = "", body: bytes = b"", key: str | None = None) -> Reply:
        reply = super().handle(method, path, query=query, body=body, key=key)
        if self.journal.latest(1)[0].fault is None and TEXT.exists():
            check(_as_request(method, path, query, body, key), reply)
        return reply


def check(request: MockRequest, reply: Reply) -> None:
    """Raise an AssertionError where an answer, or a request that was taken, is not as Brevo's text has it."""
    # The firewall and the proxies stand before the API and speak HTML, which no OpenAPI text shows.
    if reply.content_type == HTML or (reply.status == 429 and not reply.body):
        return
    answer = MockResponse(
        reply.body,
        reply.status,
        {name.decode(): value.decode() for name, value in reply.headers},
        "application/json",
    )
    try:
        decide_outcomes().validate_response(request, answer)
        assert reply.status != 204 or not reply.body
        if reply.status < 300:
            decide_outcomes().validate_request(request)
    except PathError:
        assert reply.status == 404
    except OpenAPIError as error:
        raise AssertionError("; ".join(explain(error))) from None


def explain(error: BaseException | None) -> Iterator[str]:
    """Yield what is wrong, from the outermost error to the schema's own words."""
    while error is not None:
        yield f"{type(error).__name__}: {str(error)[:200]}"
        yield from (each.message[:200] for each in getattr(error, "schema_errors", ()))
        error = error.__cause__


@cache
def decide_outcomes() -> OpenAPI:
    """Return Brevo's OpenAPI text with the corrections, ready to validate."""
    return OpenAPI.from_dict(read_text())


def read_text() -> dict[str, Any]:
    """Return Brevo's OpenAPI text with the corrections."""
    text = read_original()
    for correction in CORRECTIONS:
        node = text
        for step in correction.place[:-1]:
            node = node[step]
        node[correction.place[-1]] = correction.value
    for answer in find_answers(text):
        # Brevo says "no body" by an empty map of contents, which the validator takes for a body of no known kind.
        if answer.get("content") == {}:
            del answer["content"]
    return text


def read_original() -> dict[str, Any]:
    """Return Brevo's OpenAPI text as it is."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    text: dict[str, Any] = yaml.load(TEXT.read_bytes(), Loader=loader)  # noqa: S506 - safe, and the fast one if there
    return text


def find_answers(text: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every answer in Brevo's text."""
    for path in text["paths"].values():
        for operation in path.values():
            yield from operation["responses"].values()


def _as_request(method: str, path: str, query: str, body: bytes, key: str | None) -> MockRequest:
    return MockRequest(
        HOST,
        method,
        path,
        args={name: values if len(values) > 1 else values[0] for name, values in parse_qs(query).items()},
        headers={"api-key": key} if key else {},
        data=body,
    )


def as_statistics_schema() -> dict[str, Any]:
    """Return what Brevo's text says of a contact's statistics, as a JSON Schema."""
    answers = read_original()["paths"]["/contacts/{identifier}"]["get"]["responses"]
    shown = answers["200"]["content"]["application/json"]["schema"]["allOf"][1]
    schema: dict[str, Any] = shown["properties"]["statistics"]
    return schema
