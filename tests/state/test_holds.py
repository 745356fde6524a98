"""A state that may be older than the world is on hold: nobody is subscribed or created for what is from before.

The heartbeat of the sweeps shows it; a look at Brevo distinguishes an outage from a restore.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from sync_tasks.backfill.loaded_contacts import read_users
from sync_tasks.domain.contact import UnreadContact
from sync_tasks.domain.timestamps import MICROSECONDS_PER_SECOND
from sync_tasks.errors import StateHeldError
from sync_tasks.providers import ShownContact
from sync_tasks.providers.brevo.operations import Operations
from sync_tasks.reconcile.concession import concede
from sync_tasks.reconcile.run import reconcile
from sync_tasks.sandbox import Sandbox
from sync_tasks.sandbox.faults import Fault
from sync_tasks.state import holds
from sync_tasks.state.holds import end_hold, parse_hold, place_hold, read_decisions, read_hold
from sync_tasks.state.store import Lease, Store
from sync_tasks.tasks.sweeper import ALONE, examine_state
from tests.support.backups import back_up
from tests.support.pipeline import Pipeline, address_of

LONG_AGO = "2026-01-01T00:00:00Z"
HOUR = 3600


def sweep(pipeline: Pipeline) -> None:
    """Do what a sweep does about the state's age."""
    examine_state(pipeline.resources, parse_hold(pipeline.store.note_sweep()))


def stand_still(pipeline: Pipeline, seconds: float = HOUR) -> None:
    """Let the last sweep have been so long ago."""
    pipeline.store.redis.set(
        pipeline.store.key("swept"), int(pipeline.store.now()) - int(seconds * MICROSECONDS_PER_SECOND)
    )


def held_by_hand(pipeline: Pipeline) -> str:
    return place_hold(pipeline.store, "a test").moment


@pytest.fixture
def anna(pipeline: Pipeline) -> Pipeline:
    """A pipeline whose Anna reads the daily newsletter, and that is swept."""
    pipeline.subscribe("anna", occurred_at=LONG_AGO, first_name="Anna")
    pipeline.work()
    sweep(pipeline)
    return pipeline


class TestNoticing:
    def test_the_next_sweep_need_not_wait_for_an_examination_that_is_over(self, anna: Pipeline) -> None:
        anna.store.redis.set(anna.store.key("sweeping"), "1", px=int(ALONE * 1000))
        stand_still(anna)
        sweep(anna)
        assert anna.store.redis.pttl(anna.store.key("sweeping")) <= ALONE * 1000

    def test_sweeps_alone_hold_nothing(self, anna: Pipeline) -> None:
        for _ in range(3):
            sweep(anna)
        assert (read_hold(anna.store), anna.store.held_until()) == (None, "")

    def test_a_process_that_remembers_more_sweeps_knows_for_certain(self, anna: Pipeline) -> None:
        backup = back_up(anna.store.redis)
        sweep(anna)
        backup.restore(anna.store.redis)
        sweep(anna)
        hold = read_hold(anna.store)
        assert hold is not None
        assert "1 sweeps that the state lacks" in hold.reason

    def test_a_replica_that_took_over_within_seconds_is_asked_about_at_brevo(self, anna: Pipeline) -> None:
        anna.store.note_sweep("primary")
        replica = back_up(anna.store.redis)
        anna.unsubscribe("anna")
        anna.work()
        replica.restore(anna.store.redis)
        hold = parse_hold(anna.store.note_sweep("replica"))
        assert hold is not None
        assert hold.examining
        examine_state(anna.resources, hold)
        reconcile(anna.resources)
        anna.waiting.extend(anna.store.overdue(100, 0.0))
        anna.work_once()
        assert anna.lists("anna") == set()
        hold = read_hold(anna.store)
        assert hold is not None
        assert not hold.examining

    def test_a_restart_that_lost_nothing_holds_nothing(self, anna: Pipeline) -> None:
        for run in ("one", "two", "two", ""):
            examine_state(anna.resources, parse_hold(anna.store.note_sweep(run)))
        assert read_hold(anna.store) is None

    def test_a_push_notices_it_before_the_next_sweep(self, anna: Pipeline, brevo: Sandbox) -> None:
        anna.subscribe("anna", "weekly", occurred_at=LONG_AGO)
        backup = back_up(anna.store.redis)
        sweep(anna)
        anna.work()
        anna.unsubscribe("anna", "weekly")
        anna.work()
        backup.restore(anna.store.redis)
        anna.waiting.append("anna")
        assert [type(error) for error in anna.work_once().waiting.values()] == [StateHeldError]
        assert brevo.contact(address_of("anna"))["listIds"] == [3]

    def test_a_hold_that_a_person_ended_does_not_come_back(self, anna: Pipeline) -> None:
        backup = back_up(anna.store.redis)
        for _ in range(5):
            sweep(anna)
        backup.restore(anna.store.redis)
        sweep(anna)
        hold = read_hold(anna.store)
        assert hold is not None
        end_hold(anna.store, hold, trusted="state", by="ops")
        sweep(anna)
        assert anna.store.held_until() == ""
        assert [one.by for one in read_decisions(anna.store)] == ["ops"]

    def test_another_process_that_remembers_nothing_holds_nothing(self, anna: Pipeline) -> None:
        other = Store(anna.store.redis, "sync_tasks")
        assert (other.held_until(), other.sweeps) == ("", anna.store.sweeps)


