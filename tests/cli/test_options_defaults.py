"""What commands do without options, and which commands there are."""

import inspect
import sys
from collections.abc import Iterator
from typing import Any, NoReturn

import pytest
import typer

from sync_tasks import cli
from sync_tasks.cli import app
from sync_tasks.cli.examples import epilog_of
from sync_tasks.errors import ConfigurationError
from sync_tasks.tasks import startup
from tests.support.desk import run

# The others have no option with a value of its own, and each switch is off.
DEFAULTS: dict[str, dict[str, object]] = {
    "up": {"workers": 1, "sandbox_port": 8025, "flower_port": 5555, "page_port": 8026},
    "sandbox": {"port": 8025, "requests_per_second": 10, "requests_per_hour": 36_000},
    "serve": {"host": "127.0.0.1", "port": 8026},
    "outbox relay": {"poll": 1.0},
    "state hold": {"reason": "by hand"},
    "webhooks serve": {"host": "127.0.0.1", "port": 8026},
}
COMMANDS = {
    "": "demo up sandbox send backfill reconcile status health contact unsubscribe erase doctor serve schema audit",
    "failed": "list show replay discard",
    "outbox": "relay create failed retry discard",
    "suppressed": "list",
    "state": "show hold accept",
    "account": "list accept forget",
    "person": "report erasure",
    "operate": "password remove",
    "secret": "new use",
    "webhooks": "serve install",
}


def walk(group: typer.Typer, name: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each command with what its options are without a word."""
    for command in group.registered_commands:
        assert command.callback
        parameters = inspect.signature(command.callback).parameters.values()
        usual = {one.name: one.default for one in parameters if one.default is not one.empty}
        yield f"{name} {command.name or command.callback.__name__}".strip(), usual
    for below in group.registered_groups:
        assert below.typer_instance
        yield from walk(below.typer_instance, below.name or "")


FOUND = dict(walk(app))


def test_there_are_these_commands() -> None:
    assert list(FOUND) == [f"{group} {name}".strip() for group, names in COMMANDS.items() for name in names.split()]


@pytest.mark.parametrize("command", FOUND)
def test_without_options_a_command_does_the_usual(command: str) -> None:
    assert {name: value for name, value in FOUND[command].items() if value} == DEFAULTS.get(command, {})


def test_an_example_stands_below_the_help_as_it_is_typed() -> None:
    assert epilog_of("secret") is None
    assert epilog_of("secret use") == "Examples:\n\n`sync-tasks secret use`"
    assert epilog_of("send") == "Examples:\n\n`sync-tasks send events.jsonl`\n\n`generate-events | sync-tasks send -`"


@pytest.mark.parametrize(
    ("command", "looks"),
    [(name, name not in {"demo", "health", "sandbox", "schema"}) for name in COMMANDS[""].split()]
    + [(f"{group} {name}", True) for group, names in COMMANDS.items() if group for name in names.split()],
)
def test_only_what_brings_all_it_needs_along_starts_without_a_look_at_the_environment(
    monkeypatch: pytest.MonkeyPatch, command: str, *, looks: bool
) -> None:
    def refuse() -> NoReturn:
        raise ConfigurationError("SYNC_REDIS_URL: not set")

    monkeypatch.setattr(startup, "check_desk", refuse)
    done = run(*command.split(), "--no-such-option")
    assert (done.exit_code, "SYNC_REDIS_URL: not set\n" in done.stderr) == (2, looks)
    monkeypatch.setattr(sys, "argv", ["sync-tasks", command, "--help"])
    assert "SYNC_REDIS_URL" not in run(*command.split(), "--help").stderr


@pytest.mark.parametrize("command", FOUND)
def test_only_what_runs_on_prints_a_log(monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    wished = list[str]()
    monkeypatch.setattr(cli, "_log_as_wished", lambda: wished.append(command))
    monkeypatch.setattr(startup, "check_desk", lambda: None)
    run(*command.split(), "--no-such-option")
    assert bool(wished) == (command in {"serve", "webhooks serve", "outbox relay"})
