"""The judge itself: Brevo's OpenAPI text covers every route, and notices what is wrong.

That the sandbox conforms is shown by all the other tests here: each of their requests and answers is judged.
"""

import re

import pytest
from openapi_core.testing import MockRequest

from sync_tasks.sandbox import Sandbox
from sync_tasks.sandbox.routes import ROUTES
from sync_tasks.sandbox.wire import Reply, answer
from tests.support.conformance import CORRECTIONS, HOST, TEXT, check, read_text

pytestmark = pytest.mark.skipif(not TEXT.exists(), reason="Brevo's OpenAPI text is not at hand")

CONTACT = {
    "id": 1,
    "email": "anna@portal.org",
    "emailBlacklisted": False,
    "smsBlacklisted": False,
    "createdAt": "2026-11-23T08:00:00.000Z",
    "modifiedAt": "2026-11-23T08:00:00.000Z",
    "listIds": [],
    "attributes": {},
}


def as_request(method: str = "GET", path: str = "/v3/contacts/1", body: bytes = b"") -> MockRequest:
    return MockRequest(HOST, method, path, headers={"api-key": "key"}, data=body)


def test_every_route_is_in_brevos_text() -> None:
    known = {
        (verb.upper(), re.sub(r"\{[^}]+\}", "*", path))
        for path, operations in read_text()["paths"].items()
        for verb in operations
    }

    assert {(method, path) for method, path, _ in ROUTES} <= known


def test_every_correction_has_a_reason_and_a_place_in_brevos_text() -> None:
    text = read_text()

    for correction in CORRECTIONS:
        node = text
        for step in correction.place:
            node = node[step]
        assert node == correction.value
        assert correction.reason


def test_a_right_answer_passes() -> None:
    check(as_request(), answer(200, CONTACT))


@pytest.mark.parametrize(
    "reply",
    [
        answer(200, {**CONTACT, "id": "1"}),
        answer(200, {**CONTACT, "listIds": ["3"]}),
        answer(200, {name: value for name, value in CONTACT.items() if name != "emailBlacklisted"}),
        answer(200, [CONTACT]),
        answer(404, {"code": "document_not_found"}),
        answer(418, {"code": "teapot", "message": "no"}),
        Reply(200),
    ],
)
def test_a_wrong_answer_is_noticed(reply: Reply) -> None:
    with pytest.raises(AssertionError):
        check(as_request(), reply)


@pytest.mark.parametrize("body", [b'{"listIds": "3"}', b'{"emailBlacklisted": 1}', b"[]"])
def test_a_wrong_request_that_is_taken_is_noticed(body: bytes) -> None:
    with pytest.raises(AssertionError):
        check(as_request("PUT", body=body), Reply(204))


def test_a_sandbox_that_strays_fails_its_test(brevo: Sandbox, anna: int) -> None:
    brevo.account.contacts[anna].list_ids = ("three",)  # type: ignore[assignment]

    with pytest.raises(AssertionError):
        brevo.request("GET", f"/contacts/{anna}")
