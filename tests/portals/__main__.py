"""Install the wheel as portals do, beside old and new releases of what it needs, and call the four tasks there.

``make portals`` tries every environment of the table below; ``ARGS=--short`` the oldest and the newest.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis
from rich.console import Console
from rich.table import Table

from sync_tasks.local.redis_server import EmbeddedRedis

ROOT = Path(__file__).resolve().parents[2]
PORTAL = Path(__file__).with_name("portal.py")
UV = Path(sys.executable).with_name("uv")
QUEUES = {"sync_tasks": 2, "sync_tasks.urgent": 2}
# What a portal's environment must not hold.
NOT_FOR_PORTALS = ("sib_api_v3_sdk", "typer", "starlette", "prometheus_client", "pydantic_settings")


@dataclass(frozen=True)
class Environment:
    """What a portal has installed beside our wheel."""

    name: str
    pins: tuple[str, ...]
    # An old release may have wheels for old interpreters alone, a new one need a new interpreter. Default: this one.
    python: str = ""


ENVIRONMENTS = (
    # kombu of its time: the newest that this Celery allows refuses this redis-py, with or without us.
    Environment("oldest", ("celery==5.4.*", "kombu==5.4.*", "redis==5.2.*", "pydantic==2.7.*"), "3.11"),
    Environment("Celery 5.5", ("celery==5.5.*", "redis==5.*")),
    Environment("Celery 5.6", ("celery==5.6.*", "redis==6.*")),
    Environment("Celery 5.7", ("celery==5.7.*", "redis==7.*")),
    Environment("Django 5.2", ("django==5.2.*", "celery==5.4.*", "redis==6.*")),
    Environment("Django 6", ("django==6.*", "celery==5.7.*"), "3.13"),
    Environment("newest", ("celery", "redis", "pydantic")),
)


class NotInstallableError(Exception):
    """The environment cannot be made: the resolver's own last line."""


def find_python(version: str) -> str:
    """Return an interpreter of a version that pyenv holds, or the version itself: uv looks for one on the PATH.

    Without a version, return this interpreter.
    """
    if not version:
        return sys.executable
    held = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions").glob(f"{version}.[0-9]*/bin/python")
    return next((str(path) for path in held), version)


def run(*command: str | Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=tempfile.gettempdir(), env=env, capture_output=True, text=True, timeout=300, check=False
    )


def build_wheel(folder: Path) -> Path:
    """Build the wheel from a copy of what is committed or not, and return it."""
    built = run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT)
    if built.returncode:
        sys.exit(built.stdout + built.stderr)
    return next(folder.glob("*.whl"))


def install(wheel: Path, folder: Path, environment: Environment) -> Path:
    """Make an environment that holds the wheel and the pins, and return its interpreter."""
    python = folder / "bin" / "python"
    commands: tuple[tuple[str | Path, ...], ...] = (
        (UV, "venv", "--quiet", "--no-python-downloads", "--python", find_python(environment.python), folder),
        (UV, "pip", "install", "--quiet", "--python", python, wheel, *environment.pins),
    )
    for command in commands:
        done = run(*command)
        if done.returncode:
            raise NotInstallableError(done.stderr.strip().splitlines()[-1])
    return python


def try_portal(python: Path, url: str) -> tuple[str, list[str]]:
    """Return what the portal says is installed, and what is wrong, if anything."""
    env = {name: text for name, text in os.environ.items() if not name.startswith(("SYNC_", "PYTHON"))}
    env |= {"SYNC_REDIS_URL": url, "PATH": f"{python.parent}{os.pathsep}{env['PATH']}"}
    done = run(python, "-W", "error::DeprecationWarning:sync_tasks", PORTAL, env=env)
    if done.returncode:
        return "", [done.stderr.strip().splitlines()[-1]]
    wrong = []
    with redis.Redis.from_url(url) as client:
        queued = {queue: client.llen(queue) for queue in QUEUES}
        if queued != QUEUES:
            wrong.append(f"messages in the queues: {queued}")
        if not client.hexists("sync_tasks:contacts:anna", "n:daily"):
            wrong.append("the state does not hold the events")
    wrong += [
        f"{name} is installed"
        for name in NOT_FOR_PORTALS
        if run(python, "-c", f"import {name}", env=env).returncode == 0
    ]
    for command in ((python.parent / "sync-tasks", "status"), (python, "-m", "celery", "-A", "sync_tasks", "worker")):
        said = run(*command, env=env)
        last = (said.stderr.strip().splitlines() or [""])[-1]
        if said.returncode != 2 or "sync-tasks[worker]" not in last:
            wrong.append(f"{command[1]}: exit {said.returncode}, {last!r} does not name the extra")
    return done.stdout.strip().splitlines()[-1], wrong


@contextmanager
def server() -> Iterator[str]:
    with EmbeddedRedis() as embedded:
        yield embedded.url


def main() -> None:
    """Try each environment and end with 1 if a portal would not work there."""
    chosen = ENVIRONMENTS[:: len(ENVIRONMENTS) - 1] if "--short" in sys.argv else ENVIRONMENTS
    table = Table("environment", "installed", "the four tasks")
    failed = False
    with tempfile.TemporaryDirectory(prefix="portals-") as name:
        folder = Path(name)
        wheel = build_wheel(folder)
        for index, environment in enumerate(chosen):
            try:
                python = install(wheel, folder / str(index), environment)
            except NotInstallableError as error:
                table.add_row(environment.name, str(error), "not tried")
                failed = True
                continue
            with server() as url:
                installed, wrong = try_portal(python, url)
            table.add_row(environment.name, installed, "; ".join(wrong) or "called, one line names the extra")
            failed = failed or bool(wrong)
    Console(width=None if sys.stdout.isatty() else 120).print(table)
    sys.exit(failed)


if __name__ == "__main__":
    main()
