"""Events over HTTP: each is answered once the state has it, may come again, and nothing personal comes back."""

import gzip
import json
import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from redis import ConnectionError as RedisIsAway
from redis.exceptions import NoPermissionError, ResponseError

from sync_tasks.http.tokens import Tokens
from sync_tasks.portal.intake import Accept, Intake, accept_by_tasks
from sync_tasks.state.consents import read_consents
from sync_tasks.state.store import Store
from tests.support.receiving import FORMER_TOKEN, TOKEN, Answer, Receiving, opening

MOMENT = "2026-03-01T12:00:00+00:00"
ANNA = {"task": "subscribe_contact", "user_id": "anna", "newsletter": "daily", "email": "anna@portal.org"}
ANNA |= {"first_name": "Annamaria", "occurred_at": MOMENT}
LEAVE = {"task": "sync_tasks.unsubscribe_contact", "user_id": "anna", "newsletter": "daily"}
LEAVE |= {"occurred_at": "2026-03-02T12:00:00+00:00"}
TOKENS = Tokens((TOKEN, FORMER_TOKEN))


@dataclass
class Door:
    here: Receiving

    def send(self, body: bytes, *, token: str | None = TOKEN, kind: str = "application/json") -> Answer:
        shown = {"authorization": f"Bearer {token}"} if token is not None else {}
        return self.here.ask("POST", "/events", body, content_type=kind, **shown)

    def report(self, *events: object) -> Answer:
        return self.send(json.dumps(events[0] if len(events) == 1 else events).encode())


def opened(store: Store, accept: Accept) -> AbstractContextManager[Receiving]:
    return opening(store, Intake(TOKENS, accept).routes)


@pytest.fixture
def door(store: Store, worker_environment: Path) -> Iterator[Door]:
    """The intake as it is served, with a real Redis behind it."""
    assert worker_environment.exists()
    with opened(store, accept_by_tasks()) as here:
        yield Door(here)


def wishes(store: Store, user_id: str = "anna") -> dict[str, bool]:
    contact = store.peek(user_id)
    return {slug: wished for slug, (_, wished) in contact.subscriptions().items()} if contact else {}


def test_an_event_is_in_the_state_when_it_is_answered(door: Door, store: Store) -> None:
    answer = door.report(ANNA)
    assert (answer.status, answer.body) == (202, {"accepted": 1, "refused": 0, "events": [{"status": "accepted"}]})
    assert wishes(store) == {"daily": True}
    assert store.redis.exists("sync_tasks"), "a nudge is on its way"


def test_of_many_each_is_answered_in_its_place(door: Door, store: Store) -> None:
    answer = door.report(
        ANNA, {**ANNA, "user_id": "b b"}, 5, {**ANNA, "task": "subscribe"}, {**ANNA, "user_id": "bert"}
    )
    assert answer.status == 202
    assert [event["status"] for event in answer.body["events"]] == ["accepted", *["refused"] * 3, "accepted"]
    assert [event.get("why") for event in answer.body["events"]] == [
        None,
        "subscribe_contact refused: user_id: must be 1 to 255 characters without white space",
        "an event must be an object",
        "task: must be one of subscribe_contact, update_contact, unsubscribe_contact, anonymize_contact",
        None,
    ]
    assert store.peek("bert")


def test_a_proof_of_consent_comes_along(door: Door, store: Store) -> None:
    proof = {"source": "form", "version": "1", "at": MOMENT}
    answer = door.report(ANNA | {"consent": proof}, ANNA | {"consent": proof | {"source": "anna@portal.org"}})
    assert [event.get("why") for event in answer.body["events"]] == [
        None,
        "subscribe_contact refused: consent.source: must be a text, and without an address",
    ]
    assert [one.source for one in read_consents(store, "anna", store.peek("anna"))] == ["form"]


def test_what_comes_again_in_any_order_changes_nothing(door: Door, store: Store) -> None:
    for event in (ANNA, LEAVE, ANNA, LEAVE, ANNA):
        assert door.report(event).status == 202
    assert wishes(store) == {"daily": False}


def test_an_event_without_a_moment_is_refused_as_repeating_it_would_not_be_safe(door: Door, store: Store) -> None:
    answer = door.report({name: value for name, value in ANNA.items() if name != "occurred_at"})
    assert (answer.status, answer.body["accepted"]) == (422, 0)
    assert "occurred_at: missing" in answer.body["events"][0]["why"]
    assert store.peek("anna") is None


def test_an_unknown_field_is_named(door: Door) -> None:
    answer = door.report({**ANNA, "usr_id": "x"})
    assert (answer.status, answer.body["events"][0]["why"]) == (
        422,
        "subscribe_contact refused: usr_id: unknown argument",
    )


