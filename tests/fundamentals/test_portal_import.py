"""What a portal gets by importing the four tasks: little, and nothing it would have to configure."""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import redis
from celery import Celery

from tests.support.processes import StartProgram
from tests.support.station import ROOT

# What a portal need not pay for, nor have installed in the case of the SDK.
HEAVY = (
    "sib_api_v3_sdk",
    "urllib3",
    "redis",
    "pydantic_settings",
    "tenacity",
    "typer",
    "rich",
    "starlette",
    "prometheus_client",
    "uvicorn",
    "sync_tasks.config.settings",
    "sync_tasks.providers",
    "sync_tasks.sync.contact",
    "sync_tasks.sandbox",
)


def run_portal(code: str, cwd: Path, **env: str) -> Any:  # noqa: ANN401 - whatever is printed
    """Return what the last expression printed as JSON, by a process that knows no configuration but ``env``."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("SYNC_")}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=kept | env | {"PYTHONPATH": str(ROOT)},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_importing_the_tasks_loads_neither_the_sdk_nor_redis_nor_the_configuration(tmp_path: Path) -> None:
    code = f"""
import json, sys
from sync_tasks import (anonymize_contact, subscribe_contact, unsubscribe_contact, update_contact)
subscribe_contact.name
print(json.dumps([name for name in {HEAVY} if name in sys.modules]))
"""
    assert run_portal(code, tmp_path) == []


def test_importing_the_package_alone_does_not_even_load_celery(tmp_path: Path) -> None:
    code = "import json, sys, sync_tasks; print(json.dumps('celery' in sys.modules))"
    assert run_portal(code, tmp_path) is False


def test_the_four_tasks_are_what_is_public(tmp_path: Path) -> None:
    code = """
import json
from sync_tasks import *
tasks = [anonymize_contact, subscribe_contact, unsubscribe_contact, update_contact]
import sync_tasks
print(json.dumps([sync_tasks.__all__, [task.name for task in tasks]]))
"""
    names = ["anonymize_contact", "subscribe_contact", "unsubscribe_contact", "update_contact"]
    assert run_portal(code, tmp_path) == [names, [f"sync_tasks.{name}" for name in names]]


def test_an_unknown_name_is_an_attribute_error(tmp_path: Path) -> None:
    code = """
import json, sync_tasks
try:
    sync_tasks.resubscribe_contact
except AttributeError as error:
    print(json.dumps(str(error)))
"""
    assert "resubscribe_contact" in run_portal(code, tmp_path)


def test_an_event_is_accepted_without_a_configuration_file_and_without_a_key(
    tmp_path: Path, redis_url: str, redis_client: redis.Redis
) -> None:
    code = """
import json
from sync_tasks import subscribe_contact
said = {"user_id": "anna", "newsletter": "daily", "email": "anna@portal.org", "attributes": {"city": "Ulm"}}
print(json.dumps(subscribe_contact.delay(**said).id))
"""
    run_portal(code, tmp_path, SYNC_REDIS_URL=redis_url)
    assert redis_client.hexists("sync_tasks:contacts:anna", "n:daily")
    assert redis_client.llen("sync_tasks") == 1


PORTAL = """
import json
from celery import Celery, current_app, shared_task
app = Celery("portal", broker="{broker}")
from sync_tasks import unsubscribe_contact

@shared_task(name="portal.opt_out")
def opt_out():
    print("delivers", unsubscribe_contact.delay(user_id="anna", newsletter="daily").id, flush=True)
"""


def test_a_portal_with_a_celery_of_its_own_still_reaches_our_broker(
    tmp_path: Path, redis_url: str, redis_client: redis.Redis
) -> None:
    code = PORTAL.format(broker="memory://") + (
        "app.conf.task_default_queue = 'portal'\n"
        "unsubscribe_contact.delay(user_id='anna', newsletter='daily')\n"
        "print(json.dumps([current_app.main, opt_out.app.main]))"
    )
    assert run_portal(code, tmp_path, SYNC_REDIS_URL=redis_url) == ["portal", "portal"]
    assert redis_client.llen("sync_tasks.urgent") == 1


def test_a_worker_of_the_portals_own_needs_nothing_of_ours_and_keeps_its_logging(
    tmp_path: Path, redis_url: str, redis_client: redis.Redis, start_program: StartProgram
) -> None:
    (tmp_path / "portal_app.py").write_text(PORTAL.format(broker=redis_url))
    command = [sys.executable, "-m", "celery", "-A", "portal_app", "worker", "--concurrency=1", "--pool=threads"]
    env = {"SYNC_REDIS_URL": redis_url, "SYNC_CONFIG": str(tmp_path / "none.toml"), "PYTHONPATH": str(ROOT)}
    worker = start_program([*command, "--loglevel=INFO"], ready="ready.", env=env, cwd=tmp_path)
    with Celery(broker=redis_url) as producer:
        producer.send_task("portal.opt_out", ignore_result=True)
    worker.wait_for("Task portal.opt_out")
    worker.wait_for("succeeded in")
    assert redis_client.llen("sync_tasks.urgent") == 1
    assert worker.stop() == 0
    assert "none.toml" not in worker.output


@pytest.mark.parametrize("namespace", ["portal_one", "portal-two"])
def test_each_portal_has_keys_and_queues_of_its_own(
    tmp_path: Path, redis_url: str, redis_client: redis.Redis, namespace: str
) -> None:
    code = """
import json
from sync_tasks import subscribe_contact
subscribe_contact.delay(user_id="anna", newsletter="daily", email="anna@portal.org")
print(json.dumps(None))
"""
    run_portal(code, tmp_path, SYNC_REDIS_URL=redis_url, SYNC_NAMESPACE=namespace)
    names = [key.decode() for key in redis_client.scan_iter()]
    assert [name for name in names if namespace not in name] == []
    assert redis_client.llen(namespace) == 1


def test_delay_sends_nothing_personal(tmp_path: Path, redis_url: str, redis_client: redis.Redis) -> None:
    code = """
import json
from sync_tasks import subscribe_contact
said = {"user_id": "anna", "newsletter": "daily", "email": "zz-marked@portal.org", "first_name": "Zz-marked"}
subscribe_contact.apply_async(kwargs=said, countdown=1)
print(json.dumps(None))
"""
    run_portal(code, tmp_path, SYNC_REDIS_URL=redis_url)
    message = json.loads(redis_client.lrange("sync_tasks", 0, -1)[0])
    body = json.loads(base64.b64decode(message["body"]))
    assert body[1].keys() == {"user_id", "newsletter", "occurred_at"}
    assert "zz-marked" not in json.dumps([message, body]).lower()
