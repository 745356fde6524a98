"""``sync-tasks failed``: dead letters are found, shown, replayed and discarded, and who did it is kept."""

import pytest

from sync_tasks.domain.contact import EventKey
from sync_tasks.errors import UnknownContactError
from sync_tasks.portal.local_pipeline import lead_to
from sync_tasks.state.dead_letters import put_letter, write_letter
from tests.support.desk import MARK, Desk


def test_the_list_names_each_letter_and_the_next_step(desk: Desk) -> None:
    assert "no dead letters" in desk.run("failed", "list")
    letter = desk.fail("anna")
    reported = desk.run("failed", "list")
    assert all(word in reported for word in (letter.id, "anna", "daily", "UnknownContactError", "failed replay ID"))


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("--task", "unsubscribe"), ["anna"]),
        (("--task", "sync_tasks.unsubscribe_contact"), ["anna"]),
        (("--task", "update_contact"), []),
        (("--error", "UnknownContact"), ["anna"]),
        (("--error", "RejectedContactError"), []),
        (("--newsletter", "daily"), ["anna"]),
        (("--newsletter", "weekly"), []),
        (("--older-than", "1h"), []),
        (("--newer-than", "2d"), ["anna"]),
        (("--newer-than", "0s"), []),
    ],
)
def test_filters_choose_by_task_error_newsletter_and_age(desk: Desk, words: tuple[str, ...], found: list[str]) -> None:
    desk.fail("anna")
    assert [letter["user_id"] for letter in desk.read("failed", "list", *words)] == found


def test_one_letter_is_shown_by_the_beginning_of_its_id(desk: Desk) -> None:
    letter = desk.fail("anna")
    reported = desk.run("failed", "show", letter.id[:6])
    assert all(
        word in reported for word in (letter.id, "unsubscribe_contact", "UnknownContactError", letter.message[:20])
    )
    shown = desk.read("failed", "show", letter.id)
    assert (shown["id"], shown["closed"], shown["occurred_at"][-6:]) == (letter.id, None, "+00:00")


def test_an_unknown_or_ambiguous_id_is_wrong_use(desk: Desk) -> None:
    desk.fail("anna")
    desk.fail("ben")
    assert "no dead letter has the id nothing" in desk.run("failed", "show", "nothing", exits=2)
    assert "2 dead letters begin with" in desk.run("failed", "show", "", exits=2)


@pytest.mark.parametrize("verb", ["replay", "discard"])
def test_which_letters_must_be_said_in_one_way(desk: Desk, verb: str) -> None:
    desk.run("failed", verb, exits=2)
    desk.run("failed", verb, "some-id", "--all", exits=2)
    desk.run("failed", verb, "--older-than", "soon", exits=2)
    assert "no such dead letters" in desk.run("failed", verb, "--all")


def test_a_dry_run_changes_nothing(desk: Desk) -> None:
    letter = desk.fail("anna")
    assert "on its way again" in desk.run("failed", "replay", "--all", "--dry-run")
    assert "would be discarded" in desk.run("failed", "discard", "--all", "--dry-run")
    assert desk.pipeline.letters() == [letter]


def test_a_dry_run_says_the_same_as_the_deed_of_an_erasure_and_of_what_is_closed(desk: Desk) -> None:
    desk.pipeline.subscribe("anna")
    desk.pipeline.work()
    desk.pipeline.brevo.add_fault("status", status=400)
    desk.pipeline.anonymize("anna")
    desk.pipeline.work()
    (erasure,) = desk.pipeline.letters()
    closed = desk.fail("bert")
    desk.run("failed", "discard", closed.id)
    for words in (("--dry-run",), ("--yes",)):
        (all_of_them,) = desk.read("failed", "discard", "--all", *words, exits=1)
        assert all_of_them["outcome"].startswith("refused: an erasure cannot be discarded")
        (one,) = desk.read("failed", "discard", closed.id, *words, exits=1)
        assert one["outcome"] == "gone"
    assert [letter.id for letter in desk.pipeline.letters()] == [erasure.id]
    assert "dealt with already" in desk.run("failed", "replay", closed.id, "--dry-run", exits=1)