class TestExamining:
    def test_an_ordinary_stop_holds_nothing(self, anna: Pipeline) -> None:
        anna.anonymize("berta")
        anna.subscribe("cara")
        anna.work()
        stand_still(anna)
        sweep(anna)
        assert read_hold(anna.store) is None

    def test_an_hour_without_beat_in_which_workers_went_on_holds_nothing(self, anna: Pipeline) -> None:
        stand_still(anna)
        anna.unsubscribe("anna")
        anna.subscribe("berta")
        anna.subscribe("cara")
        anna.anonymize("cara")
        anna.work()
        anna.update("berta", email="b@elsewhere.org")
        anna.work()
        sweep(anna)
        assert read_hold(anna.store) is None

    def test_until_brevo_was_asked_what_is_from_before_waits(self, anna: Pipeline, brevo: Sandbox) -> None:
        waiting = anna.subscribe("berta", occurred_at=LONG_AGO)
        anna.subscribe("cara")
        stand_still(anna)
        assert list(anna.work_once().waiting) == [waiting]
        assert {contact.get("ext_id") for contact in brevo.contacts()} == {"anna", "cara"}
        sweep(anna)
        anna.work()
        assert anna.lists("berta") == {3}

    def test_while_brevo_is_away_it_waits_on(self, anna: Pipeline, brevo: Sandbox) -> None:
        stand_still(anna)
        brevo.faults.add(Fault(kind="status", status=500))
        sweep(anna)
        hold = read_hold(anna.store)
        assert hold is not None
        assert hold.examining
        brevo.faults.clear()
        sweep(anna)
        assert read_hold(anna.store) is None

    @pytest.mark.parametrize(
        "lost", ["opt-out", "erasure", "address", "new user", "join", "join and leave", "first contact"]
    )
    def test_what_the_state_lost_is_noticed_at_brevo(self, anna: Pipeline, lost: str) -> None:
        if lost in {"join and leave", "first contact"}:
            # Accepted and not pushed when the backup was made, which was long after the last push of anything.
            user = "anna" if lost == "join and leave" else "berta"
            anna.subscribe(user, "weekly", occurred_at=LONG_AGO)
            anna.store.redis.delete(anna.store.key("history:anna"))
            anna.store.redis.hset(anna.store.key("contacts:anna"), "s:default:looked", "1760000000000000")
        backup = back_up(anna.store.redis)
        match lost:
            case "opt-out":
                anna.unsubscribe("anna")
            case "erasure":
                anna.anonymize("anna")
            case "address":
                anna.update("anna", email="anna@elsewhere.org")
            case "new user":
                anna.subscribe("berta")
            case "join":
                anna.subscribe("anna", "weekly")
            case "join and leave":
                anna.work()
                anna.unsubscribe("anna", "weekly")
            case _:
                anna.work()
                anna.unsubscribe("berta", "weekly")
        anna.work()
        backup.restore(anna.store.redis)
        stand_still(anna)
        sweep(anna)
        hold = read_hold(anna.store)
        assert hold is not None
        assert "the state knows nothing of it" in hold.reason

    def test_a_block_made_at_brevo_meanwhile_is_no_sign_of_a_restore(self, anna: Pipeline, brevo: Sandbox) -> None:
        stand_still(anna)
        brevo.act("unsubscribe", address_of("anna"))
        sweep(anna)
        assert read_hold(anna.store) is None

    @pytest.mark.parametrize(
        "stranger", [{"listIds": [3]}, {"ext_id": "zoe", "listIds": []}], ids=["without a user", "on no list of ours"]
    )
    def test_a_stranger_who_came_to_brevo_meanwhile_is_no_sign_of_a_restore(
        self, anna: Pipeline, brevo: Sandbox, stranger: dict[str, object]
    ) -> None:
        stand_still(anna)
        brevo.add_contacts([{"email": "zoe@elsewhere.org", **stranger}])
        sweep(anna)
        assert read_hold(anna.store) is None

    def test_a_clock_set_back_by_an_hour_is_no_restore(self, anna: Pipeline) -> None:
        anna.store.redis.set(anna.store.key("swept"), int(anna.store.now()) + HOUR * MICROSECONDS_PER_SECOND)
        sweep(anna)
        sweep(anna)
        assert read_hold(anna.store) is None


