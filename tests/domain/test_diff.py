"""How a contact should be at Brevo, and the one change that makes it so."""

from dataclasses import replace
from typing import Any

import pytest

from sync_tasks.domain.contact import Block, RemoteContact, RemoteState
from sync_tasks.domain.diff import Change, DesiredContact, desired_of, difference, differs, digest, essential, leaving
from sync_tasks.domain.erasure import blind_erasure, erasure
from sync_tasks.domain.events import Json
from sync_tasks.ext_ids import make_token
from tests.support.saying import ADA, BEA, MAPPING, blocked, contact_of, stamp, subscribe, unsubscribe, update

TYPES = {"FIRSTNAME": "text", "CITY": "text", "AGE": "float", "SMS": "text", "DAILY_UNSUBSCRIBED": "boolean"}
TOKEN = "f00d"
ADA_WISHES = desired_of(contact_of(subscribe(5, first_name="Ada")), MAPPING)
AGREED = RemoteState(7, ADA, frozenset({3}), ADA_WISHES.digest, read_at=stamp(6))


def test_the_portals_words_become_brevos() -> None:
    contact = contact_of(
        subscribe(1, first_name="Ada", attributes={"city": None, "shoe_size": 40}),
        unsubscribe(2, "weekly"),
        subscribe(3, "unheard-of"),
    )
    wanted = desired_of(contact, MAPPING)
    assert (wanted.address, wanted.ext_id) == (ADA, "u1")
    assert wanted.attributes == {"FIRSTNAME": "Ada", "CITY": "", "DAILY_UNSUBSCRIBED": False}
    assert (wanted.subscribed, wanted.unsubscribed) == ({3: stamp(1)}, frozenset({5}))


@pytest.mark.parametrize(("ended_up_to", "alive"), [("", True), (stamp(0), True), (stamp(1), False), (stamp(2), False)])
def test_a_subscription_that_an_opt_out_at_brevo_ended_stays_ended(ended_up_to: str, *, alive: bool) -> None:
    wanted = desired_of(contact_of(subscribe(1)), MAPPING, RemoteState(ended_up_to=ended_up_to))
    assert wanted.subscribed == ({3: stamp(1)} if alive else {})
    assert wanted.unsubscribed == (frozenset() if alive else {3})
    assert wanted.attributes == {"DAILY_UNSUBSCRIBED": not alive}


def test_where_brevo_agrees_nothing_is_sent() -> None:
    assert not difference(ADA_WISHES, AGREED)


@pytest.mark.parametrize(
    ("wanted", "change"),
    [
        (replace(ADA_WISHES, address=BEA), Change(address=BEA)),
        (replace(ADA_WISHES, address=None), Change()),
        (replace(ADA_WISHES, subscribed={3: stamp(5), 5: stamp(5)}), Change(join=frozenset({5}))),
        (replace(ADA_WISHES, subscribed={}, unsubscribed=frozenset({3, 5})), Change(leave=frozenset({3}))),
        (replace(ADA_WISHES, subscribed={}), Change()),
        (
            replace(ADA_WISHES, attributes={"FIRSTNAME": "Bea"}),
            Change(ext_id="u1", attributes={"FIRSTNAME": "Bea"}),
        ),
    ],
)
def test_only_what_differs_is_sent(wanted: DesiredContact, change: Change) -> None:
    assert difference(wanted, AGREED) == change


@pytest.mark.parametrize(
    ("block", "lifted"),
    [
        (blocked(4), True),
        (blocked(5), False),
        (blocked(6), False),
        (blocked(4, "hard_bounce"), False),
        (blocked(4, "complaint"), False),
    ],
)
def test_only_a_newer_subscription_lifts_a_block_and_only_an_unsubscription(block: Block, *, lifted: bool) -> None:
    assert difference(ADA_WISHES, replace(AGREED, block=block)).blocklisted is (False if lifted else None)


def test_lifting_a_block_brings_back_only_what_is_newer_than_it() -> None:
    wanted = desired_of(contact_of(subscribe(1, "weekly"), subscribe(5)), MAPPING)
    seen = RemoteState(7, ADA, frozenset({5}), wanted.digest, blocked(3))
    assert difference(wanted, seen) == Change(leave=frozenset({5}))
    assert difference(wanted, replace(seen, lists=frozenset())) == Change(join=frozenset({3}), blocklisted=False)


def test_a_block_goes_along_with_a_new_address() -> None:
    change = difference(replace(ADA_WISHES, address=BEA), replace(AGREED, block=blocked(6)))
    assert change == Change(address=BEA, blocklisted=True)


