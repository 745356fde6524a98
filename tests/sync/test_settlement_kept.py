"""What the end of a push keeps: looks for the next one, an erasure's record, what is unknown, and what it reports."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from sync_tasks.config.settings import Pipeline
from sync_tasks.domain.contact import Contact, RemoteState
from sync_tasks.domain.diff import ERASED, FOREIGN, TAKEN
from sync_tasks.domain.outcomes import Outcome, Outcomes
from sync_tasks.errors import (
    AccountPausedError,
    ErasedAtBrevoError,
    GatewayUnavailableError,
    ImportUnderWayError,
    PartPausedError,
    PoisonedContactError,
    RateLimitedError,
    RejectedContactError,
    SyncError,
    TakenAlongError,
    UnconfiguredAccountError,
)
from sync_tasks.state.records import Settlement
from sync_tasks.state.store import Lease
from sync_tasks.sync.settlement import Pushed, attribute_error, conclude, conclude_all, settle
from tests.support.pipeline import Pipeline as Running
from tests.support.saying import ADA, anonymize, blocked, contact_of, key_of, stamp, subscribe, update
from tests.sync.test_settlement import ERASED_AT_BREVO, HELD, JOIN, NOW, pushed

PIPELINE = Pipeline(quiet_seconds=120)
ERASURE = anonymize(3)
UNAVAILABLE, LIMITED, REFUSED = GatewayUnavailableError("503"), RateLimitedError("429", 1), RejectedContactError("400")
NOTHING, DONE = "no contact found", "contact anonymized and read back"


def settled(push: Pushed, retry_in: float | None = None, **said: Any) -> Settlement:
    return settle(push, Outcomes(retry_in=retry_in, **said), PIPELINE, "task")


@pytest.mark.parametrize(("paused", "counts"), [(True, "account"), (False, "contact")])
def test_while_an_account_is_paused_only_an_unanswered_request_is_its_trouble(*, paused: bool, counts: str) -> None:
    context: Any = SimpleNamespace(
        limiter=SimpleNamespace(paused=lambda account: paused and account == "default"),
        settings=SimpleNamespace(pipeline=Pipeline(probe_seconds=7)),
    )
    error = attribute_error(UNAVAILABLE, "default", context)
    assert isinstance(error, AccountPausedError) == (counts == "account")
    assert not paused or (isinstance(error, AccountPausedError) and error.seconds == 7)
    assert attribute_error(REFUSED, "default", context) is REFUSED


def push_of(lease: Lease) -> Pushed:
    """Return a push that found the contact as it is wished."""
    return Pushed(lease.contact, stamp(NOW), {"default": HELD}, {}, outcome_unknown=False)


def test_whose_newer_events_came_meanwhile_is_returned(pipeline: Running) -> None:
    leases = list[Lease]()
    for user_id in ("anna", "bea", "cara"):
        pipeline.subscribe(user_id)
        lease = pipeline.store.lease(user_id, 60)
        assert isinstance(lease, Lease)
        leases.append(lease)
    pipeline.update("bea", first_name="Bea")
    pushes = [(lease, push_of(lease)) for lease in leases]
    assert conclude_all(pushes, pipeline.resources, "task") == frozenset({"bea"})


def test_whoever_lost_the_lease_knows_of_no_outcome_and_tries_again(pipeline: Running) -> None:
    pipeline.subscribe("anna")
    lease = pipeline.store.lease("anna", 60)
    assert isinstance(lease, Lease)
    assert conclude(replace(lease, token="other"), push_of(lease), pipeline.resources, "task") == (
        "lost",
        Outcomes(retry_in=1.0),
    )


def keep(contact: Contact, *errors: SyncError, **said: Any) -> dict[str, str]:
    fields = settled(pushed(*errors, contact=contact, **said), 1.0).fields
    return {name: text for name, text in fields.items() if name.startswith("k:")}


FIVE_MINUTES = f"{stamp(NOW + 5)} 4"
LOOKED = frozenset({"default"})


@pytest.mark.parametrize(
    ("errors", "said", "before", "kept"),
    [
        ([LIMITED], {}, {}, {"k:default": FIVE_MINUTES}),
        ([LIMITED], {}, {"default": False}, {"k:default": FIVE_MINUTES}),
        ([LIMITED], {}, {"default": True}, {}),
        ([LIMITED], {"outcome_unknown": True}, {}, {}),
        ([REFUSED], {}, {}, {}),
        ([], {}, {}, {}),
        ([], {}, {"default": True}, {"k:default": ""}),
        ([LIMITED], {}, {"sports": True}, {"k:default": FIVE_MINUTES, "k:sports": ""}),
    ],
    ids=["refused for a limit", "over", "kept before", "unknown", "final", "done", "done after it", "elsewhere"],
)
def test_what_a_push_has_seen_is_kept_for_the_next_if_it_must_wait(
    errors: list[SyncError], said: dict[str, Any], before: dict[str, bool], kept: dict[str, str]
) -> None:
    contact = contact_of(JOIN, rev="4", looked=before)
    assert keep(contact, *errors, looked=LOOKED, **said) == kept


@pytest.mark.parametrize(("looked", "since"), [({}, ""), ({"default": False}, ""), ({"default": True}, stamp(NOW - 3))])
def test_what_an_earlier_push_had_seen_ends_no_unknown_outcome(looked: dict[str, bool], since: str) -> None:
    contact = contact_of(JOIN, unknown_since=stamp(NOW - 3), looked=looked)
    assert settled(pushed(contact=contact)).fields["unsure"] == since


@pytest.mark.parametrize(
    ("seen", "came_to", "ids"),
    [
        (RemoteState(), NOTHING, {}),
        (ERASED_AT_BREVO, DONE, {"default": [7]}),
        (RemoteState(7, digest=FOREIGN), "lists left, contact of another system", {}),
        (RemoteState(7, digest=TAKEN), "lists left, contact of another system", {}),
    ],
    ids=["nobody", "anonymized", "foreign", "taken"],
)
def test_the_record_of_an_erasure_says_what_it_came_to(
    seen: RemoteState, came_to: str, ids: dict[str, list[int]]
) -> None:
    contact = contact_of(ERASURE, seen={"default": seen})
    left = settled(pushed(contact=contact, seen={"default": seen}))
    assert left.record == {"erased": stamp(3), "verified": stamp(NOW), "accounts": {"default": came_to}}
    assert left.erased_ids == ids


def test_the_record_of_an_erasure_names_who_requested_it() -> None:
    contact = contact_of(anonymize(3, requested_by="desk-7"), seen={"default": ERASED_AT_BREVO})
    assert settled(pushed(contact=contact, seen={"default": ERASED_AT_BREVO})).record["requested_by"] == "desk-7"


def test_an_erasure_that_is_not_complete_has_no_record() -> None:
    left = settled(pushed(contact=contact_of(ERASURE), seen={"default": ERASED_AT_BREVO}))
    assert (left.record, left.erased_ids, left.tombstone) == ({}, {}, "")


@pytest.mark.parametrize(
    ("said", "contact", "together"),
    [
        ({}, contact_of(ERASURE), "erased"),
        ({}, contact_of(ERASURE, unknown_since=stamp(NOW - 1)), ""),
        ({"together": True}, contact_of(ERASURE, unknown_since=stamp(NOW - 1)), "erased"),
        ({"outcome_unknown": True}, contact_of(ERASURE), ""),
        ({}, contact_of(ERASURE, seen={"default": ERASED_AT_BREVO}), ""),
        ({"seen": {"default": HELD}, "outcome_unknown": True}, contact_of(ERASURE), ""),
        ({"seen": {"default": ERASED_AT_BREVO}}, contact_of(JOIN), ""),
        ({"seen": {"default": HELD}}, contact_of(JOIN), ""),
        ({"seen": {"default": HELD}, "outcome_unknown": True}, contact_of(JOIN), "unanswered"),
        ({"seen": {}, "outcome_unknown": True}, contact_of(JOIN), ""),
    ],
    ids=[
        "just anonymized",
        "unknown before",
        "looked at together",
        "unanswered",
        "verified",
        "held",
        "living",
        "known",
        "no answer",
        "of nobody",
    ],
)
def test_with_whom_a_contact_of_unknown_outcome_is_looked_at(
    said: dict[str, Any], contact: Contact, *, together: str
) -> None:
    reported = {"seen": {"default": ERASED_AT_BREVO}, **said}
    assert settled(pushed(contact=contact, **reported)).together == together


@pytest.mark.parametrize(
    ("seen", "errors", "forgotten"),
    [
        ({"default": ERASED_AT_BREVO}, [], True),
        ({"default": ERASED_AT_BREVO, "sports": RemoteState()}, [], False),
        ({"default": ERASED_AT_BREVO}, [UNAVAILABLE], False),
        ({"default": ERASED_AT_BREVO}, [UnconfiguredAccountError("gone")], True),
    ],
    ids=["everywhere", "not everywhere", "in trouble", "beyond reach"],
)
def test_the_address_of_an_erased_user_goes_once_every_contact_is_known_by_its_id(
    seen: dict[str, RemoteState], errors: list[SyncError], *, forgotten: bool
) -> None:
    contact = contact_of(JOIN, ERASURE)
    assert ("address" in settled(pushed(*errors, contact=contact, seen=seen), 1.0).fields) is forgotten


def test_what_somebody_edited_is_forgotten_once_it_is_put_right() -> None:
    edited = replace(HELD, edited=frozenset({"lists"}))
    assert settled(pushed(seen={"default": edited})).fields["s:default:more"] == ""
    failed = settled(pushed(UNAVAILABLE, seen={"account-0": edited}), 1.0)
    assert "lists" in failed.fields["s:account-0:more"]
    assert settled(pushed(seen={"default": replace(HELD, unblocked=stamp(1))})).fields["s:default:more"] != ""


def test_only_an_erasure_that_ended_workers_waits_an_hour() -> None:
    contact = contact_of(ERASURE, pending={}, unknown_since=stamp(NOW - 1))
    assert settled(pushed(REFUSED, contact=contact)).due == 60
    assert settled(pushed(PoisonedContactError("3 times"), contact=contact)).due == 3600
    waiting = contact_of(ERASURE, unknown_since=stamp(NOW - 1))
    assert settled(pushed(PoisonedContactError("3 times"), contact=waiting)).due == 60


@pytest.mark.parametrize(
    ("error", "due"),
    [(UNAVAILABLE, 9), (TakenAlongError("later", 0.0), 0), (ImportUnderWayError("later", 5.0), 0)],
)
def test_whom_others_may_take_along_is_due_at_once(error: SyncError, due: float) -> None:
    left = settled(pushed(error), 9.0)
    assert (left.due, left.clean) == (due, False)


@pytest.mark.parametrize(
    ("said", "waits"),
    [
        ({}, {}),
        ({"paused": frozenset({"default creating"})}, {"default creating": False}),
        ({"lacking": {"daily": "default/list 3"}}, {"default/list 3": True}),
        (
            {"paused": frozenset({"account-0 creating", "default/list 3"}), "lacking": {"daily": "default/list 3"}},
            {"account-0 creating": True, "default/list 3": True},
        ),
    ],
)
def test_who_waits_for_a_part_of_an_account_is_noted(said: dict[str, Any], waits: dict[str, bool]) -> None:
    errors = [PartPausedError("paused", 5.0, "creating")] if "account-0 creating" in waits else []
    assert settled(pushed(*errors, **said), 1.0).waits == waits


def test_a_proof_of_an_erasure_is_a_result_of_a_look() -> None:
    contact = contact_of(JOIN, looks={"account-0": "3"})
    assert settled(pushed(ErasedAtBrevoError("erased"), contact=contact), 1.0).read_at == {"l:account-0": "3"}
    assert settled(pushed(UNAVAILABLE, contact=contact), 1.0).read_at == {}


def test_a_list_that_somebody_left_and_what_a_push_put_right_are_in_the_history() -> None:
    seen = {"default": replace(HELD, ended={3: stamp(1)}, skipped=frozenset({3}))}
    contact = contact_of(JOIN, seen={"default": HELD})
    lines = settled(pushed(contact=contact, seen=seen, notes=(("default", "put right: CITY"),))).history
    assert f"brevo:default:{stamp(NOW)} put right: CITY" in lines
    assert f"brevo:default:{stamp(NOW)} unsubscribed from list 3" in lines


def test_a_block_of_a_contact_that_was_never_met_is_in_the_history() -> None:
    left = settled(pushed(seen={"default": replace(HELD, block=blocked(1, "complaint"))}))
    assert f"brevo:default:{stamp(NOW)} blocklisted complaint" in left.history


def test_a_contact_that_an_erasure_left_is_not_gone_in_the_history() -> None:
    contact = contact_of(ERASURE, seen={"default": HELD})
    assert settled(pushed(contact=contact, seen={"default": RemoteState()})).history == []


def test_the_history_has_outcomes_and_letters() -> None:
    first, second = key_of(subscribe(1)), key_of(update(2, email=ADA))
    left = settled(pushed(), done={second: Outcome.SYNCED, first: Outcome.SYNCED}, dead={first: REFUSED})
    assert left.history == [f"{first} synced", f"{second} synced", f"{first} dead letter RejectedContactError"]


@pytest.mark.parametrize(
    ("outcomes", "contact", "errors", "reported"),
    [
        pytest.param({}, {}, {"a": REFUSED}, ["a"], id="no event says so"),
        pytest.param({}, {}, {"a": REFUSED, "b": UNAVAILABLE}, ["a"], id="what passes is tried again"),
        pytest.param({"done": {key_of(JOIN): Outcome.SYNCED}}, {}, {"a": REFUSED}, ["a"], id="an event is done"),
        pytest.param({"dead": {key_of(JOIN): REFUSED}}, {}, {"a": REFUSED}, [], id="a letter says so"),
        pytest.param({"waiting": {key_of(JOIN): REFUSED}}, {}, {"a": REFUSED}, [], id="an event waits"),
        pytest.param({}, {"dead": {key_of(JOIN): "letter"}}, {"a": REFUSED}, [], id="an older letter says so"),
    ],
)
def test_what_brevo_refuses_of_a_repair_is_in_the_history_if_nothing_else_says_so(
    outcomes: dict[str, Any], contact: dict[str, Any], errors: dict[str, SyncError], reported: list[str]
) -> None:
    push = replace(pushed(contact=replace(contact_of(JOIN), **contact)), errors=errors)
    lines = [line for line in settled(push, 1.0, **outcomes).history if "not put right" in line]
    assert lines == [f"brevo:{account}:{stamp(NOW)} not put right: 400" for account in reported]


def test_a_push_shows_nothing_of_the_person() -> None:
    assert ADA not in repr(pushed(seen={"default": RemoteState(7, ADA, digest=ERASED)}))
