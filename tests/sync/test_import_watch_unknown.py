"""However long an import takes, many sign-ups cost few requests; whom none shows is found on pages or alone."""

import time
from collections.abc import Iterator

import pytest

from sync_tasks.sandbox import Sandbox
from sync_tasks.sync.import_watch import GAPS
from tests.support.batching import BatchingLimiter
from tests.support.pipeline import MakePipeline, Pipeline

COUNT = 60
PEOPLE = [f"user-{number}" for number in range(COUNT)]
IMPORT, PAGE, CREATE = "POST /v3/contacts/import", "GET /v3/contacts", "POST /v3/contacts"
# More than the looks for one import last.
TOO_LONG = 300.0


class Clock:
    """The time of this machine, and what a test has let pass besides."""

    passed = 0.0

    def __call__(self) -> float:
        return time.time() + self.passed


class HurriedLimiter(BatchingLimiter):
    """Lets Brevo's time pass where a worker would wait."""

    clock: Clock

    def rest(self, seconds: float) -> None:
        self.clock.passed += seconds


@pytest.fixture
def clock(brevo: Sandbox) -> Iterator[Clock]:
    """The clock of this Brevo."""
    usual, clock = brevo.clock, Clock()
    brevo.clock = HurriedLimiter.clock = clock
    brevo.reset()
    yield clock
    brevo.clock = usual
    brevo.reset()


def sign_up(make_pipeline: MakePipeline, quiet_seconds: float) -> Pipeline:
    pipeline = make_pipeline(HurriedLimiter, pipeline={"quiet_seconds": quiet_seconds})
    for user_id in PEOPLE:
        pipeline.subscribe(user_id, "weekly", first_name="Ada")
    return pipeline


def forget_import(pipeline: Pipeline) -> None:
    """Let the time pass for which the right to import is kept."""
    pipeline.store.redis.delete(pipeline.store.key("importing:default"))


def pending(pipeline: Pipeline) -> list[str]:
    return [user_id for user_id in PEOPLE if pipeline.state(user_id).pending]


@pytest.mark.parametrize("seconds", [0.5, 15.0, 60.0, 120.0])
@pytest.mark.parametrize("shown", ["attribute", "field", "nowhere"])
def test_sign_ups_cost_few_requests_however_long_an_import_takes(
    make_pipeline: MakePipeline, brevo: Sandbox, clock: Clock, seconds: float, shown: str
) -> None:
    assert clock.passed == 0.0
    brevo.settings.import_seconds = seconds
    brevo.quirks.ext_id_shown = shown  # type: ignore[assignment]
    pipeline = sign_up(make_pipeline, 0.0)

    with pipeline.requests() as requests:
        pipeline.work()

    assert pending(pipeline) == []
    assert [pipeline.lists(user_id) for user_id in PEOPLE] == [{5}] * COUNT
    assert requests.count(IMPORT) == 1
    assert CREATE not in requests
    assert len(requests) <= (COUNT if shown == "nowhere" else 0) + 14


def test_whom_an_import_creates_too_late_is_found_on_one_page(
    make_pipeline: MakePipeline, brevo: Sandbox, clock: Clock
) -> None:
    brevo.settings.import_seconds = TOO_LONG
    pipeline = sign_up(make_pipeline, 600.0)
    pipeline.sync("user-0")
    assert pending(pipeline) == PEOPLE

    with pipeline.requests() as early:
        outcomes = [pipeline.sync(user_id) for user_id in ("user-3", "user-5")]
    assert all(outcome.retry_in for outcome in outcomes)
    assert early == [PAGE], "who comes meanwhile waits, and nobody is created twice"
    assert not any(outcome.users_to_nudge for outcome in outcomes), "nobody is called before the import may be over"
    clock.passed += TOO_LONG
    forget_import(pipeline)
    with pipeline.requests() as requests:
        pipeline.sync("user-7")

    assert requests == [PAGE]
    assert pending(pipeline) == []
    assert all(pipeline.state(user_id).unknown_since for user_id in PEOPLE), "after the quiet period it is verified"


