"""What is known of a user, without a request and with one: who is found, what is said, and of what nothing is."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from sync_tasks.domain.contact import RemoteContact, RemoteState
from sync_tasks.ext_ids import ExtIds
from sync_tasks.monitoring.people import find_owner, find_user
from sync_tasks.monitoring.portrait import Portrait, find_remote, note_taken_address, paint
from sync_tasks.monitoring.sides import Masks
from sync_tasks.sandbox import Sandbox
from tests.support.pipeline import Pipeline, address_of
from tests.support.saying import ADA, BEA, MAPPING, contact_of, subscribe

REMEMBERED = "(as remembered: Brevo was not asked)"


@pytest.fixture
def anna(pipeline: Pipeline) -> Pipeline:
    """A pipeline that knows Anna, who reads the daily newsletter."""
    pipeline.subscribe("anna")
    pipeline.work()
    return pipeline


def portrait_of(pipeline: Pipeline, user_id: str, *, asked: bool = False) -> Portrait | None:
    @contextmanager
    def ask() -> Iterator[Mapping[str, Any]]:
        yield pipeline.resources.gateways

    asking: Callable[[], AbstractContextManager[Mapping[str, Any]]] | None = ask if asked else None
    return paint(pipeline.store, pipeline.resources.settings, user_id, Masks(), asking)


def test_of_nobody_nothing_is_painted(anna: Pipeline) -> None:
    assert portrait_of(anna, "otto") is None


@pytest.mark.parametrize("asked", [True, False])
def test_a_reader_is_shown_with_what_is_held(anna: Pipeline, *, asked: bool) -> None:
    found = portrait_of(anna, "anna", asked=asked)
    assert found is not None
    assert found.verdict.startswith("gets mail of daily (since 20")
    assert found.verdict.endswith(REMEMBERED) is not asked
    sides = found.accounts["default"]
    assert (sides.contact_id, sides.asked, sides.error) == (anna.held("anna")["id"], asked, "")
    assert (found.waiting, found.erased_at, found.letters) == ([], None, [])


def test_a_brevo_that_cannot_be_asked_is_remembered_with_the_reason(anna: Pipeline, brevo: Sandbox) -> None:
    brevo.add_fault("status", status=500)
    found = portrait_of(anna, "anna", asked=True)
    assert found is not None
    sides = found.accounts["default"]
    assert (sides.asked, sides.error.partition(":")[0]) == (False, "GatewayUnavailableError")
    assert found.verdict.endswith(REMEMBERED)


def test_a_contact_that_is_gone_is_shown_without_a_number(anna: Pipeline, brevo: Sandbox) -> None:
    brevo.act("delete", address_of("anna"))
    found = portrait_of(anna, "anna", asked=True)
    assert found is not None
    assert found.accounts["default"].contact_id is None
    assert "Brevo holds no contact" in found.verdict


def test_a_newsletter_that_the_configuration_lacks_is_named_if_it_is_subscribed(anna: Pipeline) -> None:
    anna.subscribe("anna", "gone")
    anna.subscribe("anna", "left")
    anna.unsubscribe("anna", "left")
    found = portrait_of(anna, "anna")
    assert found is not None
    assert "gets none of gone because the configuration lacks it (a new subscription would not help)" in found.verdict
    assert "left" not in found.verdict
    assert "daily" in found.verdict
    assert sorted(found.waiting) == found.waiting
    assert "subscribe_contact gone" in found.waiting


def test_a_deleted_user_is_shown_as_such(anna: Pipeline) -> None:
    anna.anonymize("anna")
    found = portrait_of(anna, "anna")
    assert found is not None
    assert found.verdict.startswith("gets no mail: deleted by the portal")
    anna.work()
    found = portrait_of(anna, "anna")
    assert found is not None
    assert found.verdict == f"gets no mail: deleted by the portal as of {found.erased_at}"


def test_an_address_that_another_user_has_does_not_find_this_one(anna: Pipeline) -> None:
    own = anna.state("anna")
    assert note_taken_address(anna.store, own) is own
    anna.subscribe("ben")
    anna.work()
    anna.update("ben", email=address_of("anna"))
    ben = anna.state("ben")
    assert note_taken_address(anna.store, ben).address_taken


def test_a_user_is_found_by_the_id_and_the_address_as_they_are_written(anna: Pipeline) -> None:
    assert find_user(anna.store, " anna ") == "anna"
    assert find_user(anna.store, "x" * 1000) == "x" * 1000
    assert find_owner(anna.store, address_of("anna")) == "anna"
    assert find_owner(anna.store, address_of("otto")) is None


def test_of_whom_only_a_line_of_history_is_left_nothing_else_is_known(anna: Pipeline) -> None:
    store = anna.store
    store.redis.delete(*[key for key in store.redis.scan_iter() if ":contacts:" in key])
    found = portrait_of(anna, "anna")
    assert found is not None
    assert (found.verdict, bool(found.history), found.letters) == ("gets no mail: nothing is known", True, [])
    assert (found.waiting, found.accounts) == ([], {})


def test_what_waits_is_named_by_its_task_and_its_newsletter(anna: Pipeline) -> None:
    anna.update("anna", first_name="Anna")
    anna.subscribe("anna", "weekly")
    found = portrait_of(anna, "anna")
    assert found is not None
    assert found.waiting == ["subscribe_contact weekly", "update_contact"]


def test_an_erasure_that_is_not_complete_is_said(anna: Pipeline) -> None:
    anna.anonymize("anna")
    found = portrait_of(anna, "anna")
    assert found is not None
    said = "gets no mail: deleted by the portal, the erasure is on its way"
    assert (found.verdict, found.erased_at) == (said, None)


OWN = RemoteContact(7, ADA, "shop-u1", frozenset({3}), {}, None)
STRANGER = RemoteContact(7, BEA, "shop-u2", frozenset({3}), {}, None)
MOVED = replace(OWN, id=8, address=BEA)
PROVING = replace(MAPPING, ext_ids=ExtIds("shop-{user_id}", ("{user_id}",)))


@dataclass
class Held:
    """What Brevo shows by a number, by an address and by an ``ext_id``."""

    number: RemoteContact | None = None
    address: RemoteContact | None = None
    ext_id: RemoteContact | None = None

    def read(self, _contact_id: int) -> RemoteContact | None:
        return self.number

    def find_address(self, _address: str) -> RemoteContact | None:
        return self.address

    def find_ext_id(self, ext_id: str) -> RemoteContact | None:
        return self.ext_id if self.ext_id and self.ext_id.ext_id == ext_id else None


@pytest.mark.parametrize(
    ("held", "known", "taken", "found"),
    [
        (Held(OWN, MOVED), 7, False, OWN),
        (Held(OWN, MOVED), None, False, MOVED),
        (Held(STRANGER, MOVED), 7, False, MOVED),
        (Held(STRANGER, None, MOVED), 7, False, MOVED),
        (Held(None, STRANGER, MOVED), 7, True, MOVED),
        (Held(None, None, replace(MOVED, ext_id="u1")), 7, False, None),
        (Held(STRANGER), 7, False, None),
    ],
    ids=[
        "by its number",
        "by its address",
        "a stranger has the number",
        "by an ext_id",
        "another user has the address",
        "an ext_id that anybody may write",
        "nobody",
    ],
)
def test_nobody_else_is_taken_for_the_contact_of_a_user(
    held: Any,  # noqa: ANN401 - as much of a gateway
    known: int | None,
    found: RemoteContact | None,
    *,
    taken: bool,
) -> None:
    contact = replace(contact_of(subscribe(1)), address_taken=taken)
    assert find_remote(contact, RemoteState(known, ADA), held, PROVING) == found
