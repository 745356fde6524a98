"""Flower watches the workers: what it shows, and what it never shows."""

import base64
import html
import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from sync_tasks.local.redis_server import free_port
from sync_tasks.tasks.patches.flower import link_to_user
from tests.support.processes import wait_until
from tests.support.station import SETTLED_WITHIN, Station

MARK = "zz-marked"
WHO = {"newsletter": "daily", "email": f"{MARK}@secret.example", "first_name": f"Name-{MARK}"}
CREDENTIALS = "operator:sesame"
OPERATE = "https://sync.example/operate?a=1&b=2"
TABLE = "draw=1&start=0&length=100&search[value]=&order[0][column]=0&order[0][dir]=asc&columns[0][data]=name"


class Flower:
    """A running Flower, as a browser sees it."""

    def __init__(self, port: int) -> None:
        self._origin = f"http://127.0.0.1:{port}"

    def get(self, path: str) -> str:
        """Return a page."""
        request = urllib.request.Request(f"{self._origin}{path}")  # noqa: S310 - our own
        request.add_header("Authorization", f"Basic {base64.b64encode(CREDENTIALS.encode()).decode()}")
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - as above
            page: str = answer.read().decode()
            return page

    def tasks(self) -> Mapping[str, dict[str, Any]]:
        """Return what Flower knows of each task, by the id of its message."""
        reported: dict[str, dict[str, Any]] = json.loads(self.get("/api/tasks?limit=1000"))
        return reported

    def is_up(self) -> bool:
        try:
            return self.get("/healthcheck") == "OK"
        except OSError:
            return False


@pytest.fixture(scope="module")
def flower(station: Station) -> Flower:
    """Flower, and a worker that shows it what it does."""
    port = free_port()
    words = ["flower", "--address=127.0.0.1", f"--port={port}", f"--basic-auth={CREDENTIALS}"]
    station.celery(*words, SYNC_OPERATE_URL=OPERATE)
    station.start_worker()
    flower = Flower(port)
    wait_until(flower.is_up, "Flower answers", SETTLED_WITHIN)
    wait_until(
        lambda: "one@localhost" in flower.get("/api/workers?refresh=1"), "Flower knows the worker", SETTLED_WITHIN
    )
    return flower


@pytest.fixture(scope="module")
def shown(station: Station, flower: Flower) -> Mapping[str, dict[str, Any]]:
    """What Flower shows of three messages: ``done``, ``failed``, and ``full``, which another producer sent."""
    ids = {
        "done": station.portal.accept("subscribe", user_id="done", **WHO),
        "failed": station.portal.accept("subscribe", user_id="failed", **WHO, attributes={"mobile": MARK}),
        "full": station.send(
            "sync_tasks.subscribe_contact",
            user_id="full",
            occurred_at=datetime.now(UTC).isoformat(),
            **WHO | {"email": f"{MARK}-2@secret.example"},
        ),
    }

    def are_over() -> bool:
        states = {flower.tasks().get(task_id, {}).get("state") for task_id in ids.values()}
        return states <= {"SUCCESS", "FAILURE"}

    wait_until(are_over, "Flower shows the tasks", SETTLED_WITHIN)
    return {name: flower.tasks()[task_id] for name, task_id in ids.items()}


def test_it_shows_the_name_the_state_and_the_runtime_of_each_task(shown: Mapping[str, dict[str, Any]]) -> None:
    assert {task["name"] for task in shown.values()} == {"sync_tasks.subscribe_contact"}
    assert {name: task["state"] for name, task in shown.items()} == {
        "done": "SUCCESS",
        "failed": "FAILURE",
        "full": "SUCCESS",
    }
    assert shown["done"]["runtime"] > 0
    assert shown["done"]["worker"] == "one@localhost"


@pytest.mark.usefixtures("shown")
def test_it_makes_no_file(station: Station) -> None:
    """Its database is a file of this name where it was started, or with these endings beside it."""
    assert not [*station.cwd.glob("flower*"), *station.folder.rglob("flower*")]


def test_it_shows_whom_a_task_was_about_and_why_it_failed(
    station: Station, shown: Mapping[str, dict[str, Any]]
) -> None:
    assert all(f"'user_id': '{name}'" in task["kwargs"] for name, task in shown.items())
    assert "'newsletter': 'daily'" in shown["full"]["kwargs"]
    (letter,) = [one for one in station.letters() if one.user_id == "failed"]
    assert shown["failed"]["exception"].startswith(letter.error)
    assert f"dead letter {letter.id}" in shown["failed"]["exception"]


def test_its_list_of_tasks_has_a_column_for_whom_and_for_why(flower: Flower) -> None:
    page = flower.get("/tasks")
    assert 'data-column="kwargs"' in page
    assert 'data-column="exception"' in page


