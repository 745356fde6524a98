"""``python -m benchmarks.webhooks``: how many events the receiver takes in, one by one and gathered.

The receiver has one core to itself, or what others leave of it; beside events a second it says how many it would be if
the core were all its own. Exit 1 below 1,000 a second.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from benchmarks.allotting import cpu_seconds
from sync_tasks.domain.events import parse_event
from sync_tasks.local.redis_server import EmbeddedRedis, free_port, leash
from sync_tasks.state.connection import connect
from sync_tasks.state.store import Store
from sync_tasks.tasks import subscribe_contact

TARGET = 1000
USERS, CONNECTIONS, AT_ONCE = 5_000, 16, 500
TOKEN = "a-token-for-measuring"  # noqa: S105 - of no use elsewhere
CONFIGURATION = "[newsletters.daily]\nlist_id = 3\n"


def main() -> int:
    """Measure, print a line for each way, and return the exit status."""
    with tempfile.TemporaryDirectory() as folder, EmbeddedRedis(appendfsync="everysec") as redis:
        _sign_up(redis.url)
        with _receiver(redis.url, Path(folder)) as (process, port):
            rates = [_measure(process, port, size) for size in (1, AT_ONCE)]
    return int(min(rates) < TARGET)


def _sign_up(url: str) -> None:
    store = Store(connect(url), "sync_tasks")
    for number in range(USERS):
        fields = {"user_id": f"u{number}", "newsletter": "daily", "email": _address(number)}
        store.accept(parse_event(subscribe_contact.event, fields))
    store.redis.close()


def _address(number: int) -> str:
    return f"reader{number}@portal.org"


@contextmanager
def _receiver(url: str, folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    (folder / "sync_tasks.toml").write_text(CONFIGURATION)
    variables = {"SYNC_CONFIG": str(folder / "sync_tasks.toml"), "SYNC_WEBHOOK_TOKEN": TOKEN, "SYNC_REDIS_URL": url}
    environment = os.environ | variables | {"SYNC_API_KEY": "none"}
    port = free_port()
    command = leash([sys.executable, "-m", "sync_tasks", "webhooks", "serve", "--port", str(port)])
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        os.sched_setaffinity(process.pid, {max(os.sched_getaffinity(0))})
        try:
            _wait_for(port)
            yield process, port
        finally:
            process.terminate()


def _wait_for(port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.05)
        else:
            return


def _measure(process: subprocess.Popen[bytes], port: int, size: int) -> float:
    """Send every user's event in requests of this size, print what that took, and return events a second."""
    requests = [_request(range(start, min(start + size, USERS)), size) for start in range(0, USERS, size)]
    shares = [requests[number::CONNECTIONS] for number in range(CONNECTIONS)]
    started, spent = time.perf_counter(), cpu_seconds(process.pid)
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        list(threads.map(lambda share: _send(port, share), shares))
    seconds, spent = time.perf_counter() - started, cpu_seconds(process.pid) - spent
    print(f"{size:4} a request: {USERS / seconds:9,.0f} events a second, {USERS / max(spent, 0.01):9,.0f} of its CPU's")
    return USERS / seconds


def _request(numbers: Sequence[int], size: int) -> bytes:
    events = [{"event": "unsubscribe", "email": _address(number), "ts": size} for number in numbers]
    body = json.dumps(events if size > 1 else events[0]).encode()
    head = f"POST /webhooks/brevo/default HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\n"
    return f"{head}content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


def _send(port: int, requests: Sequence[bytes]) -> None:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        for request in requests:
            connection.sendall(request)
            answer = b""
            while not answer.endswith(b"}"):
                answer += connection.recv(4096)
            if not answer.startswith(b"HTTP/1.1 200 ") or b"noticed" not in answer:
                raise RuntimeError(answer.decode())


if __name__ == "__main__":
    sys.exit(main())
