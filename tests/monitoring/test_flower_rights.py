"""What Flower can do with the user of Redis in ``docker/flower-users.conf``: look, whatever a login asks for."""

import json
import re
import urllib.error
import urllib.request

import pytest
from redis import Redis
from redis.exceptions import NoPermissionError

from sync_tasks.domain.timestamps import moment_of
from sync_tasks.local.redis_server import free_port
from sync_tasks.state.fitness import WATCHER
from tests.support.processes import wait_until
from tests.support.station import ROOT, SETTLED_WITHIN, Station

ANNA = {"user_id": "anna", "newsletter": "daily", "email": "anna@portal.example"}
OF_A_CONNECTION = {"discard", "exec", "exists", "multi", "ping", "psubscribe", "publish", "select"}
ERASE = {"kwargs": {"user_id": "anna"}}


def read_rules() -> list[str]:
    """Return the name and the rules of the user."""
    lines = (ROOT / "docker" / "flower-users.conf").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith("user ")]
    return re.findall(r"\([^)]*\)|\S+", line)[1:]


def ask(port: int, path: str, body: object = None) -> tuple[int, str]:
    """Return the status and the text of Flower's answer; 0 if it does not answer."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=data)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - as above
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, ""
    except OSError:
        return 0, ""


def test_it_sees_tasks_and_workers_and_can_neither_erase_nor_subscribe(lonely_station: Station) -> None:
    station, port = lonely_station, free_port()
    with Redis.from_url(station.redis.url, decode_responses=True) as admin:
        admin.execute_command("ACL", "SETUSER", *read_rules())
    # What is looked for when Flower starts is what it is granted, but for what a connection needs.
    asked = {one.split()[0].lower() for one in WATCHER} | OF_A_CONNECTION
    assert {rule[1:].partition("|")[0] for rule in read_rules() if rule.startswith("+")} == asked
    station.worker()
    # Even where Flower itself would let a login do everything.
    open_to_all = {"FLOWER_READ_ONLY": "false", "FLOWER_UNAUTHENTICATED_API": "true"}
    url = f"redis://flower:CHANGE-ME@127.0.0.1:{station.redis.port}/0"
    station.celery("flower", "--address=127.0.0.1", f"--port={port}", SYNC_REDIS_URL=url, **open_to_all)
    wait_until(lambda: ask(port, "/healthcheck")[0] == 200, "Flower answers", SETTLED_WITHIN)
    wait_until(lambda: "one@localhost" in ask(port, "/workers?json=1")[1], "Flower sees the worker", SETTLED_WITHIN)
    task_id = station.portal.accept("subscribe", **ANNA)
    station.wait_for_lists("anna", 3)
    station.wait_until_settled()
    wait_until(lambda: task_id in ask(port, "/api/tasks")[1], "Flower shows the task", SETTLED_WITHIN)
    assert "sync_tasks.urgent" in ask(port, "/api/queues/length")[1]

    before = station.store.peek("anna")
    whole = {"kwargs": ANNA | {"newsletter": "weekly", "occurred_at": moment_of(station.store.now()).isoformat()}}
    for way in ("async-apply", "send-task"):
        assert ask(port, f"/api/task/{way}/sync_tasks.anonymize_contact", ERASE)[0] >= 500
        assert ask(port, f"/api/task/{way}/sync_tasks.subscribe_contact", whole)[0] >= 500

    with Redis.from_url(url) as flower:
        for command in (["LPUSH", "sync_tasks", "{}"], ["HGETALL", "sync_tasks:contacts:anna"], ["KEYS", "*"]):
            with pytest.raises(NoPermissionError):
                flower.execute_command(*command)
    assert station.store.peek("anna") == before
