"""Workers and beat serve what they count where the environment says."""

import urllib.request

import pytest

from sync_tasks.config.environment import metrics_address
from sync_tasks.errors import ConfigurationError
from sync_tasks.local.redis_server import free_port
from tests.support.processes import wait_until
from tests.support.station import READY, SETTLED_WITHIN, Station


@pytest.mark.parametrize(
    ("reported", "address"),
    [("", None), ("127.0.0.1:9464", ("127.0.0.1", 9464)), ("[::1]:0", ("::1", 0)), ("metrics:80", ("metrics", 80))],
)
def test_an_address_is_a_host_and_a_port(
    monkeypatch: pytest.MonkeyPatch, reported: str, address: tuple[str, int] | None
) -> None:
    monkeypatch.setenv("SYNC_METRICS_ADDRESS", reported)
    assert metrics_address() == address


@pytest.mark.parametrize("reported", ["9464", ":9464", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:http", "a..b:9464"])
def test_anything_else_is_a_fault(monkeypatch: pytest.MonkeyPatch, reported: str) -> None:
    monkeypatch.setenv("SYNC_METRICS_ADDRESS", reported)
    with pytest.raises(ConfigurationError, match="an address and a port, like"):
        metrics_address()


def read(port: int) -> dict[str, float]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
        lines = answer.read().decode().splitlines()
    reported = (line.rsplit(" ", 1) for line in lines if line.startswith("sync_tasks_"))
    return {name: float(value) for name, value in reported}


def test_a_worker_counts_outcomes_requests_and_seconds(lonely_station: Station) -> None:
    port, station = free_port(), lonely_station
    worker = station.start_worker(SYNC_METRICS_ADDRESS=f"127.0.0.1:{port}")
    worker.wait_for(f"metrics of this worker on http://127.0.0.1:{port}/metrics")
    assert read(port)['sync_tasks_confirmation_seconds_count{task="unsubscribe_contact"}'] == 0
    station.brevo.add_fault("status", status=500, method="POST", count=1)
    station.portal.accept("subscribe", user_id="one", newsletter="daily", email="one@portal.org")
    station.wait_for_lists("one", 3)
    station.send("sync_tasks.unsubscribe_contact", user_id="one", newsletter="daily")
    station.send("portal.other")

    def has_counted() -> bool:
        reported = read(port)
        return reported.get("sync_tasks_refused_messages_total") == 1 and any(
            "dead letter" in name for name in reported
        )

    wait_until(has_counted, "all is counted", SETTLED_WITHIN)
    reported = read(port)
    assert reported['sync_tasks_events_total{outcome="synced",task="subscribe_contact"}'] == 1
    assert reported['sync_tasks_events_total{outcome="tried again",task="subscribe_contact"}'] == 1
    assert reported['sync_tasks_events_total{outcome="dead letter",task="unsubscribe_contact"}'] == 1
    assert reported['sync_tasks_retries_total{error="GatewayUnavailableError",task="subscribe_contact"}'] == 1
    assert reported['sync_tasks_provider_requests_total{answer="500",kind="POST /contacts"}'] == 1
    assert reported['sync_tasks_confirmation_seconds_count{task="subscribe_contact"}'] == 1
    assert 1 <= reported['sync_tasks_confirmation_seconds_sum{task="subscribe_contact"}'] < 60
    assert "portal.org" not in str(reported)


def test_beat_serves_the_numbers_of_the_state(lonely_station: Station) -> None:
    port, station = free_port(), lonely_station
    beat = station.celery("beat", SYNC_METRICS_ADDRESS=f"127.0.0.1:{port}")
    sent = 'sync_tasks_beat_sent_total{task="sync_tasks.sweep"}'
    wait_until(lambda: sent in scrape(port), "beat sends a sweep", SETTLED_WITHIN)
    reported = read(port)
    assert (reported["sync_tasks_state_reachable"], reported["sync_tasks_unsynced_contacts"]) == (1, 0)
    assert reported['sync_tasks_queue_messages{queue="sync_tasks.sweeps"}'] >= 1
    station.redis.stop()
    wait_until(lambda: read(port)["sync_tasks_state_reachable"] == 0, "Redis is away", SETTLED_WITHIN)
    assert beat.running


def scrape(port: int) -> dict[str, float]:
    try:
        return read(port)
    except OSError:
        return {}


def test_a_worker_whose_port_is_taken_works_without_metrics(lonely_station: Station) -> None:
    port = lonely_station.redis.url.rsplit(":", 1)[1].split("/")[0]
    worker = lonely_station.start_worker(SYNC_METRICS_ADDRESS=f"127.0.0.1:{port}")
    worker.wait_for(READY)
    worker.wait_for(f"SYNC_METRICS_ADDRESS: port {port} of 127.0.0.1: Address already in use; choose another")


def test_a_worker_does_not_start_with_half_an_address(lonely_station: Station) -> None:
    worker = lonely_station.start_worker(SYNC_METRICS_ADDRESS="9464")
    assert worker.process.wait(60) == 2
    assert "SYNC_METRICS_ADDRESS: an address and a port, like 127.0.0.1:9464" in worker.output
