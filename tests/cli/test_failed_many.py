"""However many dead letters there are: each is read a few times at most, and one user's at no cost of others."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from sync_tasks.cli.filters import Filter
from sync_tasks.cli.output import MOST_ROWS
from sync_tasks.cli.views.letters import find_letters
from sync_tasks.domain.contact import EventKey
from sync_tasks.errors import InvalidEventError
from sync_tasks.operate.replays import Replay, wait_for_outcomes
from sync_tasks.state import dead_letters
from sync_tasks.state.dead_letters import put_letter, read_letters_of, replay, write_letter
from sync_tasks.state.store import Store
from tests.support.desk import Desk

Parsed = list[str]


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> Parsed:
    """Return the text of each letter that is read, once for each time."""
    texts, parse = Parsed(), dead_letters._parse

    def parse_and_count(text: str) -> Any:  # noqa: ANN401 - as the parser's
        texts.append(text)
        return parse(text)

    monkeypatch.setattr(dead_letters, "_parse", parse_and_count)
    return texts


def write_malformed(store: Store, user_id: str, count: int) -> None:
    """Let so many events of a user become dead letters that never reached a state."""
    key, error = EventKey("subscribe_contact", "daily", ""), InvalidEventError("email: missing")
    for number in range(count):
        put_letter(store, write_letter(user_id, key, error, f"{number + 1:016d}", f"{user_id} {number}"))


@pytest.mark.parametrize("count", [8, 24])
def test_replaying_all_and_waiting_reads_each_letter_a_few_times(desk: Desk, parsed: Parsed, count: int) -> None:
    for number in range(count):
        desk.pipeline.unsubscribe(f"user-{number}")
    desk.pipeline.work()
    store = desk.pipeline.store
    done = [Replay(letter, replay(store, letter, "olga")) for letter in find_letters(store, Filter())]
    desk.pipeline.work()
    parsed.clear()

    outcomes = [one.outcome for one in wait_for_outcomes(store, done, 5)]

    assert outcomes == ["failed again"] * count
    assert len(parsed) <= 2 * count


def test_a_letter_that_was_closed_meanwhile_shows_why(desk: Desk) -> None:
    desk.fail("anna")
    store = desk.pipeline.store
    (letter,) = find_letters(store, Filter())
    done = [Replay(letter, replay(store, letter, "olga"))]
    assert dead_letters.discard(store, letter, "olga")

    assert [one.outcome for one in wait_for_outcomes(store, done, 5)] == ["discarded"]


@pytest.mark.parametrize("others", [0, 50])
def test_one_user_costs_the_same_at_any_number_of_letters(desk: Desk, parsed: Parsed, others: int) -> None:
    own = desk.fail("anna")
    write_malformed(desk.pipeline.store, "anna", 2)
    write_malformed(desk.pipeline.store, "ben", others)
    desk.read("contact", "anna", "--offline")
    parsed.clear()

    reported = desk.read("contact", "anna", "--offline")

    assert own.id in {letter["id"] for letter in reported["letters"]}
    assert (len(reported["letters"]), len(parsed)) == (3, 3)


def test_letters_of_a_release_without_the_index_are_found(desk: Desk) -> None:
    store = desk.pipeline.store
    write_malformed(store, "anna", 2)
    write_malformed(store, "anna b", 1)
    store.redis.delete(store.key("unaccepted"))

    assert [len(read_letters_of(store, user)) for user in ("anna", "anna b", "ben")] == [2, 1, 0]


def test_a_closed_letter_of_an_event_that_reached_no_state_is_forgotten_with_its_user(desk: Desk) -> None:
    store = desk.pipeline.store
    write_malformed(store, "anna", 1)
    desk.run("failed", "discard", "--all", "--yes")

    assert read_letters_of(store, "anna") == []
    assert [place for place in store.redis.zrange(store.key("unaccepted"), 0, -1) if "anna" in place] == []


def _write_letters(desk: Desk, count: int) -> None:
    write_malformed(desk.pipeline.store, "anna", count)


def _suppress(desk: Desk, count: int) -> None:
    desk.pipeline.store.redis.hset(
        desk.pipeline.store.key("suppressed"),
        mapping={f"default user-{number:04}": f"complaint:{number + 1:016d}" for number in range(count)},
    )


@pytest.mark.parametrize(
    ("command", "bring", "what"),
    [("failed", _write_letters, "dead letter"), ("suppressed", _suppress, "suppressed contact")],
)
def test_a_long_table_shows_the_first_and_says_how_many_more_there_are(
    desk: Desk, command: str, bring: Callable[[Desk, int], None], what: str
) -> None:
    bring(desk, MOST_ROWS + 7)

    reported = desk.run(command, "list")

    assert f"{MOST_ROWS + 7} {what}s" in reported
    assert f"7 {what}s more" in " ".join(reported.split())
    assert reported.count("1970-01-01" if command == "suppressed" else "anna") == MOST_ROWS
    assert len(desk.read(command, "list")) == MOST_ROWS + 7


def test_a_list_for_programs_is_one_document_also_if_it_is_empty(desk: Desk) -> None:
    assert json.loads(desk.run("failed", "list", "--json")) == {"items": [], "troubles": []}
    _suppress(desk, 3)
    assert [one["user_id"] for one in desk.read("suppressed", "list")] == ["user-0002", "user-0001", "user-0000"]
