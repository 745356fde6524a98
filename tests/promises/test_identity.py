"""Only whom we know is written to: never a stranger who has our number, nor another system's customer."""

from typing import Any

import pytest

from sync_tasks.ext_ids import make_token
from sync_tasks.reconcile.run import reconcile
from sync_tasks.sandbox import Sandbox
from sync_tasks.state.dead_letters import DeadLetter
from tests.support.desk import Desk
from tests.support.pipeline import MakePipeline, Pipeline, address_of

SHOP = "portal-{user_id}"


@pytest.fixture
def shop(brevo: Sandbox) -> list[dict[str, Any]]:
    """Customers of a shop that numbers them by ext_id, as a Django portal does its users."""
    rows = [{"email": f"customer{number}@shop.example", "ext_id": str(number), "listIds": [9]} for number in (1, 2, 3)]
    brevo.add_contacts([row | {"attributes": {"FIRSTNAME": "Cleo"}} for row in rows])
    return brevo.contacts()


def of_shop(brevo: Sandbox) -> list[dict[str, Any]]:
    return [contact for contact in brevo.contacts() if "shop.example" in str(contact["email"])]


def run_nights(pipeline: Pipeline, number: int = 2) -> list[dict[str, int]]:
    found = []
    for _ in range(number):
        (run,) = reconcile(pipeline.resources)
        assert not run.refused
        found.append(run.found)
        pipeline.work()
    return found


def test_a_shops_customer_with_our_ext_id_is_a_letter_that_names_the_contact(
    pipeline: Pipeline, brevo: Sandbox, shop: list[dict[str, Any]]
) -> None:
    signed_up = pipeline.subscribe("2", first_name="Ada")
    outcomes = pipeline.work()
    assert signed_up in outcomes.dead
    (letter,) = pipeline.letters()
    assert letter.error == "ForeignContactError"
    assert f"contact {shop[1]['id']} " in letter.message
    run_nights(pipeline)
    assert brevo.contacts() == shop


@pytest.mark.parametrize("last", ["update", "unsubscribe", "anonymize"])
def test_no_event_touches_a_shops_customer(
    pipeline: Pipeline, brevo: Sandbox, shop: list[dict[str, Any]], last: str
) -> None:
    pipeline.subscribe("2", email="ada@portal.org")
    pipeline.work()
    getattr(pipeline, last)("2", **({"email": "ada@elsewhere.org"} if last == "update" else {}))
    pipeline.work()
    run_nights(pipeline)
    assert brevo.contacts() == shop


def test_an_erasure_of_unknown_outcome_leaves_a_shops_customer_alone(
    pipeline: Pipeline, brevo: Sandbox, shop: list[dict[str, Any]]
) -> None:
    brevo.add_fault("drop", method="POST", path="/contacts$", count=1)
    pipeline.subscribe("2")
    pipeline.work_once()
    pipeline.anonymize("2")
    pipeline.work()
    run_nights(pipeline)
    assert of_shop(brevo) == shop


def test_no_comparison_gives_a_shops_customer_the_address_of_a_reader(
    pipeline: Pipeline, brevo: Sandbox, shop: list[dict[str, Any]]
) -> None:
    for user in ("1", "2", "3"):
        pipeline.update(user, email=address_of(user), first_name="Ada")
    pipeline.work()
    assert run_nights(pipeline) == [{"duplicate contact": 3}] * 2
    assert brevo.contacts() == shop


def test_an_opt_out_reaches_brevo_although_another_contact_has_the_ext_id(pipeline: Pipeline, brevo: Sandbox) -> None:
    pipeline.subscribe("2", first_name="Ada")
    pipeline.work()
    brevo.edit(address_of("2"), {"ext_id": "gone"})
    brevo.add_contacts([{"email": "customer2@shop.example", "ext_id": "2", "attributes": {"FIRSTNAME": "Cleo"}}])
    before = of_shop(brevo)
    pipeline.update("2", first_name="Eva")
    pipeline.unsubscribe("2")
    pipeline.work()
    held = next(contact for contact in brevo.contacts() if contact["email"] == address_of("2"))
    assert (held["listIds"], of_shop(brevo)) == ([], before)


