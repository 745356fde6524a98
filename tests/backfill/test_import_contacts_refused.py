"""An import that Brevo refuses for one row, or a page with one row that cannot be read, costs the others nothing."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from sync_tasks.errors import RejectedContactError
from sync_tasks.providers.brevo.client import Brevo
from sync_tasks.providers.brevo.requests import Call
from sync_tasks.providers.brevo.responses import Answer
from tests.support.loading import IMPORT, PAGE, Loader, people
from tests.support.pipeline import address_of

PEOPLE = 200
LOOK, CREATE, LISTS = "GET /v3/contacts/u{id}", "POST /v3/contacts", "GET /v3/contacts/lists/{id}"
Refuse = Callable[..., None]


@pytest.fixture
def refuse(monkeypatch: pytest.MonkeyPatch) -> Refuse:
    """Let Brevo refuse each import that names one of these users, at least."""

    def refuse(*users: str, error: type[Exception] = RejectedContactError) -> None:
        addresses, ask = set(map(address_of, users)), Brevo._ask

        def answer(self: Brevo, call: Call) -> tuple[Answer, bool]:
            rows: Any = (call.body or {}).get("jsonBody") or []
            if addresses & {row["email"] for row in rows}:
                self._learnt.note_import(refused=True)
                raise error("POST /contacts/import: 400")
            return ask(self, call)

        monkeypatch.setattr(Brevo, "_ask", answer)

    return refuse


def test_one_row_that_brevo_refuses_keeps_two_others_at_most_from_an_import(loader: Loader, refuse: Refuse) -> None:
    refuse("u77")
    loader.load_rows(*people(PEOPLE))
    with loader.pipeline.requests() as requests:
        became = loader.bring()
        loader.work()

    assert became["imported"] >= PEOPLE - 3
    assert len(loader.pipeline.brevo.contacts()) == PEOPLE
    assert requests.count(IMPORT) <= 8
    assert len(requests) <= 8 + 1 + 4


@pytest.mark.parametrize("bad", [4, 8])
def test_several_rows_that_brevo_refuses_are_found_out(loader: Loader, refuse: Refuse, bad: int) -> None:
    refuse(*(f"u{number * PEOPLE // bad}" for number in range(bad)))
    loader.load_rows(*people(PEOPLE))
    became = loader.bring()
    loader.work()

    assert became["imported"] >= PEOPLE - 3 * bad
    assert not loader.dirty
    assert len(loader.pipeline.brevo.contacts()) == PEOPLE


def test_if_brevo_refuses_every_import_each_is_created_by_one_request(loader: Loader, refuse: Refuse) -> None:
    refuse(*(f"u{number}" for number in range(PEOPLE)))
    loader.load_rows(*people(PEOPLE))
    with loader.pipeline.requests() as requests:
        became = loader.bring()
        loader.work()

    assert became == {"handed over": PEOPLE}
    assert requests.count(CREATE) == PEOPLE
    assert len(requests) <= PEOPLE + 2, [one for one in requests if one != CREATE]


def test_whose_import_may_be_carried_out_all_the_same_is_looked_for_before(loader: Loader, refuse: Refuse) -> None:
    class PerhapsDoneError(RejectedContactError):
        def __init__(self, message: str) -> None:
            super().__init__(message)
            self.outcome_unknown = True

    refuse(*(f"u{number}" for number in range(4)), error=PerhapsDoneError)
    loader.load_rows(*people(4))
    with loader.pipeline.requests() as requests:
        loader.bring()
        loader.work()

    assert [one for one in requests if one in {LOOK, CREATE}] == [LOOK, CREATE] * 4


def test_one_row_that_cannot_be_read_is_left_to_the_workers_and_the_others_are_imported(
    loader: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = Brevo._ask

    def answer(self: Brevo, call: Call) -> tuple[Answer, bool]:
        reply, unknown = ask(self, call)
        if "modifiedSince" not in call.query:
            return reply, unknown
        bad = address_of("u77")
        rows = [{**row, "listIds": None} if row["email"] == bad else row for row in reply.data["contacts"]]
        return replace(reply, body=json.dumps({**reply.data, "contacts": rows}).encode()), unknown

    monkeypatch.setattr(Brevo, "_ask", answer)
    loader.load_rows(*people(PEOPLE))
    with loader.pipeline.requests() as requests:
        became = loader.bring()
        loader.work()

    assert (became["imported"], became["handed over"]) == (PEOPLE - 1, 1)
    assert requests.count(PAGE) == 3
    assert len(requests) <= 1 + 3 + 2
    assert not loader.dirty
