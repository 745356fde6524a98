"""The account's limits and pauses: windows exact to the microsecond of Redis' clock, one probe at a time."""

import logging
import math

import pytest

from sync_tasks.config.settings import Account
from sync_tasks.domain.pauses import CREATING, Pause, remedy_of
from sync_tasks.domain.priority import Priority
from sync_tasks.domain.timestamps import MICROSECONDS_PER_SECOND
from sync_tasks.errors import (
    AccountPausedError,
    ForbiddenError,
    GatewayUnavailableError,
    LimitReachedError,
    OutOfCreditsError,
    PartPausedError,
    RateLimitedError,
    SyncError,
    TooEarlyError,
    UnauthorizedError,
)
from sync_tasks.rate_limits.limiter import OUTAGE, Limiter
from sync_tasks.state.records import Question
from sync_tasks.state.store import Store
from tests.support.saying import unsubscribe

NEWS = "news"
ACCOUNTS = {
    NEWS: Account(requests_per_second=2, requests_per_hour=5, api_key="key"),  # type: ignore[arg-type]
    "sports": Account(requests_per_second=0.5, api_key="key"),  # type: ignore[arg-type]
}
HOUR = 3600 * MICROSECONDS_PER_SECOND
LENGTH = 1_008_000
WINDOW = f"granted:{NEWS}:contacts:{LENGTH}"
REFUSED, UNANSWERED = UnauthorizedError("GET /contacts: 401"), GatewayUnavailableError("no answer")


@pytest.fixture
def limiter(store: Store) -> Limiter:
    return Limiter(store, ACCOUNTS)


def ask(store: Store, *windows: tuple[int, int], priority: int = 1) -> tuple[str, int]:
    """Ask for a grant under windows of so many requests in so many microseconds; return the answer and the wait."""
    answer, wait, *_ = store.grant(Question(NEWS, "contacts", priority, 30_000, windows))
    return answer, int(wait)


