"""Refused requests: one line a second whoever comes, and an answer that ends a connection with unread bytes."""

import asyncio
import logging
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from sync_tasks.http.refusal import REFUSALS_EVERY, HttpRefusal, RefusalLog, answer_refusal


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let time pass, which stands still otherwise."""
    now = [1000.0]
    monkeypatch.setattr("sync_tasks.http.refusal.time", SimpleNamespace(monotonic=lambda: now[0]))

    def pass_time(seconds: float) -> None:
        now[0] += seconds

    return pass_time


def test_whoever_comes_often_fills_no_log_and_is_counted(
    later: Callable[[float], None], caplog: pytest.LogCaptureFixture
) -> None:
    refusals = RefusalLog("door")
    with caplog.at_level(logging.WARNING):
        for seconds in (0, 0, 0.5, REFUSALS_EVERY, REFUSALS_EVERY):
            later(seconds)
            refusals.report(HttpRefusal(401, "unauthorized"))
    assert [record.getMessage() for record in caplog.records] == [
        "door refused: 401 unauthorized",
        "door refused: 401 unauthorized and 2 more",
        "door refused: 401 unauthorized",
    ]


@pytest.mark.parametrize(
    ("error", "status"), [(HttpRefusal(413, "too large"), 413), (ClientDisconnect(), 408), (ValueError("Marked"), 500)]
)
def test_each_request_is_answered_and_no_text_of_an_error_is_in_the_log(
    error: Exception, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    async def serve() -> Response:
        raise error

    with caplog.at_level(logging.WARNING):
        answer = asyncio.run(RefusalLog().answer(serve(), Response(status_code=500)))
    assert (answer.status_code, "Marked" in caplog.text) == (status, False)
    assert (status == 500) == ("unexpected error" in caplog.text)


@pytest.mark.parametrize(
    ("status", "ends"), [(400, True), (401, True), (408, True), (413, True), (415, False), (429, False)]
)
def test_a_connection_ends_where_more_of_the_body_may_come(status: int, *, ends: bool) -> None:
    assert (answer_refusal(HttpRefusal(status, "no")).headers.get("connection") == "close") == ends
