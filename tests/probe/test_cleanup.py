"""The clean-up of a probe: it removes what carries its marks, names what is left, and waits for an import to end."""

from collections.abc import Callable
from typing import Any, cast

import pytest

from sync_tasks.errors import ConfigurationError, RejectedContactError
from sync_tasks.probe import journal as journals
from sync_tasks.probe.cleanup import IMPORT_OVER, clean_up, is_ours, wait_for
from sync_tasks.probe.journal import KINDS, Made, MadeJournal, probing_alone
from sync_tasks.providers.brevo.probe_desk import ProbeDesk
from sync_tasks.state.store import Store

TOKEN = "f00d"
OURS = {"attributes": {"PROBE_F00D_RUN": TOKEN}}


class Desk:
    """What an account holds, and what was removed from it."""

    def __init__(self) -> None:
        self.contacts: dict[int, dict[str, Any]] = {}
        self.lists: dict[int, str] = {}
        self.attributes: set[str] = set()
        self.kept: set[object] = set()
        self.over: bool | None = True
        self.asked: list[str] = []

    def show(self, contact_id: int) -> dict[str, Any] | None:
        self.asked.append(f"id {contact_id}")
        return self.contacts.get(contact_id)

    def show_address(self, address: str) -> dict[str, Any] | None:
        self.asked.append(address)
        return next((one for one in self.contacts.values() if one["email"] == address), None)

    def show_ext_id(self, ext_id: str) -> dict[str, Any] | None:
        self.asked.append(ext_id)
        return next((one for one in self.contacts.values() if one.get("ext_id") == ext_id), None)

    def show_newest(self) -> list[dict[str, Any]]:
        self.asked.append("newest")
        return [*self.contacts.values()]

    def remove_contact(self, contact_id: int) -> bool:
        return self._remove(contact_id, lambda: self.contacts.pop(contact_id))

    def list_named(self, name: str) -> int | None:
        return next((number for number, found in self.lists.items() if found == name), None)

    def name_of_list(self, number: int) -> str | None:
        return self.lists.get(number)

    def remove_list(self, number: int) -> bool:
        return self._remove(f"list {number}", lambda: self.lists.pop(number))

    def names_of_attributes(self) -> set[str]:
        return self.attributes

    def remove_attribute(self, name: str) -> bool:
        return self._remove(name, lambda: self.attributes.remove(name))

    def is_over(self, _process: int) -> bool | None:
        return self.over

    def _remove(self, what: object, remove: Callable[[], object]) -> bool:
        if what in self.kept:
            raise RejectedContactError("no")
        remove()
        return True


@pytest.fixture
def desk() -> Desk:
    """An account with two contacts, a list and attributes of the run, and one contact that is somebody's."""
    desk = Desk()
    desk.contacts = {
        1: {"id": 1, "email": "a@probe.org", **OURS},
        2: {"id": 2, "email": "b@probe.org", "ext_id": "sync-probe-f00d-2", "attributes": None},
        3: {"id": 3, "email": "c@probe.org", "attributes": {"FIRSTNAME": "Anna"}},
    }
    desk.lists = {7: "sync-tasks probe f00d", 8: "readers"}
    desk.attributes = {*map(made().attribute, KINDS), "FIRSTNAME"}
    return desk


ADDRESSES = ["a@probe.org", "b@probe.org", "c@probe.org"]
LATER = ["sync-probe-f00d-1", "sync-probe-f00d-2", "newest"]


def made(**known: Any) -> Made:
    return Made(TOKEN, list(ADDRESSES), **{"expected": 2, **known})


def clear(desk: Desk, store: Store, run: Made, now: float = 0.0, rests: list[float] | None = None) -> list[str]:
    kept = MadeJournal(store, "default", "owner")
    kept.note(run)
    rest = (rests if rests is not None else []).append
    left = clean_up(cast("ProbeDesk", desk), kept, run, now=now, rest=rest)
    assert (kept.left() is None) == (not left)
    return left


