"""What a release leaves in Redis, as a file: ``python -m tests.support.recording`` writes that of this release.

Run it once, just before a release, and keep the file: later releases must understand it. The file holds every key, the
messages in the queues, the contacts Brevo had, and what must have become of each user once a worker is through.
"""

import json
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

from sync_tasks.errors import UnauthorizedError
from sync_tasks.local.redis_server import EmbeddedRedis
from sync_tasks.rate_limits.limiter import Limiter
from sync_tasks.sandbox import LimitSettings, SandboxSettings
from sync_tasks.sandbox.server import serving
from sync_tasks.state.store import Store
from tests.support.processes import programs, wait_until
from tests.support.rig import Rig

FOLDER = Path(__file__).parent / "recorded"
# The host that a message came from is nobody's business.
_ORIGIN = re.compile(r"gen\d+@[\w.-]+")
SETTINGS = SandboxSettings(limits=LimitSettings(enabled=False), seed=1, import_seconds=1.0)
PIPELINE = "lease_seconds = 3\ngrace_seconds = 1\nquiet_seconds = 2\nprobe_seconds = 1"
READERS = ("stays", "leaves", "moves", "is_erased", "was_erased", "comes_late")
# Whom Brevo must have on which lists in the end; of the erased nothing must be left.
EXPECTED = {"stays": [3], "leaves": [], "moves": [3], "joins": [3, 5], "in_hand": [3], "sent_in_full": [5]}
ERASED = ("is_erased", "was_erased", "comes_late")
# What the sandbox needs to have a contact again, under the same id.
KEPT = ("id", "email", "ext_id", "attributes", "listIds", "emailBlacklisted")


@contextmanager
def resting(folder: Path) -> Iterator[Rig]:
    """Yield a rig of which nothing runs yet but Redis and the sandbox."""
    with ExitStack() as stack:
        redis = stack.enter_context(EmbeddedRedis(appendfsync="no"))
        served = stack.enter_context(serving(SETTINGS))
        start = stack.enter_context(programs(folder))
        yield Rig(redis, served, start, folder, stack, pipeline=PIPELINE)


def play(rig: Rig) -> None:
    """Bring users into every state there is: some are done, the rest has only been accepted."""
    worker, beat = rig.worker(), rig.beat()
    for user_id in READERS:
        rig.portal.accept("subscribe", user_id=user_id, newsletter="daily", email=f"{user_id}@portal.org")
    rig.wait_until_held(*READERS)
    rig.portal.accept("unsubscribe", user_id="never_seen", newsletter="daily")
    rig.wait_for_letter("never_seen")
    for user_id in ("was_erased", "comes_late"):
        rig.portal.accept("anonymize", user_id=user_id)
    wait_until(lambda: not rig.count("due"), "the erasures are complete", 60)
    worker.stop()
    beat.stop()
    rig.store.redis.delete("sync_tasks", "sync_tasks.urgent", "sync_tasks.background")
    accept_the_rest(rig)


def accept_the_rest(rig: Rig) -> None:
    """Let events be accepted that no worker of this release gets to see."""
    rig.portal.accept("unsubscribe", user_id="leaves", newsletter="daily")
    rig.portal.accept("update", user_id="moves", email="moved@portal.org", first_name="Anna")
    rig.portal.accept("anonymize", user_id="is_erased")
    for newsletter in ("daily", "weekly"):
        rig.portal.accept("subscribe", user_id="joins", newsletter=newsletter, email="joins@portal.org")
    rig.portal.accept("subscribe", user_id="in_hand", newsletter="daily", email="in_hand@portal.org")
    rig.store.lease("in_hand", 1)
    reported: dict[str, str] = {"newsletter": "weekly", "occurred_at": "2026-01-01T00:00:00+00:00"}
    for user_id in ("sent_in_full", "comes_late"):
        rig.send("sync_tasks.subscribe_contact", user_id=user_id, email=f"{user_id}@portal.org", **reported)
    rig.nudge("stays")
    Limiter(rig.store, {}).pause("default", UnauthorizedError("GET /contacts: 401 unauthorized"))


def dump(store: Store) -> dict[str, Any]:
    """Return all keys without a lifetime, by their type."""
    client = store.redis
    reading: dict[str, Callable[[str], Any]] = {
        "string": client.get,
        "hash": client.hgetall,
        "list": lambda key: [_ORIGIN.sub("portal@host", str(text)) for text in client.lrange(key, 0, -1)],
        "zset": lambda key: client.zrange(key, 0, -1, withscores=True),
        "set": lambda key: sorted(cast("set[str]", client.smembers(key))),
    }
    kept = sorted(key for key in client.scan_iter("sync_tasks*") if client.ttl(key) == -1)
    kinds = {key: str(client.type(key)) for key in kept}
    return {key: {"type": kind, "value": reading[kind](key)} for key, kind in kinds.items()}


def load(store: Store, keys: dict[str, Any]) -> None:
    """Put such keys back."""
    for key, entry in keys.items():
        match entry["type"], entry["value"]:
            case "string", value:
                store.redis.set(key, value)
            case "hash", value:
                store.redis.hset(key, mapping=value)
            case "list", value:
                store.redis.rpush(key, *value)
            case "zset", value:
                store.redis.zadd(key, dict(value))
            case _, value:
                store.redis.sadd(key, *value)


def main() -> None:
    """Record what this release leaves behind."""
    with tempfile.TemporaryDirectory() as folder, resting(Path(folder)) as rig:
        play(rig)
        held = [{name: contact.get(name) for name in KEPT} for contact in rig.brevo.contacts()]
        reported = {"release": version("sync-tasks"), "keys": dump(rig.store), "contacts": held}
    reported |= {"expected": EXPECTED, "erased": ERASED}
    path = FOLDER / f"{reported['release']}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(reported, indent=1, sort_keys=True) + "\n")
    sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
