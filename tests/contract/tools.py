"""What others wrote and this check needs: Prism and two of Brevo's clients, installed beside the project's own."""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from sync_tasks.errors import ConfigurationError
from sync_tasks.local.redis_server import find_server
from tests.support.conformance import TEXT

FOLDER = Path(__file__).parent
MODULES = FOLDER / "node_modules"
PRISM = MODULES / ".bin" / "prism"
VENV = FOLDER.parents[1] / ".venv-contract"
PYTHON = VENV / "bin" / "python"
SCHEMATHESIS = VENV / "bin" / "schemathesis"
OLDEST_NODE = 20
INSTALLED_WITHIN = 600


class MissingError(Exception):
    """Something is not at hand: the message says what."""


def prepare() -> None:
    """Install what is pinned, unless it is there.

    Raises:
        MissingError: This machine lacks Brevo's text, Node, a Redis, or a package that cannot be had.
    """
    if not TEXT.exists():
        raise MissingError("Brevo's OpenAPI text is not at hand (../shared/brevo-openapi.yaml)")
    _require_redis()
    _require_node()
    if _is_stale(MODULES, FOLDER / "package-lock.json"):
        _run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], "npm cannot install the pinned packages")
        _stamp(MODULES, FOLDER / "package-lock.json")
    lock = FOLDER / "requirements.lock"
    if _is_stale(VENV, lock):
        _run([sys.executable, "-m", "venv", "--clear", VENV], "a second virtual environment cannot be made")
        pip: list[str | Path] = [
            PYTHON,
            "-I",
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
        ]
        _run([*pip, "--require-hashes", "-r", lock], "pip cannot install the pinned packages")
        _stamp(VENV, lock)


def _require_redis() -> None:
    try:
        find_server()
    except ConfigurationError as error:
        raise MissingError(str(error)) from None


def _require_node() -> None:
    if not shutil.which("node") or not shutil.which("npm"):
        raise MissingError("Node and npm are not installed")
    output = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S607 - from the PATH
    major = output.strip().removeprefix("v").partition(".")[0]
    if not major.isdecimal() or int(major) < OLDEST_NODE:
        raise MissingError(f"Node is older than {OLDEST_NODE}")


def _run(command: Sequence[str | Path], complaint: str) -> None:
    try:
        subprocess.run(command, cwd=FOLDER, capture_output=True, check=True, timeout=INSTALLED_WITHIN)
    except (OSError, subprocess.SubprocessError) as error:
        raise MissingError(complaint) from error


def _is_stale(folder: Path, lock: Path) -> bool:
    stamp = folder / ".installed"
    return not stamp.exists() or stamp.read_text() != _digest(lock)


def _stamp(folder: Path, lock: Path) -> None:
    (folder / ".installed").write_text(_digest(lock))


def _digest(lock: Path) -> str:
    return hashlib.sha256(lock.read_bytes()).hexdigest()
