"""``sync-tasks contact``: both sides of one user, masked unless asked otherwise."""

from tests.support.desk import MARK, Desk

ADDRESS = f"{MARK}@{MARK}.org"


def subscribe_anna(desk: Desk) -> None:
    desk.pipeline.subscribe("anna", email=ADDRESS, first_name=MARK)
    desk.pipeline.work()


def test_both_sides_are_shown_masked(desk: Desk) -> None:
    subscribe_anna(desk)
    reported = desk.run("contact", "anna")
    assert all(
        text in reported for text in ("z***@z***.org", " *** ", "on list 3", "subscribed", "what happened lately")
    )
    lines = {line["what"]: line for line in desk.read("contact", "anna")["accounts"]["default"]["lines"]}
    assert {lines[name]["agrees"] for name in ("address", "ext_id", "FIRSTNAME", "daily")} == {True}


def test_personal_data_is_shown_where_it_is_asked_for(desk: Desk) -> None:
    subscribe_anna(desk)
    assert ADDRESS in desk.run("contact", "anna", "--show-personal-data")
    assert ADDRESS in str(desk.read("contact", "anna", "--show-personal-data"))
    desk.run("contact", "anna")
    assert [entry["what"] for entry in desk.read("audit", "anna")] == ["see unmasked"] * 2


def test_a_difference_at_brevo_is_shown(desk: Desk) -> None:
    subscribe_anna(desk)
    desk.pipeline.brevo.edit(ADDRESS, {"attributes": {"FIRSTNAME": f"{MARK}-else"}, "listIds": [5]})
    lines = {line["what"]: line for line in desk.read("contact", "anna")["accounts"]["default"]["lines"]}
    assert lines["FIRSTNAME"]["agrees"] is False
    assert (lines["weekly"]["wanted"], lines["weekly"]["held"], lines["weekly"]["agrees"]) == ("", "on list 5", None)


def test_offline_shows_what_the_pipeline_remembers_and_asks_nobody(desk: Desk) -> None:
    subscribe_anna(desk)
    with desk.pipeline.requests() as requests:
        assert "Brevo held" in desk.run("contact", "anna", "--offline")
    assert requests == []


def test_a_contact_on_its_way_and_not_yet_at_brevo_is_shown(desk: Desk) -> None:
    desk.pipeline.subscribe("anna", email=ADDRESS)
    assert "on its way: subscribe_contact daily" in desk.run("contact", "anna")
    assert desk.read("contact", "anna", "--offline")["accounts"]["default"]["contact_id"] is None


def test_a_block_at_brevo_is_shown(desk: Desk) -> None:
    subscribe_anna(desk)
    desk.pipeline.brevo.edit(ADDRESS, {"emailBlacklisted": True})
    assert "blocklisted" in desk.run("contact", "anna")


def test_an_erased_user_is_known_as_such(desk: Desk) -> None:
    subscribe_anna(desk)
    desk.pipeline.anonymize("anna")
    reported = desk.run("contact", "anna", "--offline")
    assert "not yet erased" in reported
    assert "not yet erased" in desk.run("contact", "anna")
    desk.pipeline.work()
    assert "erased: deleted by the portal as of" in desk.run("contact", "anna")
    assert desk.read("contact", "anna")["accounts"] == {}


def test_dead_letters_of_the_user_are_shown(desk: Desk) -> None:
    letter = desk.fail("anna")
    assert letter.id in desk.run("contact", "anna")
    assert desk.read("contact", "anna")["letters"][0]["id"] == letter.id


def test_of_an_unknown_user_nothing_is_shown(desk: Desk) -> None:
    assert "nothing is known of this user" in desk.run("contact", "nobody", exits=1)


def test_where_brevo_cannot_be_asked_it_says_why_and_shows_what_is_remembered(desk: Desk) -> None:
    subscribe_anna(desk)
    desk.pipeline.brevo.add_fault("status", status=401)
    reported = desk.run("contact", "anna", exits=1)
    assert all(text in reported for text in ("Brevo could not be asked", "z***@z***.org", "Brevo held"))
    assert desk.pipeline.resources.limiter.paused("default") is None


def test_an_id_with_something_invisible_around_it_is_found(desk: Desk) -> None:
    subscribe_anna(desk)
    assert "z***@z***.org" in desk.run("contact", "\ufeffanna\u200b ", "--offline")
