"""``sync-tasks schema``: what other languages must send."""

import json

import pytest

from sync_tasks.domain.events import EVENTS
from tests.support.desk import run


def test_all_four_messages_are_described() -> None:
    reported = json.loads(run("schema").output)
    assert set(reported["$defs"]) == set(EVENTS)
    assert len(reported["anyOf"]) == 4


NEEDED = {
    "subscribe_contact": ["user_id", "newsletter", "email", "occurred_at"],
    "update_contact": ["user_id", "occurred_at"],
    "unsubscribe_contact": ["user_id", "newsletter", "occurred_at"],
    "anonymize_contact": ["user_id", "occurred_at"],
}


@pytest.mark.parametrize("task", EVENTS)
def test_a_message_needs_its_moment_its_user_and_what_the_event_is_about(task: str) -> None:
    reported = json.loads(run("schema", f"sync_tasks.{task}").output)
    assert reported["required"] == NEEDED[task]
    assert reported["properties"]["occurred_at"]["format"] == "date-time"
    assert reported["title"] == f"sync_tasks.{task}"


def test_an_unknown_task_is_wrong_use() -> None:
    done = run("schema", "greet_contact")
    assert (done.exit_code, "subscribe_contact" in done.output) == (2, True)
