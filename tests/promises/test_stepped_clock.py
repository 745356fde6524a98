"""Redis' clock is put an hour forwards or back, as a wrong time server does it: no opt-out is lost, and all goes on."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import cast
from unittest import SkipTest

import pytest
from pydantic import SecretStr

from sync_tasks.config.settings import Account, Settings
from sync_tasks.domain.timestamps import MICROSECONDS_PER_SECOND
from sync_tasks.errors import AccountPausedError, InvalidEventError, UnauthorizedError
from sync_tasks.providers import Permit
from sync_tasks.rate_limits.limiter import Limiter
from sync_tasks.sandbox.server import ServedSandbox
from sync_tasks.state.connection import connect
from sync_tasks.state.store import Lease, Sighting, Store
from sync_tasks.tasks.sweeper import _follow_clock, _is_alone
from tests.support.pipeline import SETTINGS, Pipeline, address_of, build_resources
from tests.support.processes import wait_until
from tests.support.shifting import ShiftedRedis, shifted_redis

HOUR = 3600
STEPS = [(0, 1), (0, -1), (1, 0), (-1, 0)]


@pytest.fixture
def shifted(tmp_path: Path) -> Iterator[ShiftedRedis]:
    try:
        with shifted_redis(tmp_path) as server:
            yield server
    except SkipTest as reason:
        pytest.skip(str(reason))


@pytest.fixture
def stepped(shifted: ShiftedRedis, served: ServedSandbox, brevo: object) -> Iterator[Pipeline]:  # noqa: ARG001 - empties it
    """A pipeline whose Redis has a clock that steps."""
    account = Account(base_url=served.url, requests_per_second=1000, api_key=SecretStr("key"))
    settings = Settings.model_validate({**SETTINGS, "accounts": {"default": account}})
    store = Store(connect(shifted.url), "sync_tasks")
    pipeline = Pipeline(build_resources(settings, store), served.sandbox)
    yield pipeline
    pipeline.close()


def put_clock(shifted: ShiftedRedis, store: Store, hours: float) -> None:
    """Put the clock, and wait until the server goes by it."""
    shifted.put_clock(hours)
    wait_until(lambda: abs(ahead(store) - hours * HOUR) < HOUR / 2, "the server's clock")


def ahead(store: Store) -> float:
    return int(store.now()) / MICROSECONDS_PER_SECOND - datetime.now(UTC).timestamp()


def opts_out_by_redis(pipeline: Pipeline) -> None:
    pipeline.unsubscribe("ada")


def opts_out_by_a_host(pipeline: Pipeline) -> None:
    pipeline.unsubscribe("ada", occurred_at=datetime.now(UTC))


@pytest.mark.parametrize(
    ("before", "after", "opts_out"),
    [
        *((before, after, opts_out_by_redis) for before, after in STEPS),
        *((before, after, opts_out_by_a_host) for before, after in STEPS if after >= 0),
    ],
)
def test_no_opt_out_is_lost(
    shifted: ShiftedRedis, stepped: Pipeline, before: int, after: int, opts_out: Callable[[Pipeline], None]
) -> None:
    put_clock(shifted, stepped.store, before)
    stepped.subscribe("ada")
    stepped.work()
    put_clock(shifted, stepped.store, after)
    opts_out(stepped)
    stepped.work()
    assert stepped.lists("ada") == set()


def test_an_opt_out_reported_an_hour_ahead_of_redis_clock_is_refused_and_not_lost_in_silence(
    shifted: ShiftedRedis, stepped: Pipeline
) -> None:
    put_clock(shifted, stepped.store, -1)
    with pytest.raises(InvalidEventError, match="by Redis' clock"):
        opts_out_by_a_host(stepped)


def test_no_opt_out_is_lost_while_redis_clock_is_an_hour_ahead(shifted: ShiftedRedis, stepped: Pipeline) -> None:
    put_clock(shifted, stepped.store, 1)
    stepped.subscribe("ada")
    stepped.work()
    opts_out_by_a_host(stepped)
    put_clock(shifted, stepped.store, 0)
    stepped.work()
    assert stepped.lists("ada") == set()


@pytest.mark.parametrize("hours", [1, 0])
def test_no_opt_out_at_brevo_is_lost(shifted: ShiftedRedis, stepped: Pipeline, hours: int) -> None:
    """The subscription was stamped by a clock an hour ahead; Brevo reports the opt-out by its own."""
    put_clock(shifted, stepped.store, 1)
    stepped.subscribe("ada")
    stepped.work()
    put_clock(shifted, stepped.store, hours)
    stepped.brevo.act("unsubscribe", address_of("ada"))
    moment = f"{int(datetime.now(UTC).timestamp() * MICROSECONDS_PER_SECOND):016d}"
    stepped.store.mark_changed("default", [Sighting(user_id="ada", kind="unsubscribed", moment=moment)])
    stepped.work()
    assert stepped.held("ada")["emailBlacklisted"]


@pytest.mark.parametrize(("before", "after"), STEPS)
def test_whoever_subscribes_anew_after_the_step_is_subscribed(
    shifted: ShiftedRedis, stepped: Pipeline, before: int, after: int
) -> None:
    put_clock(shifted, stepped.store, before)
    stepped.subscribe("ada")
    stepped.unsubscribe("ada")
    stepped.work()
    put_clock(shifted, stepped.store, after)
    stepped.subscribe("ada")
    stepped.work()
    assert stepped.lists("ada") == {3}


@pytest.mark.parametrize("hours", [1, -1])
def test_a_lease_is_cut_back_to_its_own_length(shifted: ShiftedRedis, stepped: Pipeline, hours: int) -> None:
    stepped.subscribe("ada")
    assert isinstance(stepped.store.lease("ada", 2), Lease)
    put_clock(shifted, stepped.store, hours)
    taken = wait_until(lambda: [lease for lease in [stepped.store.lease("ada", 2)] if lease != "busy"], "the lease")
    assert isinstance(taken[0], Lease)


@pytest.mark.parametrize("hours", [1, -1])
def test_windows_holds_and_pauses_are_cut_back(shifted: ShiftedRedis, stepped: Pipeline, hours: int) -> None:
    slow = Account(requests_per_second=1, requests_per_hour=100, api_key=SecretStr("key"))
    limiter = Limiter(stepped.store, {"default": slow, "paused": slow, "held": slow}, probe_every=2)
    for account in ("default", "paused", "held"):
        limiter.acquire(account, "contacts")
    limiter.hold("held", 2, "contacts")
    limiter.pause("paused", UnauthorizedError("401"))
    put_clock(shifted, stepped.store, hours)

    assert limiter.acquire("default", "contacts").probes is False
    assert limiter.acquire("held", "contacts").probes is False
    gate = limiter.gate("paused")
    probe = wait_until(lambda: _ask(gate.acquire), "a probe")
    assert probe
    gate.report(probe, None)
    assert limiter.paused("paused") is None


def _ask(acquire: Callable[[str], Permit]) -> Permit | None:
    try:
        return acquire("contacts")
    except AccountPausedError:
        return None


def sweep_once(store: Store) -> None:
    assert _is_alone(store)
    _follow_clock(store)
    store.note_sweep()


def test_what_was_put_off_is_due_no_later_than_before_the_clock_was_put_back(
    shifted: ShiftedRedis, stepped: Pipeline
) -> None:
    """The sweep notices, for its own last moment lies ahead; not even its lock keeps it from that."""
    store = stepped.store
    put_clock(shifted, store, 1)
    sweep_once(store)
    store.redis.zadd(
        store.key("due"), {f"u{number}": int(store.now()) + 60 * MICROSECONDS_PER_SECOND for number in range(1200)}
    )
    put_clock(shifted, store, 0)
    sweep_once(store)
    ((_, latest),) = cast("list[tuple[str, float]]", store.redis.zrange(store.key("due"), -1, -1, withscores=True))
    assert latest - int(store.now()) < 120 * MICROSECONDS_PER_SECOND
