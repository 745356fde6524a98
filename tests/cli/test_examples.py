"""The help of each command: examples that are right, eighty columns, completion, no colours where none are wanted."""

import re
import sys
from collections.abc import Iterator

import pytest
from typer.core import TyperGroup
from typer.testing import CliRunner

from sync_tasks.cli import app
from sync_tasks.cli.examples import EXAMPLES
from tests.support.command_lines import ROOT, read_command
from tests.support.processes import StartProgram


def walk(group: TyperGroup, name: str = "") -> Iterator[str]:
    for part, below in group.commands.items():
        if isinstance(below, TyperGroup):
            yield from walk(below, f"{name}{part} ")
        else:
            yield f"{name}{part}"


COMMANDS = list(walk(ROOT))
LINES = [(command, line) for command, lines in EXAMPLES.items() for line in lines]


def help_of(command: str) -> str:
    return CliRunner().invoke(app, [*command.split(), "--help"], env={"TERMINAL_WIDTH": "80", "COLUMNS": "80"}).output


@pytest.mark.parametrize(("command", "line"), LINES, ids=[line for _, line in LINES])
def test_an_example_is_a_command_with_options_that_there_are(command: str, line: str) -> None:
    mine = next(part for part in line.split(" | ") if command in part)
    assert read_command(mine.removeprefix("sync-tasks ")) == command


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_fits_eighty_columns_without_a_broken_option(command: str) -> None:
    reported = help_of(command)
    assert max(map(len, reported.splitlines())) <= 80
    assert re.findall(r"--[a-z-]+…", reported) == []
    assert not command or "Examples:" in reported


def test_shells_can_complete() -> None:
    done = CliRunner().invoke(app, [], env={"_SYNC_TASKS_COMPLETE": "source_bash"}, prog_name="sync-tasks")
    assert "_sync_tasks_completion" in done.output


@pytest.mark.parametrize(("variables", "coloured"), [({"FORCE_COLOR": "1"}, True), ({"NO_COLOR": "1"}, False)])
def test_colours_are_left_out_on_demand(
    start_program: StartProgram, variables: dict[str, str], *, coloured: bool
) -> None:
    program = start_program([sys.executable, "-m", "sync_tasks", "--help"], env={"TERM": "xterm-256color"} | variables)
    assert program.process.wait(30) == 0
    assert bool(re.search(r"\x1b\[[0-9;]*3\d", program.output)) is coloured
