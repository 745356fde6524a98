"""What a worker and beat serve, in this process: only if an address is set, and never at the cost of the work."""

import logging
import socket
from types import SimpleNamespace
from typing import Any

import pytest

from sync_tasks.errors import ConfigurationError
from sync_tasks.meters import SENT
from sync_tasks.monitoring import exporter


@pytest.fixture
def doings(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """What was served, added and connected."""
    found: list[tuple[object, ...]] = []
    monkeypatch.setattr(exporter, "_serve", lambda *words: found.append(("serve", *words)))
    monkeypatch.setattr(exporter, "_add_state", lambda: found.append(("state",)))
    signal = SimpleNamespace(connect=lambda what: found.append(("connect", what.__name__)))
    for name in ("after_task_publish", "worker_ready", "beat_init"):
        monkeypatch.setattr(exporter, name, signal)
    return found


@pytest.mark.parametrize("address", ["", "127.0.0.1:9464"])
def test_metrics_are_served_only_if_an_address_is_set(
    doings: list[tuple[object, ...]], monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("SYNC_METRICS_ADDRESS", address)
    exporter.serve_worker()
    exporter.serve_beat()
    worker = [("serve", "worker", "127.0.0.1", 9464)]
    beat = [("connect", "count_sent"), ("state",), ("serve", "beat", "127.0.0.1", 9464)]
    assert doings == ([*worker, *beat] if address else [])


def test_both_parts_are_heard_when_they_are_ready(doings: list[tuple[object, ...]]) -> None:
    exporter.connect()
    assert doings == [("connect", "serve_worker"), ("connect", "serve_beat")]


def test_a_message_is_counted_by_its_task() -> None:
    def count(task: str) -> float:
        return float(SENT.labels(task)._value.get())

    before = count("of.a.test"), count("None")
    exporter.count_sent("of.a.test")
    exporter.count_sent()
    assert (count("of.a.test"), count("None")) == (before[0] + 1, before[1] + 1)


def test_a_port_that_is_taken_is_one_line_and_a_free_one_is_another(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, caplog.at_level(logging.INFO):
        port = taken.getsockname()[1]
        exporter._serve("beat", "127.0.0.1", port)
        taken.close()
        exporter._serve("beat", "127.0.0.1", port)
    assert [record.getMessage() for record in caplog.records] == [
        f"SYNC_METRICS_ADDRESS: port {port} of 127.0.0.1: Address already in use; choose another",
        f"metrics of this beat on http://127.0.0.1:{port}/metrics",
    ]


@pytest.mark.usefixtures("worker_environment")
@pytest.mark.parametrize("good", [True, False])
def test_beat_adds_the_numbers_of_the_state_if_the_configuration_is_good(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, *, good: bool
) -> None:
    added: list[Any] = []
    monkeypatch.setattr("prometheus_client.REGISTRY", SimpleNamespace(register=added.append))

    def refuse() -> None:
        raise ConfigurationError("sync_tasks.toml: there is no such file", "and another fault")

    if not good:
        monkeypatch.setattr("sync_tasks.config.settings.load_settings", refuse)
    exporter._add_state()
    said = ["beat's metrics lack the numbers of the state: sync_tasks.toml: there is no such file"]
    assert [record.getMessage() for record in caplog.records] == ([] if good else said)
    if good:
        (collector,) = added
        assert "sync_tasks_unsynced_contacts" in {metric.name for metric in collector.collect()}
    else:
        assert added == []