def record(store: Store, length: int, *ages: int) -> int:
    """Write grants of so many microseconds ago, the oldest first, into a window; return the moment of the oldest."""
    now, window = int(store.now()), store.key(f"granted:{NEWS}:contacts:{length}")
    for age in ages:
        store.redis.lpush(window, f"{now - age:016d}")
    store.redis.pexpire(window, length // 1000)
    return now - ages[0]


def others_in(store: Store, length: int = HOUR) -> int:
    """Return how many requests of others are counted in a window."""
    return int(store.redis.hget(store.key(f"scarce:{NEWS}:contacts"), f"others:{length}") or 0)


def test_a_window_is_full_at_its_limit_and_not_before(store: Store) -> None:
    window = (3, HOUR)
    assert [ask(store, window)[0] for _ in range(4)] == ["granted", "granted", "granted", "wait"]


def test_the_wait_ends_to_the_microsecond_when_the_oldest_leaves_the_window(store: Store) -> None:
    oldest = record(store, HOUR, 600 * MICROSECONDS_PER_SECOND, 10 * MICROSECONDS_PER_SECOND)
    before = int(store.now())
    answer, wait = ask(store, (2, HOUR))
    after = int(store.now())
    assert answer == "wait"
    assert oldest + HOUR - after <= wait <= oldest + HOUR - before


@pytest.mark.parametrize(
    ("age", "answer"), [(HOUR, "granted"), (HOUR + 1, "granted"), (HOUR - MICROSECONDS_PER_SECOND, "wait")]
)
def test_a_request_that_has_left_the_window_counts_no_more(store: Store, age: int, answer: str) -> None:
    record(store, HOUR, age, 10 * MICROSECONDS_PER_SECOND)
    assert ask(store, (2, HOUR))[0] == answer


def test_of_several_windows_the_one_that_takes_longest_decides(store: Store) -> None:
    record(store, LENGTH, 1000, 1000)
    oldest = record(store, HOUR, 1800 * MICROSECONDS_PER_SECOND, 1000)
    _, wait = ask(store, (2, LENGTH), (2, HOUR))
    assert wait == pytest.approx(oldest + HOUR - int(store.now()), abs=MICROSECONDS_PER_SECOND)


def test_a_refused_request_takes_no_place_in_any_window(store: Store) -> None:
    record(store, HOUR, MICROSECONDS_PER_SECOND)
    assert ask(store, (5, LENGTH), (1, HOUR))[0] == "wait"
    assert store.redis.llen(store.key(WINDOW)) == 0


def test_a_window_remembers_no_more_than_it_needs_and_not_for_longer(store: Store) -> None:
    record(store, HOUR, *[2 * HOUR] * 5)
    ask(store, (2, HOUR))
    name = store.key(f"granted:{NEWS}:contacts:{HOUR}")
    assert store.redis.llen(name) == 2
    assert 0 < store.redis.ttl(name) <= 3600


def test_who_waits_with_something_more_urgent_is_next(store: Store) -> None:
    record(store, HOUR, MICROSECONDS_PER_SECOND)
    assert ask(store, (1, HOUR), priority=Priority.URGENT)[0] == "wait"
    store.redis.delete(store.key(f"granted:{NEWS}:contacts:{HOUR}"))
    assert ask(store, (1, HOUR), priority=Priority.ORDINARY)[0] == "wait"
    assert ask(store, (1, HOUR), priority=Priority.URGENT)[0] == "granted"


def test_all_machines_share_the_limits_of_an_account(store: Store) -> None:
    machines = [Limiter(store, ACCOUNTS), Limiter(store, ACCOUNTS)]
    record(store, HOUR, *[5 * MICROSECONDS_PER_SECOND] * 3)
    for machine in machines:
        assert machine.acquire(NEWS, "contacts").bucket == "contacts"
    for machine in machines:
        with pytest.raises(RateLimitedError) as caught:
            machine.acquire(NEWS, "contacts")
        assert caught.value.retry_after == pytest.approx(3595, abs=2)


def test_buckets_and_accounts_have_limits_of_their_own(limiter: Limiter, store: Store) -> None:
    record(store, HOUR, *[MICROSECONDS_PER_SECOND] * 5)
    with pytest.raises(RateLimitedError, match="account news: its limit is used up for now"):
        limiter.acquire(NEWS, "contacts")
    assert limiter.acquire(NEWS, "other").bucket == "other"
    assert limiter.acquire("sports", "contacts").bucket == "contacts"


def test_a_rate_below_one_is_one_request_in_a_longer_window(limiter: Limiter, store: Store) -> None:
    limiter.acquire("sports", "contacts")
    assert store.redis.llen(store.key("granted:sports:contacts:2016000")) == 1


def test_a_short_wait_is_waited_and_used(limiter: Limiter) -> None:
    called: list[int] = []
    for _ in range(3):
        limiter.acquire(NEWS, "contacts", meanwhile=lambda: called.append(1))
    assert called == [1]


def test_a_hold_lets_nobody_ask_before_brevos_own_window_is_over(limiter: Limiter, store: Store) -> None:
    limiter.hold(NEWS, 40, "contacts")
    with pytest.raises(RateLimitedError) as caught:
        limiter.acquire(NEWS, "contacts")
    assert caught.value.retry_after == pytest.approx(40, abs=1)
    assert limiter.acquire(NEWS, "other").bucket == "other"
    assert store.redis.llen(store.key(WINDOW)) == 0


@pytest.mark.parametrize(("seconds", "held"), [(0.0, 0.1), (-5.0, 0.1), (12.0, 12.0), (90_000.0, 3600.0)])
def test_a_hold_is_never_endless(limiter: Limiter, store: Store, seconds: float, held: float) -> None:
    limiter.hold(NEWS, seconds, "contacts")
    left = store.redis.pttl(store.key(f"held:{NEWS}:contacts")) / 1000
    assert held - 1 < left <= held


def test_a_paused_account_gets_no_request_and_says_why(limiter: Limiter) -> None:
    limiter.pause(NEWS, REFUSED)
    with pytest.raises(AccountPausedError) as caught:
        limiter.acquire(NEWS, "contacts")
    assert str(caught.value) == "account news is paused (UnauthorizedError)"
    assert 1 <= caught.value.seconds <= 30
    pause = limiter.paused(NEWS)
    assert pause is not None
    assert (pause.error, pause.message) == ("UnauthorizedError", "GET /contacts: 401")
    assert limiter.paused("sports") is None
    assert limiter.acquire("sports", "contacts").probes is False


def test_one_probe_goes_out_at_a_time(limiter: Limiter, store: Store) -> None:
    limiter.pause(NEWS, REFUSED)
    store.redis.delete(store.key(f"probed:{NEWS}"))
    assert limiter.acquire(NEWS, "contacts").probes is True
    with pytest.raises(AccountPausedError):
        Limiter(store, ACCOUNTS).acquire(NEWS, "contacts")


def test_the_alarm_is_raised_once_for_a_pause(limiter: Limiter, store: Store, caplog: pytest.LogCaptureFixture) -> None:
    limiter.pause(NEWS, REFUSED)
    first = limiter.paused(NEWS)
    Limiter(store, ACCOUNTS).pause(NEWS, UNANSWERED)
    assert limiter.paused(NEWS) == first
    limiter.resume(NEWS)
    limiter.resume(NEWS)
    remedy = remedy_of("UnauthorizedError")
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (logging.ERROR, f"account news is paused, its events wait: UnauthorizedError: GET /contacts: 401; {remedy}"),
        (logging.WARNING, "account news is no longer paused"),
    ]
    assert limiter.paused(NEWS) is None


