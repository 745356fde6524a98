"""A person on the page: masked, found by id or address, shown in full only to who may act, and that is kept."""

import html
import logging
import re

import pytest

from sync_tasks.monitoring.causes import name_cause
from sync_tasks.state.audit import read_audit
from tests.support.operating import Operating, words_of

ADDRESS = "ada@portal.org"


@pytest.fixture
def ada(door: Operating) -> Operating:
    """A page with Ada behind it, who reads the daily newsletter."""
    door.pipeline.subscribe("ada", first_name="Augusta")
    door.pipeline.work()
    return door


def test_wish_and_remembered_state_stand_side_by_side(ada: Operating) -> None:
    ada.log_in("ben")
    page = ada.get("/people?user=ada")
    reported = words_of(page)
    assert "gets mail of daily" in reported
    assert "on list 3" in reported
    assert "subscribe_contact daily as of" in reported
    assert "account default: the last look" in reported


def test_nothing_personal_is_shown_or_logged_unasked(ada: Operating, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        ada.log_in("ben")
        page = ada.get("/people?user=ada")
        ada.post("/people", who=ADDRESS)
    assert "Augusta" not in page.body
    assert ADDRESS not in page.body + caplog.text
    assert "Show in full" not in page.body


def test_an_address_leads_to_the_id_and_stands_in_no_url(ada: Operating) -> None:
    ada.log_in("ben")
    answer = ada.send("/people", who=" Ada@Portal.org ")
    assert (answer.status, answer.headers["location"]) == (303, "/operate/people?user=ada")
    assert "User ada" in words_of(ada.post("/people", who="ada"))


@pytest.mark.parametrize(
    ("who", "reported"),
    [
        ("", "Whom?"),
        ("eve@portal.org", "Nobody has this address"),
        ("a@b@c", "This is no address"),
        ("nobody", "Nothing is known of this user"),
        ("Augusta Lovelace", "Nothing is known of this user"),
        ("ada\uff20portal.org", "Nothing is known of this user"),
        ("+49 170 1234567", "Nothing is known of this user"),
    ],
)
def test_who_is_not_found_is_asked_for_again(ada: Operating, who: str, reported: str) -> None:
    ada.log_in("ben")
    page = ada.send("/people", who=who)
    assert page.status != 303, "nothing that was typed stands in a URL"
    assert reported in words_of(page)
    assert not (who and who in page.body)


def test_who_may_act_sees_a_person_in_full_and_the_audit_keeps_it(ada: Operating) -> None:
    ada.log_in("anna")
    assert "Show in full" in ada.get("/people?user=ada").body
    page = ada.post("/people/unmask", user="ada")
    assert {"Augusta", ADDRESS} <= set(words_of(page).split())
    (deed,) = read_audit(ada.pipeline.store, "ada")
    assert (deed.who, deed.what) == ("anna", "see unmasked")
    assert "see unmasked, by anna" in words_of(page)
    assert "Augusta" not in ada.get("/people?user=ada").body


def test_who_may_look_does_not(ada: Operating) -> None:
    ada.log_in("ben")
    page = ada.post("/people/unmask", user="ada")
    assert (page.status, "Augusta" in page.body) == (403, False)
    assert list(read_audit(ada.pipeline.store)) == []


def test_of_whom_nothing_is_known_nothing_is_kept(ada: Operating) -> None:
    ada.log_in("anna")
    assert ada.post("/people/unmask", user="nobody").status == 404
    assert list(read_audit(ada.pipeline.store)) == []


def test_letters_and_what_operators_did_are_in_the_time_line(door: Operating) -> None:
    (letter,) = door.fail("bea")
    door.log_in()
    reported = words_of(door.get("/people?user=bea"))
    assert f"dead letter {letter.id}, unsubscribe_contact daily: UnknownContactError" in reported
    assert "Dead letters" in reported


def test_an_erased_person_is_known_as_such_and_nothing_else(ada: Operating) -> None:
    ada.pipeline.anonymize("ada")
    ada.pipeline.work()
    ada.log_in()
    page = ada.get("/people?user=ada")
    assert "deleted by the portal" in words_of(page)
    assert "Augusta" not in page.body


@pytest.mark.parametrize(
    "user_id",
    [
        "a/b/../c",
        "a?user=b&c=d",
        "a#b",
        "a%2Fb%",
        "ü-漢字-\U0001f600",
        "<b>&amp;'\"",
        "x" * 255,
        "..",
        "a+b",
        "{{a}}`b`",
    ],
    ids=range(10),
)
def test_an_id_of_any_signs_leads_to_its_own_page_and_no_other(door: Operating, user_id: str) -> None:
    (letter,) = door.fail(user_id)
    door.log_in()
    found = door.send("/people", who=user_id)
    assert found.status == 303
    page = door.get(found.headers["location"].removeprefix("/operate"))
    assert f"User {user_id} " in words_of(page)
    assert letter.id in page.body
    full = door.post("/people/unmask", user=user_id)
    assert "In full, for this once" in words_of(full)
    assert [entry.what for entry in read_audit(door.pipeline.store, user_id)] == ["see unmasked"]
    linked = re.search(
        r'href="/operate(/people\?user=[^"]+)"', door.get(f"/letters/cause?cause={name_cause(letter)}").body
    )
    assert linked
    assert f"User {user_id} " in words_of(door.get(html.unescape(linked[1])))
