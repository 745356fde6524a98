"""Addresses that wander: taken by strangers, by other users, swapped, and round in a circle."""

from itertools import permutations
from typing import Any

import pytest

from sync_tasks.sandbox import Sandbox
from sync_tasks.state.dead_letters import read_closed
from sync_tasks.state.store import Sighting
from tests.support.pipeline import Pipeline, address_of


def subscribe_all(pipeline: Pipeline, *users: str) -> dict[str, int]:
    """Have them all read the daily newsletter; return their ids at Brevo."""
    for user in users:
        pipeline.subscribe(user, first_name=user.title())
    pipeline.work()
    return {user: int(pipeline.held(user)["id"]) for user in users}


def add_stranger(brevo: Sandbox) -> int:
    row = {"email": "taken@portal.org", "attributes": {"FIRSTNAME": "Xaver", "HOBBY": "chess"}, "listIds": [5, 9]}
    return brevo.add_contacts([row])[0]


def assert_anonymized(brevo: Sandbox, contact_id: int) -> None:
    held: Any = brevo.contact(contact_id)
    assert held["email"].startswith("deleted-")
    assert (held["listIds"], held["emailBlacklisted"]) == ([], True)
    assert set(held["attributes"].values()) <= {"DELETED", True}


def test_a_stranger_with_the_new_address_takes_over_and_the_old_contact_is_anonymized(
    pipeline: Pipeline, brevo: Sandbox
) -> None:
    old = subscribe_all(pipeline, "anna")["anna"]
    stranger = add_stranger(brevo)
    pipeline.update("anna", email="taken@portal.org", last_name="Tal")
    pipeline.work()
    held = pipeline.held("anna")
    assert (held["id"], held["email"], held["emailBlacklisted"]) == (stranger, "taken@portal.org", False)
    assert {3, 9} <= set(held["listIds"])
    reported = {"FIRSTNAME": "Anna", "LASTNAME": "Tal", "HOBBY": "chess", "DAILY_UNSUBSCRIBED": False}
    assert held["attributes"] == reported
    assert_anonymized(brevo, old)
    assert pipeline.letters() == []


def test_the_old_contacts_opt_out_lives_on_in_the_one_that_takes_over(pipeline: Pipeline, brevo: Sandbox) -> None:
    subscribe_all(pipeline, "anna")
    stranger = add_stranger(brevo)
    brevo.act("unsubscribe", "anna@portal.org")
    pipeline.update("anna", email="taken@portal.org")
    pipeline.work()
    assert brevo.contact(stranger)["emailBlacklisted"] is True


def test_a_strangers_own_block_stays_when_it_takes_over(pipeline: Pipeline, brevo: Sandbox) -> None:
    subscribe_all(pipeline, "anna")
    stranger = add_stranger(brevo)
    brevo.act("unsubscribe", "taken@portal.org")
    pipeline.update("anna", email="taken@portal.org")
    pipeline.work()
    assert brevo.contact(stranger)["emailBlacklisted"] is True


def test_the_address_of_another_living_user_is_a_dead_letter_and_changes_nothing(
    pipeline: Pipeline, brevo: Sandbox
) -> None:
    subscribe_all(pipeline, "anna", "berta")
    before = brevo.contacts()
    key = pipeline.update("anna", email=address_of("berta"), first_name="Nobody")
    assert key in pipeline.work().dead
    (letter,) = pipeline.letters()
    assert (letter.error, letter.user_id, letter.task) == ("AddressTakenError", "anna", "update_contact")
    assert brevo.contacts() == before


def test_an_opt_out_reaches_brevo_although_the_address_is_taken(pipeline: Pipeline) -> None:
    subscribe_all(pipeline, "anna", "berta")
    pipeline.update("anna", email=address_of("berta"))
    key = pipeline.unsubscribe("anna")
    outcomes = pipeline.work()
    assert key in outcomes.done
    held = pipeline.held("anna")
    assert (held["listIds"], held["attributes"]["DAILY_UNSUBSCRIBED"]) == ([], True)
    assert held["email"] == address_of("anna")
    assert [letter.task for letter in pipeline.letters()] == ["update_contact"]


def test_a_second_opt_out_is_over_although_the_address_is_taken(pipeline: Pipeline) -> None:
    subscribe_all(pipeline, "anna", "berta")
    pipeline.update("anna", first_name="Ann", email=address_of("berta"))
    pipeline.unsubscribe("anna")
    pipeline.work()
    key = pipeline.unsubscribe("anna")
    assert key in pipeline.work().done


def test_a_taken_address_resolves_itself_when_the_other_user_moves_away(pipeline: Pipeline) -> None:
    ids = subscribe_all(pipeline, "anna", "berta")
    pipeline.update("anna", email=address_of("berta"))
    pipeline.work()
    assert len(pipeline.letters()) == 1
    pipeline.update("berta", email="berta.new@portal.org")
    pipeline.work()
    assert pipeline.letters() == []
    assert [letter.user_id for letter in read_closed(pipeline.store)] == ["anna"]
    held = pipeline.held("anna")
    assert (held["id"], held["email"]) == (ids["anna"], address_of("berta"))
    assert pipeline.held("berta")["email"] == "berta.new@portal.org"


