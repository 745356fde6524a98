"""Every status has a class of error, and the class decides the outcome of the event."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sync_tasks.errors import (
    AccountError,
    DuplicateContactError,
    ForbiddenError,
    GatewayUnavailableError,
    LimitReachedError,
    MissingContactError,
    OutOfCreditsError,
    RateLimitedError,
    RejectedContactError,
    SyncError,
    TooEarlyError,
    UnauthorizedError,
)
from sync_tasks.providers.brevo.client import Brevo
from tests.support.brevo_samples import HTML, LATIN, MISSING, NEW, RENAMED, TAKEN
from tests.support.scripted_brevo import Reply, Script, answer

OPENAPI = Path(__file__).parents[3] / "shared" / "brevo-openapi.yaml"

CLASSES: dict[int, type[SyncError]] = {
    400: RejectedContactError,
    401: UnauthorizedError,
    402: OutOfCreditsError,
    403: ForbiddenError,
    404: MissingContactError,
    405: RejectedContactError,
    406: RejectedContactError,
    408: TooEarlyError,
    409: RejectedContactError,
    413: RejectedContactError,
    415: RejectedContactError,
    422: RejectedContactError,
    423: TooEarlyError,
    425: TooEarlyError,
    429: RateLimitedError,
    500: GatewayUnavailableError,
    501: GatewayUnavailableError,
    502: GatewayUnavailableError,
    503: GatewayUnavailableError,
    504: GatewayUnavailableError,
    520: GatewayUnavailableError,
    521: GatewayUnavailableError,
    522: GatewayUnavailableError,
    523: GatewayUnavailableError,
    524: GatewayUnavailableError,
    599: GatewayUnavailableError,
    301: AccountError,
    302: AccountError,
    307: AccountError,
    407: AccountError,
}


def fail(gateway: Brevo) -> SyncError:
    with pytest.raises(SyncError) as caught:
        gateway.change(42, RENAMED)
    return caught.value


@pytest.mark.parametrize(("status", "expected"), CLASSES.items())
def test_every_status_has_a_class(script: Script, gateway: Brevo, status: int, expected: type[SyncError]) -> None:
    script.says(*[answer(status, {"code": "document_not_found", "message": "no"}, {"Location": "/v3/contacts/1"})] * 3)

    error = fail(gateway)

    assert type(error) is expected
    assert str(status) in str(error)
    assert {asked.path for asked in script.asked} == {"/v3/contacts/42"}


def documented() -> Iterator[int]:
    """Every status Brevo's own text names: in the answers of each operation, and in the table at its head."""
    api: dict[str, Any] = yaml.safe_load(OPENAPI.read_text(encoding="utf-8"))
    yield from map(int, re.findall(r"\| (\d{3}) +\|", api["info"]["description"]))
    for path in api["paths"].values():
        for operation in path.values():
            yield from map(int, operation["responses"])


@pytest.mark.skipif(not OPENAPI.exists(), reason="Brevo's OpenAPI text is not at hand")
def test_every_status_brevo_documents_has_a_class() -> None:
    statuses = {status for status in documented() if status >= 300}

    assert {401, 402, 404, 425, 429} <= statuses
    assert statuses <= CLASSES.keys()


@pytest.mark.parametrize("body", [HTML, LATIN, b"", b'{"code": "cut'], ids=["html", "latin", "empty", "cut"])
@pytest.mark.parametrize("status", [400, 401, 402, 422, 429, 500, 503, 522])
def test_the_status_counts_whatever_the_body_is(script: Script, gateway: Brevo, status: int, body: bytes) -> None:
    script.says(*[answer(status, body)] * 3)

    assert type(fail(gateway)) is CLASSES[status]


@pytest.mark.parametrize("status", [500, 502, 503, 504, 520, 524])
def test_a_write_that_broke_the_server_has_an_unknown_outcome(script: Script, gateway: Brevo, status: int) -> None:
    script.says(*[answer(status)] * 3)

    error = fail(gateway)

    assert isinstance(error, GatewayUnavailableError)
    assert error.outcome_unknown


def test_a_read_never_has_an_unknown_outcome(script: Script, gateway: Brevo) -> None:
    script.says(*[answer(503)] * 3)

    with pytest.raises(GatewayUnavailableError) as caught:
        gateway.read(42)
    assert not caught.value.outcome_unknown


@pytest.mark.parametrize(
    ("header", "seconds"),
    [({"x-sib-ratelimit-reset": "2"}, 2.0), ({"X-Sib-RateLimit-Reset": "3541.5"}, 300.0), ({}, None)]
    + [({"x-sib-ratelimit-reset": odd}, None) for odd in ("", "soon", "-1", "nan", "inf")],
)
def test_a_rate_limit_shows_how_long_to_wait(
    script: Script, gateway: Brevo, header: dict[str, str], seconds: float | None
) -> None:
    script.says(answer(429, {"code": "too_many_requests", "retry_after": 99}, header | {"Retry-After": "99"}))

    error = fail(gateway)

    assert isinstance(error, RateLimitedError)
    assert error.retry_after == seconds
    assert len(script.asked) == 1


@pytest.mark.parametrize("body", [HTML, LATIN, b""], ids=["html", "latin", "empty"])
def test_a_firewall_that_stops_one_contact_is_the_contacts_trouble(script: Script, gateway: Brevo, body: bytes) -> None:
    script.says(answer(403, body), answer(200, {"attributes": []}))

    with pytest.raises(RejectedContactError, match="firewall"):
        gateway.create(NEW)
    assert [asked.path for asked in script.asked] == ["/v3/contacts", "/v3/contacts/attributes"]


