"""Every setting is one that Celery and kombu know, and portals do not get in each other's way."""

import importlib
import runpy
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

import pytest
from celery.app.defaults import NAMESPACES, flatten
from kombu.transport.redis import Channel

from sync_tasks.domain import priority
from sync_tasks.tasks import config


def settings_of(module: ModuleType) -> Mapping[str, Any]:
    return {name: value for name, value in vars(module).items() if name.split("_")[0] in NAMESPACES}


@pytest.fixture
def other_portal(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.setenv("SYNC_NAMESPACE", "other")
    monkeypatch.setenv("SYNC_REDIS_URL", "rediss://redis.example.com:6379/0")
    monkeypatch.delenv("SYNC_BROKER_URL", raising=False)
    yield importlib.reload(config)
    monkeypatch.undo()
    # A reload keeps the names that it does not set, and this one would have everybody speak TLS from here on.
    vars(config).pop("broker_use_ssl", None)
    importlib.reload(config)


def test_celery_knows_every_setting() -> None:
    known = set(dict(flatten(NAMESPACES)))
    assert set(settings_of(config)) <= known
    assert len(settings_of(config)) > 30


def test_kombu_knows_every_transport_option() -> None:
    assert set(config.broker_transport_options) <= set(Channel.from_transport_options)


def test_the_top_level_file_says_the_same() -> None:
    top_level = importlib.import_module("celeryconfig")
    assert settings_of(top_level) == settings_of(config)


def test_each_queue_gets_its_own_messages_only() -> None:
    bindings = [(queue.exchange.name, queue.routing_key) for queue in config.task_queues]
    assert len(set(bindings)) == len(bindings)


def test_a_second_portal_shares_no_name_in_redis(other_portal: ModuleType) -> None:
    names = [queue.name for queue in other_portal.task_queues]
    names += [other_portal.control_exchange, other_portal.event_exchange, other_portal.event_queue_prefix]
    names += [value for name, value in other_portal.broker_transport_options.items() if name.endswith("_key")]
    assert len(names) == 10
    assert all(name.startswith("other") for name in names)


def test_a_redis_over_tls_must_prove_who_it_is(other_portal: ModuleType) -> None:
    assert other_portal.broker_url.startswith("rediss://")
    assert other_portal.broker_use_ssl["ssl_cert_reqs"].name == "CERT_REQUIRED"


def test_a_nudge_does_not_wait_long_for_a_server_that_hangs() -> None:
    from sync_tasks.tasks.app import app

    with app.connection_for_write() as connection:
        options = connection.transport_options or {}
        assert options["socket_timeout"] < app.conf.broker_transport_options["socket_timeout"]


def test_what_is_urgent_by_the_rules_goes_through_the_urgent_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(priority, "ENDING", frozenset({"unsubscribe_contact", "leave_contact"}))
    routes = runpy.run_path(config.__file__ or "")["task_routes"]
    urgent = {name for name, route in routes.items() if route["queue"].endswith(".urgent")}
    assert urgent == {"sync_tasks.unsubscribe_contact", "sync_tasks.leave_contact"}
