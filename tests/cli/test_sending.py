"""``sync-tasks send``: good lines are accepted, bad ones reported with their numbers, none lost in silence."""

import json
from pathlib import Path

import pytest

from sync_tasks import accepting
from tests.cli.desk import MARK, Desk

GOOD = {"task": "subscribe_contact", "user_id": "anna", "newsletter": "daily", "email": f"{MARK}@portal.org"}


def lines_of(*told: object) -> bytes:
    return b"".join(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in told)


def test_good_lines_go_and_bad_ones_are_reported_with_their_numbers(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    bad = [b"{\n", b"\xff\n", [MARK], {"task": "greet_contact"}, {"user_id": MARK}, GOOD | {"email": f"@{MARK}"}]
    file.write_bytes(lines_of(GOOD, b"\n", *bad, GOOD | {"user_id": "ben", "task": "sync_tasks.subscribe_contact"}))
    told = desk.run("send", str(file), exits=1)
    assert [number for number in range(1, 12) if f"line {number}: " in told] == [3, 4, 5, 6, 7, 8]
    assert "2 events accepted, 6 lines refused" in told
    assert {user for user in ("anna", "ben") if desk.pipeline.store.peek(user)} == {"anna", "ben"}


def test_standard_input_is_read_and_json_tells_programs(desk: Desk) -> None:
    told = json.loads(desk.run("send", "-", "--json", "--rate", "1000", typed=lines_of(GOOD, b"nonsense\n"), exits=1))
    assert (told["accepted"], [refused["line"] for refused in told["refused"]]) == (1, [2])
    assert "1 event accepted" in desk.run("send", "-", typed=lines_of(GOOD))


def test_a_file_that_cannot_be_read_is_wrong_use(desk: Desk, tmp_path: Path) -> None:
    assert "No such file" in desk.run("send", str(tmp_path / "nowhere.jsonl"), exits=2)


def test_an_unmapped_attribute_is_refused_with_its_name(desk: Desk) -> None:
    told = desk.run("send", "-", typed=lines_of(GOOD | {"attributes": {"shoe": MARK}}), exits=1)
    assert "attributes.shoe" in told


def test_where_redis_is_away_it_stops_and_names_the_first_line_that_was_not_accepted(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNC_REDIS_URL", "redis://127.0.0.1:1/0")
    accepting.portal_store.cache_clear()
    told = desk.run("send", "-", typed=lines_of(b"\n", GOOD, GOOD), exits=1)
    assert "line 2 and what follows was not accepted" in told
    assert "tail -n +2" in told
