"""What the receiver answers, over real HTTP: clear words, nothing stored of what is no good, and never 5xx."""

import json
import logging
import random
import socket
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from sync_tasks.config.settings import Settings
from sync_tasks.errors import ConfigurationError
from sync_tasks.http.tokens import Tokens
from sync_tasks.local.redis_server import EmbeddedRedis
from sync_tasks.state.connection import connect
from sync_tasks.state.store import Store
from sync_tasks.webhooks.app import Receiver
from sync_tasks.webhooks.server import Impatient, build_receiver, build_server, listen, prompting, remembered
from tests.support.fuzzing import PATIENCE, fuzz
from tests.support.pipeline import SETTINGS, Pipeline
from tests.support.receiving import (
    ANNA,
    FORMER_TOKEN,
    OWN_KEY,
    TOKEN,
    Receiving,
    edit,
    opening,
    receiving,
    unsubscription,
)

pytestmark = pytest.mark.usefixtures("ends_soon")
GOOD = json.dumps(unsubscription()).encode()


def stored(receiver: Receiving) -> set[str]:
    return set(receiver.store.redis.keys("*"))  # type: ignore[arg-type]


@pytest.mark.parametrize("token", [TOKEN, FORMER_TOKEN])
def test_either_of_two_tokens_opens(receiver: Receiving, token: str) -> None:
    assert receiver.send(GOOD, token=token).status == 200


@pytest.mark.parametrize("token", [None, "", "wrong", TOKEN[:-1], f"{TOKEN}x", "\u00e4" * 20])
def test_a_wrong_token_is_refused_without_a_hint(receiver: Receiving, token: str | None) -> None:
    answer = receiver.send(GOOD, token=token)
    unknown = receiver.send(GOOD, token=token, account="nobody")
    assert (answer.status, answer.body) == (unknown.status, unknown.body) == (401, {"message": "unauthorized"})
    assert stored(receiver) == set()


def test_an_unknown_account_is_not_found(receiver: Receiving) -> None:
    assert receiver.send(GOOD, account="nobody").status == 404
    assert stored(receiver) == set()


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b'"text"', b"5", b"null", b"\xff\xfe", b"[" * 100_000, b"9" * 5_000, b'{"event": "unsubscribe",}'],
    ids=range(9),
)
def test_what_is_no_event_in_json_is_refused(receiver: Receiving, body: bytes) -> None:
    assert receiver.send(body).status == 400
    assert stored(receiver) == set()


@pytest.mark.parametrize("content_type", ["text/plain", "", "multipart/form-data; boundary=x", "application/xml"])
def test_only_json_is_read(receiver: Receiving, content_type: str) -> None:
    assert receiver.send(GOOD, content_type=content_type).status == 415
    assert stored(receiver) == set()


def test_a_content_type_may_name_its_charset(receiver: Receiving) -> None:
    assert receiver.send(GOOD, content_type="Application/JSON; charset=utf-8").status == 200


@pytest.mark.parametrize("size", [1_000_001, 10_000_000])
def test_a_body_that_is_too_large_is_refused_in_words(receiver: Receiving, size: int) -> None:
    body = b"[" + b" " * size + b"]"
    assert receiver.send(body).status == 413
    assert stored(receiver) == set()


def test_a_body_as_large_as_allowed_is_read(receiver: Receiving) -> None:
    assert receiver.send(GOOD + b" " * (1_000_000 - len(GOOD))).status == 200


def test_more_than_500_events_are_refused(receiver: Receiving) -> None:
    assert receiver.report(*[unsubscription()] * 500) == {"unknown": 500}
    assert receiver.send(json.dumps([unsubscription()] * 501).encode()).status == 413


def test_an_empty_array_is_fine(receiver: Receiving) -> None:
    assert receiver.send(b"[]").status == 200


@pytest.mark.parametrize("path", ["/webhooks/brevo/default/", "/webhooks/brevo", "/", "/webhooks/brevo/default/x"])
def test_a_wrong_path_is_not_found_and_leads_nowhere(receiver: Receiving, path: str) -> None:
    assert receiver.ask("POST", path, GOOD).status == 404


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_only_posts_are_received(receiver: Receiving, method: str) -> None:
    assert receiver.ask(method, "/webhooks/brevo/default").status == 405


def test_what_is_not_understood_is_counted_and_dropped_and_the_rest_is_taken(
    receiver: Receiving, pipeline: Pipeline
) -> None:
    pipeline.subscribe("anna")
    sloppy: list[object] = [5, None, [], {}, {"event": 7}, {"event": "unsubscribe"}, {"event": "opened", "email": ANNA}]
    came_to = {"malformed": 6, "ignored": 1, "noticed": 1}
    assert receiver.report(*sloppy, unsubscription()) == came_to
    assert receiver.counts() == came_to


