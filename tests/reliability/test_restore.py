"""The documented restore of Redis (``docs/how-to/restore.md``), played: nobody comes back, and all converges.

A backup, 200 more events with opt-outs and erasures among them, the backup again, a sweep, the nightly comparison.
"""

import random
from datetime import UTC, datetime, timedelta

import pytest

from sync_tasks.domain.events import EVENTS, parse_event
from sync_tasks.domain.timestamps import MICROSECONDS_PER_SECOND
from sync_tasks.reconcile.run import reconcile
from sync_tasks.sandbox import Sandbox
from sync_tasks.state.holds import parse_hold, place_hold, read_hold
from sync_tasks.state.store import Store
from sync_tasks.tasks.sweeper import examine_state
from tests.support.backups import Backup, back_up
from tests.support.desk import Desk
from tests.support.fixtures import brevo, desk, environment, make_pipeline, pipeline, served
from tests.support.pipeline import Pipeline, address_of

__all__ = ["brevo", "desk", "environment", "make_pipeline", "pipeline", "served"]

# Those of the operator's configuration.
LISTS = {"daily": 3, "weekly": 5}
READERS = [f"reader-{number}" for number in range(60)]
YESTERDAY = datetime.now(UTC) - timedelta(days=1)


class Town:
    """Readers, what they said last, and the events of the portal's own record."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self.chance = random.Random(7)
        self.wished: dict[str, set[int]] = {reader: set() for reader in READERS}
        self.erased: set[str] = set()
        self.record: list[tuple[str, dict[str, str]]] = []
        self.now = YESTERDAY

    def say(self, task: str, user_id: str, **said: str) -> None:
        self.now += timedelta(seconds=1)
        reported = {"user_id": user_id, "occurred_at": self.now.isoformat(), **said}
        self.record.append((task, reported))
        self.report(task, reported)

    def report(self, task: str, reported: dict[str, str]) -> None:
        self.pipeline.store.accept(parse_event(EVENTS[task], reported))
        self.pipeline.waiting.append(reported["user_id"])

    def subscribe(self, user_id: str, newsletter: str) -> None:
        self.say("subscribe_contact", user_id, newsletter=newsletter, email=address_of(user_id), first_name="Marked")
        self.wished[user_id].add(LISTS[newsletter])

    def unsubscribe(self, user_id: str, newsletter: str) -> None:
        self.say("unsubscribe_contact", user_id, newsletter=newsletter)
        self.wished[user_id].discard(LISTS[newsletter])

    def anonymize(self, user_id: str) -> None:
        self.say("anonymize_contact", user_id)
        self.wished.pop(user_id)
        self.erased.add(user_id)

    def live(self, events: int) -> None:
        """Let so many events happen, every third an opt-out, every tenth an erasure."""
        for number in range(events):
            living = sorted(self.wished)
            user = self.chance.choice(living)
            if number % 10 == 9:
                self.anonymize(user)
            elif number % 3 == 0 and self.wished[user]:
                slug = {number: slug for slug, number in LISTS.items()}[min(self.wished[user])]
                self.unsubscribe(user, slug)
            else:
                self.subscribe(user, self.chance.choice([*LISTS]))

    def on_lists(self) -> dict[str, set[int]]:
        """Return who is on which lists at Brevo."""
        held = self.pipeline.brevo.contacts()
        return {str(one["ext_id"]): set(one["listIds"]) for one in held if one["listIds"]}  # type: ignore[call-overload]


@pytest.fixture
def town(pipeline: Pipeline) -> Town:
    """Sixty readers, all of them at Brevo."""
    town = Town(pipeline)
    for reader in READERS:
        for newsletter in LISTS:
            town.subscribe(reader, newsletter)
    pipeline.work()
    pipeline.store.note_sweep()
    return town


def restore(town: Town) -> Backup:
    """Make a backup, let 200 events happen, and bring the backup back; a worker remembers nothing of before."""
    pipeline = town.pipeline
    town.subscribe(READERS[0], "daily")
    backup = back_up(pipeline.store.redis)
    town.live(200)
    pipeline.work()
    backup.restore(pipeline.store.redis)
    pipeline.waiting.clear()
    pipeline.store.sweeps = 0
    return backup


def sweep(store: Store, pipeline: Pipeline) -> None:
    """Sweep for the first time, the backup being of an hour ago."""
    store.redis.set(store.key("swept"), int(store.now()) - 3600 * MICROSECONDS_PER_SECOND)
    examine_state(pipeline.resources, parse_hold(store.note_sweep()))


def night(pipeline: Pipeline) -> None:
    reconcile(pipeline.resources)
    pipeline.waiting.extend(pipeline.store.overdue(1000, 0.0))
    pipeline.work_once()


def assert_nobody_came_back(town: Town) -> None:
    for user, lists in town.on_lists().items():
        assert lists <= town.wished.get(user, set()), user
    living = {one.get("ext_id") for one in town.pipeline.brevo.contacts()}
    assert not living & town.erased
    assert len(town.pipeline.brevo.contacts()) == len(READERS)


def test_nobody_comes_back_by_itself(town: Town) -> None:
    restore(town)
    sweep(town.pipeline.store, town.pipeline)
    for _ in range(3):
        night(town.pipeline)
        assert_nobody_came_back(town)
    assert read_hold(town.pipeline.store) is not None
    assert town.pipeline.letters() == []


def test_after_the_person_has_trusted_brevo_all_agrees_and_nobody_came_back(town: Town, desk: Desk) -> None:
    restore(town)
    desk.run("state", "hold", "--reason", "backup of Tuesday")
    night(town.pipeline)
    assert "backup of Tuesday" in desk.run("state", "show", exits=1)
    reported = desk.read("state", "accept", "--trust", "brevo", "--yes", "--by", "ada")
    assert {one["user_id"] for one in reported if one["task"] == "anonymize_contact"} == town.erased
    town.pipeline.work()
    night(town.pipeline)
    assert_nobody_came_back(town)
    assert [run.found for run in reconcile(town.pipeline.resources)] == [{}]
    assert all(town.pipeline.store.is_erased(user) for user in town.erased)
    assert town.pipeline.letters() == []


def test_what_the_portal_says_again_brings_everything_back(town: Town, desk: Desk, brevo: Sandbox) -> None:
    restore(town)
    desk.run("state", "hold")
    night(town.pipeline)
    for task, reported in town.record:
        town.report(task, reported)
    town.pipeline.work_once()
    desk.run("state", "accept", "--trust", "state", "--yes")
    night(town.pipeline)
    town.pipeline.work()
    assert town.on_lists() == {user: lists for user, lists in town.wished.items() if lists}
    assert [run.found for run in reconcile(town.pipeline.resources)] == [{}]
    assert "Marked" not in repr([one for one in brevo.contacts() if str(one["email"]).startswith("deleted-")])


def test_a_hold_that_a_person_placed_is_examined_by_no_sweep(pipeline: Pipeline) -> None:
    pipeline.subscribe("anna")
    pipeline.work()
    hold = place_hold(pipeline.store, "backup of Tuesday")
    with pipeline.requests() as requests:
        examine_state(pipeline.resources, hold)
    assert (requests, read_hold(pipeline.store)) == ([], hold)
