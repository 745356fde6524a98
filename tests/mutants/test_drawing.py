"""``make mutants`` as a whole, in a small project of its own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PROJECT = """
[tool.pytest.ini_options]
pythonpath = ["."]
addopts = ["--import-mode=importlib"]
markers = ["slow: takes long"]

[tool.coverage.run]
source = ["sync_tasks"]
"""
TEST = """from sync_tasks.sums import add


def test_a_sum():
    assert add(1, 2) == {expected}
"""
ASKING = """from pathlib import Path


def ask():
    return run("ask")


def run(name):
    folder = Path(__file__).parent / "lua"
    return [(folder / f"{part}.lua").read_text() for part in ("shared", name)]
"""
TEST_ASKING = """from sync_tasks.state.asking import ask


def test_an_answer():
    assert "return true" in ask()[0]
"""


# Each test starts pytest some times over.
pytestmark = pytest.mark.slow


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A work tree whose package is one line."""
    shutil.copytree(HERE, tmp_path / "tests" / "mutants", ignore=shutil.ignore_patterns("test_*", "__pycache__"))
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    package = tmp_path / "sync_tasks"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "sums.py").write_text("def add(a, b):\n    return a + b\n")
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)  # noqa: S607 - from the PATH
    return tmp_path


def draw(project: Path) -> subprocess.CompletedProcess[str]:
    """Try all changes to the small package."""
    ours = ("COV", "PYTEST", "PYTHONPATH")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    command = [sys.executable, "-m", "tests.mutants", "--seed", "1"]
    return subprocess.run(command, cwd=project, env=environment, check=False, capture_output=True, text=True)


def test_a_test_that_fails_without_any_change_judges_nothing(project: Path) -> None:
    (project / "tests" / "test_sums.py").write_text(TEST.format(expected=4))
    done = draw(project)
    last = done.stdout.splitlines()[-1]
    assert (done.returncode, last) == (2, "nothing tried: without any change, tests/test_sums.py::test_a_sum fails")


def test_tests_that_pass_judge_each_change(project: Path) -> None:
    (project / "tests" / "test_sums.py").write_text(TEST.format(expected=3))
    done = draw(project)
    assert (done.returncode, "2 changes, 100 % noticed" in done.stdout) == (0, True), done.stdout + done.stderr


def test_scripts_that_others_share_are_judged_by_whoever_runs_those(project: Path) -> None:
    scripts = project / "sync_tasks" / "state" / "lua"
    scripts.mkdir(parents=True)
    (scripts / "shared.lua").write_text("local function now()\n  return true\nend\n")
    (scripts / "ask.lua").write_text("return now()\n")
    (project / "sync_tasks" / "state" / "__init__.py").touch()
    (project / "sync_tasks" / "state" / "asking.py").write_text(ASKING)
    (project / "tests" / "test_asking.py").write_text(TEST_ASKING)
    (project / "tests" / "test_sums.py").write_text(TEST.format(expected=3))
    done = draw(project)
    assert (done.returncode, "5 changes, 100 % noticed" in done.stdout) == (0, True), done.stdout + done.stderr
