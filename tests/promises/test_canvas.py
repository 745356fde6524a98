"""A portal has a Celery of its own: whatever it does with the four tasks, an event is accepted or refused at once."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from celery import Celery

from tests.fundamentals.test_portal_import import run_portal
from tests.support.processes import Program, StartProgram, wait_until
from tests.support.station import ROOT

PORTAL = """
from celery import Celery, chain, chord, group, signature
app = Celery("portal", broker={broker!r}, backend={broker!r})
app.conf.task_default_queue = "portal"
{imports}

@app.task(name="portal.step")
def step(*_, **__):
    return "done"
"""
IMPORTS = "from sync_tasks import subscribe_contact, unsubscribe_contact"
SAID = {"user_id": "anna", "newsletter": "daily"}
BY_NAME = f"signature('sync_tasks.unsubscribe_contact', kwargs={SAID!r}, app=app, immutable=True)"


@pytest.fixture
def folder(tmp_path: Path, redis_url: str) -> Path:
    """Where the portal's module lies."""
    broker = redis_url.rpartition("/")[0] + "/1"
    (tmp_path / "portal_app.py").write_text(PORTAL.format(broker=broker, imports=IMPORTS))
    return tmp_path


@pytest.fixture
def portal_worker(folder: Path, redis_url: str, start_program: StartProgram) -> Iterator[Program]:
    """A worker of the portal's own; its broker is another database than the pipeline's."""
    command = [sys.executable, "-m", "celery", "-A", "portal_app", "worker", "--concurrency=1", "--pool=threads"]
    env = {"SYNC_REDIS_URL": redis_url, "SYNC_CONFIG": str(folder / "none.toml"), "PYTHONPATH": str(ROOT)}
    with redis.Redis.from_url(redis_url, db=1) as other:
        other.flushdb()
        worker = start_program([*command, "--loglevel=INFO"], ready="ready.", env=env, cwd=folder)
        yield worker
        worker.stop()
        other.flushdb()


def ask(folder: Path, redis_url: str, call: str, before: str = "from portal_app import *") -> Any:  # noqa: ANN401 - JSON
    """Return what became of a call in the portal: nothing, or the error that it raised, and what it says."""
    code = f"""
import json
{before}
try:
    {call}
    print(json.dumps(None))
except Exception as error:
    print(json.dumps([type(error).__name__, str(error)]))
"""
    return run_portal(code, folder, SYNC_REDIS_URL=redis_url)


def is_accepted(redis_client: redis.Redis, user: str = "anna") -> bool:
    return any(redis_client.hmget(f"sync_tasks:contacts:{user}", ["n:daily", "t:daily"]))


@pytest.mark.parametrize(
    "call",
    [
        f"unsubscribe_contact.apply_async(kwargs={SAID!r}, link=step.si())",
        f"unsubscribe_contact.apply_async(kwargs={SAID!r}, link_error=step.si())",
        f"unsubscribe_contact.apply_async(kwargs={SAID!r}, chain=[step.si()])",
        f"unsubscribe_contact.apply_async(kwargs={SAID!r}, chord=step.si())",
        f"chain(step.si(), unsubscribe_contact.si(**{SAID!r}))()",
        f"chain(unsubscribe_contact.si(**{SAID!r}), step.si())()",
        f"(step.si() | unsubscribe_contact.s(**{SAID!r})).delay()",
        f"group([unsubscribe_contact.s(**{SAID!r})]).delay()",
        f"chord([step.si()], unsubscribe_contact.si(**{SAID!r}))()",
        f"step.apply_async(link=unsubscribe_contact.signature(kwargs={SAID!r}))",
        f"unsubscribe_contact.map([{SAID!r}])",
        f"unsubscribe_contact.starmap([{SAID!r}])",
        f"unsubscribe_contact.chunks([{SAID!r}], 1)",
        f"unsubscribe_contact.apply(kwargs={SAID!r})",
        f"unsubscribe_contact(**{SAID!r})",
        f"app.tasks['sync_tasks.unsubscribe_contact'](**{SAID!r})",
        f"{BY_NAME}.apply_async(link=step.si())",
        f"chain({BY_NAME}, step.si())()",
        f"chord([{BY_NAME}], step.si())()",
    ],
)
def test_what_could_lose_an_event_is_refused_at_once_with_one_line(
    folder: Path, redis_url: str, redis_client: redis.Redis, call: str
) -> None:
    kind, said = ask(folder, redis_url, call)
    assert (kind, said.count("\n")) == ("InvalidEventError", 0)
    assert said.startswith("unsubscribe_contact refused: ")
    assert not is_accepted(redis_client)


