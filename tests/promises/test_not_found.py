"""What finds nobody at Brevo says so, in one word everywhere, whether there never was a contact or it is gone."""

import logging

import pytest

from sync_tasks.domain.contact import EventKey
from sync_tasks.domain.outcomes import Outcome
from tests.support.pipeline import Pipeline, address_of


def reports_of(pipeline: Pipeline, key: EventKey, user_id: str, caplog: pytest.LogCaptureFixture) -> set[str]:
    """Return what log and history say of an event."""
    logged = {getattr(line, "outcome", "") for line in caplog.records if getattr(line, "task", "") == key.task}
    reported = {line.split(" ", 2)[2] for line in pipeline.store.history(user_id) if str(key) in line}
    return logged | reported


@pytest.fixture(autouse=True)
def _listening(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "sync_tasks")


def let_go(pipeline: Pipeline, *, deleted: bool) -> None:
    """Let there be no contact of Anna at Brevo: it was deleted, or there never was one."""
    if deleted:
        pipeline.subscribe("anna")
        pipeline.work()
        pipeline.brevo.act("delete", address_of("anna"))


@pytest.mark.parametrize("deleted", [False, True], ids=["never there", "deleted"])
def test_an_opt_out_that_finds_nobody_says_so(
    pipeline: Pipeline, caplog: pytest.LogCaptureFixture, *, deleted: bool
) -> None:
    let_go(pipeline, deleted=deleted)
    key = pipeline.unsubscribe("anna", email=address_of("anna"))
    assert pipeline.work().done[key] is Outcome.NOT_FOUND
    assert reports_of(pipeline, key, "anna", caplog) == {"not found"}


@pytest.mark.parametrize("deleted", [False, True], ids=["never there", "deleted"])
def test_an_erasure_that_finds_nobody_says_so(
    pipeline: Pipeline, caplog: pytest.LogCaptureFixture, *, deleted: bool
) -> None:
    let_go(pipeline, deleted=deleted)
    key = pipeline.anonymize("anna", email=address_of("anna"))
    assert pipeline.work().done[key] is Outcome.NOT_FOUND
    assert reports_of(pipeline, key, "anna", caplog) == {"not found"}
    assert pipeline.letters() == []


def test_an_update_of_a_user_without_a_contact_says_so(pipeline: Pipeline) -> None:
    key = pipeline.update("anna", email=address_of("anna"), first_name="Anna")
    assert pipeline.work().done[key] is Outcome.NOT_FOUND


def test_an_opt_out_that_finds_the_contact_off_the_list_is_synced(
    pipeline: Pipeline, caplog: pytest.LogCaptureFixture
) -> None:
    pipeline.subscribe("anna", "weekly")
    pipeline.work()
    key = pipeline.unsubscribe("anna", "daily")
    outcomes = pipeline.work()
    assert outcomes.done[key] is Outcome.SYNCED
    assert reports_of(pipeline, key, "anna", caplog) == {"synced"}


def test_an_erasure_that_finds_somebody_is_synced_also_when_it_comes_again(pipeline: Pipeline) -> None:
    pipeline.subscribe("anna")
    pipeline.work()
    first = pipeline.anonymize("anna")
    pipeline.anonymize("anna")
    outcomes = pipeline.work()
    assert first in outcomes.done
    assert Outcome.NOT_FOUND not in outcomes.done.values()
