"""What monitoring gets to see: each metric under its name, documented, and nothing personal."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import REGISTRY, CollectorRegistry, Counter, generate_latest
from prometheus_client.metrics import MetricWrapperBase
from redis.exceptions import ConnectionError  # noqa: A004 - what the client raises

from sync_tasks import meters
from sync_tasks.config.settings import Settings
from sync_tasks.domain.contact import EventKey
from sync_tasks.domain.events import Subscribe, parse_event
from sync_tasks.errors import MissingListError, UnauthorizedError, UnknownContactError
from sync_tasks.monitoring.metrics import METRICS, Sample, StateCollector, read_metrics
from sync_tasks.monitoring.status import read_state
from sync_tasks.rate_limits.limiter import Limiter
from sync_tasks.reconcile.history import Run, remember
from sync_tasks.state.connection import connect
from sync_tasks.state.dead_letters import discard, put_letter, read_letters, write_letter
from sync_tasks.state.holds import EXAMINING
from sync_tasks.state.posts import put_post
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
    reported = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in reported}


def test_a_paused_account_shows_for_how_long(store: Store) -> None:
    Limiter(store, SETTINGS.accounts).pause("sports", UnauthorizedError("GET /contacts: 401"))

    reported = read(store)

    assert reported['sync_tasks_pause_seconds{account="default"}'] == 0
    assert reported['sync_tasks_pause_seconds{account="sports"}'] > 0


def test_a_paused_list_shows_to_programs_as_to_people(store: Store) -> None:
    Limiter(store, SETTINGS.accounts).pause("sports", MissingListError("no list 3", (3,)), "list 3", "goals")

    (part,) = read_state(store, SETTINGS).paused_parts

    assert read(store)['sync_tasks_part_pause_seconds{account="sports",part="list 3"}'] > 0
    assert (part.text, part.error) == ("newsletter goals waits: account sports has no list 3", "MissingListError")


@pytest.mark.parametrize(("reason", "waits"), [("Redis was restored", True), (EXAMINING, False)])
def test_a_hold_shows_for_how_long_once_a_person_must_decide(store: Store, reason: str, *, waits: bool) -> None:
    assert read_state(store, SETTINGS).hold_seconds is None
    began = int(store.now()) - 90_000_000
    store.redis.set(store.key("hold"), f"{began} {reason}", ex=60)

    seconds = read_state(store, SETTINGS).hold_seconds

    assert (seconds is not None and seconds >= 90) is waits
    assert (read(store)["sync_tasks_hold_seconds"] >= 90) is waits


def test_what_waits_is_counted_and_nobody_is_named(store: Store) -> None:
    said = {"user_id": "u1", "newsletter": "daily", "email": "marked@portal.example"}
    store.accept(parse_event(Subscribe, said))
    letter = write_letter("u2", EventKey("update_contact", "", store.now()), UnknownContactError("?"), store.now(), "")
    put_letter(store, letter)

    reported = read(store)

    assert (reported["sync_tasks_unsynced_contacts"], reported["sync_tasks_dead_letters"]) == (1, 1)
    assert "sync_tasks_sweep_seconds" not in reported
    assert b"marked" not in read_metrics(store, SETTINGS)


def test_the_last_sweep_shows_that_somebody_sweeps(store: Store) -> None:
    store.redis.set(store.key("swept"), store.now())

    assert 0 <= read(store)["sync_tasks_sweep_seconds"] < 60


def test_every_metric_is_in_the_reference() -> None:
    text = REFERENCE.read_text()
    rows = [line for line in text.splitlines() if line.startswith("| `sync_tasks_")]
    said = {line.split("`")[1]: line.split(" | ")[-1].removesuffix(" |") for line in rows}
    assert {name: said.get(name) for name in METRICS} == METRICS
    counted = [one for one in vars(meters).values() if isinstance(one, MetricWrapperBase)]
    names = [f"{one._name}_total" if isinstance(one, Counter) else one._name for one in counted]
    assert [name for name in names if f"`{name}`" not in text] == []


def test_letters_are_counted_from_the_first_on(store: Store) -> None:
    for user in ("u1", "u1", "u2"):
        key = EventKey("update_contact", "", "1700000000000000")
        put_letter(store, write_letter(user, key, UnknownContactError("?"), store.now(), ""))
    (letter, _) = read_letters(store)
    assert discard(store, letter, "ada")

    reported = read(store)

    assert reported['sync_tasks_dead_letters_opened_total{error="UnknownContactError"}'] == 2
    assert reported['sync_tasks_dead_letters_closed_total{why="discarded"}'] == 1
    assert reported["sync_tasks_dead_letters"] == 1


def test_the_budget_is_what_is_left_of_the_hour(store: Store) -> None:
    limiter = Limiter(store, SETTINGS.accounts)
    whole = read(store)['sync_tasks_budget_requests{account="sports"}']
    for _ in range(3):
        limiter.acquire("sports", "contacts")
    name = store.key("granted:sports:contacts:3600000000")
    assert store.redis.llen(name) == 3
    store.redis.rpush(name, int(store.now()) - 3_700_000_000)

    reported = read(store)

    assert whole == SETTINGS.accounts["sports"].requests_per_hour
    assert reported['sync_tasks_budget_requests{account="sports"}'] == whole - 3
    assert reported['sync_tasks_budget_requests{account="default"}'] == whole


def test_comparisons_and_webhooks_and_queues_are_numbers_too(store: Store) -> None:
    numbers = {"dry_run": False, "compared": 5, "alone": 0, "losing": 0, "repaired": 0}
    remember(store, Run("sports", store.now(), 1.0, **numbers, refused="too many"))  # type: ignore[arg-type]
    store.redis.hset(store.key("webhooks:sports"), "noticed", 7)
    put_post(store, {"user_id": "u1"})
    store.redis.set(store.key("posts_given_up"), 2)

    reported = read(store)

    assert reported['sync_tasks_comparison_timestamp_seconds{account="sports"}'] == pytest.approx(time.time(), abs=3600)
    assert reported['sync_tasks_comparison_refused{account="sports"}'] == 1
    assert reported['sync_tasks_webhook_events_total{account="sports",result="noticed"}'] == 7
    assert (reported["sync_tasks_waiting_notices"], reported["sync_tasks_notices_given_up_total"]) == (1, 2)


def test_while_redis_is_away_a_scrape_says_so_and_no_more() -> None:
    def read_nothing() -> list[Sample]:
        raise ConnectionError

    registry = CollectorRegistry()
    registry.register(StateCollector(read_nothing))
    assert generate_latest(registry).decode().splitlines()[2:] == ["sync_tasks_state_reachable 0.0"]


def test_names_and_types_are_as_prometheus_likes_them(store: Store) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed: apt-get install prometheus")
    Limiter(store, SETTINGS.accounts).pause("sports", MissingListError("no list 3", (3,)), "list 3", "goals")
    store.redis.set(store.key("swept"), store.now())
    ours = "".join(
        line for line in generate_latest(REGISTRY).decode().splitlines(keepends=True) if "sync_tasks_" in line
    )
    for reported in (read_metrics(store, SETTINGS), ours.encode()):
        assert reported
        checked = subprocess.run([promtool, "check", "metrics"], input=reported, capture_output=True, check=False)
        assert checked.stdout + checked.stderr == b""
