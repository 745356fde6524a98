"""The relay, if the clock of the portal's database is wrong or steps: no opt-out is taken for an older one."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from sync_tasks.portal import relay
from sync_tasks.portal.outbox_sql import CLOCKS
from sync_tasks.state.relays import find_outbox_alarm, read_outbox, report_outbox
from sync_tasks.state.store import Store

pytestmark = pytest.mark.usefixtures("worker_environment", "ends_soon")

HOUR = 3_600_000_000


class Portal:
    """Writes rows as SQL does, by a clock of the database that can be put."""

    def __init__(self, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        self._engine = engine
        self._monkeypatch = monkeypatch
        self._right = CLOCKS[engine.dialect.name]

    def put_clock(self, ahead: int) -> None:
        """From now on the database's clock is so many microseconds ahead, or behind if negative."""
        self._monkeypatch.setitem(CLOCKS, self._engine.dialect.name, f"({self._right} + ({ahead}))")

    def write(self, task: str, user_id: str = "anna", **event: Any) -> None:
        """Write a row at the moment that the database's clock shows."""
        moment = CLOCKS[self._engine.dialect.name]
        columns = "INSERT INTO sync_tasks_outbox (task, user_id, event, written_at)"
        with self._engine.begin() as connection:
            values = {"task": f"{task}_contact", "user_id": user_id, "event": json.dumps(event)}
            connection.execute(text(f"{columns} VALUES (:task, :user_id, :event, {moment})"), values)

    def subscribe(self, user_id: str = "anna") -> None:
        self.write("subscribe", user_id, newsletter="daily", email=f"{user_id}@portal.org")

    def unsubscribe(self, user_id: str = "anna", **event: Any) -> None:
        self.write("unsubscribe", user_id, newsletter="daily", **event)

    def relay(self) -> None:
        assert relay.Relay(self._engine).run(until_empty=True)


@pytest.fixture
def portal(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Portal:
    return Portal(engine, monkeypatch)


def lists(store: Store, user_id: str = "anna") -> list[str]:
    contact = store.peek(user_id)
    assert contact is not None
    return [slug for slug, (_, subscribed) in contact.subscriptions().items() if subscribed]


def unsubscribe_by_a_clock_that_was_put_back(portal: Portal, behind: int) -> None:
    portal.subscribe()
    portal.relay()
    portal.put_clock(-behind)
    portal.unsubscribe()
    portal.relay()


@pytest.mark.parametrize("behind", [31_000_000, HOUR, 30 * 24 * HOUR], ids=["seconds", "an hour", "a month"])
def test_an_opt_out_counts_although_the_clock_was_put_back_since_the_subscription(
    portal: Portal, store: Store, behind: int
) -> None:
    unsubscribe_by_a_clock_that_was_put_back(portal, behind)
    assert lists(store) == []


def test_so_it_is_in_each_database(database: Engine, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    unsubscribe_by_a_clock_that_was_put_back(Portal(database, monkeypatch), HOUR)
    assert lists(store) == []


def test_an_opt_out_counts_although_its_moment_came_along_and_its_portal_s_clock_was_put_back(
    portal: Portal, store: Store
) -> None:
    portal.subscribe()
    portal.relay()
    portal.put_clock(-HOUR)
    portal.unsubscribe(occurred_at=(datetime.now(UTC) - timedelta(hours=1)).isoformat())
    portal.relay()
    assert lists(store) == []


def test_an_opt_out_counts_although_the_clock_was_put_back_and_is_right_again_before_a_relay_runs(
    portal: Portal, store: Store
) -> None:
    """A row that was written ahead of time waits until then, and with it the opt-out."""
    portal.put_clock(HOUR // 30)
    portal.subscribe()
    portal.put_clock(0)
    portal.unsubscribe()
    portal.subscribe("otto")
    portal.relay()
    assert lists(store) == []
    assert lists(store, "otto") == ["daily"]


@pytest.mark.parametrize("behind", [0, 10_000_000, HOUR], ids=["right", "seconds", "an hour"])
def test_who_signs_up_by_a_clock_that_is_wrong_is_subscribed(portal: Portal, store: Store, behind: int) -> None:
    portal.put_clock(-behind)
    portal.subscribe()
    portal.relay()
    assert lists(store) == ["daily"]


def test_a_row_that_is_moved_twice_counts_as_of_the_same_moment(portal: Portal, store: Store) -> None:
    portal.put_clock(-HOUR)
    moment = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    portal.unsubscribe(occurred_at=moment)
    portal.relay()
    first = store.peek("anna")
    portal.unsubscribe(occurred_at=moment)
    portal.relay()
    again = store.peek("anna")
    assert first is not None
    assert again is not None
    assert (again.subscriptions(), again.pending) == (first.subscriptions(), first.pending)


@pytest.mark.parametrize(
    ("ahead", "said"),
    [
        (0, []),
        (-29_000_000, []),
        (-HOUR, ["1 h behind Redis'"]),
        (HOUR // 20, ["3 min ahead of Redis'"]),
    ],
    ids=["right", "seconds", "behind", "ahead"],
)
def test_status_says_that_the_clock_is_wrong(portal: Portal, store: Store, ahead: int, said: list[str]) -> None:
    portal.put_clock(ahead)
    portal.write("nonsense", "otto")
    portal.relay()
    _, *alarms = find_outbox_alarm(store)
    advice = "opt-outs count late, sign-ups early: mend the clock"
    assert alarms == [f"outbox: the database's clock is {differs}; {advice}" for differs in said]


def test_how_long_an_event_waits_goes_by_the_clock_that_wrote_it(store: Store) -> None:
    clock = int(store.now()) - HOUR
    report_outbox(store, 1, 0, clock - 5_000_000, clock)
    report = read_outbox(store)
    assert report is not None
    assert report.oldest_seconds == pytest.approx(5.0, abs=2.0)


def test_a_relay_of_an_older_release_reports_no_clock(store: Store) -> None:
    report_outbox(store, 1, 0, int(store.now()) - 5_000_000, 0)
    store.redis.hdel(store.key("outbox"), "clock")
    report = read_outbox(store)
    assert report is not None
    assert report.oldest_seconds == pytest.approx(5.0, abs=2.0)
    assert find_outbox_alarm(store) == []