@pytest.mark.parametrize(
    "call",
    [
        f"app.tasks['sync_tasks.unsubscribe_contact'].delay(**{SAID!r})",
        f"{BY_NAME}.delay()",
        f"group([{BY_NAME}]).delay()",
        f"chain({BY_NAME})()",
    ],
)
def test_a_task_of_that_name_in_the_portals_own_application_accepts_and_nudges_ours(
    folder: Path, redis_url: str, redis_client: redis.Redis, call: str
) -> None:
    assert ask(folder, redis_url, call) is None
    assert is_accepted(redis_client)
    assert redis_client.llen("sync_tasks.urgent") == 1
    with redis.Redis.from_url(redis_url, db=1) as portals:
        assert portals.llen("portal") == 0


def test_an_application_that_was_complete_before_the_tasks_were_imported_has_them_too(
    tmp_path: Path, redis_url: str, redis_client: redis.Redis
) -> None:
    before = PORTAL.format(broker="memory://", imports="app.finalize()") + f"\n{IMPORTS}"
    assert ask(tmp_path, redis_url, f"{BY_NAME}.delay()", before) is None
    assert is_accepted(redis_client)
    assert redis_client.llen("sync_tasks.urgent") == 1


@pytest.mark.parametrize(
    "options",
    [
        {"countdown": 3600},
        {"eta": "2999-01-01T00:00:00+00:00"},
        {"expires": 0.001},
        {"serializer": "pickle"},
        {"serializer": "yaml"},
        {"compression": "bzip2"},
    ],
)
def test_no_option_puts_off_loses_or_encodes_what_is_accepted(
    folder: Path, redis_url: str, redis_client: redis.Redis, options: dict[str, Any]
) -> None:
    assert ask(folder, redis_url, f"unsubscribe_contact.apply_async(kwargs={SAID!r}, **{options!r})") is None
    assert is_accepted(redis_client)
    message = json.loads(redis_client.lrange("sync_tasks.urgent", 0, -1)[0])
    assert (message["content-type"], message["headers"]["eta"], message["headers"]["expires"]) == (
        "application/json",
        None,
        None,
    )


def test_a_step_of_the_portals_own_chain_is_accepted_in_its_worker(
    folder: Path, redis_url: str, redis_client: redis.Redis, portal_worker: Program
) -> None:
    assert ask(folder, redis_url, f"chain(step.si(), {BY_NAME})()") is None
    wait_until(lambda: is_accepted(redis_client), "the event of the second step")
    wait_until(lambda: redis_client.llen("sync_tasks.urgent") == 1, "the nudge at our broker")
    assert "none.toml" not in portal_worker.output


def test_a_message_that_ends_in_the_portals_own_worker_is_accepted_there_and_worked_on_by_ours(
    redis_url: str, redis_client: redis.Redis, portal_worker: Program
) -> None:
    with Celery(broker=redis_url.rpartition("/")[0] + "/1") as producer:
        said = SAID | {"occurred_at": "2026-03-01T00:00:00Z"}
        producer.send_task("sync_tasks.unsubscribe_contact", kwargs=said, queue="portal", ignore_result=True)
        wait_until(lambda: is_accepted(redis_client), "the event")
        late = SAID | {"user_id": "bea"}
        producer.send_task("sync_tasks.unsubscribe_contact", kwargs=late, queue="portal", ignore_result=True)
        wait_until(lambda: redis_client.hlen("sync_tasks:dead_letters") == 1, "the letter of one without its moment")
    assert redis_client.llen("sync_tasks.urgent") == 1
    assert "none.toml" not in portal_worker.output