def test_a_replayed_event_reaches_brevo_and_who_did_it_is_kept(desk: Desk) -> None:
    fault = desk.pipeline.brevo.add_fault("status", status=400)
    desk.pipeline.subscribe("anna", email=f"{MARK}@portal.org")
    desk.pipeline.work()
    desk.pipeline.brevo.faults.clear(fault.id)
    (letter,) = desk.pipeline.letters()
    (done,) = desk.read("failed", "replay", letter.id, "--by", "olga")
    assert (done["id"], done["outcome"]) == (letter.id, "replayed")
    shown = desk.read("failed", "show", letter.id)
    assert (shown["replayed"]["by"], shown["replayed"]["at"][-6:]) == ("olga", "+00:00")
    assert desk.pipeline.store.redis.exists("sync_tasks")
    desk.pipeline.waiting.append("anna")
    desk.pipeline.work()
    assert desk.pipeline.lists("anna") == {3}
    assert "olga" in desk.run("failed", "list", "--closed")
    assert desk.run("failed", "list").strip() == "no dead letters"


def test_waiting_for_a_replay_shows_that_nobody_has_worked_on_it(desk: Desk) -> None:
    desk.fail("anna")
    assert "still on its way" in desk.run("failed", "replay", "--all", "--wait", "0.1", exits=1)


def test_replaying_what_newer_events_overtook_says_so_and_changes_nothing(desk: Desk) -> None:
    letter = desk.fail("anna")
    desk.pipeline.subscribe("anna", "daily", email=f"{MARK}@portal.org")
    assert "newer events leave nothing" in desk.run("failed", "replay", letter.id, "--dry-run")
    assert "newer events leave nothing" in desk.run("failed", "replay", letter.id)
    assert "dealt with already" in desk.run("failed", "replay", letter.id, exits=1)
    desk.pipeline.work()
    assert desk.pipeline.lists("anna") == {3}


def test_discarding_asks_first_and_keeps_who_did_it(desk: Desk) -> None:
    letter = desk.fail("anna")
    desk.run("failed", "discard", "--all", typed="n\n", exits=1)
    assert desk.pipeline.letters() == [letter]
    assert "discarded" in desk.run("failed", "discard", "--all", "--by", "olga", typed="y\n")
    assert desk.pipeline.letters() == []
    (closed,) = desk.read("failed", "list", "--closed")
    assert (closed["closed"]["why"], closed["closed"]["by"]) == ("discarded", "olga")
    assert f"{letter.id} gone" in desk.run("failed", "discard", letter.id, exits=1)


def test_no_closed_letters_is_said(desk: Desk) -> None:
    assert "no closed letters" in desk.run("failed", "list", "--closed")


def test_who_replays_is_the_user_of_this_machine_where_nobody_is_named(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUDO_USER", "olga")
    desk.fail("anna")
    (done,) = desk.read("failed", "discard", "--all", "--yes")
    assert done["outcome"] == "discarded"
    assert desk.read("failed", "list", "--closed")[0]["closed"]["by"].startswith("olga@")


def test_an_event_that_was_never_accepted_can_only_be_sent_again(desk: Desk) -> None:
    letter = write_letter("", EventKey("subscribe_contact", "", ""), UnknownContactError("no user"), "1" * 16, "a-task")
    put_letter(desk.pipeline.store, letter)
    for words in (("--dry-run",), ()):
        assert "only its producer can send it again" in desk.run("failed", "replay", letter.id, *words, exits=1)


def test_a_replay_waits_for_the_sweep_where_the_broker_is_away(desk: Desk) -> None:
    letter = desk.fail("anna")
    with lead_to("redis://127.0.0.1:1/0"):
        assert "the broker is away" in desk.run("status", exits=1)
        assert "the broker is away" in desk.run("failed", "replay", letter.id)
    assert desk.pipeline.letters()[0].replayed is not None
