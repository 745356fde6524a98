"""What is known of a contact after a look: what somebody edited, and whose it is if Brevo shows no ``ext_id``."""

from dataclasses import replace
from typing import Any

import pytest

from sync_tasks.domain.contact import Block, RemoteContact
from sync_tasks.domain.events import Json
from sync_tasks.domain.remote_state import name_created, recall_ext_id, remote_state_of
from tests.support.saying import ACCOUNT, ADA, BEA, MAPPING, blocked, contact_of, stamp, subscribe, unsubscribe, update

SINCE = "1795708909863074"
CREATED = replace(RemoteContact(7, "anna@portal.org", None, frozenset({3}), {}, None), created=SINCE)


@pytest.mark.parametrize(
    ("remote", "shown", "named"),
    [
        (CREATED, False, "u1"),
        (CREATED, True, None),
        (replace(CREATED, created="1795708909863073"), False, None),
        (replace(CREATED, created=""), False, None),
        (replace(CREATED, ext_id="u2"), False, "u2"),
    ],
    ids=["created since", "the account shows ext_ids", "created before", "Brevo does not say when", "another user's"],
)
def test_a_contact_is_named_if_only_our_import_can_have_made_it(
    remote: RemoteContact, named: str | None, *, shown: bool
) -> None:
    assert name_created(remote, "u1", SINCE, shown=shown).ext_id == named


READER = contact_of(subscribe(1, first_name="Ada"), subscribe(1, "weekly"), unsubscribe(2, "weekly"))
HELD: dict[str, Json] = {"FIRSTNAME": "Ada", "DAILY_UNSUBSCRIBED": False}
AGREES = RemoteContact(7, ADA, "u1", frozenset({3}), HELD, None)


def edits_of(now: RemoteContact, *, guarded: Block | None = None, **known: Any) -> set[str]:
    """Return what counts as edited by somebody at Brevo in a contact that agreed with the portal."""
    before = remote_state_of(AGREES, READER, MAPPING, None, stamp(3))
    contact = replace(READER, seen={ACCOUNT: before}, **known)
    return set(remote_state_of(now, contact, MAPPING, before, stamp(4), guarded=guarded).edited)


@pytest.mark.parametrize(
    ("changed", "edits"),
    [
        ({}, set()),
        ({"address": BEA}, {"address"}),
        ({"attributes": HELD | {"FIRSTNAME": "Eve"}}, {"attributes"}),
        ({"attributes": HELD | {"FIRSTNAME": ""}}, set()),
        ({"attributes": HELD | {"FIRSTNAME": None}}, set()),
        ({"ext_id": None}, set()),
        ({"lists": frozenset[int]()}, {"lists"}),
        ({"lists": frozenset({3, 5})}, {"lists"}),
        ({"id": 8, "address": BEA}, set()),
        ({"id": 8, "lists": frozenset[int]()}, set()),
    ],
    ids=[
        "nothing",
        "the address",
        "an attribute",
        "an attribute that Brevo may have ignored",
        "an attribute that Brevo does not show",
        "only the ext_id",
        "off a list",
        "on a list that the person left",
        "another contact's address",
        "another contact's lists",
    ],
)
def test_an_edit_is_what_somebody_changed_of_what_agreed(changed: dict[str, Any], edits: set[str]) -> None:
    assert edits_of(replace(AGREES, **changed)) == edits


@pytest.mark.parametrize(
    "known", [{"unknown_since": stamp(3)}, {"guarded": blocked(1)}], ids=["an outcome is unknown", "a block is guarded"]
)
def test_while_our_own_request_may_have_changed_it_nobody_edited_it(known: dict[str, Any]) -> None:
    assert edits_of(replace(AGREES, lists=frozenset(), attributes={"FIRSTNAME": "Eve"}), **known) == set()


def test_what_the_portal_itself_wants_otherwise_since_is_no_edit() -> None:
    before = remote_state_of(AGREES, READER, MAPPING, None, stamp(3))
    since = update(4, first_name="Eve", email=BEA), subscribe(4, "weekly")
    contact = contact_of(subscribe(1, first_name="Ada"), *since, seen={ACCOUNT: before})
    attributes = HELD | {"DAILY_UNSUBSCRIBED": True}
    now = replace(AGREES, address="third@example.com", attributes=attributes)
    assert remote_state_of(now, contact, MAPPING, before, stamp(5)).edited == frozenset()
    off = remote_state_of(replace(now, lists=frozenset()), contact, MAPPING, before, stamp(5))
    assert off.edited == {"lists"}


@pytest.mark.parametrize(
    ("shown", "known", "recalled"),
    [
        (replace(AGREES, ext_id=None), AGREES, "u1"),
        (replace(AGREES, ext_id="u2"), AGREES, "u2"),
        (replace(AGREES, ext_id=None), replace(AGREES, id=8), None),
        (replace(AGREES, ext_id=None), replace(AGREES, ext_id="u2"), None),
        (replace(AGREES, ext_id=None), None, None),
    ],
    ids=["ours", "another one is shown", "of another contact", "it never agreed", "never seen"],
)
def test_an_ext_id_that_is_not_shown_is_the_one_that_this_contact_was_given(
    shown: RemoteContact, known: RemoteContact | None, recalled: str | None
) -> None:
    seen = {ACCOUNT: remote_state_of(known, READER, MAPPING, None, stamp(3))} if known else {}
    assert recall_ext_id(shown, replace(READER, seen=seen), MAPPING).ext_id == recalled
