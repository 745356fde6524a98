"""Pages that show contacts otherwise than they are cost a few requests, and what else they show is not lost."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from sync_tasks.errors import GatewayUnavailableError
from sync_tasks.providers.brevo.client import Brevo
from sync_tasks.providers.brevo.requests import Call
from sync_tasks.providers.brevo.responses import Answer
from sync_tasks.reconcile.run import Scope, reconcile
from sync_tasks.sandbox import Sandbox
from tests.reconcile.test_checkpoint import strangers
from tests.reconcile.test_comparison_unreadable import Hasty
from tests.support.pipeline import MakePipeline, Pipeline, address_of

Row = dict[str, Any]
READERS = [f"reader-{number}" for number in range(60)]
LOOK = "GET /v3/contacts/{id}"
PAGE = "GET /v3/contacts"


@pytest.fixture
def readers(make_pipeline: MakePipeline, brevo: Sandbox) -> Pipeline:
    """Sixty people who read the daily newsletter."""
    pipeline = make_pipeline(Hasty)
    for user_id in READERS:
        pipeline.subscribe(user_id, first_name="Ada")
    pipeline.work()
    brevo.act("unsubscribe", address_of(READERS[0]))
    return pipeline


@pytest.fixture
def show(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let pages of all contacts show each row otherwise, or come from another place than asked for."""

    def show(row: Callable[[Row], Row] = dict, offset: Callable[[int], int] = int) -> None:
        ask = Brevo._ask

        def answer(self: Brevo, call: Call) -> tuple[Answer, bool]:
            place = call.query.get("offset")
            if not isinstance(place, int):
                return ask(self, call)
            reply, unknown = ask(self, replace(call, query={**call.query, "offset": offset(place)}))
            rows = list(map(row, reply.data["contacts"]))
            return replace(reply, body=json.dumps({**reply.data, "contacts": rows}).encode()), unknown

        monkeypatch.setattr(Brevo, "_ask", answer)

    return show


ODD: dict[str, Callable[[Row], Row]] = {
    "attribute": lambda row: {**row, "attributes": {"EXT_ID": row["attributes"]["EXT_ID"]}},
    "missing on list": lambda row: {**row, "listIds": []},
    "blocklisted": lambda row: {**row, "emailBlacklisted": True},
    "unsubscribed at Brevo": lambda row: {**row, "listUnsubscribed": [3]},
    "address": lambda row: {**row, "email": None},
}


@pytest.mark.parametrize("kind", ODD)
def test_what_pages_show_of_many_and_looks_at_three_do_not_is_believed_of_nobody(
    readers: Pipeline, show: Callable[..., None], kind: str
) -> None:
    show(ODD[kind])

    with readers.requests() as requests:
        (run,) = reconcile(readers.resources)
        readers.work()

    assert run.broken_off
    assert f"of 3 contacts looked at alone, 3 do not show what pages do: {kind}" in run.refused
    assert sorted(requests)[:3] == [PAGE, PAGE, LOOK]
    assert len(requests) <= 2 + 3 + 1
    assert not run.grave
    assert reconcile(readers.resources, Scope(dry_run=True))[0].resumed == 0


def test_what_looks_at_three_confirm_is_repaired(readers: Pipeline, brevo: Sandbox) -> None:
    for user_id in READERS[1:]:
        brevo.edit(address_of(user_id), {"attributes": {"FIRSTNAME": "Eve"}})

    with readers.requests() as requests:
        (run,) = reconcile(readers.resources)

    assert (run.refused, run.repaired, run.found["attribute"]) == ("", 60, 59)
    assert requests.count(LOOK) == 3


def test_whoever_is_missing_on_pages_and_there_when_looked_at_is_not_created_again(
    readers: Pipeline, brevo: Sandbox, show: Callable[..., None]
) -> None:
    show(lambda row: {**row, "id": row["id"] + 10_000, "email": f"{row['id']}@portal.example", "attributes": {}})

    (run,) = reconcile(readers.resources, Scope(max_changes=1000))

    assert "missing contact" in run.refused
    assert run.broken_off
    assert len(brevo.contacts()) == len(READERS)


def test_nobody_is_missing_because_each_page_is_the_first(
    readers: Pipeline, brevo: Sandbox, show: Callable[..., None]
) -> None:
    strangers(brevo, "many")
    readers.subscribe("zoe")
    readers.work()
    show(offset=lambda _place: 0)

    (run,) = reconcile(readers.resources)

    assert "no further contact, though there are more" in run.refused
    assert "missing contact" not in run.found


def test_opt_outs_of_a_page_are_not_lost_if_a_later_page_cannot_be_read(
    readers: Pipeline, brevo: Sandbox, show: Callable[..., None]
) -> None:
    def fail(place: int) -> int:
        if place:
            raise GatewayUnavailableError("GET /contacts: 500")
        return place

    strangers(brevo, "many")
    show(offset=fail)

    (run,) = reconcile(readers.resources)
    readers.work()

    assert run.broken_off
    assert "blocklisted" in run.found
    assert readers.state(READERS[0]).seen["default"].block