class TestHolding:
    def test_nobody_is_subscribed_or_created_for_what_is_from_before(self, anna: Pipeline, brevo: Sandbox) -> None:
        anna.subscribe("berta", occurred_at=LONG_AGO)
        anna.subscribe("anna", "weekly", occurred_at=LONG_AGO)
        held_by_hand(anna)
        assert len(anna.work_once().waiting) == 2
        assert [contact["listIds"] for contact in brevo.contacts()] == [[3]]

    def test_what_is_said_afterwards_goes_on(self, anna: Pipeline, brevo: Sandbox) -> None:
        anna.subscribe("berta")
        anna.work()
        held_by_hand(anna)
        anna.unsubscribe("anna")
        anna.subscribe("anna", "weekly")
        anna.anonymize("berta")
        anna.subscribe("cara")
        anna.work()
        assert (anna.lists("anna"), anna.lists("cara")) == ({5}, {3})
        assert len([one for one in brevo.contacts() if str(one["email"]).startswith("deleted-")]) == 1

    def test_an_old_block_is_not_lifted_for_a_subscription_from_before(self, anna: Pipeline, brevo: Sandbox) -> None:
        brevo.act("unsubscribe", address_of("anna"))
        anna.subscribe("anna")
        held_by_hand(anna)
        anna.work_once()
        assert anna.held("anna")["emailBlacklisted"]
        anna.subscribe("anna")
        anna.work()
        assert not anna.held("anna")["emailBlacklisted"]

    def test_a_flag_that_records_an_opt_out_is_not_taken_back(self, anna: Pipeline, brevo: Sandbox) -> None:
        brevo.edit(address_of("anna"), {"unlinkListIds": [3], "attributes": {"DAILY_UNSUBSCRIBED": True}})
        held_by_hand(anna)
        anna.subscribe("anna", "weekly", first_name="Anne")
        anna.work_once()
        assert (anna.lists("anna"), anna.held("anna")["attributes"]["DAILY_UNSUBSCRIBED"]) == ({5}, True)
        assert anna.held("anna")["attributes"]["FIRSTNAME"] == "Anne"

    def test_a_comparison_leaves_them_to_the_person_and_repairs_the_rest(self, anna: Pipeline, brevo: Sandbox) -> None:
        for user in ("berta", "cara", "dora"):
            anna.subscribe(user)
        anna.work()
        held_by_hand(anna)
        brevo.edit(address_of("anna"), {"unlinkListIds": [3]})
        brevo.act("delete", address_of("berta"))
        brevo.edit(address_of("cara"), {"listIds": [5]})
        brevo.edit(address_of("dora"), {"attributes": {"EMAIL": "dora@elsewhere.org"}})
        (run,) = reconcile(anna.resources)
        anna.work()
        assert (run.held, run.repaired, run.left) == (3, 1, 3)
        assert (anna.lists("anna"), anna.lists("cara")) == (set(), {3})
        assert anna.held("dora")["email"] == "dora@elsewhere.org"
        assert len(brevo.contacts()) == 3

    def test_a_load_leaves_them_to_the_person(self, anna: Pipeline) -> None:
        anna.subscribe("berta", occurred_at=LONG_AGO)
        anna.store.redis.hset(anna.store.key("contacts:berta"), "filling", "1")
        held_by_hand(anna)
        (own,) = read_users(anna.store, ["berta"])
        assert own.creations(anna.resources.mappings) == {}

    def test_a_batch_is_held_too(self, anna: Pipeline) -> None:
        anna.subscribe("berta", occurred_at=LONG_AGO)
        moment = held_by_hand(anna)
        (lease,) = anna.store.lease_batch("subscribe_contact:daily", 10, 5)
        assert isinstance(lease, Lease)
        assert lease.contact.held == moment

    def test_it_can_be_ended_without_a_trace(self, anna: Pipeline) -> None:
        anna.subscribe("berta", occurred_at=LONG_AGO)
        held_by_hand(anna)
        anna.work_once()
        hold = read_hold(anna.store)
        assert hold is not None
        end_hold(anna.store, hold, trusted="state", by="ops")
        anna.work()
        assert (anna.lists("berta"), anna.state("berta").subscriptions()["daily"][1]) == ({3}, True)
        assert anna.held("berta")["attributes"].get("DAILY_UNSUBSCRIBED") is not True


