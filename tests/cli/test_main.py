"""How the command line ends: what nobody expected is reported without its text, and Ctrl-C is no error."""

import json
import os
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

import pytest
from typer.testing import CliRunner

import sync_tasks
from sync_tasks import cli
from sync_tasks.cli import app
from sync_tasks.local import setup

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]


class Interrupted:
    """Is hit by Ctrl-C while a class is made, as an import may be."""

    def __set_name__(self, _owner: type, _name: str) -> None:
        raise KeyboardInterrupt


def make_class(**_said: object) -> NoReturn:
    type("Made", (), {"field": Interrupted()})
    raise AssertionError


def fail(**_said: object) -> NoReturn:
    raise ValueError("anna@portal.org")


@pytest.mark.parametrize(("work", "code", "printed"), [(make_class, 130, ""), (fail, 1, "unexpected error")])
def test_ctrl_c_is_no_unexpected_error_wherever_it_strikes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], work: object, code: int, printed: str
) -> None:
    monkeypatch.setattr(cli, "app", work)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == code
    reported = capsys.readouterr().err
    assert reported.startswith(printed)
    assert bool(reported) == bool(printed)
    assert "anna" not in reported


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
@pytest.mark.parametrize("as_json", [False, True])
def test_a_terminal_that_lacks_a_character_gets_its_number(redis_url: str, encoding: str, *, as_json: bool) -> None:
    env = os.environ | {"SYNC_REDIS_URL": redis_url, "PYTHONIOENCODING": encoding, "SYNC_NAMESPACE": "narrow"}
    env |= {"SYNC_CONFIG": str(setup.example("sync_tasks.toml")), "SYNC_API_KEY": "key"}
    words = ["status", *(["--json"] if as_json else [])]
    done = subprocess.run([sys.executable, "-m", "sync_tasks", *words], env=env, capture_output=True, check=False)
    printed = done.stdout.decode(encoding)
    assert (done.returncode, done.stderr) == (1, b"")
    assert json.loads(printed)["queues"] if as_json else "narrow.sweeps 0" in printed


def test_the_command_and_the_package_report_the_version() -> None:
    reported = CliRunner().invoke(app, ["--version"])
    assert (reported.exit_code, reported.output) == (0, f"sync-tasks {PROJECT['version']}\n")
    assert sync_tasks.__version__ == version("sync-tasks") == PROJECT["version"]


def test_help_and_health_load_nothing_heavy() -> None:
    """A container asks for its health every half a minute, on a share of a processor."""
    heavy = ("pydantic", "celery", "kombu", "redis", "starlette", "sqlalchemy", "jinja2", "sib_api_v3_sdk")
    code = f"import sys, sync_tasks.cli; print(*(name for name in {heavy} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