def test_no_sweep_stands_between_the_rows(station: Station, flower: Flower, shown: Mapping[str, object]) -> None:
    assert shown
    beat = station.beat()
    wait_until(lambda: station.store.redis.exists("sync_tasks:swept"), "a sweep", SETTLED_WITHIN)
    beat.stop()
    task_id = station.portal.accept("subscribe", user_id="later", newsletter="weekly", email="later@secret.example")
    wait_until(lambda: flower.tasks().get(task_id, {}).get("state") == "SUCCESS", "a later row", SETTLED_WITHIN)
    assert {task["name"] for task in flower.tasks().values()} <= {
        "sync_tasks.subscribe_contact",
        "sync_tasks.sync_contact",
    }


@pytest.mark.parametrize("path", ["/", "/tasks", "/broker", "/workers", "/worker/one@localhost"])
def test_each_page_links_to_the_operators_page(flower: Flower, path: str) -> None:
    page = flower.get(path)
    assert f'href="{html.escape(OPERATE)}"' in page
    assert page.count("Operate</a>") == 1
    assert "Broker</a>" in page


@pytest.mark.parametrize("name", ["done", "failed", "full"])
def test_the_page_of_a_task_links_to_its_user(flower: Flower, shown: Mapping[str, dict[str, Any]], name: str) -> None:
    page = flower.get(f"/task/{shown[name]['uuid']}")
    assert f'href="{html.escape(OPERATE)}/people?user={name}"' in page


@pytest.mark.parametrize(
    ("kwargs", "link"),
    [
        ("{'user_id': 'a/b?c#d%e', 'newsletter': 'daily'}", "/people?user=a%2Fb%3Fc%23d%25e"),
        ("{'user_id': 'ä&\"<'}", "/people?user=%C3%A4%26%22%3C"),
        ("{}", ""),
        (None, ""),
        ("{'user_id': ...", ""),
    ],
)
def test_only_a_task_that_names_its_user_has_a_link(kwargs: object, link: str) -> None:
    assert link_to_user(kwargs) == link


def test_it_shows_a_task_that_is_still_at_work(station: Station, flower: Flower) -> None:
    station.brevo.add_fault("slow", method="POST", seconds=2, count=1)
    task_id = station.portal.accept("subscribe", user_id="slow", **WHO | {"email": f"{MARK}-3@secret.example"})
    wait_until(lambda: flower.tasks().get(task_id, {}).get("state") == "STARTED", "a task at work", SETTLED_WITHIN)
    assert MARK not in flower.get(f"/task/{task_id}")
    wait_until(lambda: flower.tasks()[task_id]["state"] == "SUCCESS", "the task is done", SETTLED_WITHIN)


def test_it_shows_the_workers_and_their_queues(flower: Flower) -> None:
    reported = json.loads(flower.get("/api/workers?refresh=1"))["one@localhost"]
    assert {queue["name"] for queue in reported["active_queues"]} == {
        "sync_tasks",
        "sync_tasks.urgent",
        "sync_tasks.sweeps",
        "sync_tasks.background",
    }
    assert "sync_tasks.anonymize_contact" in reported["registered"]


@pytest.mark.usefixtures("shown")
def test_it_measures_runtimes_by_task_and_state(flower: Flower) -> None:
    metrics = flower.get("/metrics")
    (count,) = [
        line
        for line in metrics.splitlines()
        if line.startswith("flower_task_runtime_seconds_count{") and "subscribe_contact" in line
    ]
    assert float(count.split()[-1]) >= 2


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/workers",
        "/worker/one@localhost",
        "/tasks",
        f"/tasks/datatable?{TABLE}",
        "/broker",
        "/api/tasks?limit=1000",
        "/api/workers?refresh=1",
        "/api/task/types",
        "/metrics",
    ],
)
def test_no_page_shows_an_address_or_a_name(flower: Flower, shown: Mapping[str, dict[str, Any]], path: str) -> None:
    assert shown
    page = flower.get(path)
    assert page
    assert MARK not in page.lower()


@pytest.mark.parametrize("name", ["done", "failed", "full"])
def test_no_tasks_own_page_shows_an_address_or_a_name(
    flower: Flower, shown: Mapping[str, dict[str, Any]], name: str
) -> None:
    page = flower.get(f"/task/{shown[name]['uuid']}")
    assert f"&#x27;{name}&#x27;" in page or f"&#39;{name}&#39;" in page or f"'{name}'" in page
    assert MARK not in page.lower()


def test_nobody_sees_anything_without_the_password(flower: Flower) -> None:
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(f"{flower._origin}/api/workers", timeout=20)  # noqa: S310 - our own


@pytest.fixture(autouse=True)
def no_faults(station: Station) -> Iterator[None]:
    yield
    station.brevo.faults.clear()
