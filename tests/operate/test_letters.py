"""Dead letters on the page: by cause, replayed and discarded by a name that the audit keeps."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from sync_tasks.domain.contact import EventKey
from sync_tasks.errors import InvalidEventError
from sync_tasks.monitoring.causes import name_cause
from sync_tasks.operate import cause_board, replays
from sync_tasks.operate.cause_board import REMEMBERED, CauseBoard
from sync_tasks.operate.replays import replay_letters
from sync_tasks.operate.views import letters as views
from sync_tasks.state.audit import read_audit
from sync_tasks.state.dead_letters import DeadLetter, put_letter, read_closed, replay, scan_letters, write_letter
from sync_tasks.state.store import Store
from tests.support.operating import Operating, words_of


def open_cause(door: Operating) -> str:
    """Log in, open the first cause, and return what stands for it."""
    door.log_in()
    found = re.search(r"cause\?cause=(\w+)", door.get("/letters").body)
    assert found
    assert door.get(f"/letters/cause?cause={found[1]}").status == 200
    return found[1]


def test_a_cause_shows_how_many_since_when_one_of_them_and_what_to_do(door: Operating) -> None:
    first, *_ = door.fail("ada", "bea")
    cause = open_cause(door)
    reported = words_of(door.get(f"/letters/cause?cause={cause}"))
    assert "Letters 2" in reported
    assert "send the event again with" in reported
    assert "the user was never seen and the event brings no address" in reported
    assert {first.id, "ada", "bea"} <= set(reported.split())


def test_a_page_beyond_the_last_letter_is_the_last_page(door: Operating, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "SHOWN", 2)
    door.fail("ada", "bea", "cleo")
    last = words_of(door.get(f"/letters/cause?cause={open_cause(door)}&from=200"))
    assert "Letters 3 to 3 of 3, the oldest first" in last
    assert last.endswith("Older All causes")


def test_those_chosen_are_replayed_and_the_page_shows_what_became_of_each(door: Operating) -> None:
    ada, bea, cleo = sorted(door.fail("ada", "bea", "cleo"), key=lambda one: one.user_id)
    page = door.post("/letters/cause", ("id", ada.id), ("id", bea.id), cause=open_cause(door), do="replay")
    assert "0 of 2 letters have an outcome" in words_of(page)
    assert page.headers["refresh"] == "2"
    door.pipeline.subscribe("ada")
    door.pipeline.work()
    since = re.search(r"since=(\d+)", page.body)
    assert since
    reported = words_of(door.get(f"/letters/replayed?since={since[1]}&watch=1"))
    assert "2 of 2 letters have an outcome" in reported
    assert "failed again 1" in reported
    assert bea.id in reported
    assert cleo.id not in reported
    audited = [(entry.who, entry.what, entry.about) for entry in read_audit(door.pipeline.store)]
    assert audited == [("anna", "replay: replayed", ada.id), ("anna", "replay: replayed", bea.id)]


def test_what_has_ended_is_not_looked_at_again(door: Operating) -> None:
    (ada,) = door.fail("ada")
    cause = open_cause(door)
    page = door.post("/letters/cause", cause=cause, do="replay", scope="all")
    door.pipeline.work()
    since = re.search(r"since=(\d+)", page.body)
    assert since
    again = door.get(f"/letters/replayed?since={since[1]}&watch=1")
    assert "refresh" not in again.headers
    assert f"{ada.id} failed again" in words_of(again)


def test_all_of_a_cause_means_those_of_no_other_cause(door: Operating) -> None:
    door.fail("ada", "bea")
    cause, store = open_cause(door), door.pipeline.store
    malformed = EventKey("subscribe_contact", "daily", "")
    put_letter(store, write_letter("dora", malformed, InvalidEventError("refused"), store.now(), "task"))
    door.post("/letters/cause", cause=cause, do="replay", scope="all")
    assert sorted(entry.what for entry in read_audit(store)) == ["replay: replayed"] * 2


def test_all_that_were_shown_are_discarded_and_none_that_failed_since(door: Operating) -> None:
    shown = door.fail("ada", "bea")
    cause = open_cause(door)
    page = door.post("/letters/cause", cause=cause, do="discard", scope="all")
    until = re.search(r'name="until" value="(\d+)"', page.body)
    assert until
    later = door.fail("cleo")
    words = words_of(door.post("/letters/cause", cause=cause, do="discard for good", scope="all", until=until[1]))
    assert f"{len(shown)} dead letters discarded" in words
    assert door.pipeline.letters() == later
    door.post("/letters/cause", cause=cause, do="discard for good", scope="all")
    assert door.pipeline.letters() == later, "nobody was asked about these"


def test_what_was_replayed_before_redis_went_is_in_the_audit(door: Operating, monkeypatch: pytest.MonkeyPatch) -> None:
    letters, left = door.fail("ada", "bea", "cleo"), 2

    def replay_two(store: Store, letter: DeadLetter, who: str) -> str:
        nonlocal left
        left -= 1
        if left < 0:
            raise RedisConnectionError("gone")
        return replay(store, letter, who)

    monkeypatch.setattr(replays, "replay", replay_two)
    with pytest.raises(RedisConnectionError):
        replay_letters(door.pipeline.store, letters, "ops")
    assert [entry.about for entry in read_audit(door.pipeline.store)] == [letter.id for letter in letters[:2]]


def test_discarding_asks_first(door: Operating) -> None:
    ada, bea = sorted(door.fail("ada", "bea"), key=lambda one: one.user_id)
    cause = open_cause(door)
    asked = words_of(door.post("/letters/cause", ("id", ada.id), cause=cause, do="discard"))
    assert "Discard 1 dead letter?" in asked
    assert len(door.pipeline.letters()) == 2
    done = words_of(door.post("/letters/cause", ("id", ada.id), cause=cause, do="discard for good"))
    assert "1 dead letter discarded" in done
    assert door.pipeline.letters() == [bea]
    (closed,) = read_closed(door.pipeline.store)
    assert (closed.id, (closed.closed or {})["by"]) == (ada.id, "anna")
    assert [(entry.who, entry.what) for entry in read_audit(door.pipeline.store)] == [("anna", "discard")]


def test_without_a_choice_nothing_happens(door: Operating) -> None:
    letters = door.fail("ada")
    cause = open_cause(door)
    assert "Choose letters first" in words_of(door.post("/letters/cause", cause=cause, do="replay"))
    assert "Choose what to do" in words_of(door.post("/letters/cause", cause=cause, do="dance", scope="all"))
    assert door.pipeline.letters() == letters


def test_a_cause_that_is_gone_leads_to_the_others(door: Operating) -> None:
    door.log_in()
    assert "No dead letter has this cause any more" in words_of(door.get("/letters/cause?cause=gone"))
    assert "There are none" in words_of(door.get("/letters"))
    assert "You replayed nothing" in words_of(door.get("/letters/replayed?since=ten"))


def test_what_a_name_holds_is_shown_and_not_obeyed(door: Operating) -> None:
    door.fail("<b>ada</b>", "be\u00e1")
    cause = open_cause(door)
    page = door.get(f"/letters/cause?cause={cause}")
    assert "<b>ada" not in page.body
    assert "&lt;b&gt;ada&lt;/b&gt;" in page.body
    assert "user=%3Cb%3Eada%3C/b%3E" in page.body


def test_many_letters_are_read_once_and_a_page_of_a_cause_reads_its_own(
    door: Operating, monkeypatch: pytest.MonkeyPatch
) -> None:
    door.fail("ada", "bea")
    cause, read = open_cause(door), list[int]()

    def scan(store: Store) -> Iterator[DeadLetter]:
        read.append(1)
        return scan_letters(store)

    monkeypatch.setattr(cause_board, "scan_letters", scan)
    for path in ("", "/letters", f"/letters/cause?cause={cause}"):
        assert "UnknownContactError" in words_of(door.get(path))
    assert read == []
    door.fail("cleo")
    assert "Letters 3" in words_of(door.get(f"/letters/cause?cause={cause}"))
    assert read == [1]


def test_after_a_moment_all_letters_are_read_again_as_one_may_have_failed_anew(door: Operating) -> None:
    (letter,) = door.fail("ada")
    now, store = [0.0], door.pipeline.store
    board = CauseBoard(clock=lambda: now[0])
    (before,) = board.read(store)
    put_letter(store, replace(letter, error="RejectedContactError"))
    assert board.read(store) == [before]
    now[0] += REMEMBERED
    assert [one.sample.error for one in board.read(store)] == ["RejectedContactError"]


def test_of_more_replays_than_closed_letters_are_kept_each_is_counted(door: Operating) -> None:
    letters = door.fail("ada", "bea", "cleo")
    since = door.pipeline.store.now()
    replay_letters(door.pipeline.store, letters, "ops")
    for user in ("ada", "bea", "cleo"):
        door.pipeline.subscribe(user)
    door.pipeline.work()
    door.pipeline.store.redis.ltrim("sync_tasks:closed_letters", 0, 0)
    outcomes = sorted(one.outcome for one in replays.recall_replays(door.pipeline.store, "ops", int(since)))
    assert (len(outcomes), outcomes[:2]) == (3, ["closed"] * 2)


def test_letters_that_are_discarded_twice_are_discarded_once(door: Operating) -> None:
    (letter,) = door.fail("ada")
    door.log_in()
    form = {"cause": name_cause(letter), "do": "discard for good", "scope": "chosen", "id": letter.id}
    first, again = door.post("/letters/cause", **form), door.post("/letters/cause", **form)
    assert (first.status, again.status) == (200, 200)
    assert "No dead letter has this cause any more" in words_of(again)
    assert len(list(read_audit(door.pipeline.store))) == 1