def test_what_a_newer_release_noted_of_a_pause_is_not_judged(limiter: Limiter, store: Store) -> None:
    text = '{"error": "E", "message": "m", "since": "1", "colour": "red"}'
    store.redis.set(store.key(f"paused:{NEWS}"), text)
    assert limiter.paused(NEWS) == Pause("E", "m", "1")


@pytest.mark.parametrize(
    ("error", "resumed"), [(None, True), (TooEarlyError("425"), True), (UNANSWERED, False), (REFUSED, False)]
)
def test_only_a_probe_that_brevo_answered_ends_a_pause(
    limiter: Limiter, store: Store, error: SyncError | None, *, resumed: bool
) -> None:
    limiter.pause(NEWS, REFUSED)
    store.redis.delete(store.key(f"probed:{NEWS}"))
    gate = limiter.gate(NEWS)
    gate.report(gate.acquire("contacts"), error)
    assert (limiter.paused(NEWS) is None) is resumed


@pytest.mark.parametrize("error", [OutOfCreditsError("402"), ForbiddenError("403"), LimitReachedError("400")])
def test_a_creation_that_is_refused_for_the_plan_pauses_creating_and_nothing_else(
    limiter: Limiter, caplog: pytest.LogCaptureFixture, error: SyncError
) -> None:
    gate = limiter.gate(NEWS)
    gate.report(gate.acquire("contacts", CREATING), error)
    with pytest.raises(PartPausedError, match="account news creates no contacts") as caught:
        gate.acquire("contacts", CREATING)
    assert caught.value.part == CREATING
    gate.acquire("contacts")
    assert limiter.paused(NEWS) is None
    assert list(limiter.paused_parts(NEWS)) == [CREATING]
    assert limiter.paused_parts("sports") == {}
    (alarm,) = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert alarm.startswith("account news creates no contacts: ")
    assert "upgrade the plan" in alarm


def test_a_creation_that_is_refused_for_the_key_pauses_the_account(limiter: Limiter) -> None:
    gate = limiter.gate(NEWS)
    gate.report(gate.acquire("contacts", CREATING), REFUSED)
    assert limiter.paused(NEWS)
    assert limiter.paused_parts(NEWS) == {}


def test_a_creation_that_succeeds_ends_the_pause_of_creating(limiter: Limiter, store: Store) -> None:
    limiter.pause(NEWS, OutOfCreditsError("402"), CREATING)
    store.redis.delete(store.key(f"probed:{NEWS} {CREATING}"))
    gate = limiter.gate(NEWS)
    gate.report(gate.acquire("contacts", CREATING), None)
    assert limiter.paused_parts(NEWS) == {}
    gate.acquire("contacts", CREATING)


@pytest.mark.parametrize(("before", "goes_on"), [(REFUSED, True), (OutOfCreditsError("402"), False)])
def test_a_creation_refused_as_a_probe_ends_a_pause_of_another_kind_only(
    limiter: Limiter, store: Store, before: SyncError, *, goes_on: bool
) -> None:
    limiter.pause(NEWS, before)
    store.redis.delete(store.key(f"probed:{NEWS}"))
    gate = limiter.gate(NEWS)
    gate.report(gate.acquire("contacts", CREATING), OutOfCreditsError("POST /contacts: 402"))
    assert (limiter.paused(NEWS) is None) is goes_on
    assert limiter.acquire(NEWS, "contacts").probes is not goes_on


def test_a_probe_is_an_opt_outs_as_long_as_one_waits(store: Store) -> None:
    limiter = Limiter(store, ACCOUNTS, probe_every=60)
    limiter.pause(NEWS, REFUSED)
    store.accept(unsubscribe(1))
    store.redis.pexpire(store.key(f"probed:{NEWS}"), 59_000)
    with pytest.raises(AccountPausedError):
        limiter.acquire(NEWS, "contacts")
    assert limiter.acquire(NEWS, "contacts", Priority.URGENT).probes


def test_a_probe_is_anybodys_while_no_opt_out_waits_or_none_takes_it(store: Store) -> None:
    limiter = Limiter(store, ACCOUNTS, probe_every=60)
    limiter.pause(NEWS, REFUSED)
    store.redis.pexpire(store.key(f"probed:{NEWS}"), 59_000)
    assert limiter.acquire(NEWS, "contacts").probes
    store.accept(unsubscribe(1))
    store.redis.delete(store.key(f"probed:{NEWS}"))
    assert limiter.acquire(NEWS, "contacts").probes


def test_an_ordinary_request_that_was_under_way_ends_no_pause(limiter: Limiter) -> None:
    gate = limiter.gate(NEWS)
    permit = gate.acquire("contacts")
    limiter.pause(NEWS, REFUSED)
    gate.report(permit, None)
    assert limiter.paused(NEWS)


