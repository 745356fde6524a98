"""The requests of a probe: the account's limits come first, all processes hear of them, and there is a bound."""

from collections import deque

import pytest

from sync_tasks.errors import ProbeBudgetError, RateLimitedError, SyncError, UnauthorizedError
from sync_tasks.probe import budget
from sync_tasks.probe.budget import MOST, RESERVED, BudgetGate, compare_limit
from sync_tasks.providers import Permit


class InnerGate:
    """Grants a permit, unless an error comes first, and notes what it is handed."""

    def __init__(self, *errors: SyncError) -> None:
        self.errors = deque(errors)
        self.reported = list[tuple[str, SyncError | None]]()
        self.usage = list[tuple[str, int, int]]()

    def acquire(self, bucket: str, part: str = "") -> Permit:
        if self.errors:
            raise self.errors.popleft()
        return Permit(bucket, part)

    def report(self, permit: Permit, error: SyncError | None) -> None:
        self.reported.append((permit.bucket, error))

    def record_usage(self, permit: Permit, limit: int, remaining: int) -> None:
        self.usage.append((permit.bucket, limit, remaining))


def test_what_came_of_a_request_is_handed_on_and_a_429_is_noted() -> None:
    inner = InnerGate()
    gate = BudgetGate(inner, lambda: None, lambda _: None)
    permit, limited, refused = (
        gate.acquire("contacts"),
        RateLimitedError("slow", retry_after=7.0),
        UnauthorizedError("no"),
    )
    for error in (None, limited, refused):
        gate.report(permit, error)
    gate.record_usage(permit, 10, 3)
    assert inner.reported == [("contacts", None), ("contacts", limited), ("contacts", refused)]
    assert (inner.usage, gate.limits, gate.refusals) == ([("contacts", 10, 3)], {"contacts": 10}, [7.0])


def test_each_request_is_counted_and_keeps_others_out_until_none_is_left() -> None:
    renewed = list[int]()
    gate = BudgetGate(InnerGate(), lambda: renewed.append(1), lambda _: None)
    for bucket in ["contacts"] * (MOST - RESERVED - 1) + ["other"]:
        gate.acquire(bucket)
    with pytest.raises(ProbeBudgetError, match=f"made {MOST - RESERVED} requests"):
        gate.acquire("other")
    assert (gate.used, len(renewed)) == ({"contacts": MOST - RESERVED - 1, "other": 1}, MOST - RESERVED)
    gate.reserved = 0
    gate.acquire("other")
    assert gate.total == MOST - RESERVED + 1


def test_a_limit_that_is_used_up_is_waited_for_as_long_as_it_says() -> None:
    waited = list[float]()
    inner = InnerGate(RateLimitedError("slow", retry_after=2.5), RateLimitedError("slow"))
    gate = BudgetGate(inner, lambda: None, waited.append)
    gate.acquire("contacts")
    assert (waited, gate.total) == ([2.5, 1.0], 1)


def test_a_limit_that_is_used_up_for_long_ends_the_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "_PATIENCE", 5.0)
    waited = list[float]()
    gate = BudgetGate(InnerGate(RateLimitedError("slow", retry_after=6.0)), lambda: None, waited.append)
    with pytest.raises(RateLimitedError):
        gate.acquire("contacts")
    assert (waited, gate.total) == ([], 0)


@pytest.mark.parametrize(
    ("reported", "answer", "found"),
    [
        (None, "not reported", ""),
        (10, "enough", "10 a second, 10 configured"),
        (9, "less", "9 a second, 10 configured"),
        (36_000, "enough", "36000 an hour, 36000 configured"),
        (35_000, "less", "35000 an hour, 36000 configured"),
        (40_000, "enough", "40000 an hour, 36000 configured"),
    ],
)
def test_the_limit_that_brevo_names_is_compared_with_its_own_window(
    reported: int | None, answer: str, found: str
) -> None:
    assert compare_limit(reported, {"a second": 10.0, "an hour": 36_000.0}) == (answer, found)
