"""The steps of ``sync-tasks backfill``: what holds a load, what it says, and how its bars move."""

from collections import Counter
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
import typer

from sync_tasks.backfill import preview, rows
from sync_tasks.backfill.preview import Weighed
from sync_tasks.backfill.rows import Checked
from sync_tasks.cli.commands import backfill
from sync_tasks.cli.commands.backfill import Load, Meter
from sync_tasks.cli.files import Form
from sync_tasks.cli.views import doctor_checks
from sync_tasks.cli.views.doctor_checks import Check
from sync_tasks.config.settings import Settings
from sync_tasks.errors import ConfigurationError, GatewayUnavailableError, SyncError

SETTINGS = Settings.model_validate({"newsletters": {"daily": {"list_id": 3, "was": "early"}, "weekly": {"list_id": 5}}})
NO_WORDS = "no row names a newsletter: a column newsletters says which, or --set newsletters=SLUG for all rows"


def checked(**counts: int) -> Checked:
    found = Checked()
    for name, number in counts.items():
        setattr(found, name, number)
    return found


def load_of(**said: Any) -> Load:
    source: Any = SimpleNamespace(changed=False, position=0, size=0)
    meter: Any = SimpleNamespace(step=lambda *_: lambda *_: None)
    opened: Any = lambda: SimpleNamespace(store="the state")  # noqa: E731 - one word
    usual: dict[str, Any] = {"form": Form(), "dry_run": False, "complete": False, "max_changes": None} | said
    load = Load(source, datetime(2026, 3, 1, tzinfo=UTC), SETTINGS, opened, meter, **usual)
    load.checked, load.weighed = checked(rows=10), Weighed()
    return load


@pytest.mark.parametrize(
    ("found", "max_changes", "held"),
    [
        (Weighed(losing=50), None, False),
        (Weighed(losing=51), None, True),
        (Weighed(losing=1), 1, False),
        (Weighed(losing=2), 1, True),
        (Weighed(losing=1), 0, True),
        (Weighed(dated=2), 1, True),
        (Weighed(undated=1), None, True),
    ],
)
def test_who_would_lose_or_regain_too_much_holds_a_load(found: Weighed, max_changes: int | None, *, held: bool) -> None:
    load = load_of(max_changes=max_changes)
    load.weighed = found
    assert bool(load._find_excess()) is held


@pytest.mark.parametrize(
    ("found", "known", "complete", "held", "asked"),
    [
        (checked(rows=1), True, False, False, [frozenset()]),
        (checked(rows=1), True, True, False, [frozenset({"daily", "weekly"})]),
        (checked(rows=1), False, True, False, []),
        (checked(rows=0), True, False, True, []),
    ],
)
def test_a_file_is_weighed_against_a_state_that_knows_anybody(
    monkeypatch: pytest.MonkeyPatch,
    found: Checked,
    asked: list[frozenset[str]],
    *,
    known: bool,
    complete: bool,
    held: bool,
) -> None:
    weighed = list[Any]()
    monkeypatch.setattr(rows, "check", lambda *_: found)
    monkeypatch.setattr(preview, "knows_anybody", lambda _: known)

    def weigh(_source: object, _moment: datetime, _store: object, extent: Any) -> Weighed:  # noqa: ANN401 - an extent
        weighed.append(extent)
        return Weighed(new=7)

    monkeypatch.setattr(preview, "weigh", weigh)
    load = load_of(complete=complete)
    load._look()
    assert [extent.newsletters for extent in weighed] == asked
    assert all(extent.was == {"daily": ("early",), "weekly": ()} and not extent.whole for extent in weighed)
    assert (bool(load.held), load.weighed.new) == (held, 7 if asked else 0)


@pytest.mark.parametrize(
    ("held", "dry_run", "acts"), [("", False, True), ("", True, False), ("too many", False, False)]
)
def test_what_is_held_or_only_looked_at_is_not_done(
    monkeypatch: pytest.MonkeyPatch, held: str, *, dry_run: bool, acts: bool
) -> None:
    acted = list[str]()
    monkeypatch.setattr(Load, "_look", lambda load: setattr(load, "held", held))
    monkeypatch.setattr(Load, "_act", lambda _: acted.append("acted"))
    load_of(dry_run=dry_run).run()
    assert bool(acted) is acts


