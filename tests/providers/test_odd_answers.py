"""A good status with an odd body: what it leaves out is not empty, and another contact is not the one asked for."""

from datetime import UTC, datetime

import pytest

from sync_tasks.domain.contact import Block, RemoteContact, UnreadContact
from sync_tasks.errors import GatewayUnavailableError
from sync_tasks.providers import RemotePage
from sync_tasks.providers.brevo.client import Brevo
from tests.support.brevo_samples import ADDRESS, page, remote
from tests.support.scripted_brevo import Script, answer

ODD = [
    ("listIds", ...),
    ("listIds", None),
    ("listIds", "3"),
    ("listIds", ["3"]),
    ("listIds", [None]),
    ("emailBlacklisted", ...),
    ("emailBlacklisted", None),
    ("emailBlacklisted", "false"),
    ("attributes", ...),
    ("attributes", None),
    ("attributes", []),
    ("id", ...),
    ("id", "42"),
    ("id", 0),
    ("id", 2**63),
    ("id", True),
]


@pytest.mark.parametrize(("name", "value"), ODD, ids=str)
def test_a_contact_that_lacks_what_it_must_have_is_not_read(
    script: Script, gateway: Brevo, name: str, value: object
) -> None:
    held = {key: each for key, each in (remote() | {name: value}).items() if each is not ...}
    script.says(answer(200, held), answer(200, page(remote(), held)))

    with pytest.raises(GatewayUnavailableError, match="cannot be read"):
        gateway.read(42)
    if name == "id":
        with pytest.raises(GatewayUnavailableError, match="cannot be read"):
            list(gateway.all_contacts(1000))
    else:
        shown = list(gateway.all_contacts(1000))
        assert [(type(one), one.address) for one in shown] == [(RemoteContact, ADDRESS), (UnreadContact, ADDRESS)]


@pytest.mark.parametrize(("name", "value"), [odd for odd in ODD if odd[0] != "id"], ids=str)
def test_a_page_names_the_few_that_cannot_be_read(script: Script, gateway: Brevo, name: str, value: object) -> None:
    held = {key: each for key, each in (remote() | {name: value}).items() if each is not ...}
    script.says(answer(200, page(remote(7), *[held] * 10)), answer(200, page(*[held] * 11)))

    found = gateway.read_page(0)

    assert ([one.id for one in found.contacts], {one.id for one in found.unread}) == ([7], {42})
    with pytest.raises(GatewayUnavailableError, match="cannot be read"):
        gateway.read_page(0)


def test_a_look_at_changes_hands_over_whom_it_cannot_read_and_one_by_ids_leaves_them_out(
    script: Script, gateway: Brevo
) -> None:
    script.says(*[answer(200, page(remote(7), remote(8, listIds=None)))] * 2)

    changed = list(gateway.modified_since(datetime(2026, 1, 1, tzinfo=UTC)))

    assert [(type(one), one.id) for one in changed] == [(RemoteContact, 7), (UnreadContact, 8)]
    assert gateway.read_several([7, 8]).keys() == {7}
    assert gateway.reads_several


def test_two_people_of_one_id_are_nobody(script: Script, gateway: Brevo) -> None:
    script.says(answer(200, page(remote(7), remote(7, email="other@example.com"))), answer(200, page(*[remote(7)] * 2)))

    with pytest.raises(GatewayUnavailableError, match="cannot be read"):
        gateway.read_page(0)
    assert [one.id for one in gateway.read_page(0).contacts] == [7, 7]


def test_an_empty_page_is_not_the_end_if_there_are_more(script: Script, gateway: Brevo) -> None:
    script.says(*[answer(200, page(count=3))] * 3)

    with pytest.raises(GatewayUnavailableError, match="cannot be read"):
        gateway.read_page(0)
    with pytest.raises(GatewayUnavailableError, match="cannot be read"):
        list(gateway.all_contacts(1000))
    assert gateway.read_page(3) == RemotePage([], total=3)


def test_a_contact_of_another_id_is_not_the_one_asked_for(script: Script, gateway: Brevo) -> None:
    script.says(answer(200, remote(id=43)))

    assert gateway.read(42) is None


