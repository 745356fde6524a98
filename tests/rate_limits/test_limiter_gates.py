"""What a gate knows of its account: reserved permits, patience, locks of an account, and what a visitor may do."""

import logging
import math
import time

import pytest

from sync_tasks.domain.pauses import CREATING, list_part
from sync_tasks.domain.priority import Priority
from sync_tasks.errors import (
    AccountPausedError,
    GatewayUnavailableError,
    MissingListError,
    OutOfCreditsError,
    RateLimitedError,
)
from sync_tasks.providers import Permit
from sync_tasks.rate_limits.import_lock import import_under_way
from sync_tasks.rate_limits.limiter import OUTAGE, AccountGate, Limiter
from sync_tasks.rate_limits.operator_gate import VisitorGate
from sync_tasks.state.store import Store
from tests.rate_limits.test_limiter import ACCOUNTS, NEWS, REFUSED, UNANSWERED, others_in

PERMIT = Permit("contacts")


@pytest.fixture
def limiter(store: Store) -> Limiter:
    return Limiter(store, ACCOUNTS)


def hold_of(store: Store, bucket: str = "contacts") -> float:
    """Return for how many seconds nobody may ask."""
    return max(store.redis.pttl(store.key(f"held:{NEWS}:{bucket}")), 0) / 1000


def is_reserved(gate: AccountGate) -> bool:
    return gate.is_reserved


