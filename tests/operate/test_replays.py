"""Replays of an operator: what each asked for since a moment, and what became of it."""

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from kombu.exceptions import OperationalError

from sync_tasks.domain.priority import Priority
from sync_tasks.errors import UnfinishedErasureError
from sync_tasks.operate import replays
from sync_tasks.operate.replays import (
    Replay,
    discard_letter,
    nudge,
    preview,
    recall_replays,
    replay_letters,
    wait_for_outcomes,
)
from sync_tasks.state.audit import note_deed, read_audit
from sync_tasks.state.dead_letters import DeadLetter, read_closed
from sync_tasks.state.store import Store
from tests.support.pipeline import Pipeline


def fail(pipeline: Pipeline, user: str) -> DeadLetter:
    pipeline.unsubscribe(user)
    pipeline.work()
    (letter,) = (letter for letter in pipeline.letters() if letter.user_id == user)
    return letter


def test_each_operator_sees_their_own_replays_and_no_other_deed(pipeline: Pipeline) -> None:
    store = pipeline.store
    early, ada, bea, cleo = (fail(pipeline, user) for user in ("early", "ada", "bea", "cleo"))
    replay_letters(store, [early], "anna", print)
    since = int(store.now())
    replay_letters(store, [ada], "anna", print)
    replay_letters(store, [bea], "otto", print)
    assert discard_letter(store, cleo, "anna") == "discarded"
    note_deed(store, "anna", "report", "cleo", cleo.id)
    assert [(one.letter.id, one.outcome) for one in recall_replays(store, "anna", since)] == [(ada.id, "waiting")]
    assert [one.letter.id for one in recall_replays(store, "otto", since)] == [bea.id]
    assert recall_replays(store, "eva", since) == []


def test_a_letter_that_failed_again_or_was_dealt_with_says_so(pipeline: Pipeline) -> None:
    ada, bea = fail(pipeline, "ada"), fail(pipeline, "bea")
    since = int(pipeline.store.now())
    replay_letters(pipeline.store, [ada, bea], "anna", print)
    pipeline.subscribe("bea")
    pipeline.waiting.extend(("ada", "bea"))
    pipeline.work()
    outcomes = {
        one.letter.user_id: (one.outcome, one.troubled) for one in recall_replays(pipeline.store, "anna", since)
    }
    assert outcomes["ada"] == ("failed again", True)
    assert outcomes["bea"][1] is False


class Clock(SimpleNamespace):
    """Shows a time that goes on only while somebody sleeps."""

    now = 100.0
    slept = 0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept += 1


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(replays, "time", clock)
    return clock


def letter_of(number: int) -> DeadLetter:
    return DeadLetter(f"letter-{number}", f"u{number}", "update_contact", "", "", "", "", "")


@pytest.mark.parametrize(
    ("outcome", "troubled"),
    [
        ("lost", True),
        ("gone", True),
        ("failed again", True),
        ("waiting", True),
        ("reflected", False),
        ("overtaken", False),
    ],
)
def test_what_is_still_not_reflected_is_trouble(outcome: str, *, troubled: bool) -> None:
    assert Replay(letter_of(1), outcome).troubled is troubled


def test_who_waits_looks_every_twentieth_of_a_second_until_the_time_is_over(pipeline: Pipeline, clock: Clock) -> None:
    done = replay_letters(pipeline.store, [fail(pipeline, "ada")], "anna", print)
    assert [one.outcome for one in wait_for_outcomes(pipeline.store, done, 0.22)] == ["waiting"]
    assert clock.slept == 5


def test_who_need_not_wait_does_not(pipeline: Pipeline, clock: Clock) -> None:
    letter = fail(pipeline, "ada")
    (done,) = wait_for_outcomes(pipeline.store, [Replay(letter, "lost")], 5)
    assert (done.outcome, clock.slept) == ("lost", 0)
    assert wait_for_outcomes(pipeline.store, [Replay(letter, "replayed")], 5) == [Replay(letter, "failed again")]
    assert clock.slept == 0