def test_with_a_pattern_a_shop_and_the_portal_live_together(
    make_pipeline: MakePipeline, brevo: Sandbox, shop: list[dict[str, Any]]
) -> None:
    pipeline = make_pipeline(contacts={"ext_id": SHOP})
    for user in ("1", "2", "3", "4"):
        pipeline.subscribe(user, first_name="Ada")
    pipeline.work()
    pipeline.unsubscribe("1")
    pipeline.anonymize("2")
    pipeline.update("3", email="ada@elsewhere.org")
    pipeline.work()
    assert run_nights(pipeline) == [{}, {}]
    assert (of_shop(brevo), pipeline.letters()) == (shop, [])
    lists = {str(contact["ext_id"]): contact["listIds"] for contact in brevo.contacts() if contact not in shop}
    assert (lists["portal-1"], lists["portal-3"], lists["portal-4"]) == ([], [3], [3])


def test_a_pattern_shows_the_state_whose_contact_it_is_after_a_loss(
    make_pipeline: MakePipeline, brevo: Sandbox
) -> None:
    pipeline = make_pipeline(contacts={"ext_id": SHOP})
    pipeline.subscribe("4")
    pipeline.work()
    pipeline.store.redis.flushall()
    pipeline.store.redis.script_flush()
    again = make_pipeline(contacts={"ext_id": SHOP})
    again.update("4", email="ada@elsewhere.org")
    again.subscribe("4", email="ada@elsewhere.org")
    again.work()
    assert [contact["email"] for contact in brevo.contacts()] == ["ada@elsewhere.org"]


@pytest.mark.parametrize("first", ["a", "b"])
def test_two_portals_on_one_account_leave_each_others_readers_alone(
    make_pipeline: MakePipeline, brevo: Sandbox, first: str
) -> None:
    portals = {name: make_pipeline(contacts={"ext_id": f"{name}-{{user_id}}"}) for name in ("a", "b")}
    for name, portal in portals.items():
        portal.store.prefix = f"{name}:"
    one, other = portals[first], portals["b" if first == "a" else "a"]
    one.subscribe("7", email="ada@example.org", first_name="Ada")
    one.work()
    taken = other.subscribe("9", "weekly", email="ada@example.org", first_name="Adele")
    assert taken in other.work().dead
    before = brevo.contacts()
    for _ in range(2):
        run_nights(one)
        run_nights(other)
    assert brevo.contacts() == before
    other.anonymize("9", email="ada@example.org")
    other.work()
    run_nights(other)
    assert brevo.contacts() == before
    one.unsubscribe("7")
    one.work()
    assert brevo.contacts()[0]["listIds"] == []


def test_an_opt_out_of_a_reader_whom_another_portal_took_over_leaves_our_list_and_nothing_else(
    make_pipeline: MakePipeline, brevo: Sandbox
) -> None:
    pipeline = make_pipeline(contacts={"ext_id": "a-{user_id}"})
    pipeline.subscribe("7", first_name="Ada")
    pipeline.work()
    brevo.edit(address_of("7"), {"ext_id": "b-4", "listIds": [9]})
    assert run_nights(pipeline) == [{"foreign contact": 1}] * 2
    pipeline.unsubscribe("7")
    pipeline.work()
    (held,) = brevo.contacts()
    assert (held["ext_id"], held["listIds"]) == ("b-4", [9])
    pipeline.anonymize("7")
    pipeline.work()
    run_nights(pipeline)
    assert brevo.contacts()[0]["email"] == address_of("7")
    assert pipeline.store.peek("7") is None


