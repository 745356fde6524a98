"""Comparisons on the page: what waits for somebody to look, and the approval by a name."""

import re

import pytest

from sync_tasks.reconcile.approvals import read_approvals
from sync_tasks.reconcile.run import Scope, reconcile
from sync_tasks.sandbox.faults import Fault
from sync_tasks.state.audit import read_audit
from tests.support.operating import Operating, words_of
from tests.support.pipeline import address_of


@pytest.fixture
def refused(door: Operating) -> Operating:
    """A page, and a comparison that the safety catch held."""
    pipeline = door.pipeline
    pipeline.subscribe("ada")
    pipeline.subscribe("ada", "weekly")
    pipeline.unsubscribe("ada", "weekly")
    pipeline.work()
    pipeline.brevo.edit(address_of("ada"), {"listIds": [3, 5]})
    reconcile(pipeline.resources, Scope(max_changes=0))
    return door


def started(door: Operating) -> str:
    found = re.search(r'name="run" value="(\d+)"', door.get("/comparisons").body)
    assert found
    return found[1]


def test_it_shows_what_would_be_done_to_how_many(refused: Operating) -> None:
    refused.log_in()
    reported = words_of(refused.get("/comparisons"))
    assert "Account default waits for you" in reported
    assert "1 contact would lose a subscription or be erased" in reported
    assert "extra on list 1" in reported
    assert "refused" in reported


def test_an_approval_is_kept_with_the_name_until_a_worker_takes_it(refused: Operating) -> None:
    refused.log_in()
    page = refused.post("/comparisons", account="default", run=started(refused))
    assert "anna approved at" in words_of(page)
    assert "waits for you" not in words_of(page)
    (approval,) = read_approvals(refused.pipeline.store).values()
    assert approval.by == "anna"
    assert [(deed.who, deed.what) for deed in read_audit(refused.pipeline.store)] == [("anna", "approve comparison")]


def test_who_may_look_approves_nothing(refused: Operating) -> None:
    refused.log_in()
    run = started(refused)
    refused.log_in("ben")
    page = refused.get("/comparisons")
    assert "Approve" not in page.body
    assert refused.post("/comparisons", account="default", run=run).status == 403
    assert read_approvals(refused.pipeline.store) == {}


def test_an_older_comparison_is_not_approved(refused: Operating) -> None:
    refused.log_in()
    run = started(refused)
    reconcile(refused.pipeline.resources, Scope(max_changes=0))
    assert "Another comparison was made since" in words_of(refused.post("/comparisons", account="default", run=run))
    assert read_approvals(refused.pipeline.store) == {}


def test_what_was_approved_and_broke_off_waits_again_and_says_why(refused: Operating) -> None:
    refused.log_in()
    refused.pipeline.brevo.faults.add(Fault(kind="status", status=401))
    reconcile(refused.pipeline.resources, Scope(max_changes=0))
    reported = words_of(refused.get("/comparisons"))
    assert "waits for you" in reported
    assert "The comparison after it was broken off:" in reported
    assert "anna approved at" in words_of(refused.post("/comparisons", account="default", run=started(refused)))


def test_without_a_comparison_there_is_nothing_to_see(door: Operating) -> None:
    door.log_in()
    assert "There was none yet" in words_of(door.get("/comparisons"))
