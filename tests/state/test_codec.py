"""What a contact is in Redis is what it was before: every field of it comes back."""

from dataclasses import replace

import pytest

from sync_tasks.domain.contact import Block, Contact, EventKey, RemoteState
from sync_tasks.domain.priority import Priority
from sync_tasks.state.codec import (
    dump_impersonal,
    dump_looks,
    dump_marks,
    dump_outcome,
    dump_seen,
    dump_values,
    fields_of,
    is_known,
    is_leased,
    is_loads_own,
    is_newer,
    is_unknown,
    lease_end,
    load_contact,
    load_impersonal,
    load_leased,
    priority_of_fields,
)
from tests.support.saying import (
    ACCOUNT,
    ADA,
    BEA,
    blocked,
    contact_of,
    key_of,
    merged,
    stamp,
    subscribe,
    update,
)

SEEN = [
    RemoteState(),
    RemoteState(7, ADA, frozenset({3, 5}), "d1ge57", blocked(1), stamp(2), frozenset({8, 9}), stamp(3)),
    RemoteState(ended_up_to=stamp(2)),
    RemoteState(7, ADA, digest="d1ge57", otherwise=("d1ge57", "0th3r")),
    RemoteState(id=7, lists=frozenset({3, 5}), foreign_lists=frozenset({5}), absent_lists=frozenset({7, 9})),
    RemoteState(7, unblocked=stamp(4), over={"complaint": stamp(1)}, bounced={"h4sh": stamp(2)}, ended={3: stamp(5)}),
    RemoteState(7, skipped=frozenset({3}), edited=frozenset({"lists"}), former=frozenset({4}), foreign=frozenset({9})),
    RemoteState(7, block=Block("complaint", stamp(1), (("hard bounce", stamp(2)),))),
]


@pytest.mark.parametrize("seen", SEEN)
def test_what_brevo_is_known_to_hold_survives_redis(seen: RemoteState) -> None:
    stored = {name: text for name, text in dump_seen(ACCOUNT, seen).items() if text}
    assert load_contact("u1", stored).seen == {ACCOUNT: seen}


def test_what_stands_for_values_is_in_no_impersonal_copy() -> None:
    assert "0th3r" not in str(dump_impersonal(RemoteState(7, ADA, digest="d1ge57", otherwise=("d1ge57", "0th3r"))))


def test_accounts_are_kept_apart() -> None:
    stored = dump_seen("sports", RemoteState(7, ADA)) | dump_seen("news", RemoteState(8, BEA))
    seen = load_contact("u1", stored).seen
    assert {name: known.id for name, known in seen.items()} == {"sports": 7, "news": 8}


def test_a_contact_is_read_from_its_fields() -> None:
    event = key_of(subscribe(1))
    stored = {
        **merged(subscribe(1, first_name="Ada"), update(2, email=BEA)),
        "g:n:daily": stamp(1),
        f"p:{event}": "1:0",
        f"d:{event}": "letter",
        "l:default": "4",
        "b:default:complaint": stamp(3),
        "rev": "4",
        "tries": "2",
        "crashes": "1",
        "unsure": stamp(4),
        "failing": stamp(5),
        "lease": "somebody's",
    }
    contact = load_contact("u1", stored, address_taken=True)
    known = contact_of(subscribe(1, first_name="Ada"), update(2, email=BEA))
    assert contact == replace(
        known,
        given_up={"n:daily": stamp(1)},
        pending={event: "1:0"},
        dead={event: "letter"},
        looks={"default": "4"},
        reported={"default:complaint": stamp(3)},
        rev="4",
        tries=2,
        crashes=1,
        unknown_since=stamp(4),
        failing=stamp(5),
        address_taken=True,
    )
    assert (contact.opt_outs("default"), contact.opt_outs("sports")) == ({"complaint": stamp(3)}, {})


def test_an_impersonal_copy_holds_all_but_what_is_personal() -> None:
    seen = RemoteState(7, ADA, frozenset({3}), "d1ge57", blocked(1), bounced={"h4sh": stamp(2)})
    assert load_impersonal(dump_impersonal(seen)) == replace(seen, address="", digest="", bounced={})
    assert load_impersonal({}) is None


@pytest.mark.parametrize(
    ("stored", "holds"),
    [
        ({"rev": "4"}, True),
        ({"rev": "5"}, False),
        ({"rev": "4", "lease": f"{stamp(9)}token"}, True),
        ({"rev": "4", "lease": f"{stamp(10)}token"}, True),
        ({"rev": "4", "lease": f"{stamp(11)}token"}, False),
    ],
    ids=["kept", "newer event", "shorter lease", "as long a lease", "longer lease"],
)
def test_a_kept_look_holds_until_its_moment_and_while_nothing_newer_is_heard(
    stored: dict[str, str], *, holds: bool
) -> None:
    kept = dump_looks(stamp(10), "4", kept=[ACCOUNT], over=["sports"])
    assert kept["k:sports"] == ""
    assert load_contact("u1", stored | {"k:default": kept["k:default"]}).looked == {ACCOUNT: holds}


