"""Loading files into a pipeline, with something that happens while the load waits for Brevo."""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sync_tasks.backfill.columns import Words
from sync_tasks.backfill.import_contacts import Importing
from sync_tasks.backfill.load import load
from sync_tasks.backfill.rows import Source
from sync_tasks.rate_limits.limiter import Limiter
from tests.support.pipeline import Pipeline, address_of

AS_OF = datetime(2026, 1, 1, tzinfo=UTC)
IMPORT, PAGE = "POST /v3/contacts/import", "GET /v3/contacts"


class KilledError(Exception):
    """The load ends here, as if killed."""


class Meddling(Limiter):
    """Rests only briefly; the first time, something happens."""

    happens: Callable[[], object] | None = None

    def rest(self, seconds: float) -> None:
        happens, self.happens = self.happens, None
        if happens:
            happens()
        super().rest(seconds / 50)


def die() -> None:
    """End the load."""
    raise KilledError


def person(number: int, *newsletters: str, **more: object) -> dict[str, object]:
    """Return a row."""
    user_id = f"u{number}"
    return {"user_id": user_id, "email": address_of(user_id), "newsletters": newsletters or ("daily",), **more}


def people(count: int, *newsletters: str) -> list[dict[str, object]]:
    """Return rows of different users."""
    return [person(number, *newsletters, first_name="Anna") for number in range(count)]


@dataclass
class Loader:
    """A pipeline, and what an operator loads into it."""

    pipeline: Pipeline
    write_rows: Callable[..., Path]

    def load_rows(self, *rows: object) -> Counter[str]:
        """Bring rows into the state."""
        settings = self.pipeline.resources.settings
        source = Source(self.write_rows(*rows), Words(frozenset(settings.newsletters), frozenset(settings.attributes)))
        return load(source.rows(), AS_OF, self.pipeline.store)

    def bring(self, happens: Callable[[], object] | None = None) -> Counter[str]:
        """Bring what is loaded to Brevo; while it waits for that, something may happen."""
        limiter: Any = self.pipeline.resources.limiter
        limiter.happens = happens
        return Importing(self.pipeline.resources).run()

    def bring_until(self, done: int) -> None:
        """Bring what is loaded to Brevo, and be killed when so many are there."""

        def report(so_far: int, _all: int) -> None:
            if so_far >= done:
                raise KilledError

        with suppress(KilledError):
            Importing(self.pipeline.resources, report).run()

    def backfill(self, *rows: object) -> Counter[str]:
        """Do both."""
        return self.load_rows(*rows) + self.bring()

    @property
    def dirty(self) -> set[str]:
        """Who does not agree with Brevo, as far as is known."""
        return {*self.pipeline.store.redis.zrange("sync_tasks:dirty", 0, -1)}

    def work(self) -> None:
        """Let the workers do everything that is due now, or would be later."""
        redis = self.pipeline.store.redis
        users: Any = redis.zrange("sync_tasks:due", 0, -1)
        redis.zadd("sync_tasks:due", dict.fromkeys(users, 0)) if users else None
        self.pipeline.work()
