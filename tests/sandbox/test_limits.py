"""Brevo's rate limits."""

from dataclasses import replace

import pytest

from sync_tasks.sandbox import LimitSettings, Sandbox, SandboxSettings
from sync_tasks.sandbox.wire import Reply
from tests.support.sandbox_clock import Clock


@pytest.fixture
def settings(settings: SandboxSettings) -> SandboxSettings:
    return replace(settings, limits=LimitSettings(contacts_per_second=2, contacts_per_hour=5, others_per_hour=3))


def read(brevo: Sandbox, path: str = "/contacts") -> tuple[int, int, int, int]:
    """Ask for something; return status, limit, remaining and reset."""
    reply = brevo.request("GET", path)
    return (reply.status, *headers_of(reply))


def headers_of(reply: Reply) -> tuple[int, int, int]:
    values = {name.decode(): int(value) for name, value in reply.headers}
    return tuple(values[f"x-sib-ratelimit-{name}"] for name in ("limit", "remaining", "reset"))  # type: ignore[return-value]


def test_the_second_refuses_once_it_is_used_up_and_the_next_one_passes(brevo: Sandbox, clock: Clock) -> None:
    first, second, third = read(brevo), read(brevo), read(brevo)
    clock.pass_seconds(1)

    assert (first, second, third) == ((200, 2, 1, 1), (200, 2, 0, 1), (429, 2, 0, 1))
    assert read(brevo)[0] == 200


def test_the_hour_refuses_with_a_reset_far_away(brevo: Sandbox, clock: Clock) -> None:
    for _ in range(5):
        assert read(brevo)[0] == 200
        clock.pass_seconds(1)

    assert read(brevo) == (429, 5, 0, 3595)
    clock.pass_seconds(3595)
    assert read(brevo)[0] == 200


def test_everything_but_contacts_shares_one_small_hour(brevo: Sandbox, clock: Clock) -> None:
    seen = []
    for path in ("/account", "/webhooks", "/processes/1", "/account"):
        seen.append(read(brevo, path)[0])
        clock.pass_seconds(1)

    assert seen == [200, 200, 404, 429]
    assert read(brevo)[0] == 200


def test_the_limit_is_the_accounts_whatever_the_key(brevo: Sandbox) -> None:
    statuses = [brevo.request("GET", "/contacts", key=key).status for key in ("one", "two", "three")]

    assert statuses == [200, 200, 429]


def test_a_refused_request_does_nothing_is_counted_and_uses_nothing_up(brevo: Sandbox, clock: Clock) -> None:
    for number in range(4):
        brevo.request("POST", "/contacts", {"email": f"c{number}@portal.org"})
    clock.pass_seconds(1)

    assert len(brevo.contacts()) == 2
    assert brevo.limits.refused == 2
    assert brevo.journal.statuses == {201: 2, 429: 2}
    assert read(brevo) == (200, 2, 1, 1)


def test_a_request_without_a_key_gets_no_headers_and_uses_nothing_up(brevo: Sandbox) -> None:
    assert brevo.request("GET", "/contacts", key=None).headers == ()
    assert read(brevo)[2] == 1


@pytest.mark.parametrize(("kind", "start"), [("json", b"{"), ("html", b"<html>"), ("empty", b"")])
def test_the_body_of_a_429_may_be_anything(brevo: Sandbox, kind: str, start: bytes) -> None:
    brevo.quirks.rate_limit_body = kind  # type: ignore[assignment]
    reply = [brevo.request("GET", "/contacts") for _ in range(3)][-1]

    assert reply.status == 429
    assert reply.body[:6].startswith(start)
    assert bool(reply.body) is bool(start)
    assert headers_of(reply) == (2, 0, 1)


def test_limits_can_be_switched_off(brevo: Sandbox) -> None:
    brevo.limits.apply(LimitSettings(enabled=False))

    assert {brevo.request("GET", "/contacts").status for _ in range(50)} == {200}
