"""The version is told by the command and by the package, and stands in pyproject.toml alone."""

import tomllib
from importlib.metadata import version
from pathlib import Path

from typer.testing import CliRunner

import sync_tasks
from sync_tasks.cli import app

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]


def test_the_command_and_the_package_tell_the_version() -> None:
    told = CliRunner().invoke(app, ["--version"])
    assert (told.exit_code, told.output) == (0, f"sync-tasks {PROJECT['version']}\n")
    assert sync_tasks.__version__ == version("sync-tasks") == PROJECT["version"]
