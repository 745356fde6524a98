"""Whom Brevo may not mail, on the page: the latest first, some at a time."""

import pytest

from sync_tasks.operate.views import suppressed
from tests.support.operating import Operating, words_of


def test_nobody_is_suppressed(door: Operating) -> None:
    door.log_in("ben")
    assert "Nobody." in words_of(door.get("/suppressed"))


def test_a_page_shows_some_and_leads_to_the_others(door: Operating, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suppressed, "SHOWN", 2)
    key = door.pipeline.store.key("suppressed")
    for number, user in enumerate(("ada", "bea", "cleo")):
        door.pipeline.store.redis.hset(key, f"default {user}", f"complaint:170000000000000{number}")
    door.log_in("ben")
    first = door.get("/suppressed")
    assert "1 to 2 of 3, the latest first" in words_of(first)
    assert [user in first.body for user in ("ada", "bea", "cleo")] == [False, True, True]
    last = words_of(door.get("/suppressed?from=2"))
    assert "3 to 3 of 3" in last
    assert "ada complaint 2023-11-14 22:13:20 account default" in last
    assert "Later ones" in last
    assert words_of(door.get("/suppressed?from=200")) == last
