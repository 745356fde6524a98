"""What a contact is in Redis is what it was before: every field of it comes back."""

from dataclasses import replace

import pytest

from sync_tasks.domain.contact import RemoteState
from sync_tasks.state.codec import dump_impersonal, dump_seen, load_contact
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