def test_nothing_personal_is_in_an_answer_or_in_the_log(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    wrong = {**ANNA, "email": "anna@", "anna@portal.org": 1, "attributes": {"city": ["Annaberg"]}, "first_name": 7}
    reported = [door.report(event).body for event in (ANNA, wrong, {**ANNA, "occurred_at": "Annamaria"})]
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("sync_tasks")]
    assert not [word for word in ("anna@", "Anna") if word in json.dumps(reported) + "".join(ours)]
    assert "events: 1 accepted, 0 refused" in ours


@pytest.mark.parametrize("token", [None, "", "wrong", TOKEN[:-1]])
def test_a_wrong_token_is_refused_without_a_hint(door: Door, store: Store, token: str | None) -> None:
    answer = door.send(b"{", token=token)
    assert (answer.status, answer.body) == (401, {"message": "unauthorized"})
    assert not store.redis.keys("*")


@pytest.mark.parametrize("token", [TOKEN, FORMER_TOKEN])
def test_either_of_two_tokens_opens(door: Door, token: str) -> None:
    assert door.send(b"[]", token=token).status == 202


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b'"text"', 400),
        (b"\xff", 400),
        (b"[" * 100_000, 400),
        (b'[{"user_id": NaN}]', 400),
        (b"9" * 5_000, 400),
        (b'{"user_id": "a", "user_id": "b"}', 400),
        (b"[]" + b" " * 1_000_000, 413),
        (json.dumps([5] * 1001).encode(), 413),
        (json.dumps([5] * 1000).encode(), 422),
        (b'{"task": "\\ud800", "\\ud800": 1}', 422),
    ],
)
def test_what_is_no_event_is_refused_in_words(door: Door, store: Store, body: bytes, status: int) -> None:
    answer = door.send(body)
    assert (answer.status, set(answer.body) <= {"message", "accepted", "refused", "events"}) == (status, True)
    assert not store.redis.keys("*")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "neither an object nor an array in JSON"),
        (
            '{"first_name": "Jérôme"}'.encode("latin-1"),
            "not UTF-8: JSON is sent in UTF-8, whatever the charset of the portal",
        ),
        (b'[{"user_id": NaN}]', "NaN and Infinity are no numbers in JSON; send null or leave the field out"),
        (b'{"user_id": "a", "user_id": "b"}', "a name stands twice in an object; send it once"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused_with_what_is_wrong_with_it(door: Door, body: bytes, words: str) -> None:
    assert door.send(body).body == {"message": words}


def test_only_json_is_read(door: Door) -> None:
    assert door.send(b"[]", kind="text/plain").status == 415


def test_a_compressed_body_is_refused_in_words(door: Door) -> None:
    shown = {"authorization": f"Bearer {TOKEN}", "content_type": "application/json", "content_encoding": "gzip"}
    answer = door.here.ask("POST", "/events", gzip.compress(b"[]"), **shown)
    assert (answer.status, "content-encoding" in answer.body["message"]) == (415, True)


def test_while_redis_is_away_nothing_is_said_to_be_accepted(store: Store) -> None:
    heard: list[str] = []

    def accept(_name: str, arguments: dict[str, Any]) -> None:
        heard.append(arguments["user_id"])
        if len(heard) == 2:
            raise RedisIsAway("secret words")

    with opened(store, accept) as here:
        answer = Door(here).report(ANNA, ANNA, ANNA)
    assert (answer.status, answer.headers["retry-after"], len(heard)) == (503, "5", 2)
    assert set(answer.body) == {"message"}
    assert "secret" not in answer.body["message"]


def test_an_event_that_redis_refuses_for_good_holds_nobody_up(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    heard: list[str] = []

    def accept(_name: str, arguments: dict[str, Any]) -> None:
        heard.append(arguments["user_id"])
        if arguments["user_id"] == "otto":
            raise ResponseError(f"WRONGTYPE {arguments['email']}")

    with opened(store, accept) as here:
        answer = Door(here).report(ANNA | {"user_id": "otto"}, ANNA)
    assert (answer.status, heard) == (202, ["otto", "anna"])
    refused, accepted = answer.body["events"]
    assert refused == {"status": "refused", "why": "Redis cannot accept it (ResponseError); the place is in our log"}
    assert accepted == {"status": "accepted"}
    assert "unexpected error" in caplog.text
    assert "anna@" not in caplog.text


def test_while_redis_refuses_whoever_asks_no_event_is_refused(store: Store) -> None:
    def accept(_name: str, _arguments: dict[str, Any]) -> None:
        raise NoPermissionError("secret words")

    with opened(store, accept) as here:
        assert Door(here).report(ANNA, ANNA).status == 503


def test_a_fault_of_ours_is_no_answer_that_loses_an_event(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    def accept(_name: str, arguments: dict[str, Any]) -> None:
        raise KeyError(arguments["email"])

    with opened(store, accept) as here:
        answer = Door(here).report(ANNA)
    assert answer.status == 503
    assert "anna@" not in caplog.text + json.dumps(answer.body)


def test_the_description_is_shown_to_anybody(door: Door) -> None:
    answer = door.here.ask("GET", "/openapi.json")
    assert (answer.status, set(answer.body["paths"])) == (200, {"/events"})
