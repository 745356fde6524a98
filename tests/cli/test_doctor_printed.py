"""What ``sync-tasks doctor`` prints of its checks, and what its options may be combined with."""

import json
from typing import Any

import pytest

from sync_tasks.cli.commands import doctor
from sync_tasks.cli.views.doctor_checks import Check
from sync_tasks.local import setup
from tests.support.desk import run
from tests.support.printed import read_cells

CHECKS = [
    Check("redis", "ok", "7.2 at [::1]"),
    Check("beat", "fail", "has not swept", "start it"),
    Check("default: shoe", "warn", "SHOE is text", ""),
    Check("state", "ok", "well"),
]


def test_each_check_is_a_row_and_states_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    doctor._print(CHECKS)
    assert read_cells(capsys) == [
        ["Check", "State", "Found", "What to do"],
        ["redis", "ok", "7.2 at [::1]"],
        ["beat", "fail", "has not swept", "start it"],
        ["default: shoe", "warn", "SHOE is text"],
        ["state", "ok", "well"],
        ["4 checks: 2 ok, 1 fail, 1 warn"],
    ]


def test_a_state_has_its_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    tables, lines = list[Any](), list[str]()
    monkeypatch.setattr(doctor, "print_table", tables.append)
    monkeypatch.setattr(doctor, "say", lines.append)
    doctor._print(CHECKS)
    states = ["[green]ok[/]", "[bold red]fail[/]", "[yellow]warn[/]", "[green]ok[/]"]
    assert [*tables[0].columns[1].cells] == states
    assert lines == ["4 checks: [green]2 ok[/], [bold red]1 fail[/], [yellow]1 warn[/]"]


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch, redis_url: str) -> None:
    monkeypatch.setenv("SYNC_REDIS_URL", redis_url)
    monkeypatch.setenv("SYNC_CONFIG", str(setup.example("sync_tasks.toml")))
    monkeypatch.setenv("SYNC_API_KEY", "any-key")


@pytest.mark.usefixtures("configured")
@pytest.mark.parametrize(("well", "exits"), [(True, 0), (False, 1)])
def test_a_probe_is_made_instead_with_what_was_asked(
    monkeypatch: pytest.MonkeyPatch, *, well: bool, exits: int
) -> None:
    asked = list[Any]()

    def probe(_settings: object, *what: object, as_json: bool) -> bool:
        asked.append((*what, as_json))
        return well

    monkeypatch.setattr(doctor, "run_probes", probe)
    assert run("doctor", "--probe").exit_code == exits
    assert run("doctor", "--probe", "--at", "anna@portal.org", "--account", "default", "--json").exit_code == exits
    assert asked == [(None, None, False), (["anna@portal.org"], "default", True)]


@pytest.mark.usefixtures("configured")
@pytest.mark.parametrize("words", [("--at", "anna@portal.org"), ("--account", "default")])
def test_what_a_probe_needs_goes_with_a_probe_alone(words: tuple[str, ...]) -> None:
    done = run("doctor", *words, "--json")
    assert done.exit_code == 2
    assert json.loads(done.stdout) == {"troubles": ["--at and --account go with --probe"]}


@pytest.mark.usefixtures("configured")
@pytest.mark.parametrize(("states", "exits"), [(("ok", "warn"), 0), (("ok", "fail"), 1)])
def test_only_a_check_that_fails_is_exit_1(
    monkeypatch: pytest.MonkeyPatch, states: tuple[Any, ...], exits: int
) -> None:
    monkeypatch.setattr(doctor, "_examine", lambda *_: [Check("any", state, "found", "advice") for state in states])
    assert run("doctor").exit_code == exits
    done = run("doctor", "--json")
    shown = [{"what": "any", "state": state, "found": "found", "advice": "advice"} for state in states]
    assert (done.exit_code, json.loads(done.stdout)) == (exits, {"items": shown, "troubles": []})
