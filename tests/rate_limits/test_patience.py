"""Work that no event waits for: how often and how long it waits, and what ends that."""

from typing import Any, cast

import pytest

from sync_tasks.domain.priority import Priority
from sync_tasks.errors import (
    AccountPausedError,
    GatewayUnavailableError,
    RateLimitedError,
    RejectedContactError,
    SyncError,
    TransientError,
)
from sync_tasks.providers import Permit
from sync_tasks.rate_limits.limiter import Limiter
from sync_tasks.rate_limits.patience import TRIES, PatientGate, ask_patiently
from sync_tasks.state.store import Store

AWAY = GatewayUnavailableError("GET /contacts: 503")
PERMIT = Permit("contacts")


class Rests(Limiter):
    """A limiter that never rests, and says how long it should have; it ends after so many rests."""

    def __init__(self, *answers: Permit | SyncError, ends_after: int = 99) -> None:
        super().__init__(cast("Store", None), {})
        self.seconds: list[float] = []
        self.asked: list[tuple[Any, ...]] = []
        self._answers, self._ends_after = iter(answers), ends_after

    @property
    def stopping(self) -> bool:
        return len(self.seconds) >= self._ends_after

    def rest(self, seconds: float) -> None:
        self.seconds.append(seconds)
        assert len(self.seconds) <= TRIES, "it rests without an end"

    def acquire(self, account: str, bucket: str, *rest: Any, begun: bool = False) -> Permit:
        self.asked.append((account, bucket, rest[0], rest[-1], begun))
        answer = next(self._answers)
        if isinstance(answer, Permit):
            return answer
        raise answer


def ask(limiter: Limiter, *answers: SyncError | str) -> tuple[str, list[TransientError]]:
    """Ask until there is an answer; return it with the errors that were looked at."""
    left, looked = iter(answers), list[TransientError]()

    def request() -> str:
        answer = next(left)
        if isinstance(answer, SyncError):
            raise answer
        return answer

    return ask_patiently(request, limiter, looked.append), looked


def test_it_asks_again_after_ever_longer_rests() -> None:
    limiter = Rests()
    assert ask(limiter, *[AWAY] * 7, "a page") == ("a page", [AWAY] * 7)
    assert limiter.seconds == [1, 2, 4, 8, 15, 15, 15]


def test_the_last_error_is_the_callers() -> None:
    errors = [GatewayUnavailableError(str(number)) for number in range(TRIES)]
    limiter = Rests()
    with pytest.raises(GatewayUnavailableError, match=r"^7$"):
        ask(limiter, *errors)
    assert len(limiter.seconds) == TRIES - 1


@pytest.mark.parametrize(("error", "ends_after"), [(AWAY, 0), (RejectedContactError("400"), 99)])
def test_what_does_not_pass_or_comes_as_the_process_ends_is_not_waited_for(error: SyncError, ends_after: int) -> None:
    limiter = Rests(ends_after=ends_after)
    with pytest.raises(type(error)):
        ask(limiter, error, "a page")
    assert limiter.seconds == []


def _fail() -> str:
    raise AWAY


def _refuse(error: TransientError) -> None:
    raise error


def test_an_error_may_be_too_much_for_whoever_looks_at_it() -> None:
    limiter = Rests()
    with pytest.raises(GatewayUnavailableError):
        ask_patiently(_fail, limiter, _refuse)
    assert limiter.seconds == []


def test_without_anybody_who_looks_it_only_waits() -> None:
    limiter, numbers = Rests(), iter(["", "a page"])
    assert ask_patiently(lambda: next(numbers) or _fail(), limiter) == "a page"
    assert limiter.seconds == [1]


def gate(limiter: Limiter) -> PatientGate:
    return PatientGate(limiter, "news")


def test_a_patient_gate_waits_as_long_as_the_limit_says_behind_everybody_else() -> None:
    limiter = Rests(RateLimitedError("429", 7), RateLimitedError("429"), PERMIT)
    assert gate(limiter).acquire("contacts", "creating") is PERMIT
    assert limiter.seconds == [7, 1]
    assert limiter.asked == [("news", "contacts", Priority.BACKGROUND, "creating", False)] * 3


def test_a_patient_gate_waits_for_no_pause_and_not_as_the_process_ends() -> None:
    with pytest.raises(AccountPausedError):
        gate(paused := Rests(AccountPausedError("paused", 30))).acquire("contacts")
    with pytest.raises(RateLimitedError):
        gate(ending := Rests(RateLimitedError("429", 7), ends_after=0)).acquire("contacts")
    assert paused.seconds == ending.seconds == []


def test_a_gate_that_had_a_permit_has_begun() -> None:
    limiter = Rests(PERMIT, PERMIT)
    one = gate(limiter)
    one.acquire("contacts")
    one.acquire("contacts")
    assert [asked[-1] for asked in limiter.asked] == [False, True]
