"""What happened to a user, from all places that know of it, the newest first."""

from sync_tasks.monitoring.timeline import read_timeline
from sync_tasks.reconcile.run import reconcile
from sync_tasks.sandbox import Sandbox
from sync_tasks.state.audit import note_deed
from sync_tasks.webhooks.recorder import OwnChanges, make_notes, write_notes
from tests.support.pipeline import Pipeline, address_of
from tests.support.receiving import unsubscription


def test_every_place_that_knows_of_a_user_is_asked(pipeline: Pipeline) -> None:
    pipeline.subscribe("anna")
    pipeline.work()
    write_notes(pipeline.store, "default", make_notes([unsubscription()], OwnChanges("", frozenset({3}))))
    note_deed(pipeline.store, "ops", "report", "anna")
    pipeline.subscribe("anna", "weekly")
    found = read_timeline(pipeline.store, "anna")
    assert {entry.source for entry in found} == {"pipeline", "Brevo", "webhook", "operator", "portal"}
    assert [entry.at for entry in found] == sorted((entry.at for entry in found), reverse=True)
    assert "report, by ops" in {entry.what for entry in found}
    assert not [entry for entry in found if "@" in entry.what]


def test_of_another_user_nothing_is_shown(pipeline: Pipeline) -> None:
    pipeline.subscribe("anna")
    note_deed(pipeline.store, "ops", "report", "anna")
    assert read_timeline(pipeline.store, "ben") == []


def test_a_block_is_shown_with_its_kind_and_account(pipeline: Pipeline, brevo: Sandbox) -> None:
    pipeline.subscribe("anna")
    pipeline.work()
    brevo.act("complain", address_of("anna"))
    reconcile(pipeline.resources)
    pipeline.work()
    assert "account default: blocklisted, complaint" in {one.what for one in read_timeline(pipeline.store, "anna")}
