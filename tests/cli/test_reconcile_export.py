"""An export beside a comparison: what it brought is taken back unless all of it was allowed."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer

from sync_tasks.backfill import export as exporting
from sync_tasks.backfill import import_contacts, preview
from sync_tasks.backfill.preview import Weighed
from sync_tasks.cli.commands.reconcile_export import Export, Wish
from sync_tasks.cli.files import CHANGED, Form
from sync_tasks.config.settings import Settings
from sync_tasks.errors import GatewayUnavailableError
from sync_tasks.reconcile import run as running
from sync_tasks.reconcile.history import Run
from sync_tasks.reconcile.run import Scope

RUN = Run("one", "1700000000000000", 1.25, False, 3, 1, 0, 0)  # noqa: FBT003 - a record
AT = datetime(2026, 3, 1, tzinfo=UTC)
SETTINGS = Settings.model_validate(
    {
        "accounts": {"one": {}, "two": {}},
        "newsletters": {
            "daily": {"list_id": 3, "account": "one", "was": "early"},
            "weekly": {"list_id": 5, "account": "two"},
        },
    }
)
CONTEXT: Any = SimpleNamespace(settings=SETTINGS, store="the state")
Calls = list[object]


def export_of(*, delete: bool = False, sound: bool = True, weighed: Weighed | None = None) -> Export:
    source: Any = SimpleNamespace(changed=False)
    export = Export(Wish(Path("x.csv"), Form(), delete), source, AT, sound)
    export.weighed = weighed or Weighed(users=10)
    return export


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """Return what an export does, in its order; a comparison finds nothing to do."""
    made = Calls()

    def end_lacking(lacking: list[tuple[str, str]], _at: datetime, _store: object) -> int:
        made.append(("end", lacking))
        return 0

    monkeypatch.setattr(exporting, "bring_in", lambda *_, on_trial: made.append(("bring in", on_trial)))
    monkeypatch.setattr(exporting, "take_back", lambda *_: made.append("take back"))
    monkeypatch.setattr(exporting, "delete_users", lambda users, *_: made.append(("delete", users)))
    monkeypatch.setattr(preview, "weigh", lambda *_: Weighed(users=10, losing=2, missing=["ada"], lacking=[("a", "b")]))
    monkeypatch.setattr(preview, "end_lacking", end_lacking)
    monkeypatch.setattr(import_contacts, "Importing", lambda _: SimpleNamespace(run=lambda: made.append("import")))
    monkeypatch.setattr(running, "reconcile", lambda *_: [RUN])
    return made


FINISHED: Calls = [("bring in", False), ("end", [("a", "b")]), "import"]


@pytest.mark.parametrize(
    ("scope", "delete", "refused", "done"),
    [
        (Scope(), False, "", FINISHED),
        (Scope(), True, "", [*FINISHED, ("delete", ["ada"])]),
        (Scope(), False, "too many", [("bring in", False), "take back"]),
        (Scope(dry_run=True), True, "", [("bring in", True), "take back"]),
    ],
)
def test_only_what_was_allowed_stays(
    calls: Calls, monkeypatch: pytest.MonkeyPatch, scope: Scope, refused: str, done: Calls, *, delete: bool
) -> None:
    monkeypatch.setattr(running, "reconcile", lambda *_: [RUN, replace(RUN, refused=refused)])
    runs = export_of(delete=delete).reconcile(CONTEXT, scope, lambda *_: None)
    assert [run.refused for run in runs] == ["", refused]
    assert calls == done


def test_if_the_comparison_fails_it_is_taken_back(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> list[Run]:
        raise GatewayUnavailableError("away")

    monkeypatch.setattr(running, "reconcile", fail)
    with pytest.raises(GatewayUnavailableError):
        export_of().reconcile(CONTEXT, Scope(), lambda *_: None)
    assert calls == [("bring in", False), "take back"]


@pytest.mark.parametrize(
    ("changes", "done", "said"),
    [
        ([True], [], f"nothing was changed: {CHANGED}\n"),
        ([False, True], [("bring in", False), "take back"], f"stopped: {CHANGED}\n"),
    ],
)
def test_of_a_file_that_changes_meanwhile_nothing_stays(
    calls: Calls, capsys: pytest.CaptureFixture[str], changes: list[bool], done: Calls, said: str
) -> None:
    class Changing:
        @property
        def changed(self) -> bool:
            return changes.pop(0)

    export = export_of()
    source: Any = Changing()
    export.source = source
    with pytest.raises(typer.Exit):
        export.reconcile(CONTEXT, Scope(), lambda *_: None)
    assert calls == done
    assert capsys.readouterr().err.endswith(said)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_what_a_signal_breaks_off_is_taken_back(
    calls: Calls, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    def bring_half(*_: object, on_trial: bool) -> None:
        raise error(on_trial)

    monkeypatch.setattr(exporting, "bring_in", bring_half)
    with pytest.raises(error):
        export_of().reconcile(CONTEXT, Scope(), lambda *_: None)
    assert calls == ["take back"]


@pytest.mark.parametrize("dry", [False, True])
def test_more_than_may_lose_changes_nothing_and_a_dry_run_says_so(calls: Calls, *, dry: bool) -> None:
    scope, export = Scope(max_changes=1, dry_run=dry), export_of()
    if not dry:
        with pytest.raises(typer.Exit):
            export.reconcile(CONTEXT, scope, lambda *_: None)
        assert calls == []
        return
    (run,) = export.reconcile(CONTEXT, scope, lambda *_: None)
    assert run.refused.startswith("2 users would lose a subscription or be erased by the export, and 1 may")
    assert calls == [("bring in", True), "take back"]


@pytest.mark.parametrize(
    ("weighed", "delete", "limit", "held"),
    [
        (Weighed(users=10, losing=50), False, None, False),
        (Weighed(users=10, losing=51), False, None, True),
        (Weighed(users=5_000, losing=100), False, None, False),
        (Weighed(users=5_000, losing=101), False, None, True),
        (Weighed(users=10, losing=1, missing=["a", "b"]), False, 1, False),
        (Weighed(users=10, losing=1, missing=["a", "b"]), True, 3, False),
        (Weighed(users=10, losing=1, missing=["a", "b"]), True, 2, True),
        (Weighed(users=10, losing=1), False, 0, True),
        (Weighed(users=10, dated=2), False, 1, True),
    ],
)
def test_the_safety_catch_counts_who_loses_and_who_is_deleted(
    weighed: Weighed, limit: int | None, *, delete: bool, held: bool
) -> None:
    export = export_of(delete=delete, weighed=weighed)
    assert bool(export._find_fault(CONTEXT, Scope(max_changes=limit))) is held


@pytest.mark.parametrize(
    ("scope", "sound", "newsletters"),
    [
        (Scope(), True, {"daily", "weekly"}),
        (Scope(newsletter="daily"), True, {"daily"}),
        (Scope(account="two"), True, {"weekly"}),
        (Scope(account="two", newsletter="daily"), True, set()),
        (Scope(), False, set()),
    ],
)
def test_an_export_lists_completely_what_the_comparison_is_about(
    scope: Scope, newsletters: set[str], *, sound: bool
) -> None:
    extent = export_of(sound=sound)._extent(CONTEXT, scope)
    assert extent.newsletters == newsletters
    assert extent.accounts == {"one", "two"}
    assert extent.whole
    assert extent.was == {"daily": ("early",), "weekly": ()}


@pytest.mark.parametrize(
    ("weighed", "sound", "lines"),
    [
        (Weighed(), True, ["the export and the state: 0 users new, 0 with newer wishes, 0 lose a subscription"]),
        (
            Weighed(new=1, changed=2_000, losing=3_000, missing=["ada"]),
            False,
            [
                "the export and the state: 1 user new, 2,000 with newer wishes, 3,000 lose a subscription",
                "some rows are bad: subscriptions that the export lacks are not ended",
                "1 user of the state missing in the export",
            ],
        ),
    ],
)
def test_what_an_export_would_do_is_said_line_by_line(
    weighed: Weighed, lines: list[str], capsys: pytest.CaptureFixture[str], *, sound: bool
) -> None:
    export_of(sound=sound, weighed=weighed)._report()
    assert capsys.readouterr().err.splitlines() == lines