@pytest.mark.parametrize("shown", ["attribute", "nowhere"])
def test_an_import_that_outlasts_all_looks_costs_few_requests_until_all_is_verified(
    make_pipeline: MakePipeline, brevo: Sandbox, clock: Clock, shown: str
) -> None:
    brevo.settings.import_seconds = TOO_LONG
    brevo.quirks.ext_id_shown = shown  # type: ignore[assignment]
    pipeline = sign_up(make_pipeline, 600.0)
    with pipeline.requests() as requests:
        pipeline.sync("user-0")
        clock.passed += TOO_LONG
        forget_import(pipeline)
        pipeline.sync("user-7")
        if shown == "nowhere":
            pipeline.work()
        assert pending(pipeline) == []
        for user_id in PEOPLE:
            pipeline.store.redis.hset(pipeline.store.key(f"contacts:{user_id}"), "unsure", f"{1:016d}")
        pipeline.store.redis.zadd(pipeline.store.key("due"), dict.fromkeys(PEOPLE, pipeline.store.now()))
        pipeline.work()

    assert not any(pipeline.state(user_id).unknown_since for user_id in PEOPLE)
    assert len(requests) <= len(GAPS) + 3 + (COUNT if shown == "nowhere" else 0) + COUNT // 20, requests


def test_while_one_is_not_there_yet_nobody_else_may_import(
    make_pipeline: MakePipeline, brevo: Sandbox, clock: Clock
) -> None:
    assert clock.passed == 0.0
    brevo.settings.import_seconds = TOO_LONG
    pipeline = sign_up(make_pipeline, 600.0)
    pipeline.sync("user-0")
    for user_id in PEOPLE[1:]:
        brevo.request(
            "POST", "/contacts", {"email": f"{user_id}@portal.org", "ext_id": user_id, "attributes": {}, "listIds": [5]}
        )
    forget_import(pipeline)
    with pipeline.requests() as requests:
        pipeline.sync("user-7")
    assert requests[0] == PAGE
    assert "user-0" in pending(pipeline)
    assert pipeline.resources.limiter.import_lock("default").is_held()


def test_whom_an_import_never_creates_costs_one_request_each(
    make_pipeline: MakePipeline, brevo: Sandbox, clock: Clock
) -> None:
    assert clock.passed == 0.0
    brevo.quirks.import_outcome = "failed"
    pipeline = sign_up(make_pipeline, 0.0)

    with pipeline.requests() as requests:
        pipeline.work()

    assert pending(pipeline) == []
    assert not any(pipeline.state(user_id).unknown_since for user_id in PEOPLE)
    assert (requests.count(IMPORT), requests.count(CREATE)) == (1, COUNT)
    assert len(requests) <= COUNT + 14


def test_an_opt_out_waits_for_no_import(make_pipeline: MakePipeline, brevo: Sandbox, clock: Clock) -> None:
    brevo.settings.import_seconds = TOO_LONG
    pipeline = sign_up(make_pipeline, 600.0)
    pipeline.sync("user-0")
    pipeline.unsubscribe("user-9", "weekly")
    pipeline.anonymize("user-8")
    clock.passed += TOO_LONG

    assert pipeline.resources.limiter.import_lock("default").acquire()
    pipeline.sync("user-9")
    pipeline.sync("user-8")

    assert pipeline.lists("user-9") == set()
    assert "user-8@" not in str(brevo.contacts())


def test_somebody_else_s_contact_is_not_taken_for_the_imported_one(
    make_pipeline: MakePipeline, brevo: Sandbox, clock: Clock
) -> None:
    brevo.settings.import_seconds = TOO_LONG
    brevo.request("POST", "/contacts", {"email": "user-4@portal.org", "ext_id": "a shop"})
    pipeline = sign_up(make_pipeline, 600.0)
    pipeline.sync("user-0")
    clock.passed += TOO_LONG
    forget_import(pipeline)

    with pipeline.requests() as requests:
        outcomes = pipeline.sync("user-7")
    assert requests == [PAGE]
    assert pending(pipeline) == ["user-4"]
    assert outcomes.users_to_nudge == {"user-4"}, "who is not served by the page goes on alone, at once"


def test_a_page_that_fails_is_asked_for_again(make_pipeline: MakePipeline, brevo: Sandbox, clock: Clock) -> None:
    brevo.settings.import_seconds = TOO_LONG
    pipeline = sign_up(make_pipeline, 600.0)
    pipeline.sync("user-0")
    clock.passed += TOO_LONG
    brevo.add_fault("status", status=500, count=9, method="GET", path="contacts$")
    pipeline.sync("user-3")
    assert len(pending(pipeline)) == COUNT
    brevo.faults.clear()

    with pipeline.requests() as requests:
        pipeline.sync("user-5")
    assert requests == [PAGE]
    assert pending(pipeline) == ["user-3"], "who met trouble goes alone"
    with pipeline.requests() as requests:
        pipeline.sync("user-3")
    assert (len(requests), pending(pipeline)) == (1, [])
