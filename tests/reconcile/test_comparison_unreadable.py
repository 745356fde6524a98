"""A row that cannot be read keeps its contact out of a comparison, and nobody else; nobody is absent because of it."""

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from sync_tasks.errors import GatewayUnavailableError
from sync_tasks.providers.brevo.client import Brevo
from sync_tasks.providers.brevo.requests import Call
from sync_tasks.providers.brevo.responses import Answer
from sync_tasks.rate_limits.limiter import Limiter
from sync_tasks.reconcile.concession import concede
from sync_tasks.reconcile.run import Scope, reconcile
from sync_tasks.sandbox import Sandbox
from sync_tasks.state.holds import place_hold
from tests.reconcile.test_checkpoint import STRANGERS, compare, strangers
from tests.support.pipeline import MakePipeline, Pipeline, address_of

Row = dict[str, Any]
Garble = Callable[[Callable[[Row], Row]], None]
PEOPLE = ("anna", "ben", "cleo")


def without(*names: str, user_id: str = "anna") -> Callable[[Row], Row]:
    """Return how a page shows everybody: one contact lacks what these names stand for."""

    def show(row: Row) -> Row:
        return {key: row[key] for key in row if row["email"] != address_of(user_id) or key not in names}

    return show


class Hasty(Limiter):
    """Tries again at once."""

    def rest(self, seconds: float) -> None:
        super().rest(seconds * 0)


@pytest.fixture
def readers(make_pipeline: MakePipeline) -> Pipeline:
    """Three people who read the daily newsletter."""
    pipeline = make_pipeline(Hasty)
    for user_id in PEOPLE:
        pipeline.subscribe(user_id)
    pipeline.work()
    return pipeline


@pytest.fixture
def garble(monkeypatch: pytest.MonkeyPatch) -> Garble:
    """Let pages of contacts show each row otherwise; who is read alone is shown as always."""

    def garble(show: Callable[[Row], Row]) -> None:
        ask = Brevo._ask

        def answer(self: Brevo, call: Call) -> tuple[Answer, bool]:
            reply, unknown = ask(self, call)
            if "contacts" not in reply.data or call.writes:
                return reply, unknown
            rows = list(map(show, reply.data["contacts"]))
            return replace(reply, body=json.dumps({**reply.data, "contacts": rows}).encode()), unknown

        monkeypatch.setattr(Brevo, "_ask", answer)

    return garble


def test_one_is_named_and_not_compared_and_the_others_are_repaired(
    readers: Pipeline, brevo: Sandbox, garble: Garble, caplog: pytest.LogCaptureFixture
) -> None:
    for user_id in PEOPLE:
        brevo.edit(address_of(user_id), {"unlinkListIds": [3]})
    garble(without("listIds"))

    with caplog.at_level(logging.ERROR):
        (run,) = reconcile(readers.resources, Scope(newsletter="daily"))
    readers.work()

    assert run.found == {"missing on list": 2, "unreadable": 1}
    assert (run.refused, run.compared, run.repaired, run.left) == ("", 2, 2, 1)
    assert run.users == {"unreadable": ["anna"]}
    assert [readers.lists(user_id) for user_id in PEOPLE] == [set(), {3}, {3}]
    assert ": anna" in caplog.text
    assert "@" not in caplog.text


@pytest.mark.parametrize("lacks", ["attributes", "emailBlacklisted"])
def test_whoever_is_in_a_row_that_cannot_be_read_is_not_gone(readers: Pipeline, garble: Garble, lacks: str) -> None:
    garble(without(lacks))

    (run,) = reconcile(readers.resources)

    assert run.found == {"unreadable": 1}
    with readers.requests() as requests:
        readers.work()
    assert requests == []


def test_whose_new_contact_cannot_be_read_is_not_gone_but_others_are(
    readers: Pipeline, brevo: Sandbox, garble: Garble
) -> None:
    for user_id in ("anna", "ben"):
        brevo.act("delete", address_of(user_id))
    brevo.add_contacts([{"email": address_of("anna"), "listIds": [3]}])
    garble(without("listIds"))

    (run,) = reconcile(readers.resources, Scope(users=True))

    assert run.users == {"unreadable": ["anna"], "missing contact": ["ben"]}


def test_who_never_had_a_contact_here_is_not_created_beside_one_that_cannot_be_read(
    readers: Pipeline, brevo: Sandbox, garble: Garble
) -> None:
    readers.subscribe("dora")
    brevo.add_contacts([{"email": address_of("dora")}])
    brevo.add_fault("status", status=400, path="contacts")
    readers.work()
    brevo.faults.clear()
    garble(without("listIds", user_id="dora"))

    (run,) = reconcile(readers.resources, Scope(dry_run=True))

    assert run.found == {"unreadable": 1}


def test_nobody_is_gone_while_a_row_may_be_anybodys(readers: Pipeline, brevo: Sandbox, garble: Garble) -> None:
    brevo.act("delete", address_of("anna"))
    (number,) = brevo.add_contacts([{"email": "whose@portal.org"}])
    garble(without("email", "ext_id", "attributes", user_id="whose"))

    (run,) = reconcile(readers.resources)

    assert (run.found, run.users) == ({"unreadable": 1}, {"unreadable": [f"contact {number}"]})


def test_a_page_that_shows_many_otherwise_breaks_a_comparison_off(
    readers: Pipeline, brevo: Sandbox, garble: Garble
) -> None:
    strangers(brevo, "many")
    garble(lambda row: {**row, "listIds": None})

    (run,) = reconcile(readers.resources)

    assert run.broken_off
    assert "cannot be read" in run.refused


def test_a_row_without_its_id_breaks_a_comparison_off(readers: Pipeline, garble: Garble) -> None:
    garble(without("id"))

    (run,) = reconcile(readers.resources)

    assert run.broken_off


def test_a_comparison_that_goes_on_remembers_whom_it_could_not_read(
    readers: Pipeline, brevo: Sandbox, garble: Garble
) -> None:
    strangers(brevo, "many")
    brevo.act("delete", address_of("ben"))
    garble(without("listIds"))
    whole, _ = compare(readers, dry=True)
    compare(readers, pages=1)
    resumed, _ = compare(readers)

    assert resumed.kinds == whole.kinds == {"unreadable": 1, "missing contact": 1}
    assert resumed.compared == whole.compared == STRANGERS + 1


def test_whose_user_is_known_by_now_is_still_named_when_a_comparison_goes_on(
    readers: Pipeline, brevo: Sandbox, garble: Garble
) -> None:
    brevo.add_contacts([{"email": address_of("whose")}])
    strangers(brevo, "many")
    garble(without("listIds", user_id="whose"))
    compare(readers, pages=1)
    readers.subscribe("whose")
    readers.work()

    resumed, _ = compare(readers)

    assert resumed.kinds == {"unreadable": 1}


def test_what_brevo_does_not_show_ended_nothing_if_somebody_cannot_be_read(readers: Pipeline, garble: Garble) -> None:
    garble(without("listIds"))
    hold = place_hold(readers.store, "a test")

    with pytest.raises(GatewayUnavailableError, match="contact 1 cannot be read"):
        concede(readers.resources, hold)
