"""Support at the telephone: who has this address, take me off, delete me."""

import pytest

from tests.support.desk import MARK, Desk

ADDRESS = f"{MARK}@{MARK}.org"


def subscribe_anna(desk: Desk) -> None:
    for newsletter in ("daily", "weekly"):
        desk.pipeline.subscribe("anna", newsletter, email=ADDRESS, first_name=MARK)
    desk.pipeline.work()


@pytest.mark.parametrize("reported", [ADDRESS, f" {ADDRESS.upper()}\u200b"])
def test_a_user_is_found_by_the_address_which_is_not_shown(desk: Desk, reported: str) -> None:
    subscribe_anna(desk)
    assert "user anna" in desk.run("contact", "--address", reported, "--offline")
    assert "user anna" in desk.run("contact", "--address", "-", "--offline", typed=f"{reported}\n")
    assert desk.read("contact", "--address", reported)["user_id"] == "anna"


def test_an_address_that_nobody_has_or_that_is_none_is_reported_without_showing_it(desk: Desk) -> None:
    for command in (("contact",), ("failed", "list"), ("erase", "--yes")):
        reported = desk.run(*command, "--address", f"else-{ADDRESS}", exits=1)
        assert "nobody has this address" in reported or "nothing is known" in reported
        desk.run(*command, "--address", f"{MARK} no address", exits=2)
    desk.run("contact", exits=2)
    desk.run("contact", "anna", "--address", ADDRESS, exits=2)


def test_the_letters_of_an_address_are_found_and_name_whose_address_it_is(desk: Desk) -> None:
    subscribe_anna(desk)
    desk.fail("bea")
    desk.pipeline.subscribe("carl", email=ADDRESS)
    desk.pipeline.work()
    desk.pipeline.subscribe("dora", "daily", email=f"dora-{ADDRESS}")
    desk.pipeline.update("dora", email=ADDRESS)
    desk.pipeline.work()
    letters = {letter["user_id"]: letter for letter in desk.read("failed", "list", "--address", ADDRESS)}
    assert set(letters) == {"carl", "dora"}
    assert {letter["error"] for letter in letters.values()} == {"AddressTakenError"}
    assert all("another living user, anna;" in letter["message"] for letter in letters.values())


def test_support_unsubscribes_and_the_history_names_who_did_it(desk: Desk) -> None:
    subscribe_anna(desk)
    desk.run("unsubscribe", "anna", "daily", "--by", "Eve from support", typed="y\n")
    desk.pipeline.work()
    assert desk.pipeline.lists("anna") == {5}
    assert "sent by Eve from support" in str(desk.read("contact", "anna", "--offline")["history"])


def test_without_a_yes_nothing_happens(desk: Desk) -> None:
    subscribe_anna(desk)
    desk.run("unsubscribe", "anna", "--all", typed="n\n", exits=1)
    desk.run("erase", "anna", typed="n\n", exits=1)
    desk.pipeline.work()
    assert desk.pipeline.lists("anna") == {3, 5}


def test_a_contact_deleted_by_hand_at_brevo_does_not_come_back_once_support_unsubscribed_it(desk: Desk) -> None:
    subscribe_anna(desk)
    desk.pipeline.brevo.request("DELETE", f"/contacts/{desk.pipeline.held('anna')['id']}")
    desk.run("unsubscribe", "--address", ADDRESS, "--all", "--yes")
    desk.pipeline.work()
    desk.run("reconcile")
    desk.pipeline.work()
    assert desk.pipeline.brevo.contacts() == []


def test_support_erases(desk: Desk) -> None:
    subscribe_anna(desk)
    desk.run("erase", "--address", "-", "--yes", typed=f"{ADDRESS}\n")
    desk.pipeline.work()
    assert str(desk.pipeline.brevo.contacts()[0]["email"]).startswith("deleted-")
    assert "erased already" in desk.run("erase", "anna", "--yes", exits=1)
    assert "erased already" in desk.run("unsubscribe", "anna", "--all", "--yes", exits=1)


def test_what_makes_no_sense_is_refused_before_anything_happens(desk: Desk) -> None:
    subscribe_anna(desk)
    assert "nothing is known of this user" in desk.run("unsubscribe", "nobody", "daily", "--yes", exits=1)
    assert "nothing is known of this user" in desk.run("erase", "nobody", "--yes", exits=1)
    reported = desk.run("unsubscribe", "anna", "daily", "dayly", "--yes", exits=2)
    assert reported.splitlines() == ["newsletter dayly: not in the configuration"]
    desk.run("unsubscribe", "anna", "--yes", exits=2)
    desk.run("unsubscribe", "anna", "daily", "--all", "--yes", exits=2)
    desk.pipeline.work()
    assert desk.pipeline.lists("anna") == {3, 5}
