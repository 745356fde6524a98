"""``sync-tasks suppressed list``: whom Brevo blocklists, the latest first, and where."""

import json

import pytest

from sync_tasks.cli.commands import suppressed
from sync_tasks.state.store import Sighting
from tests.support.desk import Desk
from tests.support.pipeline import address_of


def test_that_nobody_opted_out_is_said(desk: Desk) -> None:
    assert desk.run("suppressed", "list") == "nobody opted out at Brevo\n"
    assert desk.read("suppressed", "list") == []


@pytest.fixture
def opted_out(desk: Desk) -> Desk:
    """A desk that knows of two who opted out, Ben last."""
    for user, act in (("anna", "unsubscribe"), ("ben", "bounce")):
        desk.pipeline.subscribe(user)
        desk.pipeline.work()
        desk.pipeline.brevo.act(act, address_of(user))
        desk.pipeline.store.mark_changed("default", [Sighting(user_id=user)])
        desk.pipeline.work()
    return desk


def test_each_is_a_row_with_why_and_where(opted_out: Desk) -> None:
    shown = opted_out.run("suppressed", "list")
    assert "2 suppressed contacts" in shown
    assert "more." not in shown
    rows = {line.split()[0]: line.split() for line in shown.splitlines() if line.split()[:1] in (["anna"], ["ben"])}
    assert (rows["anna"][1], rows["ben"][1]) == ("unsubscribed", "hard_bounce")
    assert {row[-1] for row in rows.values()} == {"default"}
    assert len(rows["anna"][2]) == 19


def test_programs_get_every_field(opted_out: Desk) -> None:
    found = {one["user_id"]: one for one in opted_out.read("suppressed", "list")}
    assert found.keys() == {"anna", "ben"}
    assert all({"kind", "time", "account", "list_id"} <= one.keys() for one in found.values())
    assert "@" not in json.dumps(found)


def test_no_more_rows_are_shown_than_anybody_reads(opted_out: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suppressed, "MOST_ROWS", 1)
    shown = opted_out.run("suppressed", "list")
    assert "and 1 suppressed contact more. These are the latest, --json prints all." in " ".join(shown.split())
    assert ("ben" in shown) != ("anna" in shown)
