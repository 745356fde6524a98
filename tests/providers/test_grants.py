"""No request leaves without a grant, and a grant that is refused is an error like any other."""

from collections.abc import Callable
from contextlib import suppress

import pytest
from tenacity import RetryCallState

from sync_tasks.errors import (
    AccountPausedError,
    GatewayUnavailableError,
    RateLimitedError,
    SyncError,
    UnauthorizedError,
)
from sync_tasks.providers import Permit
from sync_tasks.providers.brevo.client import Brevo
from sync_tasks.providers.brevo.connection import Patience
from tests.providers.conftest import QUICK
from tests.support.brevo_samples import ADDRESS, HTML, NEW, RENAMED, remote
from tests.support.scripted_brevo import Script, answer


class Turnstile:
    """A gate made of one function, which remembers what it was reported."""

    def __init__(self, acquire: Callable[[str], None]) -> None:
        self.ask = acquire
        self.reported: list[type[SyncError] | None] = []
        self.quotas: list[tuple[int, int]] = []

    def acquire(self, bucket: str, part: str = "") -> Permit:
        self.ask(bucket)
        return Permit(bucket, part)

    def report(self, permit: Permit, error: SyncError | None) -> None:  # noqa: ARG002 - one for all
        self.reported.append(type(error) if error else None)

    def record_usage(self, permit: Permit, limit: int, remaining: int) -> None:  # noqa: ARG002 - one for all
        self.quotas.append((limit, remaining))


def gateway_with(script: Script, grant: Callable[[str], None]) -> Brevo:
    return Brevo("xkeysib-secret", base_url=script.url, patience=QUICK, gate=Turnstile(grant))


def test_the_gate_is_reported_how_each_request_went_but_not_of_the_firewall(script: Script) -> None:
    gate = Turnstile(lambda _bucket: None)
    gateway = Brevo("xkeysib-secret", base_url=script.url, patience=QUICK, gate=gate)
    script.says(answer(503), answer(200, remote()), answer(403, HTML), answer(401, {}))

    gateway.find_address(ADDRESS)
    with pytest.raises(SyncError):
        gateway.create(NEW)
    gateway.close()

    assert gate.reported == [GatewayUnavailableError, None, UnauthorizedError]


def test_every_request_is_granted_first_also_those_tried_again(script: Script) -> None:
    buckets: list[str] = []
    gateway = gateway_with(script, buckets.append)
    script.says(answer(503), answer(200, remote()), answer(403, HTML), answer(403, HTML))

    gateway.find_address(ADDRESS)
    with pytest.raises(SyncError):
        gateway.create(NEW)
    gateway.close()

    assert buckets == ["contacts"] * 4
    assert len(script.asked) == 4


@pytest.mark.parametrize("refusal", [RateLimitedError("used up", 2.5), AccountPausedError("paused", 30.0)])
def test_nothing_is_sent_without_a_grant(script: Script, refusal: SyncError) -> None:
    def refuse(_bucket: str) -> None:
        raise refusal

    gateway = gateway_with(script, refuse)

    with pytest.raises(type(refusal)) as caught:
        gateway.create(NEW)
    assert caught.value is refusal
    assert script.asked == []


def test_a_grant_refused_to_a_second_try_does_not_hide_the_unknown_outcome(script: Script) -> None:
    def grant_once(_bucket: str) -> None:
        if script.asked:
            raise RateLimitedError("used up", 2.5)

    gateway = gateway_with(script, grant_once)
    script.says(answer(502))

    with pytest.raises(GatewayUnavailableError, match="used up") as caught:
        gateway.change(42, RENAMED)
    gateway.close()
    assert caught.value.outcome_unknown


def test_the_longest_call_is_reported() -> None:
    assert Patience(connect=1, read=2, pause=0.5, within=4).longest == 10


@pytest.mark.parametrize(("tried", "longest"), [(1, 0.5), (2, 1.0), (3, 2.0), (4, 2.0), (9, 2.0)])
def test_between_two_tries_lie_up_to_one_two_and_then_always_four_pauses(
    monkeypatch: pytest.MonkeyPatch, tried: int, longest: float
) -> None:
    monkeypatch.setattr("random.uniform", lambda _shortest, longest: longest)
    trying = Patience(pause=0.5).retrying(bool)
    tries = RetryCallState(trying, None, (), {})
    tries.attempt_number = tried
    assert trying.wait(tries) == longest


def test_the_gate_is_reported_what_brevo_says_is_left_of_a_limit(script: Script) -> None:
    gate = Turnstile(lambda _bucket: None)
    gateway = Brevo("xkeysib-secret", base_url=script.url, patience=QUICK, gate=gate)
    headers = {"x-sib-ratelimit-limit": "10", "x-sib-ratelimit-remaining": "3"}
    nonsense = [headers | {"x-sib-ratelimit-remaining": "soon"}, headers | {"x-sib-ratelimit-limit": "9" * 5000}]
    script.says(*(answer(200, remote(), each) for each in (headers, *nonsense)))

    for _ in range(3):
        gateway.read(7)
    gateway.close()

    assert gate.quotas == [(10, 3)]


@pytest.mark.parametrize(
    ("status", "code", "quota"),
    [(404, "document_not_found", [(2, 1)]), (400, "invalid_parameter", [(2, 1)]), (429, "too_many_requests", [])],
)
def test_so_it_is_by_an_answer_that_is_no_success_but_for_a_429(
    script: Script, status: int, code: str, quota: list[tuple[int, int]]
) -> None:
    """Whoever looks for people whom Brevo does not have gets no other answers."""
    gate = Turnstile(lambda _bucket: None)
    gateway = Brevo("xkeysib-secret", base_url=script.url, patience=QUICK, gate=gate)
    headers = {"x-sib-ratelimit-limit": "2", "x-sib-ratelimit-remaining": "1"}
    script.says(answer(status, {"code": code, "message": "no"}, headers))

    with suppress(SyncError):
        gateway.read(7)
    gateway.close()

    assert gate.quotas[:1] == quota
