"""Real database servers of a portal: PostgreSQL and MariaDB, as Debian packages them, and SQLite."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from sync_tasks.local.leash import leash
from sync_tasks.local.redis_server import free_port
from tests.support.processes import wait_until

STARTED_WITHIN = 60.0
STOPPED_WITHIN = 30.0


def find_program(name: str, *places: str) -> str:
    """Return where a program is, or skip the test."""
    found = shutil.which(name) or next(
        (str(path) for place in places for path in Path("/").glob(f"{place}/{name}")), ""
    )
    if not found:
        pytest.skip(f"{name} is not installed: apt-get install postgresql mariadb-server")
    return found


def as_nobody(*command: str, folder: Path) -> list[str]:
    """Return a command so wrapped that root does not run it: PostgreSQL refuses root."""
    if os.getuid():
        return list(command)
    nobody = pwd.getpwnam("nobody")
    for path in (folder, *folder.rglob("*")):
        os.chown(path, nobody.pw_uid, nobody.pw_gid)
    for parent in folder.parents:
        if parent != Path("/") and parent.stat().st_uid == 0 and not parent.stat().st_mode & 0o001:
            parent.chmod(parent.stat().st_mode | 0o011)
    return [find_program("setpriv"), "--reuid=nobody", f"--regid={nobody.pw_gid}", "--clear-groups", *command]


@contextmanager
def serving(command: list[str], url: str, folder: Path) -> Iterator[str]:
    """Run a server until the block ends; yield its URL once it answers."""
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(leash(command), stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=folder)
    try:
        wait_until(lambda: process.poll() is not None or answers(url), f"{command[0]} answers", STARTED_WITHIN)
        assert process.poll() is None, (folder / "server.log").read_text()[-2000:]
        yield url
    finally:
        process.terminate()
        try:
            process.wait(STOPPED_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def answers(url: str) -> bool:
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except OperationalError:
        return False
    finally:
        engine.dispose()
    return True


def _make(command: Sequence[str], folder: Path) -> None:
    """Make the files of a server; what it says of a failure is shown."""
    made = subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder)
    assert made.returncode == 0, f"{command[0]} ended with {made.returncode}: {made.stdout}{made.stderr}"


@contextmanager
def postgresql(_folder: Path) -> Iterator[str]:
    """Yield the URL of a PostgreSQL server of its own.

    Its files are in no folder of pytest: each pytest that starts closes those of all others to everybody but root.
    """
    places = ("usr/lib/postgresql/*/bin",)
    initdb, postgres = find_program("initdb", *places), find_program("postgres", *places)
    options = ("--username=portal", "--auth=trust", "--no-sync", "--encoding=UTF8", "--no-locale")
    with TemporaryDirectory(prefix="sync-tasks-postgresql-") as place:
        folder = Path(place)
        _make(as_nobody(initdb, "--pgdata", str(folder / "data"), *options, folder=folder), folder)
        port = free_port()
        words = ("-D", str(folder / "data"), "-p", str(port), "-k", str(folder), "-h", "127.0.0.1", "-F")
        command = as_nobody(postgres, *words, folder=folder)
        with serving(command, f"postgresql+psycopg://portal@127.0.0.1:{port}/postgres", folder) as url:
            yield url


@contextmanager
def mariadb(folder: Path) -> Iterator[str]:
    """Yield the URL of a MariaDB server of its own."""
    install, server = find_program("mariadb-install-db"), find_program("mariadbd", "usr/sbin")
    user = pwd.getpwuid(os.getuid()).pw_name
    # A server that starts removes what others keep for a moment in the folder that they share.
    passing = folder / "passing"
    passing.mkdir()
    data = ("--no-defaults", f"--datadir={folder / 'data'}", f"--tmpdir={passing}", f"--user={user}")
    words = ("--auth-root-authentication-method=normal", "--skip-test-db")
    _make([install, *data, *words], folder)
    port = free_port()
    network = (f"--port={port}", "--bind-address=127.0.0.1", f"--socket={folder / 's'}", "--skip-name-resolve")
    light = ("--innodb-buffer-pool-size=32M", "--innodb-flush-log-at-trx-commit=0", f"--pid-file={folder / 'pid'}")
    with serving([server, *data, *network, *light], f"mariadb+pymysql://root@127.0.0.1:{port}/mysql", folder) as url:
        yield url


@contextmanager
def sqlite(folder: Path) -> Iterator[str]:
    """Yield the URL of a database in a file."""
    # It has one lock for all: each waits for it longer than a slow machine takes.
    yield f"sqlite:///{folder / 'portal.db'}?timeout=60"


DATABASES = {"PostgreSQL": postgresql, "MariaDB": mariadb, "SQLite": sqlite}
