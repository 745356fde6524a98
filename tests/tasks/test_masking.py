"""What another producer sends in full stays out of Flower, task events and `inspect`."""

import logging

import pytest
from celery.exceptions import Retry

from sync_tasks.errors import AccountPausedError, TooEarlyError
from sync_tasks.tasks.accept import NUDGE
from sync_tasks.tasks.app import app
from sync_tasks.tasks.masking import MaskedLogging, MaskedRequest, masked, reason_of
from tests.support.messages import request_for

SECRET = "marked@portal.example"
WHOLE = {"user_id": "u1", "newsletter": "daily", "email": SECRET, "first_name": "Marked"}


@pytest.mark.parametrize(
    ("kwargs", "shown"),
    [
        (WHOLE, "{'user_id': 'u1', 'newsletter': 'daily'}"),
        ({"occurred_at": "2026-03-01T00:00:00Z"}, "{'occurred_at': '2026-03-01T00:00:00Z'}"),
        ({"user_id": SECRET, SECRET: "u1"}, "{}"),
        ([SECRET], "{}"),
        (None, "{}"),
    ],
)
def test_only_ids_and_moments_are_shown(kwargs: object, shown: str) -> None:
    assert masked(kwargs) == shown


def test_a_request_shows_the_same_whoever_sent_the_message() -> None:
    request = request_for("sync_tasks.subscribe_contact", WHOLE, argsrepr=f"({SECRET!r},)", kwargsrepr=repr(WHOLE))
    assert isinstance(request, MaskedRequest)
    shown = f"{request!r} {request.info()} {request.info(safe=False)} {request.argsrepr} {request.kwargsrepr}"
    assert "'user_id': 'u1'" in shown
    assert SECRET not in shown
    assert "Marked" not in shown


def retry(trouble: Exception, when: float) -> Retry:
    return Retry(exc=trouble, when=when)  # type: ignore[arg-type]  # its types know no float


@pytest.mark.parametrize(
    ("raised", "reported"),
    [
        (retry(TooEarlyError("PUT /contacts: 425"), 2.4), "TooEarlyError: PUT /contacts: 425 (again in 2 s)"),
        (retry(AccountPausedError("it is paused", 5), 60), "AccountPausedError: it is paused (again in 60 s)"),
        (retry(ValueError(SECRET), 3), "ValueError (again in 3 s)"),
        (Retry(SECRET), "Retry"),
        (ValueError(SECRET), "ValueError"),
    ],
)
def test_a_task_to_be_tried_again_shows_the_reason_and_nothing_of_a_person(raised: Exception, reported: str) -> None:
    assert reason_of(raised) == reported


def test_the_task_still_gets_everything() -> None:
    assert request_for("sync_tasks.subscribe_contact", WHOLE).kwargs == WHOLE


def test_the_log_of_our_own_workers_is_ours_to_set_up() -> None:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        assert MaskedLogging(app).setup_logging_subsystem() is True
        assert [type(handler.formatter).__module__ for handler in root.handlers] == ["sync_tasks.log"]
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


@pytest.mark.parametrize("moment", ["2999-01-01T00:00:00+00:00", "2001-01-01T00:00:00+00:00", "no moment"])
def test_a_whole_event_is_neither_put_off_nor_lost_to_a_time_limit(moment: str) -> None:
    request = request_for("sync_tasks.subscribe_contact", WHOLE, eta=moment, expires=moment)
    assert [request.eta, request.expires, request.revoked()] == [None, None, False]


def test_a_nudge_and_a_task_of_ours_may_be_put_off() -> None:
    nudge = request_for("sync_tasks.subscribe_contact", {"user_id": "u1"}, eta="2999-01-01T00:00:00+00:00", **NUDGE)
    ours = request_for("sync_tasks.sweep", {}, expires="2999-01-01T00:00:00+00:00")
    assert (nudge.eta is None, ours.expires is None) == (False, False)
