"""Each sweep is counted, and after a gap, on another server or in an older state subscriptions wait."""

import pytest

from sync_tasks.state.store import Store


def put(store: Store, **texts: str) -> None:
    for name, text in texts.items():
        store.redis.set(store.key(name), text)


def read(store: Store, name: str) -> str | None:
    text = store.redis.get(store.key(name))
    return None if text is None else str(text)


def ago(store: Store, seconds: float) -> str:
    return f"{int(store.now()) - int(seconds * 1_000_000):016d}"


def test_sweeps_in_a_row_are_counted_and_hold_nothing(store: Store) -> None:
    assert [store.note_sweep("run-1") for _ in range(3)] == ["", "", ""]
    assert (read(store, "sweeps"), store.sweeps, read(store, "server")) == ("3", 3, "run-1")
    assert int(read(store, "swept") or 0) == pytest.approx(int(store.now()), abs=30_000_000)
    assert store.held_until() == ""


@pytest.mark.parametrize(("seconds", "held"), [(10, False), (40, True)])
def test_after_a_while_without_sweeps_subscriptions_wait(store: Store, seconds: float, *, held: bool) -> None:
    swept = ago(store, seconds)
    put(store, swept=swept, sweeps="5")
    assert store.held_until() == (swept if held else "")
    hold = f"{swept} examining" if held else ""
    assert store.note_sweep() == hold
    assert (read(store, "hold") or "", read(store, "sweeps"), read(store, "server")) == (hold, "6", None)
    assert store.held_until() == (swept if held else "")


@pytest.mark.parametrize(("before", "now", "held"), [("run-1", "run-1", 0), ("run-1", "run-2", 1), ("run-1", "", 0)])
def test_on_another_server_subscriptions_wait(store: Store, before: str, now: str, held: int) -> None:
    swept = ago(store, 1)
    put(store, swept=swept, sweeps="5", server=before)
    assert store.note_sweep(now) == f"{swept} examining" * held
    assert read(store, "server") == (now or before)


def test_a_server_that_was_never_named_is_no_other_one(store: Store) -> None:
    put(store, swept=ago(store, 1), sweeps="5")
    assert store.note_sweep("run-1") == ""


@pytest.mark.parametrize("ask", [lambda store: store.held_until(), lambda store: store.note_sweep()])
def test_a_state_with_fewer_sweeps_than_a_process_has_seen_went_backwards(store: Store, ask: object) -> None:
    put(store, swept=ago(store, 1), sweeps="5")
    store.sweeps = 8
    assert callable(ask)
    assert ask(store)[:16] <= store.now()
    assert (read(store, "hold") or "")[17:] == "a process remembers 3 sweeps that the state lacks"
    assert int(read(store, "sweeps") or 0) >= 8
    assert store.sweeps == int(read(store, "sweeps") or 0)


@pytest.mark.parametrize(("why", "kept"), [("examining", False), ("held by olga", True)])
def test_what_a_process_remembers_goes_before_an_examination_but_not_before_a_decision(
    store: Store, why: str, *, kept: bool
) -> None:
    hold = f"{ago(store, 100)} {why}"
    put(store, swept=ago(store, 1), sweeps="5", hold=hold)
    store.sweeps = 8
    until = store.held_until()
    assert (read(store, "hold") == hold) is kept
    assert (until == hold[:16]) is kept


def test_a_hold_in_force_stays_as_it_is(store: Store) -> None:
    hold = f"{ago(store, 100)} examining"
    put(store, swept=ago(store, 50), sweeps="5", hold=hold, server="run-1")
    assert store.note_sweep("run-2") == hold
    assert (read(store, "hold"), store.held_until()) == (hold, hold[:16])
