"""The day Redis was lost: everything comes back from an export and from Brevo, and nobody is re-subscribed."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sync_tasks.backfill.columns import Words
from sync_tasks.backfill.export import delete_users
from sync_tasks.backfill.preview import Extent, weigh
from sync_tasks.backfill.rows import Source
from sync_tasks.sandbox import Sandbox
from tests.support.desk import MARK, Desk
from tests.support.pipeline import address_of

USERS = ("anna", "ben", "cleo", "dora", "emil")


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """What the portal knows: everybody reads the daily newsletter, but for Ben."""
    path = tmp_path / "portal.jsonl"
    rows = [
        {"user_id": user, "email": address_of(user), "newsletter": "daily", "subscribed": user != "ben"}
        for user in USERS
    ]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


@pytest.fixture
def lost(desk: Desk, brevo: Sandbox) -> Desk:
    """A desk whose Redis is empty; Cleo opted out at Brevo, Dora was deleted there, Emil was put off the list."""
    brevo.settings.import_seconds = 0.0
    for user in USERS:
        desk.pipeline.subscribe(user)
    desk.pipeline.work()
    desk.pipeline.unsubscribe("ben")
    desk.pipeline.work()
    brevo.act("unsubscribe", address_of("cleo"))
    brevo.act("delete", address_of("dora"))
    brevo.edit(address_of("emil"), {"unlinkListIds": [3]})
    desk.pipeline.store.redis.flushall()
    return desk


def test_everything_is_rebuilt_and_blocks_stay(lost: Desk, export: Path) -> None:
    lost.run("reconcile", "--from", str(export))
    lost.pipeline.work()
    assert {user: lost.pipeline.lists(user) for user in ("anna", "ben", "dora", "emil")} == {
        "anna": {3},
        "ben": set(),
        "dora": {3},
        "emil": {3},
    }
    assert lost.pipeline.held("cleo")["emailBlacklisted"] is True
    assert lost.read("reconcile")[0]["found"] == {}


def test_users_whom_the_export_lacks_are_only_deleted_on_demand(desk: Desk, export: Path) -> None:
    desk.pipeline.subscribe("zoe", occurred_at="2026-01-01T00:00:00Z")
    desk.pipeline.work()
    assert "1 user of the state missing" in desk.run("reconcile", "--from", str(export))
    desk.pipeline.work()
    assert desk.pipeline.lists("zoe") == {3}
    desk.run("reconcile", "--from", str(export), "--treat-missing-as-deleted")
    desk.pipeline.work()
    assert not [held for held in desk.pipeline.brevo.contacts() if held["email"] == address_of("zoe")]


def test_who_is_heard_of_while_the_comparison_runs_is_not_deleted(desk: Desk, export: Path) -> None:
    as_of = datetime(2026, 2, 1, tzinfo=UTC)
    for user in ("zoe", "yves"):
        desk.pipeline.subscribe(user, occurred_at="2026-01-01T00:00:00Z")
    desk.pipeline.work()
    source = Source(export, Words(frozenset({"daily"}), frozenset()))
    missing = weigh(source, as_of, desk.pipeline.store, Extent(whole=True)).missing
    desk.pipeline.subscribe("zoe", "weekly")

    assert (missing, delete_users(missing, as_of, desk.pipeline.store)) == (["yves", "zoe"], 1)
    desk.pipeline.work()
    assert desk.pipeline.lists("zoe") == {3, 5}
    assert desk.pipeline.store.peek("yves") is None


def test_an_export_without_a_row_deletes_nobody(desk: Desk, export: Path) -> None:
    desk.pipeline.subscribe("zoe", occurred_at="2026-01-01T00:00:00Z")
    desk.pipeline.work()
    export.write_text("")

    assert "no row" in desk.run("reconcile", "--from", str(export), "--treat-missing-as-deleted", exits=1)
    desk.pipeline.work()
    assert desk.pipeline.lists("zoe") == {3}


def test_what_the_state_knows_of_later_than_the_export_stays(desk: Desk, export: Path) -> None:
    os.utime(export, (0, 1_770_000_000))
    desk.pipeline.subscribe("anna", occurred_at="2026-01-01T00:00:00Z")
    desk.pipeline.subscribe("ben")
    desk.pipeline.work()
    desk.pipeline.unsubscribe("anna")
    desk.pipeline.work()

    assert "0 with newer wishes" in desk.run("reconcile", "--from", str(export))
    desk.pipeline.work()
    assert (desk.pipeline.lists("anna"), desk.pipeline.lists("ben")) == (set(), {3})


@pytest.mark.parametrize("more", [{}, {"email": "new@portal.org"}, {"newsletter": "weekly"}], ids=str)
def test_a_file_newer_than_an_opt_out_at_brevo_is_no_confirmed_subscription(
    desk: Desk, brevo: Sandbox, export: Path, more: dict[str, str]
) -> None:
    desk.pipeline.subscribe("cleo")
    desk.pipeline.unsubscribe("cleo", "weekly", occurred_at=datetime.now(UTC) - timedelta(hours=1))
    desk.pipeline.work()
    brevo.act("unsubscribe", address_of("cleo"))
    desk.run("reconcile")
    desk.pipeline.work()
    row = {"user_id": "cleo", "email": address_of("cleo"), "newsletter": "daily", "subscribed": True} | more
    export.write_text(json.dumps(row))

    desk.run("reconcile", "--from", str(export))
    desk.pipeline.work()
    assert desk.pipeline.held("cleo")["emailBlacklisted"]
    assert desk.pipeline.held("cleo")["email"] == row["email"]
    export.write_text(json.dumps(row | {"occurred_at": datetime.now(UTC).isoformat()}))
    desk.run("reconcile", "--from", str(export))
    desk.pipeline.work()
    assert not desk.pipeline.held("cleo")["emailBlacklisted"]


def test_what_the_state_knows_already_costs_no_push(desk: Desk, export: Path) -> None:
    for user in USERS:
        desk.pipeline.subscribe(user)
    desk.pipeline.unsubscribe("ben")
    desk.pipeline.work()
    with desk.pipeline.requests() as requests:
        assert "0 with newer wishes" in desk.run("reconcile", "--from", str(export))
        desk.pipeline.work()
    assert set(requests) == {"GET /v3/account", "GET /v3/contacts"}


def test_a_bad_row_is_reported_with_its_line_and_changes_nothing(lost: Desk, export: Path) -> None:
    export.write_text(export.read_text() + json.dumps({"user_id": "x", "email": MARK}) + "\n")
    assert "line 6: " in lost.run("reconcile", "--from", str(export), exits=1)
    assert lost.pipeline.store.peek("anna") is None


def test_a_dry_run_shows_what_differs_and_leaves_the_state_as_it_is(lost: Desk, export: Path) -> None:
    reported = lost.run("reconcile", "--from", str(export), "--dry-run", exits=1)

    assert "5 users new" in reported
    assert "missing on list" in reported
    assert lost.pipeline.store.peek("anna") is None
    assert not lost.pipeline.store.redis.exists(lost.pipeline.store.key("dirty"))
    assert lost.pipeline.lists("emil") == set()


@pytest.fixture
def many(desk: Desk, tmp_path: Path) -> Path:
    """Sixty readers, and an export of later in which all have left."""
    users = [f"user-{number}" for number in range(60)]
    for user in users:
        desk.pipeline.subscribe(user, occurred_at="2026-01-01T00:00:00Z")
    desk.pipeline.work()
    rows = [{"user_id": user, "email": address_of(user), "newsletter": "daily", "subscribed": False} for user in users]
    path = tmp_path / "left.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def test_an_export_that_ends_many_subscriptions_waits_before_it_touches_the_state(desk: Desk, many: Path) -> None:
    reported = desk.run("reconcile", "--from", str(many), exits=1)

    assert "60 users would lose a subscription" in reported
    assert desk.pipeline.state("user-7").subscriptions()["daily"][1]
    assert desk.run("reconcile", "--from", str(many), "--max-changes", "60")
    desk.pipeline.work()
    assert desk.pipeline.lists("user-7") == set()


def test_a_dry_run_shows_that_the_safety_catch_would_hold(desk: Desk, many: Path) -> None:
    reported = desk.run("reconcile", "--from", str(many), "--dry-run", exits=1)

    assert "60 users would lose a subscription" in reported
    assert desk.pipeline.state("user-7").subscriptions()["daily"][1]


def test_what_the_safety_catch_refuses_after_a_loss_is_not_left_to_the_workers(desk: Desk, many: Path) -> None:
    desk.pipeline.store.redis.flushall()

    reported = desk.run("reconcile", "--from", str(many), exits=1)

    assert "60 contacts would lose a subscription" in reported
    assert desk.pipeline.store.peek("user-7") is None
    assert not desk.pipeline.store.redis.exists(desk.pipeline.store.key("due"))
    assert desk.run("reconcile", "--from", str(many), "--max-changes", "60")
    desk.pipeline.work()
    assert desk.pipeline.lists("user-7") == set()
