"""`.delay()` writes the wish; the message is only the nudge. Without it the sweeper finds whoever is due."""

from tests.support.pipeline import Pipeline

NO_GRACE = 0.0


def test_an_event_whose_message_was_lost_is_found_by_the_sweeper(pipeline: Pipeline) -> None:
    pipeline.subscribe("ada")
    pipeline.waiting.clear()  # the message is gone

    overdue = pipeline.store.overdue(limit=10, grace=NO_GRACE)
    for user_id in overdue:
        pipeline.sync(user_id)

    assert overdue == ["ada"]
    assert pipeline.lists("ada") == {3}


def test_a_message_too_many_changes_nothing(pipeline: Pipeline) -> None:
    pipeline.subscribe("ada")
    pipeline.work()

    with pipeline.requests() as requests:
        pipeline.sync("ada")

    assert requests == []


def test_once_brevo_agrees_the_sweeper_finds_nobody(pipeline: Pipeline) -> None:
    pipeline.subscribe("ada")
    pipeline.work()

    assert pipeline.store.overdue(limit=10, grace=NO_GRACE) == []
