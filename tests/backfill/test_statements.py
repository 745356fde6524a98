"""What a row states: of what may mean two things, an opt-out is the later one, or the row is refused."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from sync_tasks.backfill.cells import Manner, find_zone
from sync_tasks.backfill.columns import Words
from sync_tasks.backfill.rows import BadRow, Row, Source

WORDS = Words(frozenset({"daily", "weekly"}), frozenset())


def rows(folder: Path, zone: str, *lines: str) -> list[Row | BadRow]:
    path = folder / "portal.csv"
    path.write_text("\n".join(lines))
    return list(Source(path, WORDS, Manner(zone=find_zone(zone))).rows())


@pytest.mark.parametrize(
    ("moment", "wish", "taken"),
    [
        ("2026-03-29 02:30", "yes", datetime(2026, 3, 29, 0, 30, tzinfo=UTC)),
        ("2026-03-29 02:30", "no", datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
        ("2025-10-26 02:30", "yes", datetime(2025, 10, 26, 0, 30, tzinfo=UTC)),
        ("2025-10-26 02:30", "no", datetime(2025, 10, 26, 1, 30, tzinfo=UTC)),
        ("2025-10-26 02:30+01:00", "yes", datetime(2025, 10, 26, 1, 30, tzinfo=UTC)),
        ("2025-10-26 03:30", "no", datetime(2025, 10, 26, 2, 30, tzinfo=UTC)),
    ],
)
def test_of_an_hour_that_comes_twice_an_opt_out_takes_the_later_one(
    tmp_path: Path, moment: str, wish: str, taken: datetime
) -> None:
    lines = ("user_id,email,daily,occurred_at", f"u1,a@portal.org,{wish},{moment}")
    (row,) = rows(tmp_path, "Europe/Berlin", *lines)
    assert isinstance(row, Row)
    assert row.occurred_at == taken


@pytest.mark.parametrize("moment", ["0001-01-01 00:00", "9999-12-31 23:59"])
@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
def test_a_moment_at_the_end_of_time_refuses_its_row(tmp_path: Path, moment: str, zone: str) -> None:
    lines = ("user_id,email,daily,occurred_at", f"u1,a@portal.org,no,{moment}")
    (row,) = rows(tmp_path, zone, *lines)
    assert isinstance(row, BadRow)
    assert row.reason.startswith("occurred_at: lies ")


def test_a_row_that_subscribes_and_unsubscribes_in_an_hour_that_comes_twice_is_refused(tmp_path: Path) -> None:
    lines = ("user_id,email,daily,weekly,occurred_at", "u1,a@portal.org,yes,no,2025-10-26 02:30")
    (row,) = rows(tmp_path, "Europe/Berlin", *lines)
    assert isinstance(row, BadRow)
    assert "the clocks were changed then: add the offset, such as +01:00" in row.reason


def test_a_row_that_subscribes_and_unsubscribes_on_a_day_alone_is_refused(tmp_path: Path) -> None:
    header = "user_id,email,daily,weekly,occurred_at"
    (row,) = rows(tmp_path, "Europe/Berlin", header, "u1,a@portal.org,yes,no,2025-10-26")
    assert isinstance(row, BadRow)
    assert row.reason == "occurred_at: a day alone does not show which came last: add the time"
    for wishes in ("yes,yes", "no,no", "yes,", ",no"):
        (row,) = rows(tmp_path, "Europe/Berlin", header, f"u1,a@portal.org,{wishes},2025-10-26")
        assert isinstance(row, Row), wishes