def test_contacts_that_nobody_of_the_portal_is_are_left_alone_and_counted(receiver: Receiving) -> None:
    assert receiver.report(unsubscription("stranger@portal.org")) == {"unknown": 1}
    assert stored(receiver) == {"sync_tasks:webhooks:default"}


def test_a_contact_that_is_known_is_nudged(receiver: Receiving, pipeline: Pipeline) -> None:
    pipeline.subscribe("berta")
    assert receiver.report(unsubscription("berta@portal.org")) == {"noticed": 1}
    receiver.wait_for_nudge("berta")


def test_the_same_event_again_is_a_duplicate_whichever_webhook_it_came_through(
    receiver: Receiving, pipeline: Pipeline
) -> None:
    pipeline.subscribe("anna")
    assert receiver.report(unsubscription(), unsubscription(), unsubscription(id=2)) == {"noticed": 1, "duplicate": 2}
    assert receiver.report(unsubscription(id=3), unsubscription(ts=1_787_655_901)) == {"noticed": 1, "duplicate": 1}


def test_what_our_own_key_did_is_an_echo(receiver: Receiving, pipeline: Pipeline) -> None:
    pipeline.subscribe("anna")
    assert receiver.report(edit(key_name=OWN_KEY)) == {"echo": 1}
    assert receiver.report(edit(key_name=""), edit(key_name="somebody else's")) == {"noticed": 2}


def test_without_a_name_of_our_key_nothing_is_an_echo(pipeline: Pipeline) -> None:
    settings = Settings.model_validate(SETTINGS)
    pipeline.subscribe("anna")
    with receiving(pipeline.store, settings) as receiver:
        assert receiver.report(edit(key_name="")) == {"noticed": 1}


def test_a_request_that_dribbles_in_is_cut_off(receiver: Receiving) -> None:
    with receiver.connect() as slow:
        head = f"POST /webhooks/brevo/default HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\n"
        slow.sendall(f"{head}content-type: application/json\r\ncontent-length: 100\r\n\r\n{{".encode())
        assert slow.recv(100).startswith(b"HTTP/1.1 408 ")
        assert read_to_the_end(slow)


@pytest.mark.parametrize("first", [b"", b"POST /webhooks", b"POST / HTTP/1.1\r\nhost: x\r\n"], ids=range(3))
def test_a_sender_that_never_comes_to_the_point_is_hung_up_on(receiver: Receiving, first: bytes) -> None:
    with receiver.connect() as slow:
        slow.sendall(first)
        assert read_to_the_end(slow)


def test_a_sender_that_dawdles_over_a_second_request_is_hung_up_on(receiver: Receiving) -> None:
    with receiver.connect() as slow:
        slow.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        assert slow.recv(1000).startswith(b"HTTP/1.1 200 ")
        slow.sendall(b"GET /hea")
        assert read_to_the_end(slow)


def read_to_the_end(connection: object) -> bool:
    """Return true once the other side has hung up; the socket's own time limit fails the test if it never does."""
    while connection.recv(1000):  # type: ignore[attr-defined]
        pass
    return True


