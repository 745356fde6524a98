"""Anonymizing beats everything, for good: nothing that comes late, again or on purpose brings the person back."""

import json

import pytest
import redis

from tests.support.pipeline import Pipeline


@pytest.fixture
def erased(pipeline: Pipeline) -> Pipeline:
    """A pipeline that has erased Ada."""
    pipeline.subscribe("ada", first_name="Ada", occurred_at="2026-03-01T10:00:00Z")
    pipeline.work()
    pipeline.anonymize("ada", occurred_at="2026-03-01T11:00:00Z")
    pipeline.work()
    return pipeline


@pytest.mark.parametrize("when", ["2026-03-01T10:30:00Z", "2026-03-01T11:00:00Z", "2026-03-01T12:00:00Z"])
def test_no_event_brings_an_erased_person_back(erased: Pipeline, when: str) -> None:
    before = erased.brevo.contacts()

    erased.subscribe("ada", first_name="Ada", occurred_at=when)
    erased.update("ada", email="ada@new.org", occurred_at=when)
    erased.work()

    assert erased.brevo.contacts() == before
    assert erased.store.is_erased("ada")


def test_nothing_personal_is_left(erased: Pipeline, redis_client: redis.Redis) -> None:
    held = json.dumps(erased.brevo.contacts()).lower()
    state = [redis_client.dump(name) for name in redis_client.scan_iter()]

    assert "ada@portal.org" not in held
    assert '"ada"' not in held
    assert not any(b"ada@portal.org" in (dump or b"") for dump in state)
