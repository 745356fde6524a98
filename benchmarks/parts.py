"""The processes that take part: Redis, the sandbox, a worker of the pipeline, a worker of the naive app."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from redis import Redis

from benchmarks.allotting import allotted
from sync_tasks.local.redis_server import EmbeddedRedis, free_port, leash

READY_WITHIN = 120.0
LOOK_EVERY = 0.01
# The portal refuses a newsletter that its configuration does not name: it is the same for all parts.
OFFERS = 9
WORDS = f"""
[newsletters.daily]
list_id = 3
[newsletters.weekly]
list_id = 5
[newsletters.monthly]
list_id = 6
[newsletters.sports]
list_id = 7
[newsletters.culture]
list_id = 8
[newsletters.offers]
list_id = {OFFERS}
unsubscribed_attribute = "OFFERS_OFF"
[attributes]
first_name = "FIRSTNAME"
last_name = "LASTNAME"
"""
CONFIGURATION = f"""
[accounts.default]
requests_per_second = 1000
{WORDS}"""
_SANDBOX = """
import signal
from sync_tasks.sandbox import LimitSettings, SandboxSettings
from sync_tasks.sandbox.server import serving
limits, attributes = LimitSettings(enabled=False), {{"OFFERS_OFF": "boolean"}}
settings = SandboxSettings(attributes=attributes, limits=limits, import_seconds=1.0, journal_limit=10)
with serving(settings, port={port}):
    signal.pause()
"""


@dataclass(frozen=True)
class Parts:
    """What runs; ``origin`` is where the sandbox answers, ``folder`` where the logs are."""

    redis_url: str
    origin: str
    folder: Path
    stack: ExitStack

    def desk(self, path: str) -> dict[str, Any]:
        """Return what the sandbox's control desk answers."""
        with urllib.request.urlopen(f"{self.origin}/_sandbox{path}", timeout=5) as answer:  # noqa: S310 - our own
            found: dict[str, Any] = json.load(answer)
            return found

    def forget(self) -> None:
        """Empty Redis: no measurement inherits the messages of another."""
        with Redis.from_url(self.redis_url) as redis:
            redis.flushall()

    @contextmanager
    def working(self, app: str, count: int, cores: float | None = None, **env: str) -> Iterator[None]:
        """Run so many worker processes of an app for as long as the block lasts; they take messages from its start.

        Each gets so many cores, or what there is.
        """
        with ExitStack() as stack:
            parts = replace(self, stack=stack)
            logs = [
                parts.start(name, *_worker(app, name), cores=cores, **env)
                for name in (f"{app}-{number}" for number in range(count))
            ]
            for log in logs:
                wait_until(lambda log=log: " ready." in log.read_text(), f"a worker of {app} is ready: {log}")
            yield

    def send(self, path: str, body: object, method: str = "PUT") -> None:
        """Let the sandbox's control desk change something."""
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(  # noqa: S310 - our own
            f"{self.origin}/_sandbox{path}", data=json.dumps(body).encode(), method=method, headers=headers
        )
        with urllib.request.urlopen(request, timeout=60):  # noqa: S310 - as above
            pass

    def start(self, name: str, *command: str, cores: float | None = None, **env: str) -> Path:
        """Start a Python process that ends with the block, and return its log; it gets so many cores, or all."""
        log = self.folder / f"{name}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                leash([sys.executable, *command]),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env=dict(os.environ) | env,
            )
        if cores:
            self.stack.enter_context(allotted(process.pid, cores))
        self.stack.callback(_end, process)
        return log

    def start_worker(self, app: str) -> None:
        """Start a Celery worker and return once it takes messages."""
        log = self.start(app, *_worker(app, app))
        wait_until(lambda: " ready." in log.read_text(), f"the worker of {app} is ready: {log}")


@contextmanager
def running() -> Iterator[Parts]:
    """Yield Redis and the sandbox, and set this process' environment so that the pipeline uses them."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="sync-tasks-bench-")))
        redis, port = stack.enter_context(EmbeddedRedis()), free_port()
        parts = Parts(redis.url, f"http://127.0.0.1:{port}", folder, stack)
        _set_environment(parts)
        parts.start("sandbox", "-c", _SANDBOX.format(port=port))
        wait_until(lambda: _answers(parts), "the sandbox answers")
        yield parts


def _worker(app: str, name: str) -> list[str]:
    return ["-m", "celery", "-A", app, "worker", "-n", f"{name}@localhost", "--loglevel=INFO"]


def _set_environment(parts: Parts) -> None:
    configuration = parts.folder / "sync_tasks.toml"
    configuration.write_text(CONFIGURATION)
    for name in [name for name in os.environ if name.startswith("SYNC_")]:
        del os.environ[name]
    os.environ |= {
        "SYNC_REDIS_URL": parts.redis_url,
        "SYNC_BASE_URL": f"{parts.origin}/v3",
        "SYNC_API_KEY": "sandbox",
        "SYNC_CONFIG": str(configuration),
    }


def wait_until(predicate: Callable[[], object], what: str, timeout: float = READY_WITHIN) -> None:
    """Return once the predicate holds.

    Raises:
        TimeoutError: it never does.
    """
    deadline = time.monotonic() + timeout
    while not predicate():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout:g} s in vain: {what}")
        time.sleep(LOOK_EVERY)


def _answers(parts: Parts) -> bool:
    try:
        return bool(parts.desk("/settings"))
    except OSError:
        return False


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
