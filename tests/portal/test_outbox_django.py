"""The outbox of a Django portal, in processes of its own: Django's settings are one for each process."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import redis

from sync_tasks.local.redis_server import free_port
from sync_tasks.state.store import Store
from tests.support.station import ROOT

pytest.importorskip("django", reason="django is not installed: pip install django")

PORTAL = """
import json, sys
import django
from django.conf import settings

settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "portal.db"}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=["sync_tasks.portal.django"],
)
django.setup()
from django.core.management import call_command
from django.db import connection, transaction
from sync_tasks.portal.django import outbox

def waiting():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM sync_tasks_outbox WHERE error IS NULL")
        return cursor.fetchone()[0]

ANNA = {"user_id": "anna", "newsletter": "daily", "email": "anna@portal.org"}
call_command("migrate", verbosity=0)
"""


def run_portal(folder: Path, url: str, code: str) -> Any:  # noqa: ANN401 - whatever it prints
    env = {name: text for name, text in os.environ.items() if not name.startswith("SYNC_")}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PORTAL + code],
        env=env | {"PYTHONPATH": str(ROOT), "SYNC_REDIS_URL": url},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "anna@portal.org" not in done.stderr
    return json.loads(done.stdout.splitlines()[-1])


COMMIT = """
with transaction.atomic():
    outbox.subscribe_contact(**ANNA)
    inside = waiting()
print(json.dumps([inside, waiting()]))
"""


def test_what_is_committed_is_relayed_at_once(tmp_path: Path, redis_url: str, store: Store) -> None:
    assert run_portal(tmp_path, redis_url, COMMIT) == [1, 0]
    contact = store.peek("anna")
    assert contact is not None
    assert "daily" in contact.subscriptions()


PUT_BACK = """
from sync_tasks.portal.outbox_sql import CLOCKS
CLOCKS["sqlite"] = f"({CLOCKS['sqlite']} - 3600000000)"
from datetime import UTC, datetime, timedelta
with transaction.atomic():
    outbox.unsubscribe_contact(user_id="anna", newsletter="daily", occurred_at=datetime.now(UTC) - timedelta(hours=1))
print(json.dumps(waiting()))
"""


def test_an_opt_out_counts_although_the_clock_was_put_back_since_the_subscription(
    tmp_path: Path, redis_url: str, store: Store
) -> None:
    run_portal(tmp_path, redis_url, COMMIT)
    assert run_portal(tmp_path, redis_url, PUT_BACK) == 0
    contact = store.peek("anna")
    assert contact is not None
    assert [subscribed for _, subscribed in contact.subscriptions().values()] == [False]


ROLLBACK = """
try:
    with transaction.atomic():
        outbox.subscribe_contact(**ANNA)
        raise ValueError
except ValueError:
    print(json.dumps(waiting()))
"""


def test_what_is_rolled_back_never_was(tmp_path: Path, redis_url: str, store: Store) -> None:
    assert run_portal(tmp_path, redis_url, ROLLBACK) == 0
    assert store.peek("anna") is None


REFUSED = """
from sync_tasks.errors import InvalidEventError
try:
    outbox.subscribe_contact(user_id="anna", email="anna@portal.org")
except InvalidEventError as error:
    print(json.dumps([str(error), waiting()]))
"""


def test_bad_input_is_refused_before_anything_is_written(tmp_path: Path, redis_url: str) -> None:
    assert run_portal(tmp_path, redis_url, REFUSED) == ["subscribe_contact refused: newsletter: missing", 0]


RELAY = """
call_command("relay_outbox", until_empty=True)
print(json.dumps(waiting()))
"""


def test_while_redis_is_away_the_request_goes_on_and_the_relay_sees_to_it(
    tmp_path: Path, redis_url: str, redis_client: redis.Redis, store: Store
) -> None:
    away = f"redis://127.0.0.1:{free_port()}/0"
    assert run_portal(tmp_path, away, COMMIT) == [1, 1]
    assert redis_client.keys("*contacts*") == []
    assert run_portal(tmp_path, redis_url, RELAY) == 0
    assert store.peek("anna") is not None


BACK = """
call_command("migrate", "sync_tasks_outbox", "zero", verbosity=0)
print(json.dumps(connection.introspection.table_names()))
"""


def test_the_migration_can_be_taken_back(tmp_path: Path, redis_url: str) -> None:
    assert run_portal(tmp_path, redis_url, BACK) == ["django_migrations"]