def test_all_that_carries_its_marks_is_removed_and_nothing_else(desk: Desk, store: Store) -> None:
    assert clear(desk, store, made()) == []
    assert (set(desk.contacts), desk.lists, desk.attributes) == ({3}, {8: "readers"}, {"FIRSTNAME"})
    assert not [asked for asked in desk.asked if asked.startswith("sync-probe")]


@pytest.mark.parametrize(
    ("known", "asked"),
    [
        ({"ids": [1, 2], "expected": 2}, ["id 1", "id 2"]),
        ({"ids": [1], "expected": 2}, ["id 1", "a@probe.org", "b@probe.org"]),
        ({"ids": [], "expected": 3}, [*ADDRESSES, *LATER, *ADDRESSES[:2], *LATER]),
        ({"ids": [1, 3], "expected": 2}, ["id 1", "id 3"]),
    ],
)
def test_no_more_is_looked_for_than_there_may_be(
    desk: Desk, store: Store, known: dict[str, Any], asked: list[str]
) -> None:
    clear(desk, store, made(**known))
    assert desk.asked == asked


def test_what_brevo_does_not_delete_is_named_and_stays_written_down(desk: Desk, store: Store) -> None:
    desk.kept = {1, "PROBE_F00D_DATE"}
    assert clear(desk, store, made()) == [
        "contact 1, which Brevo does not delete",
        "attribute PROBE_F00D_DATE, which Brevo does not delete",
    ]
    assert set(desk.contacts) == {1, 3}
    assert desk.attributes == {"PROBE_F00D_DATE", "PROBE_F00D_RUN", "FIRSTNAME"}


@pytest.mark.parametrize(
    ("known", "left", "lists"),
    [
        ({"list_id": 7}, [], {8}),
        ({"list_id": 8}, ["list 8, which has another name by now"], {7, 8}),
        ({"list_id": 9}, [], {8}),
        ({"list_id": None}, [], {8}),
    ],
)
def test_a_list_is_removed_by_its_number_or_name_unless_it_was_renamed(
    desk: Desk, store: Store, known: dict[str, Any], left: list[str], lists: set[int]
) -> None:
    assert clear(desk, store, made(**known)) == left
    assert set(desk.lists) == lists


@pytest.mark.parametrize(
    ("known", "now", "over"),
    [
        ({"imported": 0.0}, 0.0, True),
        ({"imported": 100.0}, 100.0 + IMPORT_OVER, False),
        ({"imported": 100.0}, 100.5 + IMPORT_OVER, True),
        ({"imported": 100.0, "process": 5}, 101.0, True),
    ],
)
def test_an_import_whose_process_nobody_knows_is_over_after_a_while(
    desk: Desk, store: Store, known: dict[str, Any], now: float, *, over: bool
) -> None:
    rests: list[float] = []
    left = clear(desk, store, made(**known), now, rests)
    assert (left == [], rests) == (over, [])
    assert over or left == [
        "an import that Brevo has not ended, and all that the run made: run the probe again in ten minutes"
    ]


def test_an_import_that_does_not_end_is_looked_at_ever_less_often(desk: Desk, store: Store) -> None:
    desk.over, rests = False, list[float]()
    assert clear(desk, store, made(imported=100.0, process=5), 101.0, rests)
    assert rests == [1.0, 2.0, 5.0, 10.0, 20.0]
    assert set(desk.contacts) == {1, 2, 3}


def test_it_is_looked_once_more_after_the_last_gap() -> None:
    answers = [False, False, True]
    assert wait_for(lambda: answers.pop(0), (1.0, 2.0), lambda _: None)
    assert not wait_for(lambda: False, (), lambda _: None)


@pytest.mark.parametrize(
    ("contact", "ours"),
    [
        (OURS, True),
        ({"attributes": {"PROBE_F00D_RUN": "beef"}}, False),
        ({"attributes": {"EXT_ID": "sync-probe-f00d-1"}}, True),
        ({"ext_id": "sync-probe-f00d-2"}, True),
        ({"ext_id": "sync-probe-f00d-3"}, False),
        ({"ext_id": None, "attributes": None}, False),
    ],
)
def test_a_contact_is_the_runs_by_its_marks(contact: dict[str, Any], *, ours: bool) -> None:
    assert is_ours(contact, made()) is ours