def test_a_reserved_permit_is_here_until_it_is_used_or_old(limiter: Limiter, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = limiter.gate(NEWS)
    assert not is_reserved(gate)
    gate.reserve("contacts", part="creating")
    assert is_reserved(gate) is True
    assert gate.acquire("contacts", "list 3").part == "list 3"
    assert not is_reserved(gate)
    assert limiter.gate(NEWS, granted=True).is_reserved is True
    gate.reserve("other")
    monkeypatch.setattr("sync_tasks.rate_limits.limiter._GOOD_FOR", 0.0)
    assert not is_reserved(gate)


def test_a_gate_is_as_patient_as_its_priority_and_not_at_all_as_the_process_ends(limiter: Limiter) -> None:
    gates = [limiter.gate(NEWS, priority) for priority in Priority]
    assert [gate.patience for gate in gates] == [8.0, 8.0, 1.0, 1.0]
    limiter.stop()
    assert [gate.patience for gate in gates] == [0.0] * 4


def test_a_permit_along_with_a_lease_is_for_one_account_that_nobody_waits_for(store: Store) -> None:
    alone = Limiter(store, {NEWS: ACCOUNTS[NEWS]})
    question = alone.ask_ahead()
    assert question == alone.question(NEWS, "contacts", Priority.LOOK)
    with alone._queues[NEWS, "contacts"].waiting(Priority.BACKGROUND):
        assert alone.ask_ahead() is None
    assert Limiter(store, ACCOUNTS).ask_ahead() is None


@pytest.mark.parametrize(("between", "outage"), [(None, True), (OUTAGE - 1, False), (0, False)])
def test_so_many_requests_in_a_row_without_an_answer_are_an_outage_and_count_anew(
    limiter: Limiter, between: int | None, *, outage: bool
) -> None:
    found = [limiter.count_unanswered(NEWS, None if number == between else UNANSWERED) for number in range(OUTAGE)]
    assert found == [False] * (OUTAGE - 1) + [outage]
    if outage:
        again = [limiter.count_unanswered(NEWS, UNANSWERED) for _ in range(OUTAGE)]
        assert again == [False] * (OUTAGE - 1) + [True]
    if between == OUTAGE - 1:
        assert [limiter.count_unanswered(NEWS, UNANSWERED) for _ in range(OUTAGE)][-2:] == [False, True]
    assert limiter.count_unanswered("sports", UNANSWERED) is False


def test_who_rests_comes_back_and_not_before(limiter: Limiter) -> None:
    began = time.monotonic()
    limiter.rest(0.05)
    assert time.monotonic() - began >= 0.05
    limiter.stop()
    limiter.rest(0.05)
    assert time.monotonic() - began >= 0.1


@pytest.mark.parametrize(("seconds", "held"), [(7.0, 7.0), (None, 1.0)])
def test_a_429_holds_as_long_as_it_says_and_else_for_a_second(
    limiter: Limiter, store: Store, seconds: float | None, held: float
) -> None:
    for gate in (limiter.gate(NEWS), VisitorGate(limiter, NEWS)):
        store.redis.delete(store.key(f"held:{NEWS}:contacts"))
        gate.report(PERMIT, RateLimitedError("429", seconds))
        assert held - 0.9 < hold_of(store) <= held


def test_a_pause_says_when_its_next_probe_is(limiter: Limiter, store: Store) -> None:
    limiter.pause(NEWS, REFUSED)
    key = store.key(f"probed:{NEWS}")
    assert 59_000 < store.redis.pttl(key) <= 60_000
    with pytest.raises(AccountPausedError) as caught:
        limiter.acquire(NEWS, "contacts")
    assert 29 <= caught.value.seconds <= 30
    store.redis.pexpire(key, 30_100)
    with pytest.raises(AccountPausedError) as caught:
        limiter.acquire(NEWS, "contacts")
    assert caught.value.seconds == 1


def test_the_end_of_a_pause_is_news_once(limiter: Limiter, caplog: pytest.LogCaptureFixture) -> None:
    limiter.resume(NEWS)
    assert caplog.records == []
    limiter.pass_probe_on(NEWS, OutOfCreditsError("402"))
    assert caplog.records == []


@pytest.mark.parametrize(("probes", "paused"), [(True, False), (False, True)])
def test_only_the_probe_of_an_account_passes_it_on(limiter: Limiter, *, probes: bool, paused: bool) -> None:
    limiter.pause(NEWS, REFUSED)
    limiter.gate(NEWS).report(Permit("contacts", CREATING, probes), OutOfCreditsError("402"))
    assert (limiter.paused(NEWS) is not None) is paused


def test_a_probe_of_an_account_that_fails_for_all_of_it_passes_nothing_on(limiter: Limiter, store: Store) -> None:
    limiter.pause(NEWS, OutOfCreditsError("402"))
    limiter.gate(NEWS).report(Permit("contacts", "", probes=True), REFUSED)
    assert limiter.paused(NEWS) is not None
    assert store.redis.exists(store.key(f"probed:{NEWS}"))


def test_a_part_is_probed_once_in_a_while(limiter: Limiter, store: Store) -> None:
    part = list_part(3)
    key = store.key(f"probed:{NEWS} {part}")
    assert (limiter.is_probed(NEWS, part), limiter.take_probe(NEWS, part)) == (False, True)
    assert 59_000 < store.redis.pttl(key) <= 60_000
    assert (limiter.is_probed(NEWS, part), limiter.take_probe(NEWS, part)) == (True, False)
    store.redis.pexpire(key, 30_000)
    assert (limiter.is_probed(NEWS, part), limiter.take_probe(NEWS, part)) == (False, True)


def test_a_list_that_exists_again_is_no_longer_missed(limiter: Limiter, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    limiter.pause(NEWS, MissingListError("404", (3,)), list_part(3), "daily")
    limiter.resume_part(NEWS, list_part(5), "weekly")
    assert list(limiter.paused_parts(NEWS)) == [list_part(3)]
    limiter.resume_part(NEWS, list_part(3), "daily")
    assert limiter.paused_parts(NEWS) == {}
    assert caplog.messages[1:] == ["no longer: newsletter daily waits: account news has no list 3"]


@pytest.mark.parametrize("name", ["import_lock", "page_lock"])
def test_one_at_a_time_imports_or_reads_all_pages(limiter: Limiter, store: Store, name: str) -> None:
    mine, others = getattr(limiter, name)(NEWS), getattr(Limiter(store, ACCOUNTS), name)(NEWS)
    elsewhere = getattr(limiter, name)("sports")
    assert (mine.is_held(), mine.acquire(), mine.is_held()) == (False, True, True)
    assert (others.is_held(), others.acquire(), elsewhere.acquire()) == (True, False, True)
    key = store.key(f"{'importing' if name == 'import_lock' else 'paging'}:{NEWS}")
    store.redis.pexpire(key, 5_000)
    mine.renew()
    assert 28_000 < store.redis.pttl(key) <= 30_000
    mine.release()
    assert others.acquire() is True
    mine.renew()
    mine.release()
    assert others.is_held() is True


def test_a_sign_up_that_waits_for_an_import_says_so() -> None:
    error = import_under_way(NEWS)
    assert (str(error), error.retry_after) == ("account news: waits for the end of an import, one at a time", 10.0)


def test_a_visitor_waits_for_a_limit_and_not_for_a_pause(limiter: Limiter, store: Store) -> None:
    gate = VisitorGate(limiter, NEWS)
    assert gate.acquire("contacts", CREATING) == Permit("contacts", CREATING)
    assert store.redis.llen(store.key(f"granted:{NEWS}:contacts:1008000")) == 1
    limiter.pause(NEWS, REFUSED)
    assert gate.acquire("contacts") == Permit("contacts")
    limiter.hold(NEWS, 600, "other")
    limiter.resume(NEWS)
    with pytest.raises(RateLimitedError):
        gate.acquire("other")


def test_the_trouble_of_a_visitor_pauses_nobody(limiter: Limiter, store: Store) -> None:
    gate = VisitorGate(limiter, NEWS)
    for error in (REFUSED, GatewayUnavailableError("503"), None):
        for _ in range(OUTAGE):
            gate.report(PERMIT, error)
    assert (limiter.paused(NEWS), hold_of(store)) == (None, 0)
    gate.record_usage(PERMIT, 5, 1)
    assert others_in(store) == 4
    assert math.isinf(limiter._ends)
