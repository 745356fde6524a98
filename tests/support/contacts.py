"""Everything that may happen to a pipeline happens, so that whatever it leaves in Redis is there."""

from contextlib import suppress
from dataclasses import replace

from sync_tasks import subscribe_contact, unsubscribe_contact
from sync_tasks.config.settings import Portal
from sync_tasks.domain.contact import EventKey
from sync_tasks.errors import InvalidEventError, UnauthorizedError
from sync_tasks.reconcile.approvals import approve
from sync_tasks.reconcile.run import Scope, reconcile
from sync_tasks.sandbox.faults import Fault
from sync_tasks.state.audit import note_deed
from sync_tasks.state.dead_letters import discard, put_letter, replay, write_letter
from sync_tasks.state.holds import end_hold, place_hold
from sync_tasks.state.records import Question
from sync_tasks.state.secret import put_in_force
from sync_tasks.state.store import Lease, Sighting
from sync_tasks.state.tombstones import SecretHashes
from sync_tasks.sync.contact import sync_contact
from sync_tasks.tasks.nightly import compare_all
from sync_tasks.tasks.sweeper import sweep
from sync_tasks.webhooks.recorder import OwnChanges, make_notes, write_notes
from tests.support.loading import KilledError, Loader, die, people
from tests.support.pipeline import Pipeline, address_of
from tests.support.receiving import unsubscription


def play_all(loader: Loader) -> None:
    """Let the portal, the operator, Brevo, beat and trouble do all that they can do."""
    pipeline = loader.pipeline
    _report(pipeline)
    _operate(pipeline)
    _act_at_brevo(pipeline)
    _edit_at_brevo(pipeline)
    _compare(pipeline)
    pipeline.anonymize("ida", email="ida@portal.org")
    pipeline.work()
    _load(loader)
    _leave_work(pipeline)
    _meet_trouble(pipeline)
    _go_backwards(pipeline)
    _wait(pipeline)
    pipeline.store.tombstones.hashes = SecretHashes(["s" * 32])
    put_in_force(pipeline.store)


def _report(pipeline: Pipeline) -> None:
    proof = {"source": "form", "version": "1", "at": "2026-03-01T00:00:00Z"}
    for user_id in ("ada", "bea", "cara", "dora", "ella"):
        pipeline.subscribe(user_id, first_name="Marked", attributes={"city": "Ulm"}, consent=proof)
    pipeline.work()
    pipeline.update("ada", email="ada@elsewhere.org")
    pipeline.unsubscribe("bea")
    pipeline.anonymize("cara")
    pipeline.update("dora", email=address_of("ella"))
    pipeline.work()


def _operate(pipeline: Pipeline) -> None:
    malformed = EventKey("subscribe_contact", "daily", "")
    put_letter(
        pipeline.store, write_letter("zoe", malformed, InvalidEventError("refused"), pipeline.store.now(), "task")
    )
    for newsletter in ("daily", "weekly"):
        pipeline.unsubscribe("never-seen", newsletter)
    pipeline.work()
    first, second, *_ = (letter for letter in pipeline.letters() if letter.user_id != "zoe")
    assert discard(pipeline.store, first, "ops")
    note_deed(pipeline.store, "ops", "discard", first.user_id, first.id)
    assert replay(pipeline.store, second, "ops") == "replayed"


def _go_backwards(pipeline: Pipeline) -> None:
    """Let the state be on hold twice, of which a person has ended one."""
    end_hold(pipeline.store, place_hold(pipeline.store, "a test"), trusted="state", by="ops")
    place_hold(pipeline.store, "a test")


def _wait(pipeline: Pipeline) -> None:
    """Leave somebody who waits for an address, and an erasure that is unfinished."""
    pipeline.update("gina", email=address_of("ella"))
    pipeline.anonymize("fay")


def _act_at_brevo(pipeline: Pipeline) -> None:
    pipeline.brevo.act("complain", address_of("bea"))
    reported = make_notes([unsubscription(address_of("bea"))], OwnChanges("", frozenset({3})))
    write_notes(pipeline.store, "default", reported)
    pipeline.work()


def _edit_at_brevo(pipeline: Pipeline) -> None:
    """Let somebody edit a contact while the portal wants to hear of it."""
    wants = pipeline.resources.settings.model_copy(update={"portal": Portal(notice_task="portal.notice")})
    pipeline.brevo.edit(address_of("ella"), {"attributes": {"CITY": "Bonn"}})
    pipeline.store.mark_changed("default", [Sighting(user_id="ella")])
    sync_contact("ella", replace(pipeline.resources, settings=wants))


def _compare(pipeline: Pipeline) -> None:
    pipeline.brevo.edit(address_of("ella"), {"unlinkListIds": [3]})
    reconcile(pipeline.resources)
    compare_all()
    approve(pipeline.store, "default", _refuse(pipeline), "ops")
    pipeline.brevo.faults.add(Fault(kind="status", status=500))
    (run,) = reconcile(pipeline.resources)
    assert run.refused.startswith("broken off")
    pipeline.brevo.faults.clear()


def _refuse(pipeline: Pipeline) -> str:
    """Let the safety catch hold a comparison, and return when that began."""
    pipeline.unsubscribe("ella")
    pipeline.work()
    pipeline.brevo.edit(address_of("ella"), {"listIds": [3]})
    (run,) = reconcile(pipeline.resources, Scope(max_changes=0))
    return run.started


def _load(loader: Loader) -> None:
    loader.load_rows(*people(12))
    with suppress(KilledError):
        loader.bring(happens=die)


def _leave_work(pipeline: Pipeline) -> None:
    """Leave messages in the queues, events without an outcome, and an erasure that was written and not verified."""
    for say in (pipeline.subscribe, pipeline.anonymize):
        say("ina")
        pipeline.sync("ina")
    pipeline.brevo.add_fault("drop_after", count=4, method="PUT")
    pipeline.update("ella", first_name="Ella")
    pipeline.sync("ella")
    pipeline.brevo.faults.clear()
    pipeline.waiting.clear()
    subscribe_contact.delay(user_id="fay", newsletter="daily", email="fay@portal.org")
    unsubscribe_contact.delay(user_id="fay", newsletter="weekly")
    pipeline.update("dora", email=address_of("bea"))
    pipeline.store.redis.hset(pipeline.store.key("contacts:fay"), "crashes", "2")
    assert isinstance(pipeline.store.lease("fay", 60), Lease)
    sweep()


def _meet_trouble(pipeline: Pipeline) -> None:
    """Let an account's limits be used up, Brevo say so, and the account be paused."""
    limiter, store = pipeline.resources.limiter, pipeline.store
    pipeline.brevo.add_fault("drop_after", count=1, method="POST", path="/contacts$")
    pipeline.subscribe("hal", "monthly")
    pipeline.work_once()
    pipeline.waiting.clear()
    pipeline.brevo.add_fault("status", status=402, method="POST", path="/contacts$")
    pipeline.subscribe("gil", "monthly")
    pipeline.work_once()
    for _ in range(2):
        store.grant(Question("default", "other", 0, 30_000, ((1, 3_600_000_000),)))
    limiter.record_usage("default", "other", 100, 3)
    limiter.record_usage("default", "contacts", 2, 1)
    limiter.hold("default", 60, "contacts")
    assert limiter.import_lock("default").acquire()
    assert limiter.page_lock("default").acquire()
    limiter.pause("default", UnauthorizedError("401"))