def test_an_erasure_leaves_whom_another_portal_took_over_and_takes_the_persons_other_contact(
    make_pipeline: MakePipeline, brevo: Sandbox
) -> None:
    pipeline = make_pipeline(contacts={"ext_id": "a-{user_id}"})
    pipeline.subscribe("7", first_name="Ada")
    pipeline.work()
    brevo.edit(address_of("7"), {"ext_id": "b-4", "listIds": [9]})
    run_nights(pipeline)
    brevo.add_contacts([{"email": "ada@second.org", "ext_id": "a-7", "listIds": [3]}])
    pipeline.anonymize("7", email="ada@second.org")
    pipeline.work()
    run_nights(pipeline)
    kept = [contact for contact in brevo.contacts() if contact["ext_id"] == "b-4"]
    assert [contact["email"] for contact in kept] == [address_of("7")]
    assert "ada@second.org" not in str(brevo.contacts())
    assert (pipeline.store.peek("7"), pipeline.letters()) == (None, [])


def test_everybody_moves_from_one_pattern_to_another(make_pipeline: MakePipeline, brevo: Sandbox) -> None:
    before = make_pipeline()
    for number in range(60):
        before.subscribe(str(number))
    before.work()
    moving = make_pipeline(contacts={"ext_id": SHOP, "former_ext_ids": ["{user_id}"]})
    moving.update("4", first_name="Ada")
    moving.work()
    assert run_nights(moving) == [{"attribute": 59}, {}]
    assert {str(contact["ext_id"]) for contact in brevo.contacts()} == {f"portal-{number}" for number in range(60)}
    after = make_pipeline(contacts={"ext_id": SHOP})
    assert run_nights(after, 1) == [{}]
    assert after.letters() == []


def test_a_stranger_under_a_known_id_is_never_written_to(pipeline: Pipeline, brevo: Sandbox) -> None:
    for user in ("anna", "berta"):
        pipeline.subscribe(user)
    pipeline.work()
    brevo.edit(address_of("anna"), {"ext_id": "77", "attributes": {"EMAIL": "zoe@else.org", "FIRSTNAME": "Zoe"}})
    stranger = dict(brevo.contacts()[0])
    assert run_nights(pipeline)[0] == {"stranger": 1}
    held = {str(contact["email"]): contact for contact in brevo.contacts()}
    assert held["zoe@else.org"] == stranger
    assert held[address_of("anna")]["listIds"] == [3]
    assert pipeline.letters() == []


def test_an_erasure_of_a_stranger_under_a_known_id_touches_nobody(pipeline: Pipeline, brevo: Sandbox) -> None:
    pipeline.subscribe("anna")
    pipeline.work()
    brevo.edit(address_of("anna"), {"ext_id": "77", "attributes": {"EMAIL": "zoe@else.org"}})
    stranger = brevo.contacts()
    # If the outcome is unknown, the contact is looked at before it is erased.
    pipeline.store.redis.hset("sync_tasks:contacts:anna", "unsure", pipeline.store.now())
    pipeline.anonymize("anna")
    pipeline.work()
    assert brevo.contacts() == stranger
    assert pipeline.store.peek("anna") is None


def test_a_comparison_stops_where_many_have_another_address_or_ext_id(
    make_pipeline: MakePipeline, brevo: Sandbox
) -> None:
    pipeline = make_pipeline(reconcile={"max_changes": 2})
    for number in range(5):
        pipeline.subscribe(f"u{number}")
    pipeline.work()
    for number in range(3):
        change = {"ext_id": f"x{number}"} if number else {"attributes": {"EMAIL": "zoe@else.org"}}
        brevo.edit(address_of(f"u{number}"), change)
    before = brevo.contacts()
    (run,) = reconcile(pipeline.resources)
    pipeline.work()
    assert "3 contacts would have another address or ext_id" in run.refused
    assert brevo.contacts() == before


@pytest.mark.parametrize("address", ["x-ada@portal.example", "x-0123456789abcdef@portal.example"])
def test_an_address_that_only_looks_like_an_erased_one_is_anonymized(
    make_pipeline: MakePipeline, brevo: Sandbox, address: str
) -> None:
    pipeline = make_pipeline(anonymize={"email": "x-{token}@portal.example"})
    pipeline.subscribe("ada", email=address, first_name="Ada")
    pipeline.work()
    brevo.edit(address, {"attributes": {"CITY": "Ulm"}})
    pipeline.anonymize("ada")
    pipeline.work()
    (held,) = brevo.contacts()
    assert held["email"] != address
    assert address not in repr(held)
    assert run_nights(pipeline) == [{}, {}]