def test_while_redis_is_away_brevo_is_asked_to_come_again(
    private_redis: EmbeddedRedis, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store(connect(private_redis.url), "sync_tasks")
    with receiving(store, Settings.model_validate(SETTINGS)) as receiver:
        assert receiver.ask("GET", "/readyz").status == 200
        private_redis.stop()
        assert receiver.send(GOOD).status == 429
        assert receiver.ask("GET", "/readyz").status == 503
        scraped = receiver.ask("GET", "/metrics")
        assert scraped.status == 200, "a scrape that fails would look like a receiver that is gone"
        assert b"sync_tasks_state_reachable 0.0\n" in scraped.body
        assert receiver.ask("GET", "/healthz").status == 200
        private_redis.start()
        assert receiver.send(GOOD).status == 200
    assert "unexpected" not in caplog.text
    store.redis.close()


def test_no_address_is_logged_or_stored(
    receiver: Receiving, pipeline: Pipeline, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    pipeline.subscribe("anna", email="unrelated@portal.org")
    before = stored(receiver)
    receiver.report(unsubscription(), edit(FIRSTNAME="Annabella"), unsubscription("unrelated@portal.org"))
    receiver.send(b'{"event": "unsubscribe", "email": "anna@portal.org"')
    receiver.send(GOOD, account="anna@portal.org")
    ours = [record.getMessage() for record in caplog.records if record.name.startswith(("sync_tasks", "uvicorn"))]
    assert ours
    assert not [line for line in ours if "portal.org" in line or "Annabella" in line]
    assert stored(receiver) - before == {"sync_tasks:webhooks:default"}
    fields: dict[str, str] = receiver.store.redis.hgetall("sync_tasks:contacts:anna")  # type: ignore[assignment]
    assert not [name for name, text in fields.items() if "portal.org" in text and name != "address"]


def test_whatever_is_sent_is_answered_and_the_receiver_stays(pipeline: Pipeline) -> None:
    with receiving(pipeline.store, pipeline.resources.settings, PATIENCE) as receiver:
        statuses = fuzz(receiver, random.Random(5), times=400)
    assert {200, 400, 401, 404, 405, 413} <= set(statuses)


@pytest.mark.parametrize(
    "line", ["POST /webhooks/brevo/default", "POST /elsewhere", "GET /healthz", "GET /a-door-beside"]
)
def test_two_lengths_of_one_body_are_refused_at_every_door(pipeline: Pipeline, line: str) -> None:
    doors = [Route("/a-door-beside", lambda _request: PlainTextResponse("open"))]
    reported = f"{line} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {TOKEN}\r\n"
    reported += "Content-Type: application/json\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
    with opening(pipeline.store, doors, PATIENCE) as here, here.connect() as wire:
        wire.sendall(f"{reported}2\r\n[]\r\n0\r\n\r\n".encode())
        answer = wire.makefile().read()
    assert answer.startswith("HTTP/1.1 400")
    assert answer.count("HTTP/1.1") == 1


def test_whoever_has_no_token_cannot_fill_the_log(receiver: Receiving, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("WARNING"):
        assert {receiver.send(GOOD, token="wrong").status for _ in range(50)} == {401}
    assert len([one for one in caplog.messages if "refused: 401" in one]) < 25


@pytest.mark.parametrize(
    "sent",
    [
        "nonsense\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close, Upgrade\r\nUpgrade: websocket\r\n\r\n",
    ],
    ids=["no request", "another protocol"],
)
def test_whoever_speaks_no_http_of_ours_cannot_fill_the_log(
    receiver: Receiving, caplog: pytest.LogCaptureFixture, sent: str
) -> None:
    with caplog.at_level("INFO", logger="uvicorn.error"):
        for _ in range(50):
            with receiver.connect() as wire:
                wire.sendall(sent.encode())
                assert wire.makefile().read().startswith("HTTP/1.1 ")
    assert len(caplog.messages) < 25


def test_figures_are_read_once_in_a_while_however_often_they_are_asked_for() -> None:
    read = iter([b"1", b"2"])
    reported = remembered(lambda: next(read), 60)
    assert [reported() for _ in range(5)] == [b"1"] * 5


@pytest.mark.parametrize(("host", "family"), [("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)])
def test_it_listens_with_no_delay(host: str, family: socket.AddressFamily) -> None:
    try:
        listener = listen(host, 0)
    except ConfigurationError:
        pytest.skip("this machine has no such address")
    with listener:
        assert listener.family == family
        assert listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        port = listener.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"^{host} port {port}: Address already in use; choose another$"):
            listen(host, port)


def test_the_server_writes_no_log_of_requests_and_does_not_name_itself(pipeline: Pipeline) -> None:
    settings = pipeline.resources.settings
    with prompting(lambda _users: None) as prompter:
        config = build_server(build_receiver(pipeline.store, settings, Tokens(()), prompter)).config
    assert (config.access_log, config.server_header, config.lifespan, config.ws) == (False, False, "off", "none")
    assert (config.log_config, config.timeout_graceful_shutdown) == (None, 10)


def test_whoever_is_answered_in_time_is_not_hung_up_on() -> None:
    class Timers:
        """Has a time for whatever shall be called later."""

        def __init__(self) -> None:
            self.set: list[tuple[float, str]] = []
            self.cancelled = 0

        def call_later(self, seconds: float, _then: object) -> "Timers":
            self.set.append((seconds, "hang up"))
            return self

        def cancel(self) -> None:
            self.cancelled += 1

    closed: list[str] = []
    timers = Timers()
    protocol: Any = Impatient.__new__(Impatient)
    protocol.loop, protocol.transport = timers, SimpleNamespace(close=lambda: closed.append("closed"))
    protocol._wait()
    assert (timers.set, timers.cancelled) == ([(10.0, "hang up")], 0)
    protocol._wait()
    assert timers.cancelled == 1
    for cycle, hung_up in ((SimpleNamespace(response_complete=False), 0), (None, 1)):
        protocol.cycle = cycle
        protocol._hang_up()
        assert len(closed) == hung_up
    protocol.cycle = SimpleNamespace(response_complete=True)
    protocol._hang_up()
    assert len(closed) == 2


def test_the_server_says_no_more_of_itself_than_it_must_and_ends_in_time() -> None:
    config = build_server(Receiver({}, Tokens(()), lambda: True)).config
    assert (config.ws, config.lifespan, config.access_log, config.log_config) == ("none", "off", False, None)
    assert (config.server_header, config.timeout_graceful_shutdown, config.http) == (False, 10, Impatient)
