"""What a person's report is made of, part by part, whoever brought each value."""

from types import SimpleNamespace
from typing import Any

import pytest

from sync_tasks.cli.views import person
from sync_tasks.cli.views.person import COVERS, describe_origins
from sync_tasks.domain.contact import RemoteContact
from sync_tasks.errors import GatewayUnavailableError
from tests.support.saying import ADA, MAPPING, contact_of, stamp, subscribe, unsubscribe, update

ANNA = contact_of(subscribe(1, first_name="Ada"), unsubscribe(2, "weekly"), update(3, first_name="Eva"))
SUBSCRIBED_AT, LEFT_AT, CHANGED_AT = (f"2026-03-01T00:0{minute}:00+00:00" for minute in (1, 2, 3))


def test_what_a_report_covers_is_said_of_each_part() -> None:
    assert list(COVERS) == ["values", "origins", "history", "consents", "brevo"]
    assert all(COVERS.values())


@pytest.mark.parametrize("lines", [True, False], ids=["from the history", "by what it is"])
def test_each_value_has_the_event_that_brought_it(*, lines: bool) -> None:
    keys = [f"{stamp(9)} {key} reflected" for key in ANNA.pending]
    store: Any = SimpleNamespace(history=lambda _: keys if lines else [])
    contact = type(ANNA)("u1", ANNA.registers) if not lines else ANNA
    brought = ("subscribe_contact", "update_contact") if lines else ("subscribe_contact or update_contact",) * 2
    assert describe_origins(store, contact) == {
        "address": {"since": SUBSCRIBED_AT, "event": brought[0]},
        "attributes.first_name": {"since": CHANGED_AT, "event": brought[1]},
        "newsletters.daily": {"since": SUBSCRIBED_AT, "event": "subscribe_contact"},
        "newsletters.weekly": {"since": LEFT_AT, "event": "unsubscribe_contact"},
    }


def test_an_event_that_is_a_dead_letter_brought_its_value_too() -> None:
    store: Any = SimpleNamespace(history=lambda _: [])
    brought = describe_origins(store, type(ANNA)("u1", ANNA.registers, dead=dict.fromkeys(ANNA.pending, "3f2a")))
    assert brought["attributes.first_name"] == {"since": CHANGED_AT, "event": "update_contact"}
    assert brought["address"] == {"since": SUBSCRIBED_AT, "event": "subscribe_contact"}


REMOTE = RemoteContact(7, ADA, "u2", frozenset({5, 3}), {"FIRSTNAME": "Ada"}, None)


@pytest.mark.parametrize(
    ("remote", "known", "error", "shown"),
    [
        (None, False, None, {"contact": None}),
        (
            REMOTE,
            True,
            None,
            {"contact": None, "error": "contact 7 has this address and another user's ext_id: look whose it is"},
        ),
        (REMOTE, False, GatewayUnavailableError("is away"), {"error": "is away"}),
    ],
    ids=["nobody", "another's", "away"],
)
def test_an_account_shows_nothing_of_others(
    monkeypatch: pytest.MonkeyPatch,
    remote: RemoteContact | None,
    error: Exception | None,
    shown: object,
    *,
    known: bool,
) -> None:
    monkeypatch.setattr(person, "find_remote", lambda *_: remote)

    def export(_number: int) -> object:
        if error:
            raise error
        return {"id": 7}

    store: Any = SimpleNamespace(peek=lambda user: known and user == "u2")
    gateway: Any = SimpleNamespace(export=export)
    assert person._describe_account(store, ANNA, MAPPING, gateway) == shown


def test_an_account_shows_the_contact_and_brevos_own_document(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(person, "find_remote", lambda *_: REMOTE)
    store: Any = SimpleNamespace(peek=lambda _: None)
    gateway: Any = SimpleNamespace(export=lambda number: {"id": number})
    shown = person._describe_account(store, ANNA, MAPPING, gateway)
    assert (list(shown), shown["as_brevo_shows_it"]) == (["contact", "as_brevo_shows_it"], {"id": 7})
    assert (shown["contact"]["id"], shown["contact"]["lists"]) == (7, [3, 5])
