"""What is read back teaches what Brevo clears, ignores and keeps otherwise; nothing is learnt of less."""

import logging
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from sync_tasks.domain.blanks import Blanks
from sync_tasks.domain.contact import RemoteContact, RemoteState
from sync_tasks.domain.diff import Change, desired_of, digest
from sync_tasks.domain.planning import SyncView
from sync_tasks.errors import GatewayUnavailableError, RejectedContactError, RejectedPartError
from sync_tasks.providers import Written
from sync_tasks.state.store import Lease
from sync_tasks.sync.push import Push
from sync_tasks.sync.read_back import check_values
from tests.support.saying import ACCOUNT, ADA, MAPPING, anonymize, contact_of, subscribe

CITY, NAME = frozenset({"CITY"}), frozenset({"FIRSTNAME"})
HELD = RemoteState(7, ADA, frozenset({3}), digest="before", edited=frozenset({"attributes", "lists"}))
CONTACT = contact_of(subscribe(1, first_name="Ada", attributes={"city": None}))
UNAVAILABLE = GatewayUnavailableError("503")


def held(**attributes: Any) -> RemoteContact:
    return RemoteContact(7, ADA, "u1", frozenset({3}), {"FIRSTNAME": "Ada", **attributes}, None)


class Brevo:
    """Answers each look in turn, and takes changes or refuses them."""

    def __init__(self, *answers: RemoteContact | Exception | None, refuses: bool = False) -> None:
        self.blanks = Blanks()
        self.answers, self.changes, self.refuses = list(answers), list[Change](), refuses

    def read(self, _contact_id: int) -> RemoteContact | None:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def change(self, contact_id: int, change: Change) -> Written:
        self.changes.append(change)
        if self.refuses:
            raise RejectedContactError("400")
        return Written(contact_id)


def push_at(brevo: Brevo, **said: Any) -> Push:
    gateway: Any = brevo
    store: Any = SimpleNamespace(renew_lease=lambda *_: True, now=lambda: str(10**15))
    lease = Lease("u1", "token", said.pop("contact", CONTACT))
    return Push(ACCOUNT, MAPPING, gateway, store, lease, **{"view": SyncView(HELD, fresh=True), **said})


@pytest.mark.parametrize(
    ("new", "said"),
    [
        (frozenset(), {}),
        (NAME, {"view": SyncView(None)}),
        (NAME, {"view": SyncView(replace(HELD, id=None))}),
        (NAME, {"contact": contact_of(subscribe(1), anonymize(2))}),
    ],
    ids=["nothing new", "unknown", "nobody", "erased"],
)
def test_nothing_is_read_back_of_whom_nothing_can_be_learnt(new: frozenset[str], said: dict[str, Any]) -> None:
    check_values(push_at(Brevo(), **said), new)


@pytest.mark.parametrize("shown", [None, ""])
def test_a_new_attribute_that_brevo_ignores_is_named(shown: object, caplog: pytest.LogCaptureFixture) -> None:
    check_values(push_at(Brevo(held(FIRSTNAME=shown))), NAME | CITY)
    (line,) = (record.getMessage() for record in caplog.records if record.levelno == logging.WARNING)
    assert "account default: Brevo ignores the attribute FIRSTNAME" in line


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (held(), {}),
        (None, {}),
        (held(), {"contact": contact_of(subscribe(1, first_name="Ada", attributes={"city": False}))}),
    ],
    ids=["there", "gone", "no longer true"],
)
def test_a_new_attribute_that_brevo_need_not_show_is_not(
    answer: RemoteContact | None, said: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    check_values(push_at(Brevo(answer), **said), NAME | CITY)
    assert caplog.records == []


@pytest.mark.parametrize(("differing", "left"), [(("CITY",), frozenset()), (("FIRSTNAME",), CITY), (None, CITY)])
def test_an_empty_text_cleared_what_was_there_before(differing: tuple[str, ...] | None, left: frozenset[str]) -> None:
    brevo = Brevo(held())
    check_values(push_at(brevo, cleared=CITY, differing=differing), frozenset())
    assert (brevo.changes, brevo.blanks.nulls(CITY), brevo.blanks.to_read_back(CITY)) == ([], frozenset(), left)


def test_what_an_empty_text_did_not_clear_null_clears_from_then_on() -> None:
    brevo = Brevo(held(CITY="Ulm"), held())
    check_values(push_at(brevo, cleared=CITY), frozenset())
    assert brevo.changes == [Change(attributes={"CITY": ""}, nulls=CITY)]
    assert brevo.blanks.nulls(CITY) == CITY


def test_a_contact_that_is_gone_shows_nothing_of_what_clears_a_value() -> None:
    brevo = Brevo(held(CITY="Ulm"), None)
    check_values(push_at(brevo, cleared=CITY), frozenset())
    assert (brevo.blanks.nulls(CITY), brevo.blanks.to_read_back(CITY)) == (frozenset(), CITY)


@pytest.mark.parametrize("refuses", [True, False])
def test_what_nothing_clears_is_said_if_an_event_waits_for_it(*, refuses: bool) -> None:
    brevo = Brevo(held(CITY="Ulm"), held(CITY="Ulm"), refuses=refuses)
    with pytest.raises(RejectedPartError, match="Brevo keeps CITY: neither an empty text nor null clears it"):
        check_values(push_at(brevo, cleared=CITY), frozenset())
    assert brevo.blanks.nulls(CITY) == frozenset()
    brevo = Brevo(held(CITY="Ulm"), held(CITY="Ulm"), refuses=refuses)
    check_values(push_at(brevo, cleared=CITY, contact=replace(CONTACT, pending={})), frozenset())


@pytest.mark.parametrize("answers", [(UNAVAILABLE,), (held(CITY="Ulm"), UNAVAILABLE)])
def test_values_of_which_nobody_knows_whether_brevo_has_them_are_sent_again(answers: tuple[Any, ...]) -> None:
    push = push_at(Brevo(*answers), cleared=CITY)
    with pytest.raises(GatewayUnavailableError):
        check_values(push, frozenset())
    assert push.known() == replace(HELD, digest="")


def test_what_brevo_makes_of_repaired_values_is_no_difference_from_then_on() -> None:
    push = push_at(Brevo(held(FIRSTNAME="ADA")), repaired=True)
    check_values(push, frozenset())
    wanted = desired_of(CONTACT, MAPPING, HELD)
    made_of_it = digest(dict(wanted.attributes) | {"FIRSTNAME": "ADA"}, "u1")
    settled = replace(HELD, otherwise=(wanted.digest, made_of_it), edited=frozenset({"lists"}))
    assert (push.known(), push.notes) == (settled, ["Brevo keeps otherwise than sent: FIRSTNAME"])


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ({"repaired": True}, held()),
        ({"repaired": True}, replace(held(FIRSTNAME="ADA"), ext_id="another")),
        ({"cleared": CITY}, held(FIRSTNAME="ADA")),
    ],
    ids=["as wanted", "another ext_id", "not repaired"],
)
def test_otherwise_nothing_is_settled(said: dict[str, Any], shown: RemoteContact) -> None:
    push = push_at(Brevo(shown), **said)
    check_values(push, frozenset())
    assert (push.known(), push.notes) == (HELD, [])


def test_a_repaired_value_is_settled_although_no_ext_id_is_shown() -> None:
    push = push_at(Brevo(replace(held(FIRSTNAME="ADA"), ext_id=None)), repaired=True)
    check_values(push, frozenset())
    assert push.known().otherwise != ()