@pytest.mark.parametrize(
    ("error", "ends"), [(GatewayUnavailableError("away"), typer.Exit), (ConfigurationError("typo"), ConfigurationError)]
)
def test_trouble_ends_a_load_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: SyncError, ends: type[Exception]
) -> None:
    def fail(_: Load) -> None:
        raise error

    monkeypatch.setattr(Load, "_look", fail)
    with pytest.raises(ends):
        load_of().run()
    said = "stopped: away; the same command goes on from here, and workers handle it in an hour\n"
    assert capsys.readouterr().err == (said if ends is typer.Exit else "")


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("_look", ""),
        ("_act", "interrupted: the same command goes on from here, and workers handle it in an hour\n"),
    ],
)
def test_who_interrupts_a_load_learns_how_it_goes_on(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: type[BaseException],
    step: str,
    said: str,
) -> None:
    def end(_: Load) -> None:
        raise error

    monkeypatch.setattr(Load, "_look", lambda _: None)
    monkeypatch.setattr(Load, step, end)
    with pytest.raises(error):
        load_of().run()
    assert capsys.readouterr().err == said


@pytest.mark.parametrize(
    ("counts", "said", "lines"),
    [
        (
            {"rows": 1_000, "subscriptions": 1, "unsubscriptions": 2, "bad": 1},
            {"became": Counter({"loaded": 1_000, "imported": 3})},
            ["1,000 good rows (1 subscription, 2 unsubscriptions), 1 bad row", "3 imported, 1,000 loaded"],
        ),
        (
            {"rows": 1, "unsubscriptions": 1},
            {},
            ["1 good row (0 subscriptions, 1 unsubscription), 0 bad rows", "nothing to do"],
        ),
        (
            {"rows": 1},
            {"dry_run": True},
            ["1 good row (0 subscriptions, 0 unsubscriptions), 0 bad rows", NO_WORDS],
        ),
        ({}, {"held": "no row"}, ["0 good rows (0 subscriptions, 0 unsubscriptions), 0 bad rows"]),
    ],
)
def test_what_a_file_holds_and_became_is_said(
    counts: dict[str, int], said: dict[str, Any], lines: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    load = load_of()
    load.checked = checked(**counts)
    for name, value in said.items():
        setattr(load, name, value)
    backfill._report(load)
    assert capsys.readouterr().out.split() == " ".join(lines).split(), "lines break where the terminal ends"


@pytest.mark.parametrize("state", ["ok", "warn", "fail"])
def test_only_what_fails_refuses_a_load(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    state: Any,  # noqa: ANN401 - one of three
) -> None:
    checks = [Check("default: key", "ok", "accepted"), Check("default: city", state, "is not there", "create it")]
    monkeypatch.setattr(doctor_checks, "check_account", lambda *_: checks)
    context: Any = SimpleNamespace(gateways={"default": None}, settings=SETTINGS)
    if state == "fail":
        with pytest.raises(typer.Exit):
            backfill._check_accounts(context)
    else:
        backfill._check_accounts(context)
    assert capsys.readouterr().err == ("default: city: is not there: create it\n" if state == "fail" else "")


def test_a_bar_moves_ten_times_a_second_and_at_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, moves = SimpleNamespace(now=0.0), list[tuple[float, float, int, float]]()
    monkeypatch.setattr(backfill, "time", SimpleNamespace(monotonic=lambda: clock.now))
    meter = Meter()
    assert meter.progress.disable, "in a pipe there is none"

    def update(_task: object, *, completed: float, total: float, done: int, rate: float) -> None:
        moves.append((completed, total, done, round(rate, 3)))

    monkeypatch.setattr(meter.progress, "update", update)
    report = meter.step("loading", "rows")
    for now, done, part in ((0.0, 1, 1), (0.099, 2, 2), (0.1, 4, 4), (0.15, 5, 5), (0.15, 6, 10), (0.2, 7, 4)):
        clock.now = now
        report(done, part, 10)
    assert moves == [(4, 10, 4, 40.0), (10, 10, 6, 40.0)]
    assert meter.progress.tasks[0].fields == {"done": 0, "rate": 0.0, "noun": "rows"}
    assert meter.progress.tasks[0].total is None


def test_the_first_row_of_a_load_has_a_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    rates = list[float]()
    monkeypatch.setattr(backfill, "time", SimpleNamespace(monotonic=lambda: 1.0))
    meter = Meter()
    monkeypatch.setattr(meter.progress, "update", lambda _, *, rate, **__: rates.append(rate))
    meter.step("loading", "rows")(5, 1, 1)
    assert rates == [500.0]
