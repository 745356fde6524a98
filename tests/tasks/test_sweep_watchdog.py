"""Each worker says loudly that nobody sweeps, once somebody does again, and accuses nobody while Redis is away."""

import logging
import threading

import pytest
from redis import ConnectionError as RedisConnectionError

from sync_tasks.domain.timestamps import MICROSECONDS_PER_SECOND
from sync_tasks.state.connection import connect
from sync_tasks.state.store import Store
from sync_tasks.tasks import sweep_watchdog
from sync_tasks.tasks.bootstrap import worker_resources
from sync_tasks.tasks.sweep_watchdog import look, report_scarcity, watch
from tests.support.processes import wait_until

LONGEST, LONG = 60.0, 3600.0


def swept(store: Store, seconds_ago: float) -> None:
    store.redis.set(store.key("swept"), int(store.now()) - int(seconds_ago * MICROSECONDS_PER_SECOND))


def said(caplog: pytest.LogCaptureFixture) -> list[tuple[int, str]]:
    return [(record.levelno, record.getMessage()) for record in caplog.records if "swe" in record.getMessage()]


def test_a_sweep_not_long_ago_is_no_news(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    swept(store, LONGEST - 10)
    assert not look(store, LONG, LONGEST, missing=False)
    assert said(caplog) == []


@pytest.mark.parametrize("ago", [120, None])
def test_without_a_sweep_for_too_long_the_log_asks_for_beat(
    store: Store, caplog: pytest.LogCaptureFixture, ago: float | None
) -> None:
    if ago:
        swept(store, ago)
    assert look(store, LONG, LONGEST, missing=False)
    assert look(store, LONG, LONGEST, missing=True)
    line = f"nobody has swept for {ago or LONG:.0f} s: is `celery -A sync_tasks beat` running?"
    assert said(caplog) == [(logging.ERROR, line)] * 2


def test_a_worker_that_just_started_has_seen_too_little_to_complain(store: Store) -> None:
    assert not look(store, LONGEST - 1, LONGEST, missing=False)


def test_that_sweeps_go_on_again_is_said_once(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    swept(store, 1)
    assert not look(store, LONG, LONGEST, missing=True)
    assert not look(store, LONG, LONGEST, missing=False)
    assert said(caplog) == [(logging.WARNING, "sweeps go on again")]


@pytest.mark.parametrize("missing", [True, False])
def test_while_redis_is_away_nothing_is_known_and_nothing_said(
    caplog: pytest.LogCaptureFixture, *, missing: bool
) -> None:
    away = Store(connect("redis://127.0.0.1:1/0"), "sync_tasks")
    assert look(away, LONG, LONGEST, missing=missing) is missing
    assert said(caplog) == []


@pytest.mark.usefixtures("worker_environment")
def test_what_an_account_grants_less_than_configured_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    context = worker_resources()
    assert not report_scarcity(context)
    context.limiter.record_usage("default", "contacts", 2, 2)
    assert report_scarcity(context)
    (line,) = [record for record in caplog.records if "grants" in record.getMessage()]
    assert line.levelno == logging.WARNING
    assert line.getMessage().startswith("account default: Brevo grants 2 requests a second, and 10 are configured")


@pytest.mark.usefixtures("worker_environment")
def test_while_redis_is_away_nobody_asks_what_an_account_grants(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise RedisConnectionError

    context = worker_resources()
    monkeypatch.setattr(context.limiter, "read_scarcity", refuse)
    assert not report_scarcity(context)


@pytest.mark.usefixtures("worker_environment")
def test_a_worker_watches_until_it_ends(
    store: Store, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep_watchdog, "SHORTEST_ALARM", 0.1)
    monkeypatch.setattr(sweep_watchdog, "MISSED_GRACES", 0)
    watcher = threading.Thread(target=watch)
    worker_resources()
    watcher.start()
    wait_until(lambda: "nobody has swept" in caplog.text, "the alarm")

    def all_clear() -> bool:
        swept(store, 0)
        return "sweeps go on again" in caplog.text

    wait_until(all_clear, "the all-clear")
    worker_resources().limiter.stop()
    watcher.join(10)
    assert not watcher.is_alive()
