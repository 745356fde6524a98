"""What is left of a deleted person: in a contact of nobody, in one that somebody else has, and in our records."""

from dataclasses import replace
from typing import Any

import pytest

from sync_tasks.domain.contact import Contact, RemoteContact, RemoteState
from sync_tasks.domain.diff import FOREIGN, TAKEN, Change
from sync_tasks.domain.erasure import blind_erasure, erasure, erasure_record, inheritance
from sync_tasks.domain.mapping import AccountMapping
from sync_tasks.ext_ids import erased_ext_id, make_token
from sync_tasks.link_tokens import UnsubscribeLinks
from tests.support.saying import ACCOUNT, ADA, MAPPING, anonymize, blocked, contact_of, stamp, subscribe, update

TYPES = {"FIRSTNAME": "text", "CITY": "text", "HOBBY": "text", "AGE": "float", "LINK": "text"}
TOKEN = make_token()
GONE = f"deleted-{TOKEN}@deleted.example.com"
LINKED = replace(MAPPING, links=UnsubscribeLinks(ACCOUNT, {"LINK": "daily"}, ("s" * 32,)))


def held(mapping: AccountMapping = MAPPING, **reported: Any) -> Change:
    """Return what is left to anonymize of a contact that shows this, if it is anonymized as to all else."""
    flags = dict.fromkeys(mapping.flags, True)
    said: dict[str, Any] = {"address": GONE, "ext_id": erased_ext_id(TOKEN), "attributes": flags, "block": blocked(1)}
    shown = RemoteContact(id=7, lists=frozenset(), **said | reported)
    return erasure(shown, mapping, TYPES | dict.fromkeys(mapping.flags, "boolean"), "f00d")


@pytest.mark.parametrize(
    ("shown", "left"),
    [
        ({}, Change()),
        ({"ext_id": None}, Change()),
        ({"ext_id": "u1"}, Change(ext_id="deleted-f00d")),
        ({"block": None}, Change(blocklisted=True)),
        (
            {"address": ADA},
            Change(address="deleted-f00d@deleted.example.com", blocklisted=True),
        ),
        (
            {"address": ADA, "ext_id": None},
            Change(address="deleted-f00d@deleted.example.com", ext_id="deleted-f00d", blocklisted=True),
        ),
    ],
)
def test_an_ext_id_that_is_not_shown_is_replaced_with_the_address(shown: dict[str, Any], left: Change) -> None:
    assert held(**shown) == left


def heir(**known: Any) -> Contact:
    return contact_of(subscribe(5, first_name="Bea"), **known)


def taken_over(shown: dict[str, Any], *lists: int) -> RemoteContact:
    return RemoteContact(7, ADA, "u1", frozenset(lists), shown, None)


@pytest.mark.parametrize(
    ("shown", "cleared"),
    [
        ({"FIRSTNAME": "Ada", "DAILY_UNSUBSCRIBED": True}, set()),
        ({"FIRSTNAME": "Ada", "CITY": "Rom", "AGE": 36}, {"CITY", "AGE"}),
        ({"CITY": "", "HOBBY": None}, set()),
        ({"COMPUTED": "Ada L."}, set()),
    ],
)
def test_an_heir_keeps_what_the_portal_sent_for_it_and_nothing_else(shown: dict[str, Any], cleared: set[str]) -> None:
    assert inheritance(taken_over(shown), heir(), MAPPING, TYPES) == Change(attributes=dict.fromkeys(cleared, ""))


def test_a_field_that_is_mapped_to_nothing_keeps_nothing() -> None:
    contact = contact_of(update(1, attributes={"shoe_size": 40}))
    assert inheritance(taken_over({"CITY": "Rom"}), contact, MAPPING, TYPES) == Change(attributes={"CITY": ""})


def test_an_heir_keeps_its_own_link_and_no_other() -> None:
    own = LINKED.links.values("u1")["LINK"]
    assert inheritance(taken_over({"LINK": own}), heir(), LINKED, TYPES) == Change()
    assert inheritance(taken_over({"LINK": "another"}), heir(), LINKED, TYPES) == Change(attributes={"LINK": ""})


@pytest.mark.parametrize(("manual", "left"), [(False, {5, 9}), (True, {9})])
def test_an_heir_leaves_the_lists_that_it_never_asked_for(*, manual: bool, left: set[int]) -> None:
    remote = taken_over({}, 3, 5, 9)
    assert inheritance(remote, heir(manual=manual), MAPPING, TYPES) == Change(leave=frozenset(left))


def test_what_brevo_ended_of_an_heirs_subscriptions_is_left() -> None:
    ended = heir(seen={ACCOUNT: RemoteState(7, ADA, ended_up_to=stamp(6))})
    assert inheritance(taken_over({}, 3), ended, MAPPING, TYPES).leave == {3}


def test_a_contact_never_read_loses_each_value_that_we_may_have_written() -> None:
    change = blind_erasure(RemoteState(7, ADA, frozenset({3})), LINKED, TYPES, "f00d")
    assert change.attributes == {"FIRSTNAME": "DELETED", "CITY": "DELETED", "LINK": "DELETED"}
    assert (change.ext_id, change.leave, change.blocklisted) == ("deleted-f00d", frozenset({3}), True)


@pytest.mark.parametrize(
    ("requested_by", "said"), [(None, {}), ("the person", {"requested_by": "the person"})], ids=["nobody", "somebody"]
)
def test_a_record_says_what_an_erasure_came_to_on_each_account(requested_by: str | None, said: dict[str, str]) -> None:
    seen = {
        "a": RemoteState(7, digest="erased"),
        "b": RemoteState(),
        "c": RemoteState(8, digest=FOREIGN),
        "d": RemoteState(9, digest=TAKEN),
    }
    assert erasure_record(contact_of(anonymize(1, requested_by=requested_by)), seen, stamp(3)) == {
        "erased": stamp(1),
        "verified": stamp(3),
        "accounts": {
            "a": "contact anonymized and read back",
            "b": "no contact found",
            "c": "lists left, contact of another system",
            "d": "lists left, contact of another system",
        },
        **said,
    }
