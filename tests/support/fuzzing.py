"""Whatever anybody sends, the receiver answers in clear words or hangs up, and stays.

``python -m tests.support.fuzzing --seconds 60`` goes on for a minute; the seed it prints plays the same again.
"""

import argparse
import json
import os
import random
import socket
import sys
import time
from collections import Counter
from typing import Any

from sync_tasks.config.settings import Settings
from sync_tasks.local.redis_server import EmbeddedRedis
from sync_tasks.state.connection import connect
from sync_tasks.state.store import Store
from tests.support.pipeline import SETTINGS
from tests.support.receiving import ANNA, TOKEN, Receiving, receiving, unsubscription

NO_ANSWER = 0
PATIENCE = 0.05
GOOD_ANSWERS = {NO_ANSWER, 200, 400, 401, 404, 405, 408, 413, 415}
HEAD = f"host: x\r\nauthorization: Bearer {TOKEN}\r\ncontent-type: application/json\r\n"
SCRAPS: list[object] = [None, True, 0, -1, 1e308, "", ANNA, "x" * 300, "\u0000", "\ud800", [], {}, [[]], 10**30]
NAMES = ["event", "email", "content", "attributes", "list_id", "ts", "ts_event", "date", "api_key_name", "EMAIL", "id"]
KINDS = ["unsubscribe", "hardBounce", "spam", "list_addition", "contact_updated", "contact_deleted", "opened", ""]


def make_value(dice: random.Random, depth: int = 0) -> object:
    """Return some JSON, more or less like what Brevo sends."""
    match dice.randrange(4 if depth < 4 else 2):
        case 0:
            return dice.choice(SCRAPS)
        case 1:
            return dice.choice(KINDS)
        case 2:
            return [make_value(dice, depth + 1) for _ in range(dice.randrange(4))]
        case _:
            return {dice.choice(NAMES): make_value(dice, depth + 1) for _ in range(dice.randrange(6))}


def make_body(dice: random.Random) -> bytes:
    """Return a body: JSON, JSON with some bytes changed, an event with one field changed, or noise."""
    event: Any = unsubscription() | {dice.choice(NAMES): make_value(dice)}
    body = json.dumps(dice.choice([event, [event] * dice.randrange(600), make_value(dice)])).encode()
    match dice.randrange(4):
        case 0:
            return dice.randbytes(dice.randrange(2000))
        case 1 if body:
            at = dice.randrange(len(body))
            return body[:at] + dice.randbytes(dice.randrange(4)) + body[at + dice.randrange(4) :]
        case _:
            return body


def make_request(dice: random.Random) -> bytes:
    """Return a request, often with something wrong about it."""
    body = make_body(dice)
    method = dice.choice(["POST"] * 20 + ["GET", "PUT", "HEAD", "BREW"])
    account = dice.choice(["default"] * 20 + ["nobody", "%00", "..%2f", ANNA])
    length = dice.choice([len(body)] * 20 + [0, len(body) + 5, -1, 10**12])
    request = f"{method} /webhooks/brevo/{account} HTTP/1.1\r\n{HEAD}content-length: {length}\r\n\r\n".encode() + body
    if dice.random() < 0.1:
        at = dice.randrange(len(request))
        return request[:at] + dice.randbytes(3) + request[at:]
    return request[: dice.randrange(len(request))] if dice.random() < 0.02 else request


def send(address: tuple[str, int], request: bytes) -> int:
    """Return the status of the answer, or ``NO_ANSWER`` where the receiver hung up."""
    with socket.create_connection(address, timeout=20) as connection:
        try:
            connection.sendall(request)
            answer = connection.recv(4096)
        except (BrokenPipeError, ConnectionResetError):
            return NO_ANSWER
    return int(answer[9:12]) if answer else NO_ANSWER


def fuzz(receiver: Receiving, dice: random.Random, *, seconds: float = 1e9, times: int = sys.maxsize) -> Counter[int]:
    """Send until the time is over or so many times, and return how many answers of each status came."""
    until, statuses = time.monotonic() + seconds, Counter[int]()
    while time.monotonic() < until and statuses.total() < times:
        request = make_request(dice)
        status = send(receiver.address, request)
        assert status in GOOD_ANSWERS, f"{status} to request {statuses.total() + 1}"
        statuses[status] += 1
    assert receiver.ask("GET", "/readyz").status == 200
    keys: list[str] = receiver.store.redis.keys("*")  # type: ignore[assignment]
    assert set(keys) <= {"sync_tasks:webhooks:default"}
    return statuses


def main() -> None:
    """Fuzz a receiver of this process, which has little patience with requests that do not end."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.fuzzing")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    chosen = parser.parse_args()
    # Beside a chaos run it must not slow down what that run measures.
    os.nice(10)
    print(f"seed {chosen.seed}", flush=True)  # noqa: T201 - plays the same again
    with EmbeddedRedis(appendfsync="no") as redis:
        store = Store(connect(redis.url), "sync_tasks")
        with receiving(store, Settings.model_validate(SETTINGS), PATIENCE) as receiver:
            statuses = fuzz(receiver, random.Random(chosen.seed), seconds=chosen.seconds)
        store.redis.close()
    print(", ".join(f"{number} x {status}" for status, number in sorted(statuses.items())))  # noqa: T201 - the report


if __name__ == "__main__":
    main()
