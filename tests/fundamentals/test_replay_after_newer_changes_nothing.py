"""A dead letter may be replayed at any later time: an event that newer ones overtook changes nothing."""

import pytest

from sync_tasks.sandbox.faults import Fault
from sync_tasks.state.dead_letters import DeadLetter, read_closed, replay
from tests.support.pipeline import Pipeline


@pytest.fixture
def letter(pipeline: Pipeline) -> DeadLetter:
    """A subscription that Brevo refused, weeks ago."""
    pipeline.brevo.faults.add(Fault(kind="status", status=400))
    pipeline.subscribe("ada", occurred_at="2026-03-01T10:00:00Z")
    pipeline.work()
    pipeline.brevo.faults.clear()
    (letter,) = pipeline.letters()
    return letter


def test_once_the_cause_is_mended_a_replay_does_what_was_asked(pipeline: Pipeline, letter: DeadLetter) -> None:
    assert replay(pipeline.store, letter, who="ops") == "replayed"
    pipeline.work()

    assert pipeline.lists("ada") == {3}
    assert pipeline.letters() == []


def test_a_replay_of_what_newer_events_overtook_says_so_and_changes_nothing(
    pipeline: Pipeline, letter: DeadLetter
) -> None:
    pipeline.unsubscribe("ada", occurred_at="2026-03-20T10:00:00Z")

    assert replay(pipeline.store, letter, who="ops") == "overtaken"
    pipeline.work()

    assert pipeline.brevo.contacts() == []
    (closed,) = read_closed(pipeline.store)
    assert (closed.id, closed.closed and closed.closed["why"]) == (letter.id, "overtaken")


def test_what_a_later_push_made_up_for_need_not_be_replayed(pipeline: Pipeline, letter: DeadLetter) -> None:
    pipeline.update("ada", first_name="Ada")
    pipeline.work()

    assert pipeline.lists("ada") == {3}
    assert pipeline.letters() == []
    assert replay(pipeline.store, letter, who="ops") == "gone"
