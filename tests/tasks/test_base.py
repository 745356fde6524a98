"""What the tasks have in common: what is ours is reported, what may hold anything is not, what may pass comes again."""

from collections.abc import Callable, Iterator

import pytest
import redis
from celery.exceptions import Retry
from kombu.exceptions import OperationalError

from sync_tasks.errors import InvalidEventError, RejectedContactError, UnexpectedError
from sync_tasks.state.dead_letters import read_letters
from sync_tasks.state.store import Store
from sync_tasks.tasks.app import app
from sync_tasks.tasks.base import ContactTask
from tests.support.messages import find_task, handle, queued

SECRET = "marked@portal.example"
MakeTask = Callable[[Exception], str]


@pytest.fixture
def raising() -> Iterator[MakeTask]:
    """Return the name of a task that raises what it is given."""

    def make(error: Exception) -> str:
        @app.task(name="tests.raising", base=ContactTask)
        def raising() -> None:
            raise error

        app.finalize()
        return "tests.raising"

    yield make
    app.tasks.unregister("tests.raising")


def test_an_error_of_ours_is_handed_on(raising: MakeTask) -> None:
    state, error = handle(raising(RejectedContactError("400")), {})
    assert (state, repr(error)) == ("FAILURE", "RejectedContactError('400')")


def test_an_error_nobody_expected_is_reported_without_its_text(
    raising: MakeTask, caplog: pytest.LogCaptureFixture
) -> None:
    state, error = handle(raising(ValueError(SECRET)), {})
    assert state == "FAILURE"
    assert isinstance(error, UnexpectedError)
    assert str(error) == "ValueError in tests.raising; its place is in the worker's log"
    assert error.__cause__ is None
    (line,) = [record.getMessage() for record in caplog.records if record.name == "sync_tasks"]
    assert "ValueError" in line
    assert f"{__file__}:" in line
    assert SECRET not in line


PASSING = [
    redis.ConnectionError(SECRET),
    redis.TimeoutError(),
    redis.BusyLoadingError(),
    redis.ReadOnlyError(),
    redis.OutOfMemoryError(),
    redis.ResponseError("MISCONF Redis is configured to save RDB snapshots, but it is unable to persist on disk"),
    redis.ResponseError("Error running script: -OOM command not allowed when used memory > 'maxmemory'."),
    OperationalError(SECRET),
]


@pytest.mark.parametrize("error", PASSING, ids=repr)
def test_while_redis_is_in_trouble_the_message_goes_back_to_the_queue(raising: MakeTask, error: Exception) -> None:
    state, rejected = handle(raising(error), {})
    assert state == "REJECTED"
    assert (rejected.reason, rejected.requeue) == (type(error).__name__, True)


FINAL = [
    redis.ResponseError("ERR Error running script: @user_script:9: too many results to unpack"),
    redis.ResponseError("WRONGTYPE Operation against a key holding the wrong kind of value"),
    redis.DataError(SECRET),
]


@pytest.mark.parametrize("error", FINAL, ids=repr)
def test_what_redis_answers_for_good_never_comes_again(raising: MakeTask, error: Exception) -> None:
    state, reported = handle(raising(error), {})
    assert (state, type(reported)) == ("FAILURE", UnexpectedError)


def test_a_message_that_celery_shall_hand_out_again_is_left_to_celery(raising: MakeTask) -> None:
    state, _ = handle(raising(Retry()), {})
    assert state == "RETRY"


@pytest.mark.usefixtures("worker_environment", "brevo")
def test_an_event_sent_in_full_without_our_mark_is_accepted_by_the_worker(store: Store) -> None:
    with pytest.raises(InvalidEventError):
        find_task("sync_tasks.subscribe_contact").receive({"user_id": "u1"})
    (letter,) = read_letters(store)
    assert letter.message.startswith("subscribe_contact refused: newsletter: missing; email: missing")
    assert queued(store.redis, "sync_tasks") == []


@pytest.mark.usefixtures("worker_environment", "brevo")
def test_what_another_producer_lets_follow_is_not_sent_to_a_queue_where_nobody_knows_it(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    said = {"user_id": "u1", "newsletter": "daily", "email": "u1@portal.org", "occurred_at": "2026-03-01T00:00:00Z"}
    step: dict[str, object] = {
        "task": "portal.step",
        "args": ["u1@portal.org"],
        "kwargs": {},
        "options": {},
        "subtask_type": None,
    }
    followers = {"callbacks": [step], "chain": [step], "errbacks": None, "chord": None}
    with caplog.at_level("INFO", "sync_tasks"):
        state, outcome = handle("sync_tasks.subscribe_contact", said, None, "what came before", **followers)
    assert (state, outcome) == ("SUCCESS", "synced")
    assert queued(store.redis, "sync_tasks") == []
    assert "the tasks that should follow are not sent" in caplog.text
    assert "u1@portal.org" not in caplog.text