def test_what_a_run_makes_is_written_down_before_and_forgotten_after(store: Store) -> None:
    kept = MadeJournal(store, "default", "owner")
    assert kept.left() is None
    run = kept.begin(["a@probe.org"])
    run.ids.append(5)
    kept.note(run)
    left = kept.left()
    assert left is not None
    assert (left.token, left.addresses, left.ids, left.expected) == (run.token, ["a@probe.org"], [5], 0)
    assert (len(run.token), left.list_id, left.imported, left.process) == (8, None, 0.0, None)
    assert MadeJournal(store, "default", "other").left() is None
    kept.end()
    assert kept.left() is None


def test_one_probe_runs_at_a_time_and_keeps_its_right(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journals, "LOCK_SECONDS", 0.5)
    with probing_alone(store, "default") as renew:
        renew()
        assert 0 < int(store.redis.pttl(store.key("probing:default"))) <= 500
        with probing_alone(store, "other"):
            pass
        store.redis.persist(store.key("probing:default"))
        said = r"^account default: another probe is under way: wait for its end$"
        with pytest.raises(ConfigurationError, match=said), probing_alone(store, "default"):
            pass
        store.redis.delete(store.key("probing:default"))
        renew()
    assert not store.redis.exists(store.key("probing:default"))


def test_the_lock_of_a_killed_probe_is_waited_out(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journals, "LOCK_SECONDS", 0.3)
    store.redis.set(store.key("probing:default"), "of a killed one", px=300)
    with probing_alone(store, "default"):
        assert store.redis.get(store.key("probing:default")) != "of a killed one"


@pytest.mark.parametrize(("later", "left"), [(1.0, True), (1.0 + IMPORT_OVER, False)])
def test_a_process_that_brevo_does_not_know_is_not_over_before_its_time(
    desk: Desk, store: Store, *, later: float, left: bool
) -> None:
    desk.over = None
    assert bool(clear(desk, store, made(imported=100.0, process=5), 100.0 + later)) == left
    assert (set(desk.contacts) == {3}) != left


def test_what_a_second_run_looks_for_is_what_nobody_confirmed(desk: Desk, store: Store) -> None:
    desk.kept = {1}
    run = made(ids=[1, 2])
    clear(desk, store, run)
    left = MadeJournal(store, "default", "owner").left()
    assert left is not None
    assert {"contact 2", "list 7", "attribute PROBE_F00D_DATE"} < set(left.removed)
    desk.asked.clear()
    desk.kept = set()
    assert clear(desk, store, left) == []
    assert desk.asked == ["id 1"]


def test_the_mark_of_contacts_stays_until_they_are_gone(desk: Desk, store: Store) -> None:
    desk.kept = {1}
    clear(desk, store, made())
    assert desk.attributes == {"PROBE_F00D_RUN", "FIRSTNAME"}
    del desk.contacts[1]
    rests = list[float]()
    clear(desk, store, made(ids=[1], expected=1, removed=["its list"]), rests=rests)
    assert (rests, desk.attributes) == ([3.0], {"FIRSTNAME"})


@pytest.mark.parametrize("shown", ["never", "in the second round"])
def test_a_list_that_no_look_finds_is_looked_for_once_more(
    desk: Desk, store: Store, monkeypatch: pytest.MonkeyPatch, shown: str
) -> None:
    looks = list[int]()

    def name_of_list(number: int) -> str | None:
        looks.append(number)
        return desk.lists.get(number) if shown != "never" and len(looks) > 1 else None

    monkeypatch.setattr(desk, "name_of_list", name_of_list)
    monkeypatch.setattr(desk, "list_named", lambda _name: None)
    left = clear(desk, store, made(list_id=7))
    assert looks == [7, 7]
    assert left == []
    assert (7 in desk.lists) is (shown == "never")
