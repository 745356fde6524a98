"""What a file would do to the state is counted before anything is done, each kind by itself."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sync_tasks.backfill.columns import Words
from sync_tasks.backfill.preview import Extent, Weighed, end_lacking, knows_anybody, weigh
from sync_tasks.backfill.rows import Source
from sync_tasks.sandbox import Sandbox
from sync_tasks.state.store import Sighting
from tests.support.fixtures import WriteRows
from tests.support.pipeline import Pipeline, address_of

NOW = datetime.now(UTC).replace(microsecond=0)
LONG_AGO, LATELY = NOW - timedelta(days=30), NOW - timedelta(days=1)
WORDS = Words(frozenset({"daily", "weekly"}), frozenset({"city"}))
NEWSLETTERS = Extent(newsletters=frozenset({"daily", "weekly"}))
WHOLE = Extent(newsletters=frozenset({"daily", "weekly"}), whole=True)
FIELDS = ("users", "new", "changed", "losing", "undated", "dated", "moved")


def row(user: str, newsletters: Mapping[str, bool] | list[str], at: datetime | None = None, **more: object) -> object:
    moment = {"occurred_at": at.isoformat()} if at else {}
    return {"user_id": user, "email": address_of(user), "newsletters": newsletters, **moment, **more}


@pytest.fixture
def known(pipeline: Pipeline) -> Pipeline:
    """A state that knows Anna, who reads both newsletters, and Otto, who left the daily one; all of it long ago."""
    for newsletter in ("daily", "weekly"):
        pipeline.subscribe("anna", newsletter, occurred_at=LONG_AGO)
    pipeline.subscribe("otto", "daily", occurred_at=LONG_AGO - timedelta(days=1))
    pipeline.unsubscribe("otto", "daily", occurred_at=LONG_AGO)
    pipeline.work()
    return pipeline


def weighed(
    pipeline: Pipeline, write: WriteRows, *rows: object, extent: Extent = NEWSLETTERS, as_of: datetime = LATELY
) -> Weighed:
    return weigh(Source(write(*rows), WORDS), as_of, pipeline.store, extent)


def counts(found: Weighed) -> dict[str, int]:
    """Return what is not none."""
    return {name: getattr(found, name) for name in FIELDS if getattr(found, name)}


ANNA = ["daily", "weekly"]


def test_what_the_state_holds_already_changes_nothing(known: Pipeline, write_rows: WriteRows) -> None:
    found = weighed(known, write_rows, row("anna", ANNA))
    assert (counts(found), found.lacking, found.missing, found.resubscribed) == ({}, [], [], 0)


def test_a_user_whom_nobody_knows_is_counted_only_by_a_file_of_all(known: Pipeline, write_rows: WriteRows) -> None:
    assert counts(weighed(known, write_rows, row("eva", ["daily"]))) == {}
    found = weighed(known, write_rows, row("eva", ["daily"]), row("anna", ANNA), row("otto", []), extent=WHOLE)
    assert counts(found) == {"users": 2, "new": 1}


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ([row("anna", {"daily": False, "weekly": True})], {"changed": 1, "losing": 1}),
        ([row("anna", ANNA, city="Ulm")], {"changed": 1}),
        ([row("anna", ["daily"])], {"losing": 1}),
        ([row("anna", ["daily"]), row("anna", ["weekly"])], {}),
        ([row("anna", ["daily", "weekly"], email="new@portal.org")], {"changed": 1, "moved": 1}),
        ([row("anna", ["daily", "weekly"], LATELY, email="new@portal.org"), row("otto", [], NOW)], {"changed": 1}),
        ([row("otto", {"daily": False})], {}),
        ([row("otto", ["daily"])], {"changed": 1, "undated": 1}),
        ([row("otto", ["daily"], LATELY), row("anna", ANNA, NOW)], {"changed": 1, "dated": 1}),
        ([row("otto", ["daily"], LATELY)], {"changed": 1, "dated": 1}),
        ([row("otto", ["daily"], LATELY), row("anna", ANNA, LATELY)], {"changed": 1, "undated": 1}),
        ([row("otto", ["daily"], LONG_AGO - timedelta(days=9)), row("anna", ANNA)], {}),
        ([row("otto", ["weekly"], LATELY), row("anna", ANNA)], {"changed": 1}),
    ],
)
def test_each_kind_of_change_is_counted_by_itself(
    known: Pipeline, write_rows: WriteRows, rows: list[object], found: dict[str, int]
) -> None:
    assert counts(weighed(known, write_rows, *rows)) == found


def test_a_subscription_that_a_complete_file_does_not_name_is_named(known: Pipeline, write_rows: WriteRows) -> None:
    found = weighed(known, write_rows, row("anna", ["weekly"]))
    assert found.lacking == [("anna", "daily")]
    assert weighed(known, write_rows, row("anna", [])).lacking == [("anna", "daily"), ("anna", "weekly")]
    assert weighed(known, write_rows, row("anna", []), extent=Extent()).lacking == []
    newer = LONG_AGO - timedelta(days=2)
    assert weighed(known, write_rows, row("anna", []), as_of=newer).lacking == []


def test_a_wish_under_an_earlier_name_counts(known: Pipeline, write_rows: WriteRows) -> None:
    known.subscribe("eva", "early", occurred_at=LONG_AGO)
    known.unsubscribe("lea", "early", occurred_at=LONG_AGO)
    extent = Extent(newsletters=frozenset({"daily"}), was={"daily": ("early",)})
    found = weighed(known, write_rows, row("eva", []), row("lea", ["daily"]), extent=extent)
    assert found.lacking == [("eva", "daily")]
    assert found.undated == 1


def test_whom_a_file_of_all_lacks_is_named_unless_something_newer_was_said(
    known: Pipeline, write_rows: WriteRows
) -> None:
    known.subscribe("zoe", occurred_at=NOW)
    found = weighed(known, write_rows, row("anna", ANNA), extent=WHOLE)
    assert (found.missing, found.users) == (["otto"], 3)
    assert weighed(known, write_rows, row("anna", ANNA)).missing == []


@pytest.mark.parametrize(("at", "dated"), [(None, 1), (LONG_AGO, 0)])
def test_a_row_that_would_lift_an_opt_out_at_brevo_is_counted(
    known: Pipeline, brevo: Sandbox, write_rows: WriteRows, at: datetime | None, dated: int
) -> None:
    brevo.act("unsubscribe", address_of("anna"))
    known.store.mark_changed("default", [Sighting(user_id="anna")])
    known.work()
    later = (at or datetime.now(UTC)) + timedelta(minutes=1)
    extent = Extent(accounts=frozenset({"default"}))
    found = weighed(known, write_rows, row("anna", ANNA, later), row("otto", [], LATELY), extent=extent)
    assert found.dated == dated
    assert weighed(known, write_rows, row("anna", ANNA, later), row("otto", [], LATELY), extent=Extent()).dated == 0
    none = row("anna", {"daily": False}, later)
    assert weighed(known, write_rows, none, row("otto", [], LATELY), extent=extent).dated == 0


def test_what_a_complete_file_lacks_is_ended_unless_something_newer_was_said(known: Pipeline) -> None:
    known.subscribe("eva", occurred_at=NOW)
    assert end_lacking([("anna", "daily"), ("eva", "daily")], LATELY, known.store) == 1
    assert known.state("anna").subscriptions()["daily"][1] is False
    assert known.state("eva").subscriptions()["daily"][1] is True
    assert end_lacking([], LATELY, known.store) == 0


def test_a_state_without_anybody_need_not_be_weighed(pipeline: Pipeline) -> None:
    assert not knows_anybody(pipeline.store)
    pipeline.subscribe("anna")
    assert knows_anybody(pipeline.store)


def test_a_file_that_is_read_in_parts_is_weighed_as_a_whole(
    known: Pipeline, write_rows: WriteRows, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert tmp_path.exists()
    monkeypatch.setattr("sync_tasks.backfill.preview.PREVIEW_CHUNK", 1)
    rows = [row("otto", ["daily"], LATELY), row("anna", ["weekly"], LATELY), row("anna", ["daily"], LATELY)]
    found = weighed(known, write_rows, *rows)
    assert counts(found) == {"changed": 1, "undated": 1}
    rows[2] = row("anna", ["daily"], NOW)
    assert counts(weighed(known, write_rows, *rows)) == {"changed": 1, "dated": 1}