def test_half_a_character_in_an_address_or_ext_id_does_no_harm(script: Script, gateway: Brevo) -> None:
    script.says(answer(200, remote(email="\ud83d@example.com", ext_id="\ud83d")))

    held = gateway.read(42)

    assert held
    assert (held.address, held.ext_id) == ("?@example.com", "?")


@pytest.mark.parametrize("address", ["new@example.com", None])
def test_a_look_that_shows_another_address_does_not_show_that_nobody_has_this_one(
    script: Script, gateway: Brevo, address: str | None
) -> None:
    script.says(answer(200, remote(email=address)))

    with pytest.raises(GatewayUnavailableError, match="cannot be read"):
        gateway.find_address(ADDRESS)


def test_an_attribute_of_an_odd_kind_can_hold_personal_data(script: Script, gateway: Brevo) -> None:
    kinds: list[object] = ["normal", None, [], {}]
    rows = [{"category": kind, "name": "ODD" if number else "PLAIN"} for number, kind in enumerate(kinds)]
    script.says(answer(200, {"attributes": rows}))

    assert gateway.attribute_types() == {"PLAIN": "text", "ODD": "text"}


def test_a_moment_that_no_stamp_can_hold_is_none(script: Script, gateway: Brevo) -> None:
    clicks = {"userUnsubscription": [{"eventTime": "9999-12-31T23:59:59.000Z"}]}
    script.says(answer(200, remote(emailBlacklisted=True, statistics={"unsubscriptions": clicks})))

    held = gateway.read(42)

    assert held
    assert held.block == Block("unsubscribed", "1777740031000000", guessed=True)


def test_a_page_that_does_not_say_how_many_there_are_is_the_last(script: Script, gateway: Brevo) -> None:
    script.says(*[answer(200, {"contacts": [remote()]})] * 2)
    assert [contact.id for _ in range(2) for contact in gateway.all_contacts(1000)] == [42, 42]


@pytest.mark.parametrize("count", [True, "3", 2.5, None])
def test_a_count_that_is_no_number_says_nothing(script: Script, gateway: Brevo, count: object) -> None:
    script.says(answer(200, page(remote()) | {"count": count}))
    assert gateway.read_page(0).total is None


def test_a_full_page_of_lists_is_not_the_end_whatever_brevo_counts(script: Script, gateway: Brevo) -> None:
    rows = [{"id": number, "name": "a list"} for number in range(1, 52)]
    script.says(answer(200, {"lists": rows[:50], "count": 1}), answer(200, {"lists": rows[50:], "count": 1}))

    assert set(gateway.list_names()) == set(range(1, 52))


def test_pages_of_lists_that_are_all_the_same_are_given_up_at_once(script: Script, gateway: Brevo) -> None:
    script.says(*[answer(200, {"lists": [{"id": 3, "name": "a list"}], "count": 10**9})] * 9)

    with pytest.raises(GatewayUnavailableError, match="no end"):
        gateway.list_names()
    assert len(script.asked) == 2


@pytest.mark.parametrize("number", ["3", None, 0, True, 3.5])
def test_a_list_without_an_id_that_can_be_read_is_not_absent(script: Script, gateway: Brevo, number: object) -> None:
    script.says(answer(400, {}), answer(200, {"lists": [{"id": number, "name": "a list"}], "count": 1}))

    with pytest.raises(GatewayUnavailableError, match="cannot be read"):
        gateway.has_list(3)


def test_attributes_without_names_are_not_absent(script: Script, gateway: Brevo) -> None:
    script.says(answer(200, {"attributes": [{"name": None, "category": "normal", "type": "text"}]}))

    with pytest.raises(GatewayUnavailableError, match="cannot be read"):
        gateway.attribute_types()


def test_nobodys_document_is_shown_for_another_person(script: Script, gateway: Brevo) -> None:
    script.says(answer(200, remote(43)), answer(200, b"<html>"), answer(200, remote(42)))

    assert gateway.export(42) is None
    with pytest.raises(GatewayUnavailableError, match="cannot be read"):
        gateway.export(42)
    assert (gateway.export(42) or {})["id"] == 42
