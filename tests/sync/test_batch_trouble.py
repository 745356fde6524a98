"""What goes wrong in a batch: who does not fit goes alone, what Brevo refuses as a whole is asked for one by one."""

import logging
import time
from collections.abc import Callable, Iterable
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest

from sync_tasks.domain.priority import Priority
from sync_tasks.errors import AccountPausedError
from sync_tasks.providers import Permit
from sync_tasks.sandbox import Sandbox
from sync_tasks.state.holds import end_hold, place_hold
from sync_tasks.state.store import Lease
from sync_tasks.sync import batch
from sync_tasks.sync.import_watch import SILENT_LOOKS
from tests.support.batching import SHORT, BatchingLimiter
from tests.support.pipeline import MakePipeline, Pipeline, address_of

PEOPLE = [f"user-{number}" for number in range(12)]
IMPORT, LIST_CALL = "POST /v3/contacts/import", "POST /v3/contacts/lists/5/contacts/remove"


class MeddlingLimiter(BatchingLimiter):
    """Lets whoever waits gather a batch; once, something happens before the request goes out."""

    happens: Callable[[], object] | None = None

    def acquire(
        self,
        account: str,
        bucket: str,
        priority: Priority = Priority.ORDINARY,
        meanwhile: Callable[[], None] = lambda: None,
        part: str = "",
        *,
        begun: bool = False,
    ) -> Permit:
        permit = super().acquire(account, bucket, priority, meanwhile, part, begun=begun)
        happens, self.happens = self.happens, None
        if happens:
            happens()
        return permit


@pytest.fixture
def batched(make_pipeline: MakePipeline, brevo: Sandbox) -> Pipeline:
    """A pipeline with a batch at each request, and a Brevo that imports at once."""
    brevo.settings.import_seconds = SHORT / 3
    return make_pipeline(MeddlingLimiter)


def meddle(pipeline: Pipeline, happens: Callable[[], object]) -> None:
    """Let something happen between the gathering of a batch and its request."""
    limiter = pipeline.resources.limiter
    assert isinstance(limiter, MeddlingLimiter)
    limiter.happens = happens


def pause() -> None:
    raise AccountPausedError("the account is paused", 30.0)


@pytest.fixture
def readers(batched: Pipeline) -> Pipeline:
    """Twelve people who want to leave the weekly newsletter."""
    for user_id in PEOPLE:
        batched.subscribe(user_id, "weekly")
    batched.work()
    for user_id in PEOPLE:
        batched.unsubscribe(user_id, "weekly")
    return batched


def leased(pipeline: Pipeline) -> list[str]:
    """Return whose lease nobody has given back."""
    redis = pipeline.store.redis
    return [user_id for user_id in PEOPLE if redis.hexists(pipeline.store.key(f"contacts:{user_id}"), "lease")]


def test_a_list_call_that_brevo_refuses_as_a_whole_is_asked_for_one_by_one(readers: Pipeline, brevo: Sandbox) -> None:
    brevo.add_fault("status", status=400, count=1, path="remove")

    with readers.requests() as requests:
        outcomes = readers.sync("user-0")

    assert requests[0] == LIST_CALL
    assert [key.task for key in outcomes.done] == ["unsubscribe_contact"]
    assert readers.lists("user-0") == set()
    assert [readers.lists(user_id) for user_id in PEOPLE[1:]] == [{5}] * 11
    assert leased(readers) == []
    assert not any(readers.state(user_id).unknown_since for user_id in PEOPLE)
    readers.work()
    assert [readers.lists(user_id) for user_id in PEOPLE] == [set()] * 12
    assert readers.letters() == []


def test_a_request_that_is_let_in_no_more_serves_nobody_and_keeps_no_lease(readers: Pipeline) -> None:
    meddle(readers, pause)

    with readers.requests() as requests:
        report = readers.sync("user-0")

    assert requests == []
    assert [type(error) for error in report.waiting.values()] == [AccountPausedError]
    assert leased(readers) == []
    assert all(readers.state(user_id).pending for user_id in PEOPLE)
    readers.work()
    assert [readers.lists(user_id) for user_id in PEOPLE] == [set()] * 12


