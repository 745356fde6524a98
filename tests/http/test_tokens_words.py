"""The words of the doors over HTTP: names of variables, reasons of a refusal, bounds."""

import asyncio
import json
import logging
from typing import Any

import pytest
from starlette.requests import Request

from sync_tasks.errors import ConfigurationError
from sync_tasks.http import body, rate_bound, refusal, tokens
from sync_tasks.http.body import OneLength, check_json
from sync_tasks.http.refusal import HttpRefusal


def test_the_variables_and_the_bounds_are_these() -> None:
    assert (tokens.WEBHOOK_TOKEN, tokens.EVENTS_TOKEN) == ("SYNC_WEBHOOK_TOKEN", "SYNC_EVENTS_TOKEN")
    assert tokens.OPERATE_TOKEN == "SYNC_OPERATE_TOKEN"
    assert (body.LARGEST_BODY, body.LARGEST_DISCARDED, body.BODY_WITHIN) == (1_000_000, 16_000_000, 10.0)
    assert (rate_bound.MOST_KEYS, refusal.REFUSALS_EVERY) == (100_000, 1.0)


def test_without_a_token_the_variable_is_named() -> None:
    with pytest.raises(ConfigurationError) as caught:
        tokens.load_tokens({})
    assert caught.value.args == ("no webhook token; set SYNC_WEBHOOK_TOKEN or SYNC_WEBHOOK_TOKEN_FILE",)
    assert tokens.find_tokens("SYNC_EVENTS_TOKEN", {}).valid == ()


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({"content-type": "application/json"}, ""),
        ({"content-type": " Application/JSON ; charset=utf-8", "content-encoding": " Identity "}, ""),
        ({}, "only application/json is read here"),
        ({"content-type": "text/json"}, "only application/json is read here"),
        (
            {"content-type": "application/json", "content-encoding": "gzip"},
            "compressed bodies are not read here: send it without content-encoding",
        ),
    ],
    ids=range(5),
)
def test_only_plain_json_is_read(headers: dict[str, str], words: str) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    request = Request({"type": "http", "headers": raw})
    if not words:
        check_json(request)
        return
    with pytest.raises(HttpRefusal) as caught:
        check_json(request)
    assert (caught.value.status, caught.value.words, caught.value.args) == (415, words, (415, words))


@pytest.mark.parametrize(
    ("names", "passes"),
    [
        ((), True),
        (("content-length",), True),
        (("transfer-encoding",), True),
        (("content-length", "transfer-encoding"), False),
    ],
    ids=range(4),
)
def test_a_request_with_two_lengths_is_refused_and_logged(
    caplog: pytest.LogCaptureFixture, names: tuple[str, ...], *, passes: bool
) -> None:
    reached, sent = list[Any](), list[Any]()

    async def app(*words: object) -> None:
        reached.append(words)

    async def send(message: Any) -> None:  # noqa: ANN401 - as of ASGI
        sent.append(message)

    async def receive() -> Any:  # noqa: ANN401 - as of ASGI
        return {"type": "http.request"}

    scope: Any = {"type": "http", "method": "POST", "headers": [(name.encode(), b"1") for name in names]}
    with caplog.at_level(logging.WARNING):
        asyncio.run(OneLength(app)(scope, receive, send))
    if passes:
        assert (reached, sent, caplog.messages) == ([(scope, receive, send)], [], [])
        return
    assert reached == []
    assert caplog.messages == ["request refused: 400 both content-length and transfer-encoding"]
    assert (sent[0]["status"], dict(sent[0]["headers"])[b"connection"]) == (400, b"close")
    assert json.loads(sent[1]["body"]) == {"message": "both content-length and transfer-encoding"}
