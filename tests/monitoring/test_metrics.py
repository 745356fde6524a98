"""What monitoring gets to see: each metric under its name, documented, and nothing personal."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sync_tasks.config.settings import Settings
from sync_tasks.domain.contact import EventKey
from sync_tasks.domain.events import Subscribe, parse_event
from sync_tasks.errors import MissingListError, UnauthorizedError, UnknownContactError
from sync_tasks.monitoring.metrics import METRICS, read_metrics
from sync_tasks.monitoring.status import read_state
from sync_tasks.rate_limits.limiter import Limiter
from sync_tasks.state.connection import connect
from sync_tasks.state.dead_letters import put_letter, write_letter
from sync_tasks.state.store import Store

SETTINGS = Settings.model_validate(
    {
        "accounts": {name: {"api_key": "key"} for name in ("default", "sports")},
        "newsletters": {"goals": {"list_id": 3, "account": "sports"}},
    }
)
REFERENCE = Path(__file__).parents[2] / "docs" / "reference.md"


@pytest.fixture
def store(redis_url: str) -> Iterator[Store]:
    store = Store(connect(redis_url), "sync_tasks")
    yield store
    store.redis.close()


def read(store: Store) -> dict[str, float]:
    lines = read_metrics(store, SETTINGS).decode().splitlines()
    told = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in told}


def test_a_paused_account_shows_for_how_long(store: Store) -> None:
    Limiter(store, SETTINGS.accounts).pause("sports", UnauthorizedError("GET /contacts: 401"))

    told = read(store)

    assert told['sync_tasks_pause_seconds{account="default"}'] == 0
    assert told['sync_tasks_pause_seconds{account="sports"}'] > 0


def test_a_paused_list_shows_to_programs_as_to_people(store: Store) -> None:
    Limiter(store, SETTINGS.accounts).pause("sports", MissingListError("no list 3", (3,)), "list 3", "goals")

    (part,) = read_state(store, SETTINGS).paused_parts

    assert read(store)['sync_tasks_part_pause_seconds{account="sports",part="list 3"}'] > 0
    assert (part.told, part.error) == ("newsletter goals waits: account sports has no list 3", "MissingListError")


def test_what_waits_is_counted_and_nobody_is_named(store: Store) -> None:
    said = {"user_id": "u1", "newsletter": "daily", "email": "marked@portal.example"}
    store.accept(parse_event(Subscribe, said))
    letter = write_letter("u2", EventKey("update_contact", "", store.now()), UnknownContactError("?"), store.now(), "")
    put_letter(store, letter)

    told = read(store)

    assert (told["sync_tasks_dirty_contacts_total"], told["sync_tasks_dead_letters_total"]) == (1, 1)
    assert "sync_tasks_sweep_seconds" not in told
    assert b"marked" not in read_metrics(store, SETTINGS)


def test_the_last_sweep_tells_that_somebody_sweeps(store: Store) -> None:
    store.redis.set(store.key("swept"), store.now())

    assert 0 <= read(store)["sync_tasks_sweep_seconds"] < 60


def test_every_metric_is_in_the_reference() -> None:
    text = REFERENCE.read_text()
    assert [name for name in METRICS if f"`{name}`" not in text] == []