def test_a_429_holds_its_bucket_as_long_as_brevo_says(limiter: Limiter, store: Store) -> None:
    gate = limiter.gate(NEWS)
    gate.report(gate.acquire("other"), RateLimitedError("429", 30))
    assert store.redis.pttl(store.key(f"held:{NEWS}:other")) > 28_000
    assert limiter.paused(NEWS) is None


@pytest.mark.parametrize(("answered", "paused"), [(None, True), (OUTAGE // 2, False)])
def test_many_requests_in_a_row_without_an_answer_are_an_outage(
    limiter: Limiter, answered: int | None, *, paused: bool
) -> None:
    permit = limiter.acquire("sports", "other")
    for number in range(OUTAGE):
        limiter.gate("sports").report(permit, None if number == answered else UNANSWERED)
    assert (limiter.paused("sports") is not None) is paused


def test_a_permit_reserved_is_used_by_the_next_request_of_its_bucket(limiter: Limiter, store: Store) -> None:
    gate, name = limiter.gate(NEWS), store.key(WINDOW)
    gate.reserve("contacts")
    gate.acquire("contacts")
    assert store.redis.llen(name) == 1
    gate.reserve("other")
    gate.acquire("contacts")
    assert store.redis.llen(name) == 2


def test_a_gate_asks_with_its_priority(limiter: Limiter, store: Store) -> None:
    store.redis.set(store.key(f"first:{NEWS}:contacts"), int(Priority.URGENT), px=60_000)
    limiter.gate(NEWS, Priority.URGENT).acquire("contacts")
    assert store.redis.exists(store.key(f"first:{NEWS}:contacts")) == 0


@pytest.mark.parametrize(("bucket", "part"), [("other", ""), ("contacts", CREATING)])
def test_a_probe_that_did_not_go_out_is_free_for_the_next_request(
    limiter: Limiter, store: Store, monkeypatch: pytest.MonkeyPatch, bucket: str, part: str
) -> None:
    limiter.pause(NEWS, REFUSED)
    limiter.pause(NEWS, OutOfCreditsError("402"), CREATING)
    store.redis.delete(store.key(f"probed:{NEWS}"), store.key(f"probed:{NEWS} {CREATING}"))
    gate = limiter.gate(NEWS)
    gate.reserve("contacts", part=part)
    if bucket == "contacts":
        monkeypatch.setattr("sync_tasks.rate_limits.limiter._GOOD_FOR", 0.0)
    permit = gate.acquire(bucket, part)
    assert (permit.probes, permit.probes_part) == (True, bool(part))


@pytest.mark.parametrize(("limit", "remaining", "counted"), [(5, 1, 4), (5, 0, 5), (5, 4, 0), (100, 3, 0)])
def test_what_others_used_of_a_limit_is_not_ours_to_ask_for(
    limiter: Limiter, store: Store, limit: int, remaining: int, counted: int
) -> None:
    limiter.record_usage(NEWS, "contacts", limit, remaining)
    assert others_in(store) == counted


def test_our_own_requests_are_not_counted_twice(limiter: Limiter, store: Store) -> None:
    gate = limiter.gate(NEWS)
    gate.record_usage(gate.acquire("contacts"), 5, 1)
    assert others_in(store) == 3


def test_when_the_process_ends_nobody_waits_for_long(limiter: Limiter) -> None:
    limiter.hold(NEWS, 7, "contacts")
    limiter._queues[NEWS, "contacts"].close(0)
    with pytest.raises(RateLimitedError, match="the worker is ending"):
        limiter.acquire(NEWS, "contacts")


def test_a_line_that_moves_too_slowly_is_not_waited_in_for_ever(
    limiter: Limiter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync_tasks.rate_limits.limiter.PATIENCE", 0.01)
    with (
        limiter._queues[NEWS, "contacts"].waiting(Priority.URGENT),
        pytest.raises(RateLimitedError, match="others wait for its limit too") as caught,
    ):
        limiter.acquire(NEWS, "contacts")
    assert caught.value.retry_after == 1


def test_half_of_an_hour_is_never_for_comparisons(limiter: Limiter, store: Store) -> None:
    for _ in range(2):
        limiter.acquire(NEWS, "contacts", Priority.BACKGROUND)
    store.redis.delete(store.key(WINDOW))
    with pytest.raises(RateLimitedError):
        limiter.acquire(NEWS, "contacts", Priority.BACKGROUND)
    assert limiter.acquire(NEWS, "contacts").bucket == "contacts"


def test_a_worker_that_ends_rests_no_longer_than_it_may(limiter: Limiter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sync_tasks.rate_limits.limiter.FAREWELL", 0.01)
    before = limiter.stopping
    limiter.rest(0.001)
    limiter.stop()
    limiter.rest(math.inf)
    assert (before, limiter.stopping) == (False, True)
