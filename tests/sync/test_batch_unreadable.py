"""A contact whose row of a page can never be read goes alone, and keeps nobody else from going together."""

import json
from dataclasses import replace

import pytest

from sync_tasks.providers.brevo.client import Brevo
from sync_tasks.providers.brevo.requests import Call
from sync_tasks.providers.brevo.responses import Answer
from sync_tasks.sandbox import Sandbox
from sync_tasks.state.store import Sighting
from tests.support.batching import SHORT, BatchingLimiter
from tests.support.pipeline import MakePipeline, Pipeline, address_of

PEOPLE = [f"reader-{number}" for number in range(24)]
BAD = PEOPLE[3]


@pytest.fixture
def readers(make_pipeline: MakePipeline, brevo: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """People who read the daily newsletter; pages never show the lists of one of them."""
    brevo.settings.import_seconds = SHORT / 3
    pipeline = make_pipeline(BatchingLimiter)
    for user_id in PEOPLE:
        pipeline.subscribe(user_id)
    pipeline.work()
    ask = Brevo._ask

    def answer(self: Brevo, call: Call) -> tuple[Answer, bool]:
        reply, unknown = ask(self, call)
        if "contacts" not in reply.data or call.writes:
            return reply, unknown
        rows = [{**row, "listIds": None} if row["email"] == address_of(BAD) else row for row in reply.data["contacts"]]
        return replace(reply, body=json.dumps({**reply.data, "contacts": rows}).encode()), unknown

    monkeypatch.setattr(Brevo, "_ask", answer)
    return pipeline


def test_of_those_who_subscribe_again(readers: Pipeline, brevo: Sandbox) -> None:
    brevo.edit(address_of(BAD), {"attributes": {"CITY": "Ulm"}})
    for user_id in PEOPLE:
        readers.subscribe(user_id, "weekly")
    with readers.requests() as requests:
        readers.work()

    assert all(readers.lists(user_id) == {3, 5} for user_id in PEOPLE)
    assert len(requests) <= 6


def test_of_those_whom_a_webhook_reports(readers: Pipeline, brevo: Sandbox) -> None:
    for user_id in PEOPLE:
        brevo.edit(address_of(user_id), {"listIds": [5]})
    readers.store.mark_changed("default", [Sighting(user_id=user_id) for user_id in PEOPLE])
    readers.waiting.extend(PEOPLE)
    with readers.requests() as requests:
        readers.work()

    assert len(requests) <= 30