def test_who_trusts_brevo_ends_what_it_does_not_show(anna: Pipeline) -> None:
    for user in ("berta", "cara", "dora"):
        anna.subscribe(user, occurred_at=LONG_AGO)
        anna.subscribe(user, "weekly", occurred_at=LONG_AGO)
    anna.work()
    anna.subscribe("emil", occurred_at=LONG_AGO)
    backup = back_up(anna.store.redis)
    anna.unsubscribe("berta", "weekly")
    anna.anonymize("cara")
    anna.work()
    anna.unsubscribe("emil")
    anna.work()
    backup.restore(anna.store.redis)
    hold = place_hold(anna.store, "a test")
    anna.subscribe("dora", "monthly")
    reported = sorted((event.user_id, event.task, event.about or "") for event in concede(anna.resources, hold))
    end_hold(anna.store, hold, trusted="brevo", by="ops")
    anna.work()
    assert reported == [
        ("berta", "unsubscribe_contact", "weekly"),
        ("cara", "anonymize_contact", ""),
        ("emil", "unsubscribe_contact", "daily"),
    ]
    assert (anna.lists("berta"), anna.lists("dora"), anna.lists("emil")) == ({3}, {3, 5, 7}, set())
    assert anna.store.is_erased("cara")
    (run,) = reconcile(anna.resources)
    assert (run.found, anna.letters()) == ({}, [])


def test_a_letter_whose_wish_is_held_back_stays_open_until_brevo_has_it(anna: Pipeline) -> None:
    anna.subscribe("berta", occurred_at=LONG_AGO)
    anna.work()
    anna.subscribe("berta", "weekly", occurred_at="2026-02-01T00:00:00Z", email=address_of("anna"))
    anna.work()
    assert [letter.error for letter in anna.letters()] == ["AddressTakenError"]
    hold = place_hold(anna.store, "a test")
    anna.update("anna", email=address_of("anna.tal"))
    anna.work_once()
    assert [letter.error for letter in anna.letters()] == ["AddressTakenError"]
    end_hold(anna.store, hold, trusted="state", by="ops")
    anna.work()
    assert (anna.held("berta")["email"], anna.lists("berta"), anna.letters()) == (address_of("anna"), {3, 5}, [])


def test_a_moment_is_reported(anna: Pipeline) -> None:
    hold = place_hold(anna.store, "a test")
    assert datetime.now(UTC) - hold.since < timedelta(minutes=1)
    assert "a test" in hold.shown


def test_a_changed_contact_whose_row_cannot_be_read_is_read_alone(
    anna: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unread(_self: Operations, _moment: datetime) -> Iterator[ShownContact]:
        yield UnreadContact(1, None, None)
        yield UnreadContact(99, None, None)

    monkeypatch.setattr(Operations, "modified_since", unread)
    stand_still(anna)
    with anna.requests() as requests:
        sweep(anna)

    assert read_hold(anna.store) is None
    assert requests == ["GET /v3/contacts/{id}"] * 2


def test_only_the_last_decisions_are_kept(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holds, "KEPT", 2)
    for who in ("olga", "otto", "ida"):
        end_hold(store, place_hold(store, "failover"), trusted="state", by=who)
    assert [decision.by for decision in read_decisions(store)] == ["ida", "otto"]
