"""What becomes of each loaded contact that Brevo shows, shows otherwise, or does not show in time."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from sync_tasks.backfill import read_back as module
from sync_tasks.backfill.read_back import Wave, read_back, read_once
from sync_tasks.domain.contact import RemoteContact, RemoteState, UnreadContact
from sync_tasks.domain.mapping import AccountMapping, Subscribable
from sync_tasks.providers import ShownContact
from sync_tasks.state import bulk
from sync_tasks.state.records import LoadedRow
from sync_tasks.state.store import Store
from tests.state.test_store import is_dirty
from tests.support.saying import ACCOUNT, ADA, BEA, MAPPING, blocked, moment, stamp, update

OTHER = AccountMapping({"daily": Subscribable(9)}, {}, account="other")
ALL_SET: Any = {"DAILY_UNSUBSCRIBED": False}
HELD = RemoteContact(7, ADA, "u1", frozenset({3}), ALL_SET, None, created=stamp(3))
UNNAMED = replace(HELD, ext_id=None)


class Waves:
    """Waves of the contact of Ada, of whom pages show these contacts; what was counted, and who was erased."""

    def __init__(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        self.store, self.counted, self.erased, self.rested = store, Counter[str](), list[object](), list[float]()
        rows = [LoadedRow("u1", stamp(1), {"address": ADA, "n:daily": "s"})]
        assert bulk.load(store, rows, 600) == ["loaded"]
        bulk.mark_sending(store, ["u1"], 600)
        monkeypatch.setattr(module, "erase_at_once", lambda *given: self.erased.append(given))

    def wave(self, *shown: ShownContact, shows_ext_ids: bool = False, other: bool = False) -> Wave:
        self.gateway = SimpleNamespace(
            capabilities=SimpleNamespace(page=2),
            modified_since=lambda since: iter(shown if since == moment(3) else ()),
            shows_ext_ids=shows_ext_ids,
        )
        mappings = {ACCOUNT: MAPPING, **({"other": OTHER} if other else {})}
        limiter = SimpleNamespace(rest=self.rested.append, stopping=False)
        context: Any = SimpleNamespace(
            store=self.store, mappings=mappings, gateways={ACCOUNT: self.gateway}, limiter=limiter
        )
        return Wave(ACCOUNT, moment(3), context, self._count, {ADA: "u1"})

    def _count(self, what: str, number: int) -> None:
        self.counted[what] += number

    @property
    def came_to(self) -> dict[str, int]:
        return {what: number for what, number in self.counted.items() if number and what != "pages"}

    @property
    def is_unknown(self) -> bool:
        contact = self.store.peek("u1")
        return bool(contact and contact.unknown_since)


@pytest.fixture
def waves(store: Store, monkeypatch: pytest.MonkeyPatch) -> Waves:
    return Waves(store, monkeypatch)


def change(waves: Waves) -> None:
    waves.store.accept(update(5, first_name="Ann"))
    waves.store.redis.hdel(waves.store.key("contacts:u1"), "unsure")


def delete(waves: Waves) -> None:
    waves.store.redis.delete(waves.store.key("contacts:u1"))
    waves.store.redis.zrem(waves.store.key("dirty"), "u1")


IMPORTED, HANDED, NOTHING = {"imported": 1}, {"handed over": 1}, dict[str, int]()
# What is shown, what it comes to, and whether the contact is left dirty, and of unknown outcome.
SHOWN: dict[str, tuple[ShownContact, dict[str, int], bool, bool]] = {
    "as wished": (HELD, IMPORTED, False, False),
    "without its ext_id": (UNNAMED, IMPORTED, False, False),
    "created before": (replace(UNNAMED, created=stamp(2)), HANDED, True, True),
    "blocked": (replace(HELD, block=blocked(1)), HANDED, True, True),
    "off the list": (replace(HELD, lists=frozenset()), HANDED, True, True),
    "another's": (replace(HELD, ext_id="u2"), HANDED, True, True),
}


@pytest.mark.parametrize("case", SHOWN)
def test_a_contact_is_confirmed_as_wished_and_otherwise_left_to_the_workers(waves: Waves, case: str) -> None:
    shown, came_to, dirty, unknown = SHOWN[case]
    wave = waves.wave(shown)
    assert read_once(wave)
    assert (wave.missing, waves.came_to, waves.erased) == ({}, came_to, [])
    assert (is_dirty(waves.store), waves.is_unknown) == (dirty, unknown)
    contact = waves.store.peek("u1")
    assert contact
    assert (contact.seen.get(ACCOUNT, RemoteState()).id == 7) is (came_to == IMPORTED)


@pytest.mark.parametrize(
    "shown", [replace(HELD, address=BEA), UnreadContact(7, ADA, "u1")], ids=["another address", "unreadable"]
)
def test_whom_a_page_does_not_show_is_still_missing(waves: Waves, shown: ShownContact) -> None:
    wave = waves.wave(shown)
    assert read_once(wave)
    assert (wave.missing, waves.came_to, is_dirty(waves.store)) == ({ADA: "u1"}, NOTHING, True)


def test_an_account_that_shows_each_ext_id_has_none_of_whoever_lacks_it(waves: Waves) -> None:
    assert read_once(waves.wave(UNNAMED, shows_ext_ids=True))
    assert waves.came_to == HANDED


def test_a_contact_of_two_accounts_is_imported_once_both_hold_it(waves: Waves) -> None:
    assert read_once(waves.wave(HELD, other=True))
    assert (waves.came_to, is_dirty(waves.store)) == (NOTHING, True)
    contact = waves.store.peek("u1")
    assert contact
    assert contact.seen[ACCOUNT].id == 7


@pytest.mark.parametrize(("meddle", "erased"), [(change, False), (delete, True)])
def test_whoever_changed_meanwhile_is_looked_at_and_whoever_was_deleted_is_erased(
    waves: Waves, meddle: Callable[[Waves], None], *, erased: bool
) -> None:
    meddle(waves)
    wave = waves.wave(HELD)
    assert read_once(wave)
    assert (wave.missing, waves.came_to) == ({}, NOTHING)
    assert waves.erased == ([(7, MAPPING, waves.gateway, waves.store)] if erased else [])
    assert waves.is_unknown is is_dirty(waves.store) is not erased


@pytest.mark.parametrize(
    ("meddle", "came_to", "unknown"),
    [(lambda _waves: None, HANDED, True), (change, NOTHING, True), (delete, NOTHING, False)],
    ids=["own", "changed", "deleted"],
)
def test_who_is_not_shown_in_time_is_left_to_the_workers_and_may_be_there(
    waves: Waves, meddle: Callable[[Waves], None], came_to: dict[str, int], *, unknown: bool
) -> None:
    meddle(waves)
    assert read_back(waves.wave()) == 0.0
    assert (waves.came_to, waves.is_unknown, waves.erased) == (came_to, unknown, [])
    assert waves.rested[:2] == [0.5, 1.0]
    contact = waves.store.peek("u1")
    # Whoever is the workers' now is not changed once more.
    assert (contact.rev == "1" if contact else False) is (came_to == HANDED)
