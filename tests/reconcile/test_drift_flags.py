"""What a drift says of itself, case by case: of which kind it is, what it costs, and how it is remembered."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from sync_tasks.domain.contact import Contact, EventKey, RemoteContact, RemoteState
from sync_tasks.domain.diff import desired_of
from sync_tasks.domain.events import Event, Json
from sync_tasks.domain.mapping import AccountMapping, Subscribable
from sync_tasks.reconcile.drift import Drift, Kind, _opted_out, find_drift, find_missing, subject_of
from sync_tasks.state.records import RemoteRecord
from tests.support.saying import ADA, BEA, MAPPING, blocked, contact_of, key_of, stamp, subscribe, unsubscribe, update

NOW = stamp(60)
WISHED = desired_of(contact_of(subscribe(1, first_name="Ada")), MAPPING)
SEEN = RemoteState(7, ADA, frozenset({3}), WISHED.digest, read_at=stamp(6))
SHOWN: dict[str, Json] = {"FIRSTNAME": "Ada", "DAILY_UNSUBSCRIBED": False}
REMOTE = RemoteContact(7, ADA, "u1", frozenset({3}), SHOWN, None)


def known(*events: Any, seen: RemoteState | None = SEEN, **more: Any) -> Contact:
    events = events or (subscribe(1, first_name="Ada"),)
    return contact_of(*events, **{"pending": {}, "seen": {"default": seen} if seen else {}, **more})


def found(remote: RemoteContact, contact: Contact, mapping: AccountMapping = MAPPING) -> Drift:
    drift = find_drift(remote, contact, mapping, NOW)
    assert isinstance(drift, Drift)
    return drift


def test_who_agrees_is_only_seen() -> None:
    seen = find_drift(REMOTE, known(), MAPPING, NOW)
    assert isinstance(seen, RemoteState)
    assert (seen.id, seen.lists, seen.read_at) == (7, frozenset({3}), NOW)


MOVED = AccountMapping(
    {"daily": Subscribable(4, had=(("default", 3),))}, {}, account="default", earlier={"daily": frozenset({3})}
)
# Remote, contact, kinds, and of loses, regains, renames and was_known those that hold.
FLAGS: dict[str, tuple[RemoteContact, Contact, tuple[Kind, ...], set[str]]] = {
    "missing on list": (
        replace(REMOTE, lists=frozenset()),
        known(),
        ("missing on list",),
        {"regains", "was_known"},
    ),
    "extra on list": (
        replace(REMOTE, lists=frozenset({3, 5})),
        known(subscribe(1, first_name="Ada"), unsubscribe(2, "weekly")),
        ("extra on list",),
        {"loses", "was_known"},
    ),
    "address": (replace(REMOTE, address=BEA), known(), ("address",), {"renames", "was_known"}),
    "attribute": (replace(REMOTE, attributes=SHOWN | {"FIRSTNAME": "Eve"}), known(), ("attribute",), {"was_known"}),
    "another ext_id": (replace(REMOTE, ext_id="eve"), known(), ("attribute",), {"renames", "was_known"}),
    "never seen": (
        replace(REMOTE, lists=frozenset()),
        known(seen=None),
        ("missing on list",),
        {"regains"},
    ),
    "seen without a number": (
        replace(REMOTE, lists=frozenset()),
        known(seen=replace(SEEN, id=None)),
        ("missing on list",),
        {"regains"},
    ),
    "blocklisted": (replace(REMOTE, block=blocked(5)), known(), ("blocklisted",), {"was_known"}),
    "no longer blocklisted": (
        REMOTE,
        known(seen=replace(SEEN, block=blocked(0.5), ended_up_to="")),
        ("no longer blocklisted",),
        {"was_known"},
    ),
}


@pytest.mark.parametrize(("remote", "contact", "kinds", "holds"), FLAGS.values(), ids=FLAGS)
def test_what_a_repair_would_do_is_known(
    remote: RemoteContact, contact: Contact, kinds: tuple[Kind, ...], holds: set[str]
) -> None:
    drift = found(remote, contact)
    assert drift.kinds[: len(kinds)] == kinds
    flags = ("loses", "regains", "renames", "was_known")
    assert {name for name in flags if getattr(drift, name)} == holds
    assert (drift.user_id, drift.contact_id, drift.rev) == ("u1", 7, contact.rev)


def test_a_list_of_before_is_left_without_losing_anything() -> None:
    contact = contact_of(subscribe(1), pending={}, seen={"default": replace(SEEN, digest="", lists=frozenset({3, 4}))})
    drift = found(replace(REMOTE, attributes={}, lists=frozenset({3, 4})), contact, MOVED)
    assert "on a former list" in drift.kinds
    assert (drift.moves, drift.loses, drift.lists) == (True, False, frozenset({3}))
    assert not found(replace(REMOTE, lists=frozenset()), known()).moves


def test_what_somebody_left_by_themselves_is_news_and_no_loss() -> None:
    remote = replace(REMOTE, lists=frozenset(), opted_out={3: stamp(5)})
    drift = found(remote, known())
    assert drift.kinds[0] == "unsubscribed at Brevo"
    assert not drift.loses
    heard = replace(SEEN, ended={3: stamp(5)}, lists=frozenset())
    again = find_drift(remote, known(seen=heard), MAPPING, NOW)
    assert not (isinstance(again, Drift) and "unsubscribed at Brevo" in again.kinds)
    newer = found(replace(remote, opted_out={3: stamp(7)}), known(seen=heard))
    assert newer.kinds[0] == "unsubscribed at Brevo"


@pytest.mark.parametrize(
    ("drift", "holdable"),
    [
        (Drift(("missing contact",), "u1", rev="1"), True),
        (Drift(("missing on list", "address"), "u1", rev="1"), True),
        (Drift(("missing on list", "dead letter"), "u1", rev="1"), True),
        (Drift(("missing on list", "attribute"), "u1", rev="1"), False),
        (Drift(("extra on list",), "u1", rev="1"), False),
        (Drift(("missing on list",), "u1"), False),
    ],
)
def test_on_hold_waits_what_would_subscribe_and_nothing_else(drift: Drift, *, holdable: bool) -> None:
    assert drift.holdable is holdable


def test_a_report_names_a_user_or_else_the_contact() -> None:
    assert (Drift(("address",), "u1", 7).name, Drift(("unknown contact",), contact_id=7).name) == ("u1", "contact 7")


def differing(*kinds: Kind, lists: set[int], why: str = "", contact_id: int | None = 7) -> Drift:
    return Drift(kinds, "u1", contact_id, "4", replace(SEEN, read_at=NOW), frozenset(lists), why=why)


@pytest.mark.parametrize(
    ("drift", "kind", "line"),
    [
        (differing("missing contact", lists={3, 5}), "create", "contact 7 is gone"),
        (differing("missing contact", lists={3}, contact_id=None), "create", ""),
        (differing("missing on list", lists={3}, why="list 3"), "join", "compared: list 3"),
        (differing("extra on list", lists={5}, why="list 5"), "leave", "compared: list 5"),
        (differing("missing on list", lists={3, 5}), "", ""),
        (differing("extra on list", lists={3, 5}), "", ""),
        (differing("address", lists={3}), "", ""),
        (Drift(("address",), "u1", 7, "4", why="address"), "", "compared: address"),
    ],
)
def test_what_is_written_down_of_a_drift(drift: Drift, kind: str, line: str) -> None:
    record: RemoteRecord = drift.record("default")
    lists = ",".join(map(str, sorted(drift.lists)))
    assert record.kind == (f"repair:default:{kind}:{lists}" if kind else "")
    when = drift.seen.read_at if drift.seen else ""
    assert record.line == (f"{EventKey('brevo', 'default', when)} {line}" if line else "")
    assert (record.user_id, record.rev, record.account) == ("u1", "4", "default")


OLD_ADDRESS = update(2, email=BEA)
SIGN_UP, OTHER_SIGN_UP = subscribe(1), subscribe(1.5, "weekly")


def missing(*events: Event, dead: Sequence[Event] = (), **more: Any) -> Drift | None:
    contact = contact_of(*events, dead={key_of(event): "letter" for event in dead}, pending={}, **more)
    return find_missing(contact, MAPPING, NOW)


@pytest.mark.parametrize(
    ("drift", "kinds", "lists"),
    [
        (missing(SIGN_UP), ("missing contact",), {3}),
        (missing(SIGN_UP, OTHER_SIGN_UP), ("missing contact",), {3, 5}),
        (missing(SIGN_UP, OTHER_SIGN_UP, dead=[OTHER_SIGN_UP]), ("dead letter",), set()),
        (missing(SIGN_UP, dead=[SIGN_UP]), ("dead letter",), set()),
        (missing(SIGN_UP, OLD_ADDRESS, dead=[OLD_ADDRESS]), ("dead letter",), set()),
        (
            missing(SIGN_UP, OLD_ADDRESS, dead=[OLD_ADDRESS], seen={"default": replace(SEEN, address=BEA)}),
            ("missing contact", "dead letter"),
            {3},
        ),
        (missing(SIGN_UP, unsubscribe(2)), None, None),
        (missing(SIGN_UP, unsubscribe(2), OTHER_SIGN_UP), ("missing contact",), {5}),
    ],
)
def test_who_is_on_no_page_is_created_unless_a_person_must_see_to_it(
    drift: Drift | None, kinds: tuple[Kind, ...] | None, lists: set[int] | None
) -> None:
    if kinds is None:
        assert drift is None
        return
    assert drift is not None
    assert (drift.kinds, drift.lists) == (kinds, frozenset(lists or ()))
    assert drift.regains is ("missing contact" in kinds)
    assert drift.why == ("no contact" if "missing contact" in kinds else "")


def test_dead_letters_are_about_the_last_word_alone() -> None:
    first, later = subscribe(1), unsubscribe(2)
    contact = contact_of(first, later, dead={key_of(first): "letter"})
    assert subject_of(contact, MAPPING).lists == frozenset()
    subject = subject_of(contact_of(first, later, dead={key_of(later): "letter"}), MAPPING)
    assert (subject.lists, subject.attributes, subject.address) == (
        frozenset({3}),
        frozenset({"DAILY_UNSUBSCRIBED"}),
        False,
    )
    unheard = subscribe(1, "unheard-of")
    assert subject_of(contact_of(unheard, dead={key_of(unheard): "letter"}), MAPPING).lists == frozenset()


@pytest.mark.parametrize(
    ("remote", "why"),
    [
        (replace(REMOTE, ext_id="eve"), "ext_id"),
        (replace(REMOTE, attributes=SHOWN | {"FIRSTNAME": "Eve"}), "FIRSTNAME"),
        (replace(REMOTE, ext_id="eve", attributes={}), "ext_id, FIRSTNAME"),
        (replace(REMOTE, address=BEA), "the address"),
        (replace(REMOTE, lists=frozenset()), "not on list 3"),
    ],
)
def test_what_differs_is_said_in_names_and_numbers(remote: RemoteContact, why: str) -> None:
    assert found(remote, known()).why == why


def test_an_ext_id_alone_differs_if_the_portal_has_no_attribute_there() -> None:
    bare = AccountMapping({"daily": Subscribable(3)}, {}, account="default")
    wished = known(seen=replace(SEEN, digest=desired_of(known(), bare).digest))
    drift = found(replace(REMOTE, ext_id="eve", attributes={}), wished, bare)
    assert (drift.kinds, drift.why) == (("attribute",), "ext_id")


@pytest.mark.parametrize(
    ("before", "news"),
    [
        (None, True),
        (SEEN, True),
        (replace(SEEN, ended={3: stamp(4)}), True),
        (replace(SEEN, ended={3: stamp(5)}), False),
    ],
    ids=["nothing known", "never before", "at another moment", "the same"],
)
def test_an_opt_out_of_a_list_is_news_unless_the_same_was_known(before: RemoteState | None, *, news: bool) -> None:
    assert list(_opted_out(replace(SEEN, ended={3: stamp(5)}), before)) == ([3] if news else [])
