"""What ``sync-tasks reconcile`` prints of each run, in full, and what is kept of a comparison that is forced."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sync_tasks.cli.commands import outbox, reconcile
from sync_tasks.errors import ConfigurationError
from sync_tasks.portal import query_file
from sync_tasks.reconcile.history import Run
from sync_tasks.state import audit
from tests.support.desk import Desk
from tests.support.printed import read_cells

RUN = Run("def[b]ault", "1772352000000000", 1.25, dry_run=False, compared=1_003, alone=1_001, losing=0, repaired=0)
TITLE = "def[b]ault: 1,003 contacts compared in 1.2 s"


@pytest.fixture(autouse=True)
def _as_wide_as_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.mark.parametrize(
    ("said", "lines"),
    [
        ({}, [[f"{TITLE}: no drift"], ["0 contacts to be repaired, 1,001 left to their own push"]]),
        (
            {"resumed": 2_000, "users": {"waiting": ["b[b]", "a"], "attribute": ["c"]}, "repaired": 1},
            [
                ["def[b]ault: went on at contact 2,001 of the comparison that began 2026-03-01 08:00 UTC"],
                [f"{TITLE}: no drift"],
                ["attribute: c"],
                ["waiting: b[b], a"],
                ["1 contact to be repaired, 1,001 left to their own push"],
                ["→ the workers repair it; afterwards: sync-tasks reconcile --dry-run"],
            ],
        ),
        (
            {
                "account": "default",
                "found": {"waiting": 1, "attribute": 1_234},
                "lists": {"daily-of-the-north": {"attribute": 1_234}, "weekly": {"waiting": 1}},
            },
            [
                ["default: 1,003 contacts compared in 1.2 s"],
                ["Drift", "Contacts", "daily-of-the-north", "weekly"],
                ["attribute", "1,234", "1,234", "0"],
                ["waiting", "1", "0", "1"],
                ["0 contacts to be repaired, 1,001 left to their own push"],
            ],
        ),
    ],
    ids=["no drift", "went on", "drift"],
)
def test_a_run_is_these_lines(capsys: pytest.CaptureFixture[str], said: dict[str, Any], lines: list[list[str]]) -> None:
    reconcile._report([replace(RUN, **said)])
    assert read_cells(capsys) == lines


def test_each_count_is_a_row_of_csv_by_its_name() -> None:
    found = {"waiting": 1, "attribute": 2}
    rows = [*reconcile._csv_rows([replace(RUN, account="one", found=found, lists={"daily": found})])]
    assert rows[1:] == [
        ("one", slug, kind, number) for slug in ("", "daily") for kind, number in (("attribute", 2), ("waiting", 1))
    ]


@pytest.mark.parametrize(
    ("scope", "delete", "about"),
    [
        ({}, False, None),
        ({"max_changes": 0}, False, "--max-changes 0"),
        ({"remove_unknown": True}, True, "--remove-unknown --treat-missing-as-deleted"),
        ({"max_changes": 5, "remove_unknown": True, "dry_run": True}, True, None),
        ({}, True, "--treat-missing-as-deleted"),
    ],
    ids=range(5),
)
def test_who_forces_a_comparison_is_kept(
    monkeypatch: pytest.MonkeyPatch, scope: dict[str, Any], about: str | None, *, delete: bool
) -> None:
    noted = list[Any]()
    monkeypatch.setattr(reconcile, "name_operator", lambda: "olga@desk")
    monkeypatch.setattr(audit, "note_deed", lambda _store, *who, about: noted.append((*who, about)))
    usual = {"max_changes": None, "remove_unknown": False, "dry_run": False}
    wish: Any = SimpleNamespace(delete=delete)
    store: Any = None
    asked: Any = SimpleNamespace(**usual | scope)
    reconcile._note_forced(store, asked, wish)
    assert noted == ([("olga@desk", "forced comparison", about)] if about else [])


def test_a_fault_of_an_answer_names_the_query_and_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    class Opened:
        def __enter__(self) -> Path:
            return Path("answer.jsonl")

        def __exit__(self, *_: object) -> None:
            """Nothing to close."""

    monkeypatch.setattr(outbox, "open_engine", lambda _: Opened())
    monkeypatch.setattr(query_file, "open_answer", lambda *_: Opened())
    with pytest.raises(ConfigurationError) as caught, reconcile._found(None, "SELECT 1", "") as answer:
        raise ConfigurationError(f"{answer}: line 1: no user_id", "another")
    assert caught.value.args == ("the query: line 1: no user_id", "another")
    with reconcile._found(Path("export.csv"), "", "") as chosen:
        assert chosen == Path("export.csv")
    with reconcile._found(None, "", "") as chosen:
        assert chosen is None


def test_an_export_is_a_file_or_a_query(desk: Desk) -> None:
    said = desk.run("reconcile", "--from", "export.csv", "--from-database", "SELECT 1", exits=2)
    assert said == "take --from or --from-database, not both\n"
