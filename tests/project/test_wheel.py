"""The wheel, installed where nothing else of the project is, runs the same way as the checkout."""

import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.station import ENDED_WITHIN, ROOT, Station, building

SOURCES = ("pyproject.toml", "setup.py", "README.md", "LICENSE")
# Build and installation take what they need from this environment and ask no package index.
BUILD = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir"]
INSTALL = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-compile", "--target"]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the wheel is made of: a build leaves its files there."""
    copy = tmp_path_factory.mktemp("source")
    for name in SOURCES:
        shutil.copy(ROOT / name, copy)
    shutil.copytree(ROOT / "sync_tasks", copy / "sync_tasks", ignore=shutil.ignore_patterns("__pycache__"))
    return copy


@pytest.fixture(scope="module")
def files(source: Path) -> set[str]:
    """The files of the package."""
    return {str(path.relative_to(source)) for path in (source / "sync_tasks").rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def wheel(source: Path, files: set[str], tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: ARG001 - before
    out = tmp_path_factory.mktemp("dist")
    run([*BUILD, str(out), str(source)])
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the installed wheel alone."""
    folder = tmp_path_factory.mktemp("installed")
    run([*INSTALL, str(folder), str(wheel)])
    return folder


@pytest.fixture
def elsewhere(installed: Path, tmp_path: Path) -> Iterator[Station]:
    """A pipeline that runs in an empty folder, from the wheel."""
    empty = tmp_path / "empty"
    empty.mkdir()
    with building(tmp_path, more_env={"PYTHONPATH": str(installed)}, cwd=empty) as station:
        yield station


def run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=4 * ENDED_WITHIN, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_wheel_holds_every_file_of_the_package_and_no_other(wheel: Path, files: set[str]) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    assert {name for name in held if ".dist-info/" not in name} == files


def test_what_runs_is_the_wheel(elsewhere: Station, installed: Path) -> None:
    shown = elsewhere.run(sys.executable, "-c", "import sync_tasks; print(sync_tasks.__file__)")
    assert shown.output.strip() == str(installed / "sync_tasks" / "__init__.py")


def test_a_worker_and_the_commands_run_from_the_wheel_in_an_empty_folder(elsewhere: Station, installed: Path) -> None:
    worker = elsewhere.start_worker()
    events = elsewhere.folder / "events.jsonl"
    events.write_text(
        '{"task": "subscribe_contact", "user_id": "anna", "newsletter": "daily", "email": "anna@portal.org"}\n'
    )
    sent = elsewhere.run(installed / "bin" / "sync-tasks", "send", events)
    assert (sent.process.returncode, "1 event accepted" in sent.output) == (0, True), sent.output
    elsewhere.wait_for_lists("anna", 3)
    status = elsewhere.run(sys.executable, "-m", "sync_tasks", "status", "--json")
    assert '"one@localhost"' in status.output
    assert worker.stop() == 0
    assert not any(elsewhere.cwd.iterdir())