def test_a_firewall_that_stops_everything_is_the_accounts_trouble(script: Script, gateway: Brevo) -> None:
    script.says(answer(403, HTML), answer(403, HTML))

    assert type(fail(gateway)) is ForbiddenError


def test_a_firewall_that_stops_a_read_by_number_is_the_accounts_trouble(script: Script, gateway: Brevo) -> None:
    script.says(answer(403, HTML))

    with pytest.raises(ForbiddenError):
        gateway.read(42)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("account_in_process", AccountError),
        ("account_under_validation", AccountError),
        ("not_enough_credits", OutOfCreditsError),
        ("permission_denied", ForbiddenError),
        ("unauthorized", UnauthorizedError),
    ],
)
def test_a_400_that_speaks_of_the_account_is_the_accounts_trouble(
    script: Script, gateway: Brevo, code: str, error: type[SyncError]
) -> None:
    script.says(answer(400, {"code": code, "message": "no"}))

    assert type(fail(gateway)) is error


FULL = [
    {"code": "invalid_parameter", "message": "Contact limit reached"},
    {"code": "invalid_parameter", "message": "You have reached the maximum number of contacts of your plan"},
    {"code": "bad_request", "message": "The contacts quota of this account has been exceeded"},
    {"code": "bad_request", "message": "Please upgrade your plan to add contacts"},
    {"code": "contact_limit_reached", "message": "no"},
    {"code": "quota_exceeded", "message": "no"},
]


@pytest.mark.parametrize("body", FULL, ids=lambda body: body["message"])
def test_a_400_for_a_creation_that_speaks_of_a_limit_is_the_accounts_trouble(
    script: Script, gateway: Brevo, body: dict[str, str]
) -> None:
    script.says(answer(400, body), answer(400, body), answer(400, body))

    with pytest.raises(LimitReachedError):
        gateway.create(NEW)
    with pytest.raises(LimitReachedError):
        gateway.start_import([3], [NEW])
    with pytest.raises(RejectedContactError):
        gateway.change(42, RENAMED)


@pytest.mark.parametrize(
    "message",
    [
        "Invalid email address",
        "Unable to create contact, the value of attribute CITY exceeds the limit of 200 characters",
        "List ID does not exist",
    ],
)
def test_a_400_that_speaks_of_the_contact_is_the_contacts_trouble(script: Script, gateway: Brevo, message: str) -> None:
    script.says(answer(400, {"code": "invalid_parameter", "message": message}))

    with pytest.raises(RejectedContactError):
        gateway.create(NEW)


def test_a_duplicate_stays_one_although_it_follows_a_pause(script: Script, gateway: Brevo) -> None:
    script.says(answer(425), answer(400, TAKEN))

    assert type(fail(gateway)) is DuplicateContactError


BRIEF = [408, 409, 422, 423, 425, 502, 503, 504]


@pytest.mark.parametrize("status", BRIEF)
def test_what_may_be_over_in_a_moment_is_tried_three_times(script: Script, gateway: Brevo, status: int) -> None:
    script.says(*[answer(status, MISSING)] * 5)

    fail(gateway)

    assert len(script.asked) == 3


@pytest.mark.parametrize("status", sorted(CLASSES.keys() - {*BRIEF}))
def test_nothing_else_is_tried_again(script: Script, gateway: Brevo, status: int) -> None:
    script.says(*[answer(status, MISSING, {"Location": "/v3/contacts/1", "Retry-After": "0"})] * 2)

    fail(gateway)

    assert len(script.asked) == 1


@pytest.mark.parametrize("status", [409, 410, 418, 422, 423, 451, 499])
def test_an_odd_status_that_comes_once_or_twice_is_chance(script: Script, gateway: Brevo, status: int) -> None:
    script.says(answer(status), answer(status, HTML), answer(204))

    gateway.change(42, RENAMED)

    assert len(script.asked) == 3


def test_a_409_that_names_another_contact_is_believed_at_once(script: Script, gateway: Brevo) -> None:
    script.says(answer(409, TAKEN))

    assert type(fail(gateway)) is DuplicateContactError
    assert len(script.asked) == 1


@pytest.mark.parametrize("status", [410, 418, 451, 499])
def test_an_unknown_status_is_the_contacts_trouble_if_others_get_through(
    script: Script, gateway: Brevo, status: int
) -> None:
    script.says(*[answer(status)] * 3, answer(200, {"attributes": []}))

    assert type(fail(gateway)) is RejectedContactError
    assert [asked.path for asked in script.asked] == ["/v3/contacts/42"] * 3 + ["/v3/contacts/attributes"]


@pytest.mark.parametrize("status", [410, 418, 451, 499])
def test_an_unknown_status_for_everybody_is_the_accounts_trouble(script: Script, gateway: Brevo, status: int) -> None:
    script.says(*[answer(status, HTML)] * 4)

    error = fail(gateway)

    assert type(error) is AccountError
    assert f"{status}: an unknown status" in str(error)


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (answer(401, {"code": "unauthorized", "message": "Key not found"}), "(contact 42): 401 unauthorized"),
        (answer(400, {"code": "peggy.rain@example.com", "message": "no"}), "(contact 42): 400"),
        (answer(400, {"code": ["x"], "message": "no"}), "(contact 42): 400"),
    ],
)
def test_a_message_names_the_status_and_a_plain_code(
    script: Script, gateway: Brevo, reply: Reply, message: str
) -> None:
    script.says(reply)

    assert str(fail(gateway)) == f"PUT /contacts/{{id}} {message}"
