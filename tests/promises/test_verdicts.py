"""Support at the telephone: the first line of `sync-tasks contact` says of what somebody gets mail, and why not."""

import pytest

from sync_tasks.reconcile.run import reconcile
from sync_tasks.sandbox import Sandbox
from sync_tasks.state.holds import place_hold
from tests.support.desk import Desk

ANNA = "anna@portal.org"
HELPS, NO_HELP = "(a new confirmed subscription would help)", "(a new subscription would not help)"


@pytest.fixture
def anna(desk: Desk) -> Desk:
    """Anna reads the daily newsletter."""
    desk.pipeline.subscribe("anna", "daily")
    desk.pipeline.work()
    return desk


def first_line(desk: Desk, *words: str, exits: int = 0) -> str:
    return desk.run("contact", "anna", *words, exits=exits).splitlines()[0]


def test_whoever_gets_mail_hears_of_what_and_since_when(anna: Desk) -> None:
    line = first_line(anna)
    assert line.startswith("user anna: gets mail of daily (since 20")
    assert "gets none" not in line
    (standing,) = anna.read("contact", "anna")["accounts"]["default"]["standings"]
    assert (standing["newsletter"], standing["mail"], standing["because"]) == ("daily", True, "")


def test_an_opt_out_is_reported_with_its_moment_and_source(anna: Desk) -> None:
    anna.pipeline.unsubscribe("anna", "daily")
    anna.pipeline.work()
    line = first_line(anna)
    assert "gets none of daily because unsubscribed on 20" in line
    assert "UTC by the portal" in line
    assert HELPS in line


@pytest.mark.parametrize(
    ("act", "reported", "help_"),
    [
        ("unsubscribe", "unsubscribed since", HELPS),
        ("complain", "complaint since", NO_HELP),
        ("bounce", "hard_bounce since", "another address would help"),
    ],
)
def test_a_block_is_reported_with_its_kind_and_since_when(
    anna: Desk, brevo: Sandbox, act: str, reported: str, help_: str
) -> None:
    brevo.act(act, ANNA)
    line = first_line(anna)
    assert f"gets none of daily because blocklisted at Brevo ({reported} 20" in line
    assert help_ in line


def test_what_is_on_its_way_is_reported(desk: Desk) -> None:
    desk.pipeline.subscribe("anna", "daily")
    assert "gets none of daily because it is on its way" in first_line(desk)


def test_a_dead_letter_is_reported_with_its_id(desk: Desk) -> None:
    desk.pipeline.subscribe("berta", "daily", email=ANNA)
    desk.pipeline.work()
    desk.pipeline.subscribe("anna", "daily")
    desk.pipeline.work()
    (letter,) = desk.pipeline.letters()
    assert f"because subscribe_contact is dead letter {letter.id} (AddressTakenError)" in first_line(desk)


def test_a_paused_account_is_reported(desk: Desk, brevo: Sandbox) -> None:
    desk.pipeline.subscribe("anna", "daily")
    brevo.add_fault("status", status=401)
    desk.pipeline.work_once()
    assert "because it is on its way, account default is paused" in first_line(desk, "--offline")


@pytest.mark.parametrize(
    ("table", "reported"),
    [
        ("[newsletters.daily]\nlist_id = 3\nretired = true\n", "gets none of daily because the newsletter is retired"),
        ("[newsletters.weekly]\nlist_id = 5\n", "gets none of daily because the configuration lacks it"),
    ],
)
def test_a_newsletter_that_ended_is_reported(desk: Desk, brevo: Sandbox, table: str, reported: str) -> None:
    desk.pipeline.subscribe("anna", "daily")
    desk.pipeline.work()
    brevo.edit(ANNA, {"unlinkListIds": [3]})
    text = desk.configuration.read_text()
    desk.configuration.write_text(table + text[text.index("[attributes]") :])
    assert f"{reported} {NO_HELP}" in first_line(desk)


def test_lists_that_are_not_ours_are_shown_and_what_an_editor_added(anna: Desk, brevo: Sandbox) -> None:
    brevo.edit(ANNA, {"listIds": [5, 9]})
    assert "weekly (put on its list at Brevo)" in first_line(anna)
    lines = {line["what"]: line["held"] for line in anna.read("contact", "anna")["accounts"]["default"]["lines"]}
    assert lines["list 9"] == "on list 9, which is not ours"


def test_without_brevo_the_answer_is_as_remembered(anna: Desk, brevo: Sandbox) -> None:
    assert "gets mail of daily" in first_line(anna, "--offline")
    assert "as remembered" in first_line(anna, "--offline")
    brevo.add_fault("status", status=500)
    assert "as remembered" in first_line(anna, exits=1)


def test_whoever_was_deleted_or_never_asked_gets_nothing(desk: Desk) -> None:
    desk.pipeline.update("anna", email=ANNA)
    desk.pipeline.work()
    assert "gets no mail: the portal never spoke of a newsletter" in first_line(desk)
    desk.pipeline.anonymize("anna")
    assert "gets no mail: deleted by the portal" in first_line(desk)
    desk.pipeline.work()
    assert "gets no mail: deleted by the portal as of 20" in first_line(desk)


def test_whoever_was_taken_off_a_list_or_deleted_at_brevo_is_mended_at_night(anna: Desk, brevo: Sandbox) -> None:
    brevo.edit(ANNA, {"unlinkListIds": [3]})
    assert "because not on list 3 at Brevo; a comparison mends it" in first_line(anna)
    brevo.act("delete", ANNA)
    assert "because Brevo holds no contact" in first_line(anna)


def test_what_waits_for_the_end_of_a_hold_is_reported(anna: Desk, brevo: Sandbox) -> None:
    brevo.edit(ANNA, {"unlinkListIds": [3]})
    place_hold(anna.pipeline.store, "a backup")
    assert f"because the state is on hold: see `sync-tasks state show` {HELPS}" in first_line(anna)
    brevo.edit(ANNA, {"listIds": [3]})
    assert "gets mail of daily" in first_line(anna)
    brevo.edit(ANNA, {"unlinkListIds": [3]})
    anna.pipeline.subscribe("anna", "daily")
    assert "on hold" not in first_line(anna)


def test_an_opt_out_of_one_list_at_brevo_is_reported_before_and_after_it_is_known(anna: Desk, brevo: Sandbox) -> None:
    brevo.quirks.unsubscription_per_list = True
    brevo.act("unsubscribe", ANNA, list_id=3)
    assert f"because unsubscribed from list 3 alone, at Brevo {HELPS}" in first_line(anna)
    lines = {line["what"]: line["held"] for line in anna.read("contact", "anna")["accounts"]["default"]["lines"]}
    assert lines["daily"] == "on list 3, unsubscribed there"
    reconcile(anna.pipeline.resources)
    anna.pipeline.work()
    assert "because opted out at Brevo on 20" in first_line(anna)
    assert HELPS in first_line(anna)
