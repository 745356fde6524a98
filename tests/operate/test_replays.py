"""Replays of an operator: what each asked for since a moment, and what became of it."""

from sync_tasks.operate.replays import discard_letter, recall_replays, replay_letters
from sync_tasks.state.audit import note_deed
from sync_tasks.state.dead_letters import DeadLetter
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