def test_a_block_that_a_request_may_have_lifted_is_set_again() -> None:
    assert difference(ADA_WISHES, AGREED, guarded=blocked(6)) == Change(blocklisted=True)
    assert difference(ADA_WISHES, AGREED, guarded=blocked(4)) == Change()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"A": ""}, {}, True),
        ({"A": None}, {}, True),
        ({"A": 3}, {"A": 3.0}, True),
        ({"A": "x", "B": "y"}, {"B": "y", "A": "x"}, True),
        ({"A": "3"}, {"A": 3}, False),
        ({"A": False}, {}, False),
        ({"A": "x"}, {"A": "y"}, False),
    ],
)
def test_a_digest_differs_where_brevo_would(one: dict[str, Json], other: dict[str, Json], *, same: bool) -> None:
    assert (digest(one, "u1") == digest(other, "u1")) is same


def test_a_digest_knows_whose_it_is() -> None:
    assert digest({"A": "x"}, "u1") != digest({"A": "x"}, "u2")


@pytest.mark.parametrize(
    ("change", "left"),
    [
        (
            Change(address=BEA, attributes={"DAILY_UNSUBSCRIBED": True, "CITY": "Ulm"}, leave=frozenset({3})),
            Change(attributes={"DAILY_UNSUBSCRIBED": True}, leave=frozenset({3})),
        ),
        (
            Change(attributes={"DAILY_UNSUBSCRIBED": True, "CITY": "Ulm"}),
            Change(attributes={"DAILY_UNSUBSCRIBED": True}),
        ),
        (Change(attributes={"DAILY_UNSUBSCRIBED": False}), Change()),
        (Change(join=frozenset({3}), blocklisted=True), Change(blocklisted=True)),
        (Change(join=frozenset({3}), blocklisted=False), Change()),
    ],
)
def test_where_the_rest_is_refused_what_ends_something_still_goes(change: Change, left: Change) -> None:
    assert essential(change, MAPPING) == left


def test_a_flag_that_brevo_may_have_already_goes_along_with_its_list_call_alone() -> None:
    flag = {"DAILY_UNSUBSCRIBED": True}
    assert leaving(Change(attributes=flag), MAPPING) == Change()
    assert leaving(Change(attributes=flag, leave=frozenset({3})), MAPPING) == Change(
        attributes=flag, leave=frozenset({3})
    )


def remote(**reported: Any) -> RemoteContact:
    said: dict[str, Any] = {"address": ADA, "ext_id": "u1", "lists": frozenset({3, 9}), "attributes": {}, "block": None}
    return RemoteContact(id=7, **{**said, **reported})


def test_an_erasure_leaves_nothing_of_the_person() -> None:
    held: dict[str, Json] = {"FIRSTNAME": "Ada", "AGE": 36, "SMS": "49170", "CITY": "", "COMPUTED": "Ada L."}
    change = erasure(remote(attributes=held), MAPPING, TYPES, TOKEN)
    assert change == Change(
        address="deleted-f00d@deleted.example.com",
        ext_id="deleted-f00d",
        attributes={"FIRSTNAME": "DELETED", "AGE": "", "SMS": "", "DAILY_UNSUBSCRIBED": True},
        leave=frozenset({3, 9}),
        blocklisted=True,
    )


def test_an_erasure_is_over_once_nothing_is_left_to_anonymize() -> None:
    token = make_token()
    gone: dict[str, Any] = {
        "address": f"deleted-{token}@deleted.example.com",
        "ext_id": f"deleted-{token}",
        "lists": frozenset(),
    }
    attributes = {"FIRSTNAME": "DELETED", "DAILY_UNSUBSCRIBED": True}
    assert not erasure(remote(**gone, attributes=attributes, block=blocked(1)), MAPPING, TYPES, TOKEN)
    lifted = erasure(remote(**gone, attributes=attributes), MAPPING, TYPES, TOKEN)
    assert lifted == Change(blocklisted=True)


def test_what_was_never_read_is_erased_as_if_everything_were_there() -> None:
    assert blind_erasure(AGREED, MAPPING, TYPES, TOKEN) == Change(
        address="deleted-f00d@deleted.example.com",
        ext_id="deleted-f00d",
        attributes={"FIRSTNAME": "DELETED", "CITY": "DELETED", "DAILY_UNSUBSCRIBED": True},
        leave=frozenset({3}),
        blocklisted=True,
    )


@pytest.mark.parametrize(
    ("held", "value", "different"),
    [({}, "", False), ({}, None, False), ({"CITY": None}, "", False), ({"CITY": "Ulm"}, "", True), ({}, "Ulm", True)],
)
def test_empty_and_absent_are_the_same(held: dict[str, Json], value: Json, *, different: bool) -> None:
    assert differs(remote(attributes=held), "CITY", value) is different


def test_what_is_sent_shows_nothing_of_the_person() -> None:
    change = difference(desired_of(contact_of(update(1, email=ADA, first_name="Ada")), MAPPING), RemoteState(7))
    assert change
    # The text of an object has its place in memory, in digits from 0 to f: "ada" may be a part of that.
    shown = f"{change!r} {ADA_WISHES!r}"
    assert "Ada" not in shown
    assert ADA not in shown
