"""The portal hears once of each opt-out at Brevo, and can be asked for all of them."""

import pytest
from kombu.exceptions import OperationalError

from sync_tasks.domain.news import ENDED, Notice
from sync_tasks.reconcile.run import reconcile
from sync_tasks.sandbox import Sandbox
from sync_tasks.state.store import Sighting, Store
from sync_tasks.state.suppressions import Suppressed, report_notices, report_suppressed, scan_suppressed
from tests.support.desk import Desk
from tests.support.pipeline import Pipeline
from tests.support.saying import stamp

ANNA = "anna@portal.org"


@pytest.fixture
def anna(pipeline: Pipeline) -> Pipeline:
    """A pipeline that knows Anna, who reads the daily newsletter."""
    pipeline.subscribe("anna")
    pipeline.work()
    return pipeline


def reported(pipeline: Pipeline) -> list[tuple[str, str, str]]:
    heard: list[Suppressed] = []
    report_suppressed(pipeline.store, heard.append)
    return [(one.user_id, one.kind, one.account) for one in heard]


def test_an_opt_out_that_a_page_shows_is_reported_once(anna: Pipeline, brevo: Sandbox) -> None:
    brevo.act("complain", ANNA)
    for _ in range(2):
        reconcile(anna.resources)
        anna.work()
    assert reported(anna) == [("anna", "complaint", "default")]
    assert reported(anna) == []
    assert [one.kind for one in list(scan_suppressed(anna.store)[1])] == ["complaint"]


def test_an_opt_out_that_a_push_finds_is_reported_once(anna: Pipeline, brevo: Sandbox) -> None:
    brevo.act("unsubscribe", ANNA)
    anna.store.mark_changed("default", [Sighting(address=ANNA, kind="unsubscribed")])
    anna.work()
    anna.update("anna", first_name="Anne")
    anna.work()
    assert reported(anna) == [("anna", "unsubscribed", "default")]


def test_what_could_not_be_reported_is_reported_later(anna: Pipeline, brevo: Sandbox) -> None:
    brevo.act("unsubscribe", ANNA)
    reconcile(anna.resources)
    anna.work()

    def find_the_broker_away(_: Suppressed) -> None:
        raise OperationalError

    with pytest.raises(OperationalError):
        report_suppressed(anna.store, find_the_broker_away)
    assert reported(anna) == [("anna", "unsubscribed", "default")]


def test_a_complaint_that_comes_while_an_opt_out_is_reported_is_reported_too(anna: Pipeline, brevo: Sandbox) -> None:
    brevo.act("unsubscribe", ANNA)
    reconcile(anna.resources)
    anna.work()

    def complain(_: Suppressed) -> None:
        brevo.act("complain", ANNA)
        anna.store.mark_changed("default", [Sighting(address=ANNA, kind="complaint")])
        anna.work()

    report_suppressed(anna.store, complain)
    assert reported(anna) == [("anna", "complaint", "default")]


def test_a_newer_subscription_takes_the_user_off_the_list(anna: Pipeline, brevo: Sandbox) -> None:
    brevo.act("unsubscribe", ANNA)
    reconcile(anna.resources)
    anna.work()
    anna.subscribe("anna", "weekly")
    anna.work()
    assert list(scan_suppressed(anna.store)[1]) == []


def test_an_erased_user_is_not_listed(anna: Pipeline, brevo: Sandbox) -> None:
    brevo.act("bounce", ANNA)
    reconcile(anna.resources)
    anna.work()
    anna.anonymize("anna")
    anna.work()
    assert (list(scan_suppressed(anna.store)[1]), reported(anna)) == ([], [])


def test_the_operator_sees_who_opted_out(anna: Pipeline, brevo: Sandbox, desk: Desk) -> None:
    assert "nobody opted out" in desk.run("suppressed", "list")
    brevo.act("bounce", ANNA)
    reconcile(anna.resources)
    anna.work()
    (one,) = desk.read("suppressed", "list")
    assert (one["user_id"], one["kind"], one["account"]) == ("anna", "hard_bounce", "default")
    assert "hard_bounce" in desk.run("suppressed", "list")


def test_of_many_who_opted_out_a_hundred_are_reported_at_a_time(store: Store) -> None:
    names = [f"default u{number:03}" for number in range(101)]
    store.redis.hset(store.key("suppressed"), mapping=dict.fromkeys(names, f"complaint:{stamp(1)}"))
    store.redis.zadd(store.key("untold"), {name: number for number, name in enumerate(names)})
    heard = list[Suppressed]()
    report_suppressed(store, heard.append)
    assert [one.user_id for one in heard] == [f"u{number:03}" for number in range(100)]
    report_suppressed(store, heard.append)
    assert heard[100] == Suppressed("u100", "complaint", "2026-03-01T00:01:00+00:00", "default", 0)


def test_of_many_ends_and_repairs_a_hundred_are_reported_at_a_time_and_once(store: Store) -> None:
    notices = [Notice(f"u{number:03}", "default", ENDED, "complaint", stamp(1)) for number in range(101)]
    store.redis.zadd(store.key("notices"), {one.wire: number for number, one in enumerate(notices)})
    heard = list[Notice]()
    assert [report_notices(store, heard.append) for _ in range(3)] == [100, 1, 0]
    assert heard == notices
