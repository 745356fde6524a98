"""How many requests one contact takes: no more than it needs, whatever is known of it."""

import pytest

from sync_tasks.sandbox import Sandbox
from sync_tasks.state.store import Sighting, Store
from tests.support.pipeline import MakePipeline, Pipeline, address_of


@pytest.fixture
def stranger(make_pipeline: MakePipeline) -> Pipeline:
    """A pipeline that knows nobody, at an account older than it."""
    older = make_pipeline()
    older.subscribe("ada", "weekly", first_name="Ada")
    older.work()
    older.store.redis.flushdb()
    return older


@pytest.mark.parametrize("verb", ["update", "unsubscribe"])
def test_an_unknown_person_takes_two_requests(stranger: Pipeline, verb: str) -> None:
    said = {"first_name": "Augusta"} if verb == "update" else {"newsletter": "weekly"}
    stranger.store.first_times("default", ["FIRSTNAME", "LASTNAME", "DAILY_UNSUBSCRIBED"])
    getattr(stranger, verb)("ada", email=address_of("ada"), **said)

    with stranger.requests() as requests:
        stranger.work()

    assert requests == ["GET /v3/contacts/ada%40portal.org", "PUT /v3/contacts/{id}"]


def test_a_contact_of_unknown_outcome_takes_one_request(pipeline: Pipeline, brevo: Sandbox) -> None:
    pipeline.subscribe("ada", "weekly")
    pipeline.work()
    brevo.add_fault("drop_after", method="PUT", count=4)
    pipeline.unsubscribe("ada", "weekly")
    pipeline.work_once()
    assert pipeline.state("ada").unknown_since
    brevo.faults.clear()

    with pipeline.requests() as requests:
        pipeline.work()

    assert requests == ["GET /v3/contacts/{id}"]


def subscribe_without_an_answer(pipeline: Pipeline, brevo: Sandbox, fault: str) -> None:
    brevo.add_fault(fault, method="POST", path="/v3/contacts$", count=4)
    pipeline.subscribe("ada", "weekly")
    pipeline.work_once()
    assert pipeline.state("ada").unknown_since
    brevo.faults.clear()


def test_a_creation_of_unknown_outcome_is_found_by_one_request(pipeline: Pipeline, brevo: Sandbox) -> None:
    subscribe_without_an_answer(pipeline, brevo, "drop_after")

    with pipeline.requests() as requests:
        pipeline.work()

    assert len(requests) == 1, requests


def test_a_creation_that_never_happened_takes_a_look_and_the_creation(pipeline: Pipeline, brevo: Sandbox) -> None:
    subscribe_without_an_answer(pipeline, brevo, "drop")

    with pipeline.requests() as requests:
        pipeline.work()

    assert requests == ["GET /v3/contacts/ada", "POST /v3/contacts"]
    assert pipeline.lists("ada") == {5}


def test_the_creation_meets_who_has_the_address_by_then(pipeline: Pipeline, brevo: Sandbox) -> None:
    brevo.add_fault("drop", method="POST", path="/v3/contacts$", count=4)
    pipeline.subscribe("ada", "weekly")
    pipeline.work_once()
    brevo.faults.clear()
    brevo.request("POST", "/contacts", {"email": address_of("ada"), "listIds": [9]})

    with pipeline.requests() as requests:
        pipeline.work()

    look = "GET /v3/contacts/ada%40portal.org"
    assert requests == ["GET /v3/contacts/ada", "POST /v3/contacts", look, "PUT /v3/contacts/{id}"]
    assert pipeline.lists("ada") == {5, 9}


@pytest.mark.parametrize("trouble", ["an opt-out", "a change at Brevo"])
def test_before_such_a_creation_the_address_is_looked_for_if_something_may_have_ended(
    pipeline: Pipeline, brevo: Sandbox, trouble: str
) -> None:
    brevo.add_fault("drop", method="POST", path="/v3/contacts$", count=4)
    pipeline.subscribe("ada", "weekly")
    pipeline.subscribe("ada", "monthly")
    pipeline.work_once()
    brevo.faults.clear()
    if trouble == "an opt-out":
        pipeline.unsubscribe("ada", "weekly")
    else:
        pipeline.store.mark_changed("default", [Sighting(user_id="ada")])

    with pipeline.requests() as requests:
        pipeline.work()

    assert requests[:2] == ["GET /v3/contacts/ada", "GET /v3/contacts/ada%40portal.org"]
    assert requests[-1] == "POST /v3/contacts"


def test_a_change_of_address_takes_two_requests(pipeline: Pipeline) -> None:
    pipeline.subscribe("ada", "weekly")
    pipeline.work()
    pipeline.update("ada", email="ada@elsewhere.org", previous_email=address_of("ada"))

    with pipeline.requests() as requests:
        pipeline.work()

    assert requests == ["GET /v3/contacts/{id}", "PUT /v3/contacts/{id}"]


def test_a_creation_asks_redis_for_the_time_once(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, now = list[str](), pipeline.store.now

    def note(_store: Store) -> str:
        asked.append(now())
        return asked[-1]

    monkeypatch.setattr(Store, "now", note)
    pipeline.subscribe("ada", "weekly")
    pipeline.sync("ada")
    assert pipeline.state("ada").seen["default"].read_at == asked[-1]
    assert len(asked) == 1

    # A value of a new attribute is read back: the moment of the creation is over by then.
    pipeline.subscribe("bea", "weekly", last_name="Beth")
    pipeline.sync("bea")
    assert len(asked) == 3