def test_a_contact_that_nobody_pushed_or_managed_by_hand_is_neither() -> None:
    contact = load_contact("u1", {"rev": "1", "stepped": stamp(3)}, tolerance=5, held=stamp(2))
    assert (contact.stepped, contact.tolerance, contact.held, contact.manual) == (stamp(3), 5, stamp(2), False)
    assert load_contact("u1", {"rev": "1", "manual": "1"}).manual
    assert load_contact("u1", {}) == Contact("u1")


@pytest.mark.parametrize(
    ("stored", "unknown_since"),
    [
        ({}, ""),
        ({"lease": f"{stamp(3)}token"}, f"{stamp(3)}token"),
        ({"lease": f"{stamp(3)}token", "unsure": stamp(1)}, stamp(1)),
    ],
)
def test_what_brevo_holds_of_a_leased_contact_is_unknown(stored: dict[str, str], unknown_since: str) -> None:
    assert load_leased("u1", stored, 0).unknown_since == unknown_since
    assert is_leased(stored) == ("lease" in stored)
    assert lease_end(stored) == (int(stamp(3)) if stored else None)


@pytest.mark.parametrize(
    ("stored", "newer"),
    [({}, False), ({"latest": stamp(2)}, False), ({"latest": stamp(3)}, True), ({"erased": stamp(1)}, True)],
)
def test_whoever_was_erased_or_spoke_since_has_news(stored: dict[str, str], *, newer: bool) -> None:
    assert is_newer(stored, stamp(2)) is newer


@pytest.mark.parametrize(
    ("fields", "priority"),
    [
        ({"rev"}, Priority.BACKGROUND),
        ({"rev", "l:default"}, Priority.LOOK),
        ({"rev", "unsure"}, Priority.ORDINARY),
        ({"rev", "erased"}, Priority.ORDINARY),
        ({"rev", f"p:{key_of(subscribe(1))}"}, Priority.ORDINARY),
    ],
    ids=lambda said: "" if isinstance(said, Priority) else min(said),
)
def test_the_names_of_the_fields_show_how_urgent_a_contact_is(fields: set[str], priority: Priority) -> None:
    assert priority_of_fields(fields) is priority


def test_registers_and_blocks_are_read_without_the_rest() -> None:
    assert fields_of(["address", "n:daily"], ["default"]) == ["rev", "address", "n:daily", "s:default:block"]


def test_what_a_push_changed_is_written_and_what_it_did_not_need_is_removed() -> None:
    contact = contact_of(subscribe(1), update(2, email=BEA))
    done = EventKey("subscribe_contact", "daily", stamp(1))
    known = replace(contact, unknown_since=stamp(4), stepped=stamp(3), crashes=2, tries=1, failing=stamp(5))
    written = dump_outcome({}, [done], known, forget_hints=False, forget_address=False)
    trouble = {"unsure": stamp(4), "stepped": stamp(3), "crashes": "2", "tries": "1", "failing": stamp(5)}
    assert written == {**trouble, f"p:{done}": ""}
    quiet = dict.fromkeys(trouble, "")
    assert dump_outcome({}, [], contact, forget_hints=True, forget_address=False) == {**quiet, f"h:{ADA}": ""}
    assert dump_outcome({}, [], contact, forget_hints=False, forget_address=True) == {**quiet, "address": ""}


def test_an_event_is_written_as_its_registers_without_the_moment() -> None:
    said = {"address": ADA, "n:daily": "s", "a:city": '"Ulm"', f"h:{BEA}": "1"}
    assert dump_values(said) == said
    assert dump_marks({ACCOUNT: "4"}, {"default:complaint": stamp(1)}) == {
        "l:default": "4",
        "b:default:complaint": stamp(1),
    }
    assert load_contact("u1", {"rev": "1", "wishes": "+daily"}).wishes == "+daily"
    assert load_contact("u1", {"rev": "1"}).wishes == ""


def test_single_fields_say_what_is_known_of_a_contact() -> None:
    assert (is_known({"rev": "1"}), is_known({"filling": "1"})) == (True, False)
    assert (is_unknown({"unsure": "1"}), is_unknown({"rev": "1"})) == (True, False)
    assert (is_loads_own({"rev": "2", "filling": "2"}), is_loads_own({"rev": "2", "filling": "1"})) == (True, False)