def test_at_the_end_those_are_looked_at_too_whose_turn_had_not_come(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked, ends = list[list[str]](), {"letter-0": "waiting", "letter-1": "waiting", "letter-2": "failed again"}

    def look(_store: Store, ids: list[str]) -> dict[str, str]:
        looked.append([*ids])
        return {one: ends[one] for one in ids}

    monkeypatch.setattr(replays, "_WATCHED", 2)
    monkeypatch.setattr(replays, "_outcomes_of", look)
    done = [Replay(letter_of(number), "replayed") for number in range(3)]
    assert [one.outcome for one in wait_for_outcomes(store, done, 0)] == ["waiting", "waiting", "failed again"]
    first, last = ["letter-0", "letter-1"], ["letter-2"]
    assert (looked, clock.slept) == ([first, first, last], 0)
    looked.clear()
    ends |= {"letter-0": "closed"}
    wait_for_outcomes(store, done, 0.01)
    assert (looked, clock.slept) == ([first, ["letter-1", "letter-2"], first, last], 1)


def test_a_letter_closed_before_all_that_are_searched_is_known_by_its_id(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    letter = fail(pipeline, "ada")
    note_deed(pipeline.store, "anna", "replay: lost", "bea", "a letter of before")
    replay_letters(pipeline.store, [letter], "anna", print)
    monkeypatch.setattr(replays, "CLOSED_SEARCHED", 1)
    recalled = {one.letter.id: (one.letter.user_id, one.outcome) for one in recall_replays(pipeline.store, "anna", 0)}
    assert recalled == {letter.id: ("ada", "waiting"), "a letter of before": ("", "lost")}


def test_a_closed_letter_is_neither_replayed_nor_discarded(pipeline: Pipeline) -> None:
    letter = fail(pipeline, "ada")
    assert [one.outcome for one in preview(pipeline.store, [letter])] == ["replayed"]
    assert discard_letter(pipeline.store, letter, "anna", dry_run=True) == "would be discarded"
    assert pipeline.letters() == [letter]
    assert discard_letter(pipeline.store, letter, "anna") == "discarded"
    assert [one.what for one in read_audit(pipeline.store)] == ["discard"]
    assert discard_letter(pipeline.store, letter, "anna") == "gone"
    (closed,) = read_closed(pipeline.store)
    assert [one.outcome for one in preview(pipeline.store, [closed])] == ["gone"]
    assert discard_letter(pipeline.store, closed, "anna", dry_run=True) == "gone"
    assert [one.outcome for one in replay_letters(pipeline.store, [closed], "anna", print)] == ["gone"]
    assert [(one.what, one.who) for one in read_audit(pipeline.store)] == [
        ("discard", "anna"),
        ("replay: gone", "anna"),
    ]


@pytest.mark.parametrize("dry_run", [True, False])
def test_an_erasure_that_is_not_done_is_not_discarded(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, *, dry_run: bool
) -> None:
    def refuse(*_: object) -> None:
        raise UnfinishedErasureError("it is not done")

    monkeypatch.setattr(replays, "check_discardable" if dry_run else "discard", refuse)
    said = discard_letter(pipeline.store, letter_of(1), "anna", dry_run=dry_run)
    assert said == "refused: it is not done"
    assert [*read_audit(pipeline.store)] == []


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize(("letters", "seconds", "looks"), [(200, 0, [200]), (401, 5, [200, 200, 1])])
def test_what_needs_no_waiting_is_looked_at_once(
    store: Store, monkeypatch: pytest.MonkeyPatch, letters: int, seconds: float, looks: list[int]
) -> None:
    looked = list[list[str]]()

    def look(_store: Store, ids: list[str]) -> dict[str, str]:
        looked.append([*ids])
        return dict.fromkeys(ids, "closed")

    monkeypatch.setattr(replays, "_outcomes_of", look)
    done = [Replay(letter_of(number), "replayed") for number in range(letters)]
    assert {one.outcome for one in wait_for_outcomes(store, done, seconds)} == {"closed"}
    assert [len(ids) for ids in looked] == looks


def test_contacts_of_replayed_letters_alone_are_nudged_also_if_one_breaks_off(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    nudged = list[tuple[set[str], Priority]]()
    monkeypatch.setattr(replays, "nudge_contacts", lambda users, priority: nudged.append((users, priority)))
    ada, bea = fail(pipeline, "ada"), fail(pipeline, "bea")
    discard_letter(pipeline.store, bea, "anna")

    def letters() -> Iterator[DeadLetter]:
        yield from (ada, bea)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        replay_letters(pipeline.store, letters(), "anna", print)
    assert nudged == [({"ada"}, Priority.ORDINARY)]


@pytest.mark.parametrize(("cause", "name"), [(None, "OperationalError"), (TimeoutError(), "TimeoutError")])
def test_where_the_broker_is_away_it_is_reported_by_its_class(
    monkeypatch: pytest.MonkeyPatch, cause: Exception | None, name: str
) -> None:
    def refuse(_users: set[str], _priority: Priority) -> None:
        raise OperationalError("of a secret host") from cause

    said = list[str]()
    monkeypatch.setattr(replays, "nudge_contacts", refuse)
    nudge({"ada"}, report=said.append)
    assert said == [f"the broker is away ({name}): the next sweep brings the contacts"]
