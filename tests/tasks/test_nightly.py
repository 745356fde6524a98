"""What beat has done every night, and what the portal hears of opt-outs at Brevo."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from celery.exceptions import Reject

from sync_tasks.domain.timestamps import MICROSECONDS_PER_SECOND
from sync_tasks.reconcile.history import read_runs
from sync_tasks.reconcile.lock import standing_alone
from sync_tasks.sandbox import Sandbox
from sync_tasks.state.store import Sighting, Store
from sync_tasks.tasks.bootstrap import worker_resources
from sync_tasks.tasks.nightly import AGAIN, GIVEN_UP, ask_again, report_to_portal
from tests.support.messages import handle, queued
from tests.support.pipeline import held_by
from tests.support.saying import ADA

STATED = """
[portal]
suppressed_task = "portal.note"
suppressed_queue = "portal"
"""
READER: dict[str, Any] = {"user_id": "u1", "newsletter": "daily", "email": ADA, "occurred_at": "2026-03-01T00:00:00Z"}


@pytest.fixture
def reader(worker_environment: Path, brevo: Sandbox) -> Sandbox:
    """A sandbox that holds Ada, who reads the daily newsletter; the portal wants to hear of opt-outs."""
    worker_environment.write_text(worker_environment.read_text() + STATED)
    assert handle("sync_tasks.subscribe_contact", READER) == ("SUCCESS", "synced")
    return brevo


def test_what_changed_at_brevo_is_found_at_night_and_repaired_like_any_other_event(
    reader: Sandbox, store: Store
) -> None:
    reader.edit(ADA, {"unlinkListIds": [3]})
    assert handle("sync_tasks.reconcile", {}) == ("SUCCESS", 1)
    assert handle("sync_tasks.sync_contact", {"user_id": "u1"})[0] == "SUCCESS"
    assert held_by(reader, "u1")["listIds"] == [3]
    assert handle("sync_tasks.reconcile", {}) == ("SUCCESS", 0)
    assert [run.found for run in read_runs(store)] == [{"missing on list": 1}], "once a night is enough"


def test_whoever_comes_while_another_compares_has_nothing_to_do(reader: Sandbox, store: Store) -> None:
    reader.edit(ADA, {"unlinkListIds": [3]})
    with standing_alone(store) as alone:
        assert alone
        assert handle("sync_tasks.reconcile", {}) == ("SUCCESS", 0)
    assert read_runs(store) == []
    assert handle("sync_tasks.reconcile", {}) == ("SUCCESS", 1)


@pytest.mark.usefixtures("reader")
def test_a_worker_that_must_end_leaves_the_comparison_to_another_one(store: Store) -> None:
    worker_resources().limiter.stop()
    state, rejected = handle("sync_tasks.reconcile", {})
    assert (state, type(rejected), rejected.requeue) == ("REJECTED", Reject, True)
    assert not store.redis.exists(store.key("reconciling"))


@pytest.mark.usefixtures("worker_environment")
@pytest.mark.parametrize(("owed", "waits"), [(1, AGAIN), (300, 300)])
def test_a_comparison_that_is_owed_is_asked_for_again_after_as_long_as_it_is_owed(
    store: Store, owed: int, waits: int
) -> None:
    key, begun = store.key("nightly"), int(store.now())
    since = begun - owed * MICROSECONDS_PER_SECOND
    store.redis.set(key, f"{since} {begun}", ex=GIVEN_UP)
    ask_again()
    ask_again()
    assert [message.task for message in queued(store.redis, "sync_tasks")] == ["sync_tasks.reconcile"]
    kept, again = map(int, str(store.redis.get(key)).split())
    passed = int(store.now()) - begun
    assert (kept, 0 <= again - begun - waits * MICROSECONDS_PER_SECOND <= 2 * passed) == (since, True)


def test_the_portal_hears_of_an_opt_out_once_by_a_task_of_its_own(reader: Sandbox, store: Store) -> None:
    reader.act("complain", ADA)
    handle("sync_tasks.reconcile", {})
    handle("sync_tasks.sync_contact", {"user_id": "u1"})
    assert [report_to_portal(), report_to_portal()] == [1, 0]
    (reported,) = queued(store.redis, "portal")
    assert reported.task == "portal.note"
    assert reported.kwargs | {"time": ""} == {"user_id": "u1", "kind": "complaint", "account": "default", "time": ""}
    assert ADA not in reported.text


@pytest.mark.usefixtures("worker_environment")
def test_a_portal_that_wants_to_hear_nothing_hears_nothing(store: Store) -> None:
    store.redis.zadd(store.key("untold"), {"default u1": 1})
    assert report_to_portal() == 0
    assert store.redis.zcard(store.key("untold")) == 1


def test_a_portal_that_wants_to_hear_everything_hears_what_began_what_ended_and_of_which_newsletter(
    worker_environment: Path, brevo: Sandbox, store: Store
) -> None:
    worker_environment.write_text(worker_environment.read_text() + STATED.replace("suppressed_task", "notice_task"))
    assert handle("sync_tasks.subscribe_contact", READER) == ("SUCCESS", "synced")
    brevo.quirks.unsubscription_per_list = True
    brevo.act("unsubscribe", ADA, list_id=3)
    look(store)
    assert [report_to_portal(), report_to_portal()] == [1, 0]
    handle("sync_tasks.subscribe_contact", READER | {"occurred_at": datetime.now(UTC).isoformat()})
    brevo.edit(ADA, {"attributes": {"EMAIL": "eve@portal.org"}})
    look(store)
    assert [report_to_portal(), report_to_portal()] == [2, 0]
    reported = [message.kwargs | {"time": ""} for message in queued(store.redis, "portal")]
    about = {"user_id": "u1", "account": "default", "time": "", "foreign_lists": []}
    daily = about | {"kind": "unsubscribed", "newsletters": ["daily"]}
    assert reported == [
        daily | {"what": "suppressed", "why": ""},
        daily | {"what": "ended", "why": "subscribed again"},
        about | {"what": "put back", "kind": "edited (address)", "newsletters": [], "why": ""},
    ]


def test_a_portal_that_hears_of_blocks_alone_is_sent_what_it_was_always_sent(reader: Sandbox, store: Store) -> None:
    reader.quirks.unsubscription_per_list = True
    reader.act("unsubscribe", ADA, list_id=3)
    look(store)
    reader.act("bounce", ADA)
    look(store)
    report_to_portal()
    (reported,) = queued(store.redis, "portal")
    assert reported.kwargs.keys() == {"user_id", "kind", "time", "account"}
    assert store.redis.exists(store.key("notices"), store.key("untold")) == 0


def look(store: Store) -> None:
    store.mark_changed("default", [Sighting(user_id="u1")])
    handle("sync_tasks.sync_contact", {"user_id": "u1"})
