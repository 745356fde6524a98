"""What is wanted during a hold, of newsletters that moved, retired or are managed by hand; and a change in words."""

from dataclasses import replace
from typing import Any

import pytest

from sync_tasks.domain.contact import Contact, RemoteContact, RemoteState
from sync_tasks.domain.diff import (
    ERASED,
    FOREIGN,
    TAKEN,
    Change,
    DesiredContact,
    describe_change,
    describe_drift,
    describe_left,
    desired_of,
    difference,
    differing,
    digest,
    held_value,
    is_same,
    owed_flags,
)
from sync_tasks.domain.events import Event, Json
from sync_tasks.domain.mapping import AccountMapping, Subscribable
from sync_tasks.link_tokens import UnsubscribeLinks
from tests.support.saying import ACCOUNT, ADA, BEA, MAPPING, blocked, contact_of, stamp, subscribe, unsubscribe, update

ON, NOBODY = RemoteState(7, ADA, frozenset({3})), RemoteState()
READER = contact_of(subscribe(5))


def wanted(
    *events: Event, there: RemoteState | None = None, mapping: AccountMapping = MAPPING, **known: Any
) -> DesiredContact:
    """Return what is wanted of Ada on an account that was seen like this."""
    return desired_of(contact_of(*events, **known), mapping, there)


@pytest.mark.parametrize(
    ("held", "seen", "address", "since", "subscribed"),
    [
        pytest.param("", NOBODY, ADA, stamp(5), {3}, id="no hold"),
        pytest.param(stamp(4), NOBODY, ADA, stamp(5), {3}, id="confirmed after it"),
        pytest.param(stamp(5), NOBODY, None, "", set(), id="a tie waits"),
        pytest.param(stamp(6), NOBODY, None, "", set(), id="confirmed before it"),
        pytest.param(stamp(6), ON, ADA, "", {3}, id="who is there stays there"),
        pytest.param(stamp(6), replace(ON, address=BEA), None, "", {3}, id="no address from before"),
    ],
)
def test_while_the_state_is_on_hold_nothing_from_before_is_wanted_anew(
    held: str, seen: RemoteState, address: str | None, since: str, subscribed: set[int]
) -> None:
    found = wanted(subscribe(5), there=seen, held=held)
    assert (found.address, found.address_since, set(found.subscribed)) == (address, since, subscribed)
    assert found.unsubscribed == frozenset()
    assert ("DAILY_UNSUBSCRIBED" in found.attributes) is bool(subscribed)


def test_an_opt_out_goes_on_during_a_hold() -> None:
    found = wanted(subscribe(1), unsubscribe(2), there=ON, held=stamp(6))
    assert found.unsubscribed == {3}
    assert found.attributes == {"DAILY_UNSUBSCRIBED": True}


EARLIER = replace(MAPPING, earlier={"daily": frozenset({8}), "weekly": frozenset({9})})


@pytest.mark.parametrize(
    ("event", "held", "left"),
    [
        (subscribe(5), "", {8, 9}),
        (subscribe(5), stamp(6), {9}),
        (subscribe(5), stamp(5), {9}),
        (subscribe(5), stamp(4), {8, 9}),
        (unsubscribe(5), stamp(6), {3, 8, 9}),
        (subscribe(5, "elsewhere"), stamp(6), {8, 9}),
    ],
)
def test_on_a_list_of_before_only_whoever_waits_for_the_end_of_a_hold_stays(
    event: Event, held: str, left: set[int]
) -> None:
    assert wanted(event, mapping=EARLIER, held=held).unsubscribed == left


RETIRED = replace(MAPPING, newsletters={"daily": Subscribable(3, retired=True), "weekly": Subscribable(5, manual=True)})


