"""``sync-tasks reconcile`` previews, repairs, refuses and reports; nobody's address is in what it prints."""

import csv
from pathlib import Path

import pytest

from sync_tasks.reconcile import run
from sync_tasks.reconcile.lock import standing_alone
from sync_tasks.reconcile.run import Scope
from sync_tasks.sandbox import Sandbox
from tests.support.desk import MARK, Desk
from tests.support.fixtures import WriteRows

ANNA = f"{MARK}@portal.org"


@pytest.fixture
def drifted(desk: Desk, brevo: Sandbox) -> Desk:
    """A desk whose only contact was taken off its list at Brevo."""
    desk.pipeline.subscribe("anna", email=ANNA)
    desk.pipeline.work()
    brevo.edit(ANNA, {"unlinkListIds": [3]})
    return desk


def test_a_preview_shows_the_drift_and_exits_with_one(drifted: Desk) -> None:
    reported = drifted.run("reconcile", "--dry-run", exits=1)
    assert all(text in reported for text in ("missing on list", "daily", "1 contact compared"))
    drifted.pipeline.work()
    assert drifted.pipeline.lists("anna") == set()


def test_a_repair_is_done_by_the_workers(drifted: Desk) -> None:
    (run,) = drifted.read("reconcile")
    assert (run["found"], run["repaired"]) == ({"missing on list": 1}, 1)
    drifted.pipeline.work()
    assert drifted.pipeline.lists("anna") == {3}
    assert "no drift" in drifted.run("reconcile")


def test_another_newsletter_is_left_alone(drifted: Desk) -> None:
    assert drifted.read("reconcile", "--newsletter", "weekly")[0]["found"] == {}


@pytest.mark.parametrize("words", [("--newsletter", "nightly"), ("--account", "other")])
def test_an_unknown_name_is_wrong_use(desk: Desk, words: tuple[str, str]) -> None:
    assert "there is no" in desk.run("reconcile", *words, exits=2)


def test_a_refusal_exits_with_one_and_says_how_to_allow_it(drifted: Desk, brevo: Sandbox) -> None:
    drifted.pipeline.unsubscribe("anna")
    drifted.pipeline.work()
    brevo.edit(ANNA, {"listIds": [3]})
    assert "--max-changes 1" in drifted.run("reconcile", "--max-changes", "0", exits=1)


def test_the_status_shows_the_last_comparison_and_its_alarm(drifted: Desk, brevo: Sandbox) -> None:
    drifted.run("reconcile", "--newsletter", "daily")
    assert "1 found, 1 repaired" in drifted.read("status", exits=1)["reconciled"][0]
    drifted.pipeline.unsubscribe("anna")
    drifted.pipeline.work()
    brevo.edit(ANNA, {"listIds": [3]})
    drifted.run("reconcile", "--max-changes", "0", exits=1)
    assert "--max-changes 1" in " ".join(drifted.run("status", exits=1).split())


def test_the_report_is_also_a_table_and_a_page(drifted: Desk, tmp_path: Path) -> None:
    table, page = tmp_path / "drift.csv", tmp_path / "drift.html"
    drifted.run("reconcile", "--csv", str(table), "--html", str(page))
    rows = list(csv.reader(table.read_text().splitlines()))
    assert rows[1:] == [["default", "", "missing on list", "1"], ["default", "daily", "missing on list", "1"]]
    assert "<svg" in page.read_text()
    assert MARK not in table.read_text() + page.read_text()


@pytest.mark.parametrize(
    ("words", "noted"),
    [
        ((), []),
        (("--dry-run", "--max-changes", "5"), []),
        (("--max-changes", "5", "--remove-unknown"), ["--max-changes 5 --remove-unknown"]),
        (("--from", "portal.jsonl"), []),
        (("--from", "portal.jsonl", "--treat-missing-as-deleted"), ["--treat-missing-as-deleted"]),
        (("--from", "portal.jsonl", "--treat-missing-as-deleted", "--dry-run"), []),
    ],
)
def test_only_who_lets_a_comparison_take_more_is_in_the_audit(
    desk: Desk, write_rows: WriteRows, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], noted: list[str]
) -> None:
    desk.pipeline.subscribe("anna", email=ANNA)
    desk.pipeline.work()
    monkeypatch.chdir(write_rows({"user_id": "anna", "email": ANNA, "newsletters": ["daily"]}).parent)
    desk.run("reconcile", *words)
    assert [deed["about"] for deed in desk.read("audit")] == noted


@pytest.mark.parametrize(("words", "anew"), [((), False), (("--anew",), True)])
def test_a_comparison_begins_anew_only_if_asked(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], *, anew: bool
) -> None:
    scopes = list[Scope]()

    def note(_context: object, scope: Scope, _report: object) -> list[object]:
        scopes.append(scope)
        return []

    monkeypatch.setattr(run, "reconcile", note)
    desk.run("reconcile", *words)
    assert [scope.anew for scope in scopes] == [anew]


def test_a_newsletter_of_another_account_is_wrong_use(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("A", "B"):
        monkeypatch.setenv(f"SYNC_API_KEY_{name}", "key")
    desk.configuration.write_text(
        '[newsletters]\ndaily = { list_id = 3, account = "a" }\nweekly = { list_id = 5, account = "b" }\n'
        "[accounts.a]\n[accounts.b]\n"
    )
    words = ("--newsletter", "weekly", "--account", "a")
    assert "belongs to another account" in desk.run("reconcile", *words, exits=2)


def test_two_comparisons_do_not_run_at_a_time(drifted: Desk) -> None:
    with standing_alone(drifted.pipeline.store):
        assert "another comparison is under way" in drifted.run("reconcile", exits=1)
    drifted.pipeline.work()
    assert drifted.pipeline.lists("anna") == set()


@pytest.mark.parametrize(("words", "named"), [(("--users",), True), ((), False)])
def test_users_are_named_only_if_they_are_asked_for(drifted: Desk, words: tuple[str, ...], *, named: bool) -> None:
    assert ("missing on list: anna" in drifted.run("reconcile", "--dry-run", *words, exits=1)) == named
    (found,) = drifted.read("reconcile", "--dry-run", *words, exits=1)
    assert found["users"] == ({"missing on list": ["anna"]} if named else {})
