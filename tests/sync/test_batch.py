"""Where requests are scarce, one serves everybody it can, and nobody is worse off for the batch."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import pytest

from sync_tasks.providers import Moved
from sync_tasks.providers.brevo.limits import CAPABILITIES
from sync_tasks.providers.brevo.operations import Operations
from sync_tasks.sandbox import Sandbox
from sync_tasks.sandbox.attributes import Attribute
from sync_tasks.sandbox.wire import Reply
from tests.support.batching import SHORT, BatchingLimiter
from tests.support.pipeline import MakePipeline, Pipeline, address_of, know

PEOPLE = [f"user-{number}" for number in range(12)]
IMPORT, LIST_CALL = "POST /v3/contacts/import", "POST /v3/contacts/lists/5/contacts/remove"


@pytest.fixture
def batched(make_pipeline: MakePipeline, brevo: Sandbox) -> Pipeline:
    """A pipeline with a batch at each request, and a Brevo that imports at once."""
    brevo.settings.import_seconds = SHORT / 3
    return make_pipeline(BatchingLimiter)


@pytest.fixture
def readers(batched: Pipeline) -> Pipeline:
    """Twelve people who read the weekly newsletter."""
    for user_id in PEOPLE:
        batched.subscribe(user_id, "weekly")
    batched.work()
    return batched


def test_one_list_call_takes_everybody_off_who_waits(readers: Pipeline) -> None:
    for user_id in PEOPLE:
        readers.unsubscribe(user_id, "weekly")

    with readers.requests() as requests:
        outcomes = readers.work()

    assert requests == [LIST_CALL]
    assert len(outcomes.done) == 1, "the others are concluded by the one who waited"
    assert [readers.lists(user_id) for user_id in PEOPLE] == [set()] * len(PEOPLE)
    assert not any(readers.state(user_id).pending for user_id in PEOPLE)


def test_a_batch_is_created_one_by_one_once_a_probe_saw_an_import_end_a_block(
    make_pipeline: MakePipeline, brevo: Sandbox
) -> None:
    batched = make_pipeline(BatchingLimiter, sure=True)
    brevo.settings.import_seconds = SHORT / 3
    brevo.quirks.import_lifts_blocklist_of_untouched = True
    know(batched, import_block="lifted")
    (old,) = brevo.add_contacts([{"email": address_of(PEOPLE[3])}])
    brevo.act("complain", old)
    for user_id in PEOPLE:
        batched.subscribe(user_id)

    with batched.requests() as requests:
        batched.work()

    assert IMPORT not in requests
    assert brevo.contact(old)["emailBlacklisted"]
    assert batched.lists(PEOPLE[4]) == {3}


def test_nobody_makes_a_batch_without_enough_people(pipeline: Pipeline) -> None:
    for user_id in PEOPLE[:3]:
        pipeline.subscribe(user_id)

    with pipeline.requests() as requests:
        pipeline.work()

    assert requests.count("POST /v3/contacts") == 3


def test_one_import_creates_everybody_who_waits_with_all_the_portal_wants(batched: Pipeline) -> None:
    for user_id in PEOPLE:
        batched.subscribe(user_id, "weekly", first_name=f"Name {user_id}")
        batched.subscribe(user_id, "monthly")

    with batched.requests() as requests:
        batched.work()

    assert requests.count(IMPORT) == 1
    assert "POST /v3/contacts" not in requests
    for user_id in PEOPLE:
        held = batched.held(user_id)
        assert (held["email"], set(held["listIds"])) == (address_of(user_id), {5, 7})
        assert held["attributes"]["FIRSTNAME"] == f"Name {user_id}"
        assert not batched.state(user_id).pending


def test_one_import_carries_more_people_than_a_page_shows(batched: Pipeline) -> None:
    people = [f"user-{number}" for number in range(1010)]
    for user_id in people:
        batched.subscribe(user_id, "weekly")

    with batched.requests() as requests:
        batched.sync("user-0")

    # A busy machine may look once before the import has ended.
    assert requests.count(IMPORT) == 1
    assert 3 <= len(requests) <= 4, requests
    assert [user_id for user_id in people if batched.state(user_id).pending] == []


def test_an_import_is_no_larger_than_brevo_takes(
    batched: Pipeline, brevo: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    largest, sent, people = 3000, list[int](), [f"user-{number}" for number in range(40)]
    monkeypatch.setattr(Operations, "capabilities", replace(CAPABILITIES, import_bytes=largest))
    handle = brevo.handle

    def note(method: str, path: str, **said: Any) -> Reply:
        sent.extend([len(said["body"])] if path.endswith("/import") else [])
        return handle(method, path, **said)

    monkeypatch.setattr(brevo, "handle", note)
    for user_id in people:
        batched.subscribe(user_id, "weekly", first_name="Ada" * 20)

    batched.work()

    assert len(sent) > 1
    assert max(sent) <= largest
    assert [batched.lists(user_id) for user_id in people] == [{5}] * len(people)


def test_one_import_creates_everybody_also_if_a_newsletter_has_a_flag_and_imports_drop_booleans(
    batched: Pipeline, brevo: Sandbox
) -> None:
    for user_id in PEOPLE:
        batched.subscribe(user_id, "daily")

    with batched.requests() as requests:
        batched.work()
        for user_id in PEOPLE:
            batched.sync(user_id)

    assert brevo.quirks.import_drops_booleans
    assert (requests.count(IMPORT), requests.count("PUT /v3/contacts/{id}")) == (1, 0)
    assert [batched.lists(user_id) for user_id in PEOPLE] == [{3}] * len(PEOPLE)


@pytest.mark.parametrize("field", [{"mobile": "+4917012345"}, {"vip": True}])
def test_what_an_import_would_drop_or_merge_is_created_singly(
    make_pipeline: MakePipeline, brevo: Sandbox, field: dict[str, object]
) -> None:
    brevo.account.attributes |= {"VIP": Attribute("VIP", "boolean")}
    (name, value), attributes = next(iter(field.items())), {"mobile": "SMS", "vip": "VIP"}
    pipeline = make_pipeline(BatchingLimiter, attributes=attributes)
    for number, user_id in enumerate(PEOPLE):
        reported = f"{value}{number:02}" if name == "mobile" else value
        pipeline.subscribe(user_id, "weekly", attributes={name: reported})

    with pipeline.requests() as requests:
        pipeline.work()

    assert (requests.count(IMPORT), requests.count("POST /v3/contacts")) == (0, len(PEOPLE))
    assert [set(pipeline.held(user_id)["attributes"]) for user_id in PEOPLE] == [{attributes[name]}] * len(PEOPLE)


def test_an_import_changes_nothing_in_contacts_that_brevo_has_already(batched: Pipeline, brevo: Sandbox) -> None:
    brevo.add_contacts([{"email": address_of("user-3"), "attributes": {"HOBBY": "chess"}}])
    brevo.act("bounce", address_of("user-3"))
    for user_id in PEOPLE:
        batched.subscribe(user_id, "weekly", first_name="Ada")

    batched.work()

    held = batched.held("user-3")
    assert held["emailBlacklisted"]
    assert held["attributes"]["HOBBY"] == "chess"
    assert held["attributes"]["FIRSTNAME"] == "Ada"
    assert set(held["listIds"]) == {5}


def test_one_whom_brevo_refuses_fails_alone(batched: Pipeline, brevo: Sandbox) -> None:
    brevo.quirks.example_addresses_refused = True
    for user_id in PEOPLE:
        batched.subscribe(user_id, "weekly")
    batched.subscribe("bad", "weekly", email="somebody@example.com")

    batched.work()

    assert [letter.user_id for letter in batched.letters()] == ["bad"]
    assert all(batched.lists(user_id) == {5} for user_id in PEOPLE)


def test_for_a_list_that_brevo_does_not_have_everybody_waits(make_pipeline: MakePipeline) -> None:
    batched = make_pipeline(BatchingLimiter, newsletters={"weekly": {"list_id": 99}})
    for user_id in PEOPLE[:6]:
        batched.subscribe(user_id, "weekly")

    assert len(batched.work_once().waiting) == 6
    assert batched.letters() == []


@pytest.mark.parametrize("trouble", ["drop", "drop_after", "html"])
def test_a_request_without_an_answer_leaves_each_outcome_unknown_and_nobody_behind(
    readers: Pipeline, brevo: Sandbox, trouble: str
) -> None:
    for user_id in PEOPLE:
        readers.unsubscribe(user_id, "weekly")
    brevo.add_fault(trouble, count=1, path="remove")

    readers.sync("user-0")
    assert [user_id for user_id in PEOPLE if not readers.state(user_id).unknown_since] == []
    readers.work()

    assert [readers.lists(user_id) for user_id in PEOPLE] == [set()] * len(PEOPLE)
    assert not readers.letters()


def test_a_list_call_whose_first_try_was_not_answered_leaves_each_outcome_unknown(
    readers: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave = Operations.leave_list

    def leave_list(gateway: Operations, list_id: int, contacts: Collection[int]) -> Moved:
        return replace(leave(gateway, list_id, contacts), outcome_unknown=True)

    monkeypatch.setattr(Operations, "leave_list", leave_list)
    for user_id in PEOPLE:
        readers.unsubscribe(user_id, "weekly")
    readers.sync("user-0")
    assert [readers.lists(user_id) for user_id in PEOPLE] == [set()] * len(PEOPLE)
    assert [user_id for user_id in PEOPLE if not readers.state(user_id).unknown_since] == []


def test_whoever_a_list_call_does_not_move_is_unknown_too_if_its_first_try_was_not_answered(
    readers: Pipeline, brevo: Sandbox
) -> None:
    for user_id in PEOPLE:
        readers.unsubscribe(user_id, "weekly")
    brevo.add_fault("status", status=504, applied=True, count=1, path="remove")

    with readers.requests() as requests:
        readers.sync("user-0")

    assert requests.count(LIST_CALL) == 2
    assert [user_id for user_id in PEOPLE if not readers.state(user_id).unknown_since] == []


@pytest.mark.parametrize("newsletter", ["weekly", "monthly"])
def test_whoever_need_not_move_is_found_out_by_their_ids(readers: Pipeline, brevo: Sandbox, newsletter: str) -> None:
    there = {"weekly": {"unlinkListIds": [5]}, "monthly": {"listIds": [7]}}[newsletter]
    for user_id in PEOPLE[:9]:
        brevo.edit(address_of(user_id), there)
    for user_id in PEOPLE:
        (readers.unsubscribe if newsletter == "weekly" else readers.subscribe)(user_id, newsletter)

    with readers.requests() as requests:
        readers.work()

    assert [readers.lists(user_id) for user_id in PEOPLE] == [set() if newsletter == "weekly" else {5, 7}] * len(PEOPLE)
    assert len(requests) <= 5
    assert not any(readers.state(user_id).pending for user_id in PEOPLE)


def test_whoever_is_gone_is_left_out_of_the_next_list_call(readers: Pipeline, brevo: Sandbox) -> None:
    for user_id in PEOPLE[:6]:
        brevo.act("delete", address_of(user_id))
    for user_id in PEOPLE:
        readers.unsubscribe(user_id, "weekly")

    with readers.requests() as requests:
        outcomes = readers.work()

    assert requests.count(LIST_CALL) == 1
    assert [str(outcome) for outcome in outcomes.done.values()] == ["not found"] * 6
    assert [readers.lists(user_id) for user_id in PEOPLE[6:]] == [set()] * 6


def test_whoever_is_blocked_or_still_there_goes_on_alone_after_a_list_call(readers: Pipeline, brevo: Sandbox) -> None:
    brevo.act("unsubscribe", address_of("user-1"))
    brevo.edit(address_of("user-2"), {"unlinkListIds": [5]})
    brevo.add_fault("status", status=400, count=1, path="remove")
    for user_id in PEOPLE:
        readers.unsubscribe(user_id, "weekly")

    outcomes = readers.work()

    assert [readers.lists(user_id) for user_id in PEOPLE] == [set()] * len(PEOPLE)
    assert not outcomes.dead
    assert not any(readers.state(user_id).pending for user_id in PEOPLE)


def test_an_import_that_brevo_never_carries_out_is_made_good_one_by_one(batched: Pipeline, brevo: Sandbox) -> None:
    brevo.quirks.import_outcome = "failed"
    for user_id in PEOPLE:
        batched.subscribe(user_id, "weekly")

    batched.work()

    assert [batched.lists(user_id) for user_id in PEOPLE] == [{5}] * len(PEOPLE)


def test_contacts_that_brevo_has_join_another_list_after_one_look_at_what_changed(
    readers: Pipeline, brevo: Sandbox
) -> None:
    brevo.act("bounce", address_of("user-2"))
    brevo.act("unsubscribe", address_of("user-3"))
    brevo.edit(address_of("user-4"), {"attributes": {"FIRSTNAME": "Zoe"}})
    brevo.act("delete", address_of("user-5"))
    for user_id in PEOPLE:
        readers.subscribe(user_id, "monthly")

    with readers.requests() as requests:
        readers.work()

    assert requests.count("GET /v3/contacts") <= 3
    assert requests.count("POST /v3/contacts/lists/7/contacts/add") >= 1
    assert len(requests) < len(PEOPLE) + 4, "alone, each would have been two"
    assert all(readers.lists(user_id) == {5, 7} for user_id in PEOPLE if user_id != "user-3")
    assert readers.held("user-2")["emailBlacklisted"]
    assert not readers.held("user-3")["emailBlacklisted"], "the subscription is newer than the opt-out"
    assert readers.lists("user-3") == {7}, "but not the one that the opt-out ended"


def test_people_with_other_wishes_are_no_batch(readers: Pipeline) -> None:
    for user_id in PEOPLE:
        readers.unsubscribe(user_id, "weekly")
    readers.update("user-1", first_name="Bea")
    readers.anonymize("user-2")

    with readers.requests() as requests:
        readers.work()

    assert requests.count(LIST_CALL) >= 1
    assert readers.held("user-1")["attributes"]["FIRSTNAME"] == "Bea"
    assert readers.lists("user-1") == set()
    assert readers.store.peek("user-2") is None
    assert all(readers.lists(user_id) == set() for user_id in PEOPLE if user_id != "user-2")


def test_opt_outs_and_erasures_ask_before_all_others(readers: Pipeline) -> None:
    granted = readers.resources.limiter.__dict__.setdefault("granted", [])
    readers.update("user-1", first_name="Bea")
    readers.unsubscribe("user-2", "weekly")
    readers.anonymize("user-3")

    for user_id in ("user-1", "user-2", "user-3"):
        granted.clear()
        readers.sync(user_id)
        assert set(granted) == {1 if user_id == "user-1" else 0}


def test_an_import_that_brevo_may_carry_out_twice_is_verified_for_everybody(
    make_pipeline: MakePipeline, brevo: Sandbox
) -> None:
    brevo.settings.import_seconds = SHORT / 3
    batched = make_pipeline(BatchingLimiter, pipeline={"quiet_seconds": 1})
    for user_id in PEOPLE:
        batched.subscribe(user_id, "weekly")
    brevo.add_fault("status", status=503, count=1, path="import")

    batched.sync("user-0")

    assert [user_id for user_id in PEOPLE if not batched.state(user_id).unknown_since] == []
    assert not any(batched.state(user_id).pending for user_id in PEOPLE)