@pytest.mark.parametrize(
    ("mapping", "event", "known", "lists"),
    [
        pytest.param(RETIRED, subscribe(5), {}, (set(), set(), {3, 5}), id="of a retired one"),
        pytest.param(RETIRED, unsubscribe(5), {}, (set(), {3}, {5}), id="who opted out of a retired one"),
        pytest.param(RETIRED, subscribe(5, "weekly"), {}, ({5}, set(), set()), id="by hand, and wished"),
        pytest.param(RETIRED, unsubscribe(5, "weekly"), {}, (set(), {5}, set()), id="by hand, and not wished"),
        pytest.param(MAPPING, subscribe(5), {"manual": True}, ({3}, set(), {5}), id="a user managed by hand"),
        pytest.param(MAPPING, subscribe(5), {}, ({3}, set(), set()), id="nothing by hand"),
        pytest.param(MAPPING.without(frozenset({3})), subscribe(5), {}, (set(), set(), set()), id="a list not there"),
        pytest.param(MAPPING.without(frozenset({3})), unsubscribe(5), {}, (set(), set(), set()), id="nor left"),
    ],
)
def test_which_lists_are_wanted_left_and_kept(
    mapping: AccountMapping, event: Event, known: dict[str, Any], lists: tuple[set[int], set[int], set[int]]
) -> None:
    found = wanted(event, mapping=mapping, **known)
    assert (set(found.subscribed), set(found.unsubscribed), set(found.kept)) == lists


MOVED = replace(MAPPING, newsletters={"daily": Subscribable(3, had=(("old", 8), (ACCOUNT, 9)))})


@pytest.mark.parametrize(
    ("known", "ended"),
    [
        pytest.param({}, False, id="nothing ended there"),
        pytest.param({"reported": {"old:unsubscribed": stamp(5)}}, True, id="a reported opt-out"),
        pytest.param({"reported": {"old:unsubscribed": stamp(4)}}, False, id="one from before"),
        pytest.param({"reported": {"old:list.8": stamp(5)}}, True, id="a reported opt-out of the list"),
        pytest.param({"reported": {"old:list.7": stamp(5)}}, False, id="of another list"),
        pytest.param({"reported": {"other:unsubscribed": stamp(5)}}, False, id="of another account"),
        pytest.param({"seen": {"old": RemoteState(7, ended_up_to=stamp(5))}}, True, id="ended at Brevo"),
        pytest.param({"seen": {"old": RemoteState(7, ended={8: stamp(5)})}}, True, id="ended of that list"),
        pytest.param({"seen": {"old": RemoteState(7, ended={9: stamp(5)})}}, False, id="ended of another list"),
        pytest.param({"seen": {"old": RemoteState(7, unblocked=stamp(5))}}, True, id="a block lifted by hand"),
        pytest.param({"seen": {"old": RemoteState(7, block=blocked(5))}}, True, id="a block"),
        pytest.param({"seen": {"old": RemoteState(7, block=blocked(4))}}, False, id="a block from before"),
    ],
)
def test_an_opt_out_at_a_former_account_moves_along(known: dict[str, Any], *, ended: bool) -> None:
    assert (wanted(subscribe(5), mapping=MOVED, **known).unsubscribed == {3}) is ended


def test_an_opt_out_of_a_former_list_of_the_same_account_counts_by_what_was_seen() -> None:
    assert wanted(subscribe(5), mapping=MOVED, there=RemoteState(7, ended={9: stamp(5)})).unsubscribed == {3}
    assert wanted(subscribe(5), mapping=MOVED, there=RemoteState(7, unblocked=stamp(5))).unsubscribed == set()


def test_a_link_goes_along_with_the_attributes() -> None:
    linked = replace(MAPPING, links=UnsubscribeLinks(ACCOUNT, {"LINK": ""}, ("s" * 32,)))
    assert wanted(subscribe(5), mapping=linked).attributes["LINK"] == linked.links.values("u1")["LINK"]


def test_a_whole_number_is_one_number_in_a_digest_and_another_fraction_is_another() -> None:
    assert digest({"A": 3.0}, None) == digest({"A": 3}, None)
    assert digest({"A": 3.5}, None) not in {digest({"A": 3}, None), digest({"A": 3.25}, None)}


FLAGGED = unsubscribe(5)
LEFT = RemoteState(7, ADA)


