"""The sandbox over HTTP: what a client on the other end of the wire gets to see."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
import urllib3
from urllib3.exceptions import HTTPError

from sync_tasks.sandbox import LimitSettings, Sandbox, SandboxSettings
from sync_tasks.sandbox.server import ServedSandbox, serving
from tests.support.processes import wait_until
from tests.support.sandbox_clock import Clock

KEY = {"api-key": "key", "content-type": "application/json"}
ANNA = {"email": "anna@portal.org", "ext_id": "u-1/a b", "listIds": [3]}


@pytest.fixture
def served(settings: SandboxSettings, clock: Clock) -> Iterator[ServedSandbox]:
    with serving(sandbox=Sandbox(settings, clock)) as served:
        served.sandbox.add_contacts([ANNA])
        yield served


@pytest.fixture
def client() -> Iterator[urllib3.PoolManager]:
    with urllib3.PoolManager(retries=False, timeout=5) as pool:
        yield pool


def ask(client: urllib3.PoolManager, url: str, method: str = "GET", body: object = None) -> urllib3.BaseHTTPResponse:
    return client.request(method, url, body=None if body is None else json.dumps(body), headers=KEY)


def test_the_api_answers_over_http(served: ServedSandbox, client: urllib3.PoolManager) -> None:
    created = ask(
        client, f"{served.url}/contacts", "POST", {"email": "bert@portal.org", "attributes": {"FIRSTNAME": "Bert"}}
    )
    updated = ask(client, f"{served.url}/contacts/2", "PUT", {"listIds": [5]})
    found = ask(client, f"{served.url}/contacts?filter=equals(FIRSTNAME,%22Bert%22)")
    by_ext_id = ask(client, f"{served.url}/contacts/u-1%2Fa%20b?identifierType=ext_id")

    assert (created.status, created.json(), updated.status, updated.data) == (201, {"id": 2}, 204, b"")
    assert found.json()["contacts"][0]["listIds"] == [5]
    assert found.headers["content-type"] == "application/json"
    assert by_ext_id.json()["email"] == "anna@portal.org"


def test_the_rate_limit_is_reported_in_headers(
    settings: SandboxSettings, clock: Clock, client: urllib3.PoolManager
) -> None:
    limited = replace(settings, limits=LimitSettings(contacts_per_second=1))
    with serving(sandbox=Sandbox(limited, clock)) as served:
        answers = [ask(client, f"{served.url}/contacts") for _ in range(2)]

    assert [answer.status for answer in answers] == [200, 429]
    assert answers[1].headers["x-sib-ratelimit-reset"] == "1"


@pytest.mark.parametrize(("kind", "lists"), [("drop", [3]), ("drop_after", [3, 5]), ("truncated", [3, 5])])
def test_a_dropped_connection_is_an_error_for_the_client(
    served: ServedSandbox, client: urllib3.PoolManager, kind: str, lists: list[int]
) -> None:
    served.sandbox.add_fault(kind, count=1)

    with pytest.raises(HTTPError):
        ask(client, f"{served.url}/contacts/1", "PUT", {"listIds": [5]})

    assert served.sandbox.contact(1)["listIds"] == lists
    assert ask(client, f"{served.url}/contacts/1").status == 200


def test_a_truncated_body_is_an_error_for_the_client(served: ServedSandbox, client: urllib3.PoolManager) -> None:
    served.sandbox.add_fault("truncated")

    with pytest.raises(HTTPError):
        ask(client, f"{served.url}/contacts/1")


def test_a_late_effect_comes_without_any_further_request(
    served: ServedSandbox, client: urllib3.PoolManager, clock: Clock
) -> None:
    served.sandbox.add_fault("late", seconds=60, count=1)
    with pytest.raises(HTTPError):
        ask(client, f"{served.url}/contacts/1", "PUT", {"listIds": [5]})
    before = served.sandbox.contact(1)["listIds"]
    clock.pass_seconds(60)

    assert before == [3]
    wait_until(lambda: 5 in served.sandbox.account.contacts[1].list_ids, "the late effect")


def test_a_late_effect_comes_although_the_client_has_hung_up_while_it_was_held(
    served: ServedSandbox, client: urllib3.PoolManager, clock: Clock
) -> None:
    served.sandbox.add_fault("late", seconds=60, count=1, hanging=True)
    with pytest.raises(HTTPError):
        client.request("PUT", f"{served.url}/contacts/1", headers=KEY, body='{"listIds": [5]}', timeout=0.2)
    before = served.sandbox.contact(1)["listIds"]
    clock.pass_seconds(60)

    assert before == [3]
    wait_until(lambda: 5 in served.sandbox.account.contacts[1].list_ids, "the late effect")


def test_a_slow_answer_runs_into_the_clients_time_out_and_has_its_effect(
    served: ServedSandbox, client: urllib3.PoolManager
) -> None:
    served.sandbox.add_fault("slow", seconds=60, count=1)

    with pytest.raises(HTTPError):
        client.request("DELETE", f"{served.url}/contacts/1", headers=KEY, timeout=0.2)

    assert served.sandbox.contacts() == []


def test_a_short_delay_is_only_a_delay(served: ServedSandbox, client: urllib3.PoolManager) -> None:
    served.sandbox.add_fault("slow", seconds=0.01)

    assert ask(client, f"{served.url}/contacts/1").json()["id"] == 1


def test_a_large_body_arrives_whole(served: ServedSandbox, client: urllib3.PoolManager, clock: Clock) -> None:
    rows = [{"email": f"c{number}@portal.org", "attributes": {"LASTNAME": "x" * 100}} for number in range(5000)]

    assert ask(client, f"{served.url}/contacts/import", "POST", {"jsonBody": rows, "listIds": [5]}).status == 202
    clock.pass_seconds(1)
    assert len(served.sandbox.contacts()) == 5001


def test_two_sandboxes_run_side_by_side(served: ServedSandbox, client: urllib3.PoolManager) -> None:
    with serving() as other:
        counts = [ask(client, f"{each.url}/contacts").json()["count"] for each in (served, other)]

    assert counts == [1, 0]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"origin": "https://elsewhere.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "same-origin"}, 200),
        ({}, 200),
    ],
)
def test_a_page_of_another_site_cannot_change_anything_at_the_desk(
    served: ServedSandbox, client: urllib3.PoolManager, headers: dict[str, str], status: int
) -> None:
    url = f"{served.url.removesuffix('/v3')}/_sandbox/faults"
    assert client.request("DELETE", url, headers=headers).status == status
    assert client.request("GET", url, headers=headers).status == 200
