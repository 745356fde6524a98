"""What is not remembered of a drift for being personal is taken from the state, if that is the same as before."""

from dataclasses import replace
from typing import cast

import pytest

from sync_tasks.domain.contact import Contact, RemoteState
from sync_tasks.domain.diff import desired_of
from sync_tasks.reconcile import checkpoint
from sync_tasks.reconcile.checkpoint import FoundCheckpoint, Memory
from sync_tasks.reconcile.drift import Drift, Kind
from sync_tasks.state.store import Store
from tests.support.saying import ACCOUNT, ADA, BEA, MAPPING, contact_of, stamp, subscribe

BOUNCED = {"mark": stamp(1)}
SEEN = RemoteState(7, BEA, frozenset({5}), "seen", bounced=BOUNCED, read_at=stamp(5))
KNOWN = contact_of(subscribe(1), seen={ACCOUNT: RemoteState(7, BEA, frozenset({3}), "known", bounced=BOUNCED)}, rev="4")
DIGEST = desired_of(KNOWN, MAPPING, SEEN).digest
# While the state is on hold, nobody's address of before is wanted.
HELD = replace(KNOWN, held=stamp(30))
Completed = tuple[str, str, dict[str, str]]


@pytest.mark.parametrize(
    ("kinds", "contact", "completed"),
    [
        (("missing on list",), KNOWN, (ADA, DIGEST, BOUNCED)),
        (("address",), KNOWN, ("", DIGEST, BOUNCED)),
        (("attribute",), KNOWN, (ADA, "", BOUNCED)),
        (("missing on list",), HELD, (BEA, desired_of(HELD, MAPPING, SEEN).digest, BOUNCED)),
        (("missing on list",), contact_of(subscribe(1), rev="4"), (ADA, DIGEST, {})),
        (("missing on list",), contact_of(subscribe(1), rev="5"), ("", "", {})),
        (("missing on list",), None, ("", "", {})),
    ],
    ids=["lists", "address", "attribute", "on hold", "nothing seen", "changed", "gone"],
)
def test_what_is_personal_comes_from_the_state(
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    kinds: tuple[Kind, ...],
    contact: Contact | None,
    completed: Completed,
) -> None:
    monkeypatch.setattr(checkpoint, "read_contacts", lambda users, _: dict.fromkeys(users, contact) if contact else {})
    memory = Memory(store, MAPPING, "all")
    drift = Drift(kinds, "u1", 7, "4", SEEN, frozenset({3}), loses=True, why="list 3")
    memory.renew_lease(FoundCheckpoint(9, 2, [7], [drift, Drift(("waiting",), "u2")], {"u3": 8}, ["u4"]))

    (found,) = Memory(store, MAPPING, "all").recall()

    first, second = found.drifts
    seen = cast("RemoteState", first.seen)
    assert (seen.address, seen.digest, dict(seen.bounced)) == completed
    assert (seen.id, seen.lists, seen.read_at) == (7, frozenset({5}), stamp(5))
    assert (first.kinds, first.rev, first.lists, first.loses, first.why) == (kinds, "4", frozenset({3}), True, "list 3")
    assert (second.kinds, second.user_id, second.seen) == (("waiting",), "u2", None)
    assert (found.offset, found.alone, found.ids, found.strays, found.met) == (9, 2, [7], {"u3": 8}, ["u4"])


def test_every_page_is_recalled_and_a_comparison_of_another_scope_has_none(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "_PAGES", 2)
    memory = Memory(store, MAPPING, "all")
    for number in range(5):
        memory.renew_lease(FoundCheckpoint(number, 0, []))
    assert [page.offset for page in memory.recall()] == [0, 1, 2, 3, 4]
    assert list(Memory(store, MAPPING, "some").recall()) == []
    memory.forget()
    memory.renew_lease(FoundCheckpoint(9, 0, []))
    assert list(memory.recall()) == []