@pytest.mark.parametrize("token", [make_token(), "0123456789abcdef"], ids=["today's", "release 0.1's"])
def test_an_erased_contact_is_known_again_whatever_the_pattern_is_now(
    make_pipeline: MakePipeline, brevo: Sandbox, token: str
) -> None:
    pipeline = make_pipeline()
    pipeline.subscribe("ada")
    pipeline.work()
    gone = {"ext_id": f"deleted-{token}", "attributes": {"EMAIL": f"deleted-{token}@deleted.example.com"}}
    brevo.edit(address_of("ada"), gone)
    later = make_pipeline(anonymize={"email": "gone-{token}@gone.example"})
    assert run_nights(later) == [{"erased at Brevo": 1}] * 2
    assert str(brevo.contacts()[0]["email"]).startswith("deleted-")


def test_doctor_warns_of_ext_ids_that_no_user_has(desk: Desk, shop: list[dict[str, Any]]) -> None:
    desk.pipeline.subscribe("anna")
    desk.pipeline.work()
    assert len(shop) == 3
    found = {check["what"]: check for check in desk.read("doctor", exits=1)}["default: ext_id"]
    assert (found["state"], found["found"]) == ("warn", "3 of 4 ext_ids looked at are no user's")
    assert "[contacts] ext_id" in found["advice"]


def test_doctor_says_that_without_a_pattern_one_account_is_for_one_portal(desk: Desk) -> None:
    found = {check["what"]: check for check in desk.read("doctor", exits=1)}["default: ext_id"]
    assert (found["state"], "one account for each portal" in found["advice"]) == ("ok", True)


def test_doctor_is_content_with_others_beside_a_pattern(desk: Desk, shop: list[dict[str, Any]]) -> None:
    assert shop
    desk.configuration.write_text(desk.configuration.read_text() + '[contacts]\next_id = "portal-{user_id}"\n')
    found = {check["what"]: check for check in desk.read("doctor", exits=1)}["default: ext_id"]
    assert (found["state"], found["found"]) == ("ok", "portal-{user_id}; 3 contacts of others are left alone")


@pytest.mark.parametrize(("pattern", "state"), [("", "ok"), ('[contacts]\next_id = "portal-{user_id}"\n', "warn")])
def test_doctor_says_that_brevo_shows_no_ext_id(desk: Desk, brevo: Sandbox, pattern: str, state: str) -> None:
    desk.configuration.write_text(desk.configuration.read_text() + pattern)
    brevo.quirks.ext_id_shown = "nowhere"
    brevo.request("POST", "/contacts", {"email": "zoe@elsewhere.org"})
    check = {check["what"]: check for check in desk.read("doctor", exits=1)}["default: ext_id"]
    assert "shows none" not in check["found"]
    desk.pipeline.subscribe("anna")
    desk.pipeline.work()
    check = {check["what"]: check for check in desk.read("doctor", exits=1)}["default: ext_id"]
    assert (check["state"], "Brevo shows none" in check["found"]) == (state, True)


@pytest.mark.parametrize(
    "fault",
    [
        '[contacts]\next_id = "portal"\n',
        '[contacts]\next_id = "{user_id}-{user_id}"\n',
        '[contacts]\next_id = "portal {user_id}"\n',
        '[contacts]\nformer_ext_ids = ["portal"]\n',
        '[anonymize]\nemail = "{token}@portal.example"\n',
    ],
)
def test_a_pattern_that_fits_more_than_one_is_refused_at_the_start(desk: Desk, fault: str) -> None:
    desk.configuration.write_text(desk.configuration.read_text() + fault)
    reported = desk.run("doctor", exits=2)
    assert len(reported.strip().splitlines()) <= 3
    assert "must hold" in reported


def test_a_letter_names_no_address(pipeline: Pipeline, shop: list[dict[str, Any]]) -> None:
    assert shop
    pipeline.subscribe("1")
    pipeline.work()
    letters: list[DeadLetter] = pipeline.letters()
    assert not any("@" in letter.message for letter in letters)
