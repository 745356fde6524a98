"""An event asks for a look: the contact is read, compared and, where it differs, pushed by the ordinary path."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from sync_tasks.domain.contact import Block, RemoteState
from sync_tasks.domain.opt_outs import block_of
from sync_tasks.domain.outcomes import Outcomes
from sync_tasks.monitoring.sides import read_history
from sync_tasks.sandbox import Sandbox
from sync_tasks.state.store import Sighting
from sync_tasks.sync.settlement import Pushed, settle
from tests.support.pipeline import Pipeline
from tests.support.receiving import ANNA, Receiving, edit, unsubscription

READ = "GET /v3/contacts/{id}"
CHANGE = "PUT /v3/contacts/{id}"
HOUR = 3_600_000_000
NO_OUTCOMES = Outcomes()


@pytest.fixture
def anna(pipeline: Pipeline) -> Pipeline:
    """A pipeline that knows Anna, who reads the daily newsletter and no longer the weekly one."""
    pipeline.subscribe("anna", "daily", first_name="Anna")
    pipeline.work()
    pipeline.unsubscribe("anna", "weekly")
    pipeline.work()
    return pipeline


def report_all(brevo: Sandbox, receiver: Receiving, act: Callable[[], None]) -> dict[str, int]:
    """Let something happen at Brevo, and deliver what Brevo reports of it."""
    before = max((event.number for event in brevo.outbox.events()), default=0)
    act()
    return receiver.report(*(event.payload for event in brevo.outbox.events() if event.number > before))


def test_a_name_edited_at_brevo_becomes_the_portals_again(anna: Pipeline, brevo: Sandbox, receiver: Receiving) -> None:
    report_all(brevo, receiver, lambda: brevo.edit(ANNA, {"attributes": {"FIRSTNAME": "Hanna"}}))
    with anna.requests() as made:
        anna.work()
    assert anna.held("anna")["attributes"]["FIRSTNAME"] == "Anna"
    assert made == [READ, CHANGE]


def test_a_contact_deleted_at_brevo_is_created_again(anna: Pipeline, brevo: Sandbox, receiver: Receiving) -> None:
    report_all(brevo, receiver, lambda: brevo.act("delete", ANNA))
    anna.work()
    assert anna.lists("anna") == {3}
    reported = ["put back after it was deleted at Brevo", "contact 1 gave way to 2", "put right: created as contact 2"]
    assert outcomes(anna) == reported


def outcomes(pipeline: Pipeline) -> list[str]:
    """Return what Brevo's side did, as Anna's history has it, the newest first."""
    return [line.outcome for line in read_history(pipeline.store, "anna") if line.task == "brevo"]


def test_a_deleted_contact_that_reads_nothing_stays_deleted(
    anna: Pipeline, brevo: Sandbox, receiver: Receiving
) -> None:
    anna.unsubscribe("anna", "daily")
    anna.work()
    report_all(brevo, receiver, lambda: brevo.act("delete", ANNA))
    anna.work()
    assert brevo.contacts() == []
    assert outcomes(anna) == ["contact 1 is gone"]


def test_whoever_an_event_about_hundreds_names_is_looked_at(
    anna: Pipeline, brevo: Sandbox, receiver: Receiving
) -> None:
    brevo.act("delete", ANNA)
    others = [f"stranger-{number}@portal.org" for number in range(700)]
    assert receiver.report({"event": "contact_deleted", "email": [*others, ANNA]}) == {"unknown": 700, "noticed": 1}
    anna.work()
    assert anna.lists("anna") == {3}


def test_an_event_that_cannot_be_read_is_a_warning(receiver: Receiving, caplog: pytest.LogCaptureFixture) -> None:
    assert receiver.report({"event": "unsubscribed", "mail": ANNA}) == {"malformed": 1}
    (line,) = (record for record in caplog.records if record.levelname == "WARNING")
    assert "1 malformed" in line.getMessage()
    assert "nightly comparison" in line.getMessage()
    assert "@" not in line.getMessage()


def test_a_managed_list_joined_by_hand_is_left_again(anna: Pipeline, brevo: Sandbox, receiver: Receiving) -> None:
    assert report_all(brevo, receiver, lambda: brevo.edit(ANNA, {"listIds": [5, 9]})) == {"noticed": 1}
    anna.work()
    assert anna.lists("anna") == {3, 9}


def test_an_unmanaged_list_joined_by_hand_costs_no_call(anna: Pipeline, brevo: Sandbox, receiver: Receiving) -> None:
    assert report_all(brevo, receiver, lambda: brevo.edit(ANNA, {"listIds": [9]})) == {"ignored": 1}
    with anna.requests() as made:
        anna.work()
    assert made == []


def test_what_the_pipeline_did_itself_costs_no_call(pipeline: Pipeline, brevo: Sandbox, receiver: Receiving) -> None:
    def sign_up() -> None:
        pipeline.subscribe("berta", "daily")
        pipeline.subscribe("berta", "weekly")
        pipeline.work()

    assert report_all(brevo, receiver, sign_up) == {"echo": 1}
    with pipeline.requests() as made:
        pipeline.work()
    assert made == []


def test_a_look_that_finds_nothing_is_one_read_and_no_second(anna: Pipeline, receiver: Receiving) -> None:
    receiver.report(edit(FIRSTNAME="Anna"))
    with anna.requests() as made:
        anna.work()
        anna.sync("anna")
    assert made == [READ]
    assert not anna.state("anna").looks
    assert not anna.store.redis.exists("sync_tasks:dirty", "sync_tasks:due")


@pytest.mark.parametrize(
    ("act", "kind"), [("unsubscribe", "unsubscribed"), ("bounce", "hard_bounce"), ("complain", "complaint")]
)
def test_the_event_shows_why_somebody_is_blocked_where_a_read_does_not(
    anna: Pipeline, brevo: Sandbox, receiver: Receiving, act: str, kind: str
) -> None:
    brevo.quirks.statistics_left_out = True
    report_all(brevo, receiver, lambda: brevo.act(act, ANNA))
    anna.work()
    block = anna.state("anna").seen["default"].block
    assert block is not None
    assert block.kind == kind
    assert outcomes(anna) == [f"blocklisted {kind}"]
    anna.subscribe("anna", "monthly")
    anna.work()
    assert anna.held("anna")["emailBlacklisted"] is (kind != "unsubscribed")


def test_events_that_come_in_the_wrong_order_end_the_same(anna: Pipeline, brevo: Sandbox, receiver: Receiving) -> None:
    brevo.quirks.statistics_left_out = True
    brevo.act("bounce", ANNA)
    brevo.act("unsubscribe", ANNA)
    receiver.report(*[event.payload for event in brevo.outbox.events()][:-3:-1])
    anna.work()
    block = anna.state("anna").seen["default"].block
    assert block is not None
    assert block.kind == "hard_bounce"


def test_an_opt_out_between_two_looks_ends_what_was_subscribed_before_it(
    anna: Pipeline, brevo: Sandbox, receiver: Receiving
) -> None:
    brevo.act("unsubscribe", ANNA)
    anna.update("anna", email="anna.tal@portal.org")
    anna.work()
    anna.subscribe("anna", "monthly", email="anna.tal@portal.org")
    seconds, _ = anna.store.redis.time()
    assert receiver.report(unsubscription("anna.tal@portal.org", ts=seconds + 3600)) == {"noticed": 1}
    anna.work()
    held = anna.held("anna")
    assert held["emailBlacklisted"]
    assert 7 not in held["listIds"]


@pytest.mark.parametrize("moment", [4_000_000_000, None])
def test_an_opt_out_without_a_moment_that_can_be_true_happened_when_it_was_reported(
    anna: Pipeline, receiver: Receiving, moment: int | None
) -> None:
    before = anna.store.now()
    receiver.report(unsubscription(ts=moment))
    assert before < anna.state("anna").opt_outs("default")["unsubscribed"] < anna.store.now()


def test_an_event_alone_blocks_nobody(anna: Pipeline, receiver: Receiving) -> None:
    receiver.report(unsubscription())
    anna.work()
    assert anna.state("anna").seen["default"].block is None
    assert anna.lists("anna") == {3}


def test_a_look_stays_until_it_was_possible(anna: Pipeline, brevo: Sandbox, receiver: Receiving) -> None:
    report_all(brevo, receiver, lambda: brevo.edit(ANNA, {"attributes": {"FIRSTNAME": "Hanna"}}))
    fault = brevo.add_fault("status", status=500, method="GET")
    anna.sync("anna")
    assert anna.state("anna").looks
    brevo.faults.clear(fault.id)
    anna.sync("anna")
    assert not anna.state("anna").looks
    assert anna.held("anna")["attributes"]["FIRSTNAME"] == "Anna"


def test_what_is_noticed_during_a_push_is_looked_at_after_it(anna: Pipeline) -> None:
    anna.store.mark_changed("default", [Sighting(user_id="anna")])
    lease = anna.store.lease("anna", 5)
    assert not isinstance(lease, str)
    anna.store.mark_changed("default", [Sighting(user_id="anna")])
    pushed = Pushed(lease.contact, anna.store.now(), lease.contact.seen, {}, outcome_unknown=False)
    result = settle(pushed, NO_OUTCOMES, anna.resources.settings.pipeline, "")
    assert anna.store.settle(lease, result) == "again"
    with anna.requests() as made:
        anna.sync("anna")
    assert made == [READ]


def test_an_erased_user_is_unknown(anna: Pipeline, receiver: Receiving) -> None:
    anna.anonymize("anna")
    anna.work()
    assert receiver.report(unsubscription()) == {"unknown": 1}
    assert anna.store.mark_changed("default", [Sighting(user_id="anna")])[0].status == "unknown"


def seen(block: Block | None = None, read_at: int = 0) -> RemoteState:
    return RemoteState(id=1, block=block, read_at=f"{read_at:016d}")


def stamp(number: int) -> str:
    return f"{number:016d}"


UNSUBSCRIBED, BOUNCED = Block("unsubscribed", stamp(5 * HOUR)), Block("hard_bounce", stamp(5 * HOUR))


UNDER_A_BOUNCE = replace(BOUNCED, others=(("unsubscribed", stamp(HOUR)),))
GUESSED = replace(UNSUBSCRIBED, guessed=True)


@pytest.mark.parametrize(
    ("held", "before", "reported", "block"),
    [
        (None, seen(BOUNCED), {"hard_bounce": stamp(9 * HOUR)}, None),
        (UNSUBSCRIBED, None, {}, UNSUBSCRIBED),
        (Block("unsubscribed", stamp(7 * HOUR)), seen(UNSUBSCRIBED), {}, UNSUBSCRIBED),
        (replace(GUESSED, since=stamp(7 * HOUR)), seen(BOUNCED), {}, BOUNCED),
        (BOUNCED, seen(Block("unsubscribed", stamp(HOUR))), {}, UNDER_A_BOUNCE),
        (UNSUBSCRIBED, seen(), {"hard_bounce": stamp(3 * HOUR)}, UNSUBSCRIBED),
        (UNSUBSCRIBED, seen(read_at=4 * HOUR), {"hard_bounce": stamp(2 * HOUR)}, UNSUBSCRIBED),
        (
            GUESSED,
            seen(read_at=4 * HOUR),
            {"hard_bounce": stamp(4 * HOUR + 1)},
            BOUNCED,
        ),
        (UNSUBSCRIBED, seen(UNSUBSCRIBED), {"unsubscribed": stamp(8 * HOUR)}, Block("unsubscribed", stamp(8 * HOUR))),
    ],
)
def test_the_gravest_kind_and_the_latest_opt_out_count(
    held: Block | None, before: RemoteState | None, reported: dict[str, str], block: Block | None
) -> None:
    assert block_of(held, before, reported) == block