def test_a_new_user_with_a_taken_address_is_not_created(pipeline: Pipeline, brevo: Sandbox) -> None:
    subscribe_all(pipeline, "anna")
    pipeline.subscribe("berta", email=address_of("anna"))
    pipeline.work()
    assert [letter.error for letter in pipeline.letters()] == ["AddressTakenError"]
    assert len(brevo.contacts()) == 1
    assert pipeline.held("anna")["attributes"]["FIRSTNAME"] == "Anna"


@pytest.mark.parametrize("order", list(permutations(("anna", "berta"))))
def test_two_users_swap_their_addresses(pipeline: Pipeline, brevo: Sandbox, order: tuple[str, str]) -> None:
    ids = subscribe_all(pipeline, "anna", "berta")
    pipeline.update("anna", email=address_of("berta"))
    pipeline.update("berta", email=address_of("anna"))
    pipeline.waiting.clear()
    pipeline.waiting.extend(order)
    pipeline.work()
    assert {user: pipeline.held(user)["email"] for user in ids} == {
        "anna": "berta@portal.org",
        "berta": "anna@portal.org",
    }
    assert {user: pipeline.held(user)["id"] for user in ids} == ids
    assert (len(brevo.contacts()), pipeline.letters()) == (2, [])


def test_a_swap_in_two_steps_ends_well(pipeline: Pipeline) -> None:
    ids = subscribe_all(pipeline, "anna", "berta")
    pipeline.update("anna", email=address_of("berta"))
    pipeline.work()
    pipeline.update("berta", email=address_of("anna"))
    pipeline.work()
    assert {user: pipeline.held(user)["email"] for user in ids} == {
        "anna": "berta@portal.org",
        "berta": "anna@portal.org",
    }
    assert pipeline.letters() == []


@pytest.mark.parametrize("order", list(permutations(("anna", "berta"))))
@pytest.mark.parametrize("left_out", [True, False])
@pytest.mark.parametrize("shown", ["attribute", "nowhere"])
def test_a_swap_lifts_no_block(
    pipeline: Pipeline, either_brevo: Sandbox, order: tuple[str, str], shown: str, *, left_out: bool
) -> None:
    either_brevo.quirks.ext_id_shown = shown  # type: ignore[assignment]
    either_brevo.quirks.statistics_left_out = left_out
    subscribe_all(pipeline, "anna", "berta")
    for user in ("anna", "berta"):
        either_brevo.act("unsubscribe", address_of(user))
    pipeline.update("anna", email=address_of("berta"))
    pipeline.update("berta", email=address_of("anna"))
    pipeline.waiting.clear()
    pipeline.waiting.extend(order)
    pipeline.work()
    # By address: an account that shows no ext_id shows whose contact it is by nothing else.
    blocked = {contact["email"]: contact["emailBlacklisted"] for contact in either_brevo.contacts()}
    assert blocked == {"berta@portal.org": True, "anna@portal.org": True}


def test_an_opt_out_stays_with_a_person_whose_number_is_a_strangers_by_now(pipeline: Pipeline, brevo: Sandbox) -> None:
    (known,) = subscribe_all(pipeline, "anna").values()
    brevo.act("unsubscribe", address_of("anna"))
    pipeline.store.mark_changed("default", [Sighting(user_id="anna")])
    pipeline.work()
    brevo.edit(known, {"attributes": {"EMAIL": "stranger@else.org"}, "ext_id": "stranger", "emailBlacklisted": False})
    row = {"email": address_of("anna"), "ext_id": "anna", "attributes": {}, "listIds": [3]}
    (other,) = brevo.add_contacts([row])
    pipeline.store.mark_changed("default", [Sighting(user_id="anna")])
    pipeline.work()
    assert brevo.contact(known)["email"] == "stranger@else.org"
    assert brevo.contact(other)["emailBlacklisted"] is True


@pytest.mark.parametrize("order", list(permutations(("anna", "berta", "carla"))))
def test_three_users_pass_their_addresses_round(pipeline: Pipeline, brevo: Sandbox, order: tuple[str, ...]) -> None:
    ids = subscribe_all(pipeline, "anna", "berta", "carla")
    heirs = {"anna": "berta", "berta": "carla", "carla": "anna"}
    for user, heir in heirs.items():
        pipeline.update(user, email=address_of(heir))
    pipeline.waiting.clear()
    pipeline.waiting.extend(order)
    pipeline.work()
    assert {user: pipeline.held(user)["email"] for user in ids} == {
        user: address_of(heir) for user, heir in heirs.items()
    }
    assert {user: pipeline.held(user)["id"] for user in ids} == ids
    assert (len(brevo.contacts()), pipeline.letters()) == (3, [])
