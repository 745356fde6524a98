"""All that the portal's side must know, read from the environment: where Redis is and what our keys are called."""

import os
import tomllib
from collections.abc import Mapping
from datetime import time
from pathlib import Path

from sync_tasks.errors import ConfigurationError

DEFAULT_REDIS_URL = "redis://localhost:6379/0"
# So many seconds may two clocks differ, where nothing else is configured.
CLOCK_TOLERANCE = 30


def redis_url() -> str:
    """Return where the state is (``SYNC_REDIS_URL``, or the file ``SYNC_REDIS_URL_FILE`` names)."""
    return _variable("SYNC_REDIS_URL") or DEFAULT_REDIS_URL


def broker_url() -> str:
    """Return where the queue is (``SYNC_BROKER_URL``), the same Redis where nothing else is said."""
    return _variable("SYNC_BROKER_URL") or redis_url()


def namespace() -> str:
    """Return the prefix of all keys and queues (``SYNC_NAMESPACE``)."""
    return os.environ.get("SYNC_NAMESPACE") or "sync_tasks"


def nightly_at() -> tuple[int, int]:
    """Return at which hour and minute, in UTC, all is compared with Brevo (``SYNC_NIGHTLY_AT``, as in ``02:20``).

    Raises:
        ConfigurationError: that is no time of day.
    """
    try:
        moment = time.fromisoformat(os.environ.get("SYNC_NIGHTLY_AT") or "02:20")
    except ValueError:
        raise ConfigurationError("SYNC_NIGHTLY_AT: a time of day in UTC, like 02:20") from None
    return moment.hour, moment.minute


def _variable(name: str) -> str:
    path = os.environ.get(f"{name}_FILE")
    if os.environ.get(name) or not path:
        return os.environ.get(name, "")
    return read_secret(path, f"{name}_FILE")


def read_secret(path: str, variable: str) -> str:
    """Return what a secret file holds, without the white space around it.

    Raises:
        ConfigurationError: it cannot be read.
    """
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
    raise ConfigurationError(f"{variable}: cannot read the file it names: {reason}")


def fields_at_hand(environment: Mapping[str, str] = os.environ) -> frozenset[str] | None:
    """Return the portal fields that are mapped, or nothing where the configuration is not at hand (in the portal)."""
    mapped = _table_at_hand("attributes", environment)
    return frozenset(mapped) if isinstance(mapped, dict) else None


def tolerance_at_hand(environment: Mapping[str, str] = os.environ) -> int:
    """Return how many microseconds two clocks may differ, by the configuration where it is at hand."""
    pipeline = _table_at_hand("pipeline", environment)
    seconds = pipeline.get("clock_tolerance_seconds") if isinstance(pipeline, dict) else None
    return int((seconds if isinstance(seconds, int | float) else CLOCK_TOLERANCE) * 1_000_000)


def _table_at_hand(name: str, environment: Mapping[str, str]) -> object:
    try:
        path = Path(environment.get("SYNC_CONFIG", "sync_tasks.toml"))
        return tomllib.loads(path.read_text(encoding="utf-8")).get(name)
    except (OSError, ValueError):
        return None


def transport_for(url: str) -> str | None:
    """Return the name of our transport where the broker is a Redis, else nothing: kombu's own choice is good."""
    return "sync_tasks.transport:Transport" if url.startswith(("redis://", "rediss://")) else None