def test_every_event_served_in_a_batch_has_its_outcome_in_the_log_and_the_history(
    readers: Pipeline, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        readers.sync("user-0")

    assert [readers.state(user_id).pending for user_id in PEOPLE] == [{}] * 12
    for user_id in PEOPLE:
        assert readers.store.history(user_id)[0].split()[1].startswith("unsubscribe_contact:weekly:")
        assert readers.store.history(user_id)[0].endswith(" synced")
        assert sum(getattr(record, "user_id", "") == user_id for record in caplog.records) == 1


def test_while_a_batch_is_served_nobody_else_may_push_those_who_come_along(readers: Pipeline) -> None:
    tried = list[object]()
    meddle(readers, lambda: tried.extend(readers.store.lease(user_id, 60) for user_id in PEOPLE))

    with readers.requests() as requests:
        readers.sync("user-0")

    assert (tried, requests) == (["busy"] * 12, [LIST_CALL])


def test_whoever_has_a_new_event_meanwhile_is_nudged_by_the_one_who_waited(readers: Pipeline) -> None:
    meddle(readers, lambda: readers.update("user-3", first_name="Ada"))

    assert readers.sync("user-0").users_to_nudge == {"user-3"}

    assert {key.task for key in readers.state("user-3").pending} == {"update_contact"}
    assert readers.lists("user-3") == set()


def test_what_was_put_back_in_a_batch_is_in_the_log_of_each(
    readers: Pipeline, brevo: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    readers.work()
    edited = PEOPLE[:4]
    for user_id in PEOPLE:
        readers.subscribe(user_id, "weekly")
    readers.work()
    for user_id in edited:
        brevo.edit(address_of(user_id), {"unlinkListIds": [5]})
        readers.subscribe(user_id, "weekly")

    with caplog.at_level(logging.INFO), readers.requests() as requests:
        readers.work()

    assert "POST /v3/contacts/lists/5/contacts/add" in requests
    reported = [record for record in caplog.records if record.getMessage().startswith("put back after")]
    assert sorted(getattr(record, "user_id", "") for record in reported) == edited


def test_whose_contact_was_anonymized_unknown_to_the_state_goes_alone(readers: Pipeline) -> None:
    readers.work()
    readers.store.redis.hset(readers.store.key("contacts:user-3"), "s:default:digest", "erased")
    for user_id in PEOPLE:
        readers.subscribe(user_id, "monthly")

    readers.work()

    others = [user_id for user_id in PEOPLE if user_id != "user-3"]
    assert [7 in readers.lists(user_id) for user_id in others] == [True] * 11
    assert [(letter.user_id, letter.error) for letter in readers.letters()] == [("user-3", "ErasedAtBrevoError")]
    assert leased(readers) == []


def test_where_somebody_was_never_looked_at_everybody_looks_alone(readers: Pipeline) -> None:
    readers.work()
    readers.store.redis.hdel(readers.store.key("contacts:user-3"), "s:default:looked")
    for user_id in PEOPLE:
        readers.subscribe(user_id, "monthly")

    with readers.requests() as requests:
        readers.sync("user-0")

    assert "GET /v3/contacts" not in requests
    assert leased(readers) == []
    readers.work()
    assert [7 in readers.lists(user_id) for user_id in PEOPLE] == [True] * 12


def test_a_batch_is_asked_for_some_at_a_time(readers: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "LEASE_CHUNK", 4)

    with readers.requests() as requests:
        readers.sync("user-0")

    assert requests == [LIST_CALL]
    assert [readers.lists(user_id) for user_id in PEOPLE] == [set()] * 12


def test_an_opt_out_goes_with_others_and_a_sign_up_that_is_held_back_still_waits(readers: Pipeline) -> None:
    for user_id in PEOPLE:
        readers.subscribe(user_id, "daily")
    hold = place_hold(readers.store, "a test")
    with readers.requests() as requests:
        readers.work_once()
    assert requests.count(LIST_CALL) == 1
    waiting = [[key.task for key in readers.state(user_id).pending] for user_id in PEOPLE]
    assert (waiting, [readers.lists(user_id) for user_id in PEOPLE]) == ([["subscribe_contact"]] * 12, [set()] * 12)
    end_hold(readers.store, hold, trusted="state", by="ops")
    readers.work()
    assert [readers.lists(user_id) for user_id in PEOPLE] == [{3}] * 12


def test_whose_address_is_anothers_goes_alone_and_changes_nothing(batched: Pipeline, brevo: Sandbox) -> None:
    for user_id in PEOPLE:
        batched.subscribe(user_id, "weekly")
    batched.subscribe("twin", "weekly", email=address_of("user-3"), first_name="Twin")

    with batched.requests() as requests:
        batched.sync("user-0")

    assert requests.count(IMPORT) == 1
    assert all(batched.lists(user_id) == {5} for user_id in PEOPLE)
    assert "FIRSTNAME" not in batched.held("user-3")["attributes"]
    assert batched.state("twin").pending
    batched.work()
    assert [letter.error for letter in batched.letters()] == ["AddressTakenError"]
    assert len(brevo.contacts()) == len(PEOPLE)


def test_an_import_whose_contacts_cannot_be_looked_for_leaves_each_outcome_unknown(
    batched: Pipeline, brevo: Sandbox
) -> None:
    for user_id in PEOPLE:
        batched.subscribe(user_id, "weekly")
    brevo.add_fault("status", status=500, method="GET")

    with batched.requests() as requests:
        report = batched.sync("user-0")

    assert report.waiting
    assert "POST /v3/contacts" not in requests, "it may be there already"
    assert leased(batched) == []
    assert [user_id for user_id in PEOPLE if not batched.state(user_id).unknown_since] == []
    brevo.faults.clear()
    batched.work()
    assert [batched.lists(user_id) for user_id in PEOPLE] == [{5}] * 12
    assert len(brevo.contacts()) == len(PEOPLE)


def test_an_import_that_brevo_refuses_as_a_whole_is_asked_for_one_by_one(batched: Pipeline, brevo: Sandbox) -> None:
    for user_id in PEOPLE:
        batched.subscribe(user_id, "weekly")
    brevo.add_fault("status", status=400, count=1, path="import")

    with batched.requests() as requests:
        outcomes = batched.sync("user-0")

    assert [request for request in requests if not request.startswith("GET")] == [IMPORT, "POST /v3/contacts"]
    assert [key.task for key in outcomes.done] == ["subscribe_contact"]
    assert leased(batched) == []
    batched.work()
    assert [batched.lists(user_id) for user_id in PEOPLE] == [{5}] * 12
    assert batched.letters() == []


def sign_up(pipeline: Pipeline) -> None:
    for user_id in PEOPLE:
        pipeline.subscribe(user_id, "weekly")


def settled(pipeline: Pipeline) -> list[str]:
    """Return who is known to be at Brevo, with nothing left to find out."""
    states = ((user_id, pipeline.state(user_id)) for user_id in PEOPLE)
    return [user_id for user_id, state in states if not (state.unknown_since or state.pending)]


def test_an_import_that_takes_long_leaves_no_outcome_unknown(batched: Pipeline, brevo: Sandbox) -> None:
    brevo.settings.import_seconds = 10 * SHORT
    sign_up(batched)

    with batched.requests() as requests:
        batched.sync("user-0")

    assert settled(batched) == PEOPLE
    assert [request for request in requests if not request.startswith("GET")] == [IMPORT]


@pytest.mark.parametrize("fault", [{"kind": "status", "status": 500}, {"kind": "status", "status": 503}])
def test_a_look_that_fails_is_made_up_for_by_the_next(batched: Pipeline, brevo: Sandbox, fault: dict[str, Any]) -> None:
    sign_up(batched)
    brevo.add_fault(count=1, method="GET", path="contacts$", **fault)
    brevo.add_fault(count=1, method="GET", path="contacts$", **fault)

    batched.sync("user-0")

    assert settled(batched) == PEOPLE


def test_an_import_that_shows_nobody_new_any_more_is_over(batched: Pipeline, brevo: Sandbox) -> None:
    brevo.request("POST", "/contacts", {"email": address_of("user-7"), "ext_id": "a shop"})
    sign_up(batched)

    with batched.requests() as requests:
        batched.sync("user-0")

    assert sum(request.startswith("GET") for request in requests) <= 1 + 1 + SILENT_LOOKS
    assert settled(batched) == [user_id for user_id in PEOPLE if user_id != "user-7"]


def test_a_batch_waits_for_the_import_that_is_under_way_and_goes_along_with_the_next(batched: Pipeline) -> None:
    sign_up(batched)
    lock = batched.resources.limiter.import_lock("default")
    assert lock.acquire()

    with batched.requests() as requests:
        reports = [batched.sync(user_id) for user_id in PEOPLE]
    assert requests == []
    assert [report.retry_in is not None for report in reports] == [True] * len(PEOPLE)
    assert settled(batched) == []
    assert batched.state("user-0").tries == 0

    lock.release()
    with batched.requests() as requests:
        batched.sync("user-0")
    assert requests.count(IMPORT) == 1
    assert settled(batched) == PEOPLE


def test_whoever_ends_an_import_wakes_one_of_those_who_waited(batched: Pipeline) -> None:
    sign_up(batched)
    late = {f"late-{number}" for number in range(10)}
    meddle(batched, lambda: [batched.subscribe(user_id, "weekly") for user_id in late])

    report = batched.sync("user-0")

    assert settled(batched) == PEOPLE
    assert len(report.users_to_nudge & late) == 1


def test_while_a_batch_gathers_and_imports_nobody_else_does(batched: Pipeline) -> None:
    sign_up(batched)
    lock, taken = batched.resources.limiter.import_lock("default"), list[bool]()
    meddle(batched, lambda: taken.append(lock.acquire()))

    with batched.requests() as requests:
        batched.sync("user-0")

    assert (taken, requests.count(IMPORT)) == ([False], 1)
    assert lock.acquire(), "and then the next may begin"


def test_whoever_gives_a_batch_back_lets_the_next_import_begin(batched: Pipeline) -> None:
    sign_up(batched)
    meddle(batched, pause)

    batched.sync("user-0")

    assert batched.resources.limiter.import_lock("default").acquire()
    assert all(batched.store.lease(user_id, 1) != "busy" for user_id in PEOPLE[1:])


def test_leases_live_as_long_as_an_import(batched: Pipeline, brevo: Sandbox) -> None:
    brevo.settings.import_seconds = 8 * SHORT
    sign_up(batched)
    renewed = list[str]()
    renew = batched.store.renew_leases

    def note(leases: Iterable[Lease], seconds: float) -> None:
        leases = list(leases)
        renewed.extend(lease.user_id for lease in leases)
        renew(leases, seconds)

    batched.store.__dict__["renew_leases"] = note
    batched.sync("user-0")
    assert set(renewed) == set(PEOPLE)


@pytest.mark.parametrize(("seconds", "early"), [(0, False), (100, True)])
def test_before_an_import_all_leases_are_renewed_if_a_third_of_their_time_is_over(
    batched: Pipeline, monkeypatch: pytest.MonkeyPatch, seconds: int, *, early: bool
) -> None:
    ahead, sent, renew = count(seconds, seconds), list[int](), batched.store.renew_leases
    monkeypatch.setattr(batch, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + next(ahead)))
    sign_up(batched)

    def note(leases: Iterable[Lease], seconds: float) -> None:
        sent.append(batched.brevo.journal.total)
        renew(leases, seconds)

    batched.store.__dict__["renew_leases"] = note
    before = batched.brevo.journal.total
    batched.sync("user-0")
    assert (settled(batched), before in sent) == (PEOPLE, early)
