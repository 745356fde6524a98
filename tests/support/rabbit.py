"""A RabbitMQ of one test alone, with an Erlang port mapper of its own: nothing of it is shared or outlives the test."""

import os
import shutil
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sync_tasks.local.redis_server import free_port
from tests.support.processes import Program, StartProgram

# Debian's command on the PATH is a wrapper that changes the user, and the place of all files with it.
DEBIAN = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
READY = "completed with"


def find_rabbit() -> Path | None:
    """Return the command that runs RabbitMQ in the foreground, if there is one here."""
    on_path = shutil.which("rabbitmq-server")
    found = DEBIAN if DEBIAN.exists() else on_path and Path(on_path)
    return found if found and shutil.which("epmd") else None


@dataclass
class Rabbit:
    """What starts and restarts it; the messages of durable queues survive its death."""

    start_program: StartProgram
    folder: Path
    command: Path

    def __post_init__(self) -> None:
        self.port, self._mapper, self._nodes = free_port(), free_port(), free_port()
        self.folder.mkdir()
        self._start(["epmd", "-port", str(self._mapper), "-address", "127.0.0.1"])
        self.server = self.start()

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}//"

    def start(self) -> Program:
        """Start it, with all that it held before, and return once it takes connections."""
        self.server = self._start([self.command], ready=READY)
        return self.server

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Let it answer nothing for as long as the block lasts; what runs is a child of the command."""
        os.killpg(self.server.pid, signal.SIGSTOP)
        yield
        os.killpg(self.server.pid, signal.SIGCONT)

    @contextmanager
    def away(self) -> Iterator[None]:
        """Let it be gone for as long as the block lasts."""
        self.server.kill()
        yield
        self.start()

    def _start(self, command: Sequence[str | Path], ready: str | None = None) -> Program:
        return self.start_program(command, ready=ready, env=self._env, cwd=self.folder)

    @property
    def _env(self) -> dict[str, str]:
        return {
            "HOME": str(self.folder),
            "ERL_EPMD_PORT": str(self._mapper),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"test-{os.getpid()}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self._nodes),
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "none.conf"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder / "logs"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_PID_FILE": str(self.folder / "pid"),
        }
