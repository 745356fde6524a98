"""From an opt-out at Brevo by webhook to the portal's own task: exactly once, also where the broker was away."""

from datetime import datetime
from pathlib import Path

import pytest

from sync_tasks.local.redis_server import EmbeddedRedis
from sync_tasks.state.webhook_counts import read_counts
from tests.support.evenings import reporting, start_portal
from tests.support.pipeline import address_of
from tests.support.processes import wait_until
from tests.support.station import READY, Station

TOKEN = "a-token-for-the-webhook"


def sign_up(station: Station, *users: str) -> None:
    """Have users at Brevo, and the receiver installed there."""
    _, origin = station.receiver()
    assert station.start_command("webhooks", "install", "--url", origin).process.wait(30) == 0
    for user_id in users:
        station.portal.accept("subscribe", user_id=user_id, newsletter="daily", email=address_of(user_id))
        station.wait_for_lists(user_id, 3)


@pytest.mark.slow
def test_the_portal_hears_once_of_each_opt_out_at_brevo_also_of_one_while_the_broker_was_away(tmp_path: Path) -> None:
    with (
        EmbeddedRedis() as broker,
        reporting(tmp_path, SYNC_WEBHOOK_TOKEN=TOKEN, SYNC_BROKER_URL=broker.url) as station,
    ):
        ear = start_portal(station, broker.url)
        station.beat()
        station.worker()
        ear.program.wait_for(READY)
        sign_up(station, "anna", "ben")

        station.brevo.act("unsubscribe", address_of("anna"))
        (first,) = ear.wait_for(1)
        broker.kill()
        noticed = read_counts(station.store, "default").get("noticed", 0)
        station.brevo.act("complain", address_of("ben"))
        wait_until(lambda: read_counts(station.store, "default").get("noticed", 0) > noticed, "the receiver took it")
        broker.start()
        ear.wait_for(2, 60)
        wait_until(lambda: not station.store.redis.exists("sync_tasks:dirty", "sync_tasks:due"), "all is settled", 60)

    reported = [(one["user_id"], one["kind"], one["account"]) for one in ear.reported]
    assert reported == [("anna", "unsubscribed", "default"), ("ben", "complaint", "default")]
    assert set(first) == {"user_id", "kind", "time", "account"}
    assert datetime.fromisoformat(first["time"]).tzinfo
