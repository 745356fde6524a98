"""How the sandbox delivers webhooks: at once or gathered, with a token, again only on 429 or silence."""

from collections.abc import Iterator

import pytest

from sync_tasks.sandbox import Sandbox
from sync_tasks.sandbox.delivery import Delivery, Pace
from sync_tasks.sandbox.server import serving
from tests.support.listener import Listener, listening
from tests.support.processes import wait_until
from tests.support.sandbox_clock import Clock

EVENTS = ["unsubscribed", "hardBounce", "spam", "listAddition", "contactUpdated", "contactDeleted"]


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as listener:
        yield listener


@pytest.fixture
def delivery(brevo: Sandbox) -> Iterator[Delivery]:
    delivery = Delivery(brevo, Pace(answer=2))
    yield delivery
    delivery.close()


def install(brevo: Sandbox, url: str, **fields: object) -> int:
    answer = brevo.request("POST", "/webhooks", {"type": "marketing", "url": url, "events": EVENTS, **fields})
    return int(str(answer.json()["id"]))  # type: ignore[index]


def reported(listener: Listener) -> list[str]:
    return [body["event"] for body in listener.bodies]


def test_each_event_is_delivered_once_with_the_token(
    brevo: Sandbox, anna: int, delivery: Delivery, listener: Listener
) -> None:
    number = install(brevo, listener.url, auth={"type": "bearer", "token": "a-token"})
    brevo.act("unsubscribe", anna)
    brevo.edit(anna, {"attributes": {"LASTNAME": "Ash"}, "listIds": [5]})
    brevo.act("delete", anna)
    delivery.run_due()
    delivery.run_due()
    assert reported(listener)[0].startswith("unsubscribe")
    assert reported(listener)[1:] == ["list_addition", "contact_updated", "contact_deleted"]
    assert {headers["Authorization"] for headers in listener.headers} == {"Bearer a-token"}
    assert {body["id"] for body in listener.bodies} == {number}


def test_headers_of_ones_own_are_sent(brevo: Sandbox, anna: int, delivery: Delivery, listener: Listener) -> None:
    install(brevo, listener.url, headers=[{"key": "X-Shared", "value": "a secret"}])
    brevo.act("delete", anna)
    delivery.run_due()
    assert listener.headers[0]["X-Shared"] == "a secret"


def test_each_webhook_gets_what_it_asked_for(brevo: Sandbox, anna: int, delivery: Delivery, listener: Listener) -> None:
    numbers = [install(brevo, listener.url), install(brevo, listener.url, events=["contactDeleted"])]
    brevo.act("bounce", anna)
    brevo.act("delete", anna)
    delivery.run_due()
    assert [body["id"] for body in listener.bodies] == [numbers[0], *numbers]


def test_gathered_events_come_as_an_array_every_five_minutes(
    brevo: Sandbox, anna: int, delivery: Delivery, listener: Listener, clock: Clock
) -> None:
    install(brevo, listener.url, batched=True)
    for _ in range(501):
        brevo.act("complain", anna)
    delivery.run_due()
    clock.pass_seconds(299)
    delivery.run_due()
    assert listener.bodies == []
    clock.pass_seconds(1)
    delivery.run_due()
    assert [len(body) for body in listener.bodies] == [500, 1]


def test_any_answer_but_429_is_the_end_of_an_event(
    brevo: Sandbox, anna: int, delivery: Delivery, listener: Listener, clock: Clock
) -> None:
    answers = [200, 204, 301, 302, 400, 401, 404, 500, 503]
    listener.answers = [*answers]
    install(brevo, listener.url)
    for _ in answers:
        brevo.act("bounce", anna)
    delivery.run_due()
    clock.pass_seconds(100_000)
    delivery.run_due()
    assert delivery.statuses == answers


def test_429_brings_an_event_again_four_times_at_growing_distances(
    brevo: Sandbox, anna: int, delivery: Delivery, listener: Listener, clock: Clock
) -> None:
    listener.answers = [429] * 10
    install(brevo, listener.url)
    brevo.act("delete", anna)
    for seconds, tries in [(0, 1), (599, 1), (1, 2), (3600, 3), (7200, 4), (28800, 5), (100_000, 5)]:
        clock.pass_seconds(seconds)
        delivery.run_due()
        assert len(listener.bodies) == tries
    assert listener.bodies == [listener.bodies[0]] * 5


def test_silence_brings_an_event_again(brevo: Sandbox, anna: int, delivery: Delivery, clock: Clock) -> None:
    with listening() as gone:
        install(brevo, gone.url)
    brevo.act("delete", anna)
    delivery.run_due()
    clock.pass_seconds(600)
    delivery.run_due()
    assert delivery.statuses == [0, 0]


def test_a_deleted_webhook_gets_nothing_more(brevo: Sandbox, anna: int, delivery: Delivery, listener: Listener) -> None:
    number = install(brevo, listener.url)
    brevo.act("delete", anna)
    brevo.request("DELETE", f"/webhooks/{number}")
    delivery.run_due()
    assert listener.bodies == []


def test_a_sandbox_that_begins_anew_delivers_what_comes_after(
    brevo: Sandbox, anna: int, delivery: Delivery, listener: Listener
) -> None:
    brevo.act("bounce", anna)
    delivery.run_due()
    brevo.reset()
    install(brevo, listener.url)
    brevo.add_contacts([{"email": "bert@portal.org"}])
    brevo.act("delete", "bert@portal.org")
    delivery.run_due()
    assert reported(listener) == ["contact_deleted"]


def test_a_sandbox_that_is_served_delivers_by_itself(listener: Listener) -> None:
    with serving() as served:
        install(served.sandbox, listener.url)
        served.sandbox.add_contacts([{"email": "bert@portal.org"}])
        served.sandbox.act("delete", "bert@portal.org")
        wait_until(lambda: reported(listener), "the webhook is delivered")