@pytest.mark.parametrize(
    ("contact", "seen", "owed"),
    [
        pytest.param(contact_of(FLAGGED), LEFT, True, id="it may lack the flag"),
        pytest.param(contact_of(FLAGGED), None, False, id="never seen"),
        pytest.param(contact_of(FLAGGED), RemoteState(), False, id="nobody is there"),
        pytest.param(contact_of(FLAGGED, address_taken=True), LEFT, False, id="the address is another's"),
        pytest.param(contact_of(FLAGGED), replace(LEFT, digest=ERASED), False, id="anonymized"),
        pytest.param(contact_of(FLAGGED), replace(LEFT, digest=FOREIGN), False, id="another system's"),
        pytest.param(contact_of(FLAGGED), replace(LEFT, digest=TAKEN), False, id="taken over by another system"),
        pytest.param(
            contact_of(FLAGGED),
            replace(LEFT, digest=desired_of(contact_of(FLAGGED), MAPPING).digest),
            False,
            id="it agrees",
        ),
        pytest.param(READER, LEFT, False, id="nothing to record"),
    ],
)
def test_a_flag_is_owed_if_a_contact_of_ours_may_lack_it(
    contact: Contact, seen: RemoteState | None, *, owed: bool
) -> None:
    assert owed_flags(contact, MAPPING, seen) == ({"DAILY_UNSUBSCRIBED"} if owed else set())
    assert owed_flags(contact, replace(MAPPING, newsletters={"daily": Subscribable(3)}), seen) == set()


WHOLE = Change(BEA, "u1", {"CITY": "Ulm", "AGE": 3}, frozenset({5, 3}), frozenset({9, 8}), blocklisted=True)


def test_a_change_in_words() -> None:
    assert describe_change(WHOLE) == (
        "joined list 3, joined list 5, left list 8, left list 9, the address, AGE, CITY, blocklisted"
    )
    assert describe_change(Change(blocklisted=False)) == "no longer blocklisted"
    assert describe_change(Change(ext_id="u1")) == ""
    assert describe_left(WHOLE) == "the address, AGE, CITY, list 8, list 9"
    assert describe_left(Change(blocklisted=True)) == "the block"
    drift = "not on list 3, not on list 5, on list 8, on list 9, the address, CITY"
    assert describe_drift(WHOLE, ["CITY"]) == drift
    assert describe_drift(Change(leave=frozenset({3})), []) == "on list 3"


def held(ext_id: str | None = "u1", **attributes: Json) -> RemoteContact:
    return RemoteContact(7, ADA, ext_id, frozenset(), attributes, None)


def test_what_differs_is_named_in_order() -> None:
    hoped = DesiredContact(ADA, "u1", {"CITY": "Ulm", "AGE": 3, "VIP": False}, {}, frozenset())
    assert differing(held(), hoped) == ("AGE", "CITY")
    assert differing(held(None, CITY="Ulm", AGE=3), hoped) == ("ext_id",)
    assert differing(held("u2", VIP=True), hoped) == ("ext_id", "AGE", "CITY", "VIP")


@pytest.mark.parametrize(
    ("shown", "hoped", "value"),
    [
        ({}, False, False),
        ({"X": None}, False, False),
        ({}, "", ""),
        ({}, True, None),
        ({"X": "yes"}, True, "yes"),
        ({"X": " a"}, "a", "a"),
        ({"X": "b"}, "a", "b"),
    ],
)
def test_the_value_held_is_the_one_wanted_if_it_is_the_same(shown: dict[str, Json], hoped: Json, value: Json) -> None:
    found = held_value(replace(held(), attributes=shown), "X", hoped)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("value", "other", "same"),
    [
        ("", " ", False),
        (" ", "", False),
        (None, 0, False),
        (True, "True", False),
        ("2026-01-02", "2026-01-02 00:00", False),
        ("2026-01-02 00:00", "2026-01-02", True),
        ("x 00:00", "x", False),
        ("2026-01-02", "2026-01-0", False),
        ("nan", "nan", True),
        (float("nan"), "nan", True),
        ("1e3", 1000, True),
        (10**400, "1", False),
        ([1], [2], False),
        ([1], "1", False),
    ],
)
def test_the_same_value_written_otherwise(value: Json, other: Json, *, same: bool) -> None:
    assert is_same(value, other) is same


def test_a_subscription_newer_than_a_hold_lifts_a_block_and_an_older_one_does_not() -> None:
    seen = replace(ON, block=blocked(4))
    for held_up_to, lifted in ((stamp(4), False), (stamp(5), None)):
        found = difference(wanted(subscribe(5), there=seen, held=held_up_to), seen)
        assert found.blocklisted is lifted


def test_an_update_alone_moves_no_list() -> None:
    found = wanted(update(1, first_name="Ada"))
    assert (found.address, found.subscribed, found.unsubscribed, found.kept) == (None, {}, frozenset(), frozenset())
