"""The gateway and the sandbox agree on what Brevo does."""

from collections.abc import Iterator

import pytest

from sync_tasks.domain.diff import Change, NewContact
from sync_tasks.errors import (
    AccountError,
    DuplicateContactError,
    ForbiddenError,
    GatewayUnavailableError,
    MissingContactError,
    RateLimitedError,
    RejectedContactError,
    TooEarlyError,
    UnauthorizedError,
)
from sync_tasks.providers import Gateway, Written
from sync_tasks.providers.brevo.client import Brevo
from sync_tasks.providers.brevo.connection import Patience
from sync_tasks.sandbox.sandbox import Sandbox
from sync_tasks.sandbox.server import ServedSandbox

JOE = NewContact("joe@example.com", "user-1", {"FIRSTNAME": "Joe"}, frozenset({3}))
ANN = NewContact("ann@example.com", "user-2", {}, frozenset())


@pytest.fixture
def brevo(sandbox: ServedSandbox) -> Iterator[Gateway]:
    gateway = Brevo("key", base_url=sandbox.url, patience=Patience(read=5, pause=0.001))
    yield gateway
    gateway.close()


@pytest.fixture
def inside(sandbox: ServedSandbox) -> Sandbox:
    sandbox.sandbox.limits.settings.enabled = False
    return sandbox.sandbox


def test_what_was_created_is_found_in_every_way(brevo: Gateway) -> None:
    joe = brevo.create(JOE).contact_id

    contact = brevo.read(joe)

    assert contact is not None
    assert (contact.address, contact.ext_id, contact.lists) == ("joe@example.com", "user-1", frozenset({3}))
    assert contact.attributes["FIRSTNAME"] == "Joe"
    assert contact.block is None
    assert brevo.find_address("JOE@example.com") == contact
    assert brevo.find_ext_id("user-1") == contact


@pytest.mark.parametrize("ext_id", ["a/b", "..", "50%2F", "urn:user:7", "4711", "müller", "report.zip", "a?b#c"])
def test_odd_ext_ids_are_found(brevo: Gateway, ext_id: str) -> None:
    brevo.create(ANN)
    written = brevo.create(NewContact("joe@example.com", ext_id, {}, frozenset()))

    found = brevo.find_ext_id(ext_id)

    assert found is not None
    assert found.id == written.contact_id


def test_nobody_claims_to_know_where_the_firewall_hates_an_address_and_the_filter_finds_none(brevo: Gateway) -> None:
    brevo.create(ANN)
    brevo.create(NewContact("joe@example.zip", "user-1", {}, frozenset()))

    with pytest.raises(RejectedContactError, match="nobody can find out"):
        brevo.find_address("joe@example.zip")


def test_an_address_the_firewall_hates_is_found_by_a_filter_that_finds(brevo: Gateway, inside: Sandbox) -> None:
    inside.quirks.address_filter_finds = True
    written = brevo.create(NewContact("joe@example.zip", "user-1", {}, frozenset()))

    found = brevo.find_address("joe@example.zip")

    assert found is not None
    assert found.id == written.contact_id


def test_nobody_is_found_where_nobody_is(brevo: Gateway) -> None:
    brevo.create(ANN)

    assert brevo.read(999) is None
    assert brevo.find_address("joe@example.com") is None
    assert brevo.find_ext_id("user-1") is None
    with pytest.raises(MissingContactError):
        brevo.change(999, Change(attributes={"FIRSTNAME": "Joe"}, join=frozenset({3})))


def test_one_change_does_everything(brevo: Gateway) -> None:
    joe = brevo.create(JOE).contact_id
    change = Change(
        address="new@example.com",
        ext_id="user-9",
        attributes={"FIRSTNAME": None, "LASTNAME": "Doe"},
        join=frozenset({5}),
        leave=frozenset({3}),
        blocklisted=False,
    )

    assert brevo.change(joe, change) == Written(joe)

    contact = brevo.read(joe)
    assert contact is not None
    assert (contact.address, contact.ext_id, contact.lists) == ("new@example.com", "user-9", frozenset({5}))
    assert not contact.attributes.get("FIRSTNAME")
    assert contact.attributes["LASTNAME"] == "Doe"


def test_identifiers_of_others_are_duplicates(brevo: Gateway) -> None:
    brevo.create(JOE)
    ann = brevo.create(ANN).contact_id

    with pytest.raises(DuplicateContactError) as caught:
        brevo.create(JOE)
    assert "email" in caught.value.identifiers
    with pytest.raises(DuplicateContactError) as caught:
        brevo.change(ann, Change(address="joe@example.com"))
    assert caught.value.identifiers == ("email",)
    with pytest.raises(DuplicateContactError) as caught:
        brevo.change(ann, Change(ext_id="user-1"))
    # Without a telephone number in the request it is the ``ext_id``, whatever Brevo names beside it.
    assert "ext_id" in caught.value.identifiers


@pytest.mark.parametrize(
    ("act", "kind"), [("unsubscribe", "unsubscribed"), ("bounce", "hard_bounce"), ("complain", "complaint")]
)
def test_a_block_is_reported_with_its_reason(brevo: Gateway, inside: Sandbox, act: str, kind: str) -> None:
    joe = brevo.create(JOE).contact_id
    inside.act(act, joe)

    contact = brevo.read(joe)

    assert contact is not None
    assert contact.block is not None
    assert contact.block.kind == kind
    assert brevo.find_address("joe@example.com") == contact


def test_an_unknown_list_is_not_a_missing_contact(brevo: Gateway) -> None:
    joe = brevo.create(JOE).contact_id

    with pytest.raises(RejectedContactError) as caught:
        brevo.change(joe, Change(join=frozenset({999})))
    assert not isinstance(caught.value, MissingContactError)


def test_lists_and_attributes_are_reported(brevo: Gateway) -> None:
    assert brevo.attribute_types()["FIRSTNAME"] == "text"
    assert brevo.list_names()[3] == "List 3"


def test_a_wrong_base_url_is_our_own_trouble(sandbox: ServedSandbox) -> None:
    gateway = Brevo("key", base_url=f"{sandbox.url}/v3")

    with pytest.raises(AccountError):
        gateway.read(1)
    gateway.close()


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"kind": "status", "status": 401}, UnauthorizedError),
        ({"kind": "status", "status": 403}, ForbiddenError),
        ({"kind": "status", "status": 425}, TooEarlyError),
        ({"kind": "status", "status": 429}, RateLimitedError),
        ({"kind": "status", "status": 503, "html": True}, GatewayUnavailableError),
        ({"kind": "not_utf8", "status": 400}, RejectedContactError),
        ({"kind": "waf", "method": "POST"}, RejectedContactError),
        ({"kind": "waf"}, ForbiddenError),
        ({"kind": "html"}, GatewayUnavailableError),
        ({"kind": "drop"}, GatewayUnavailableError),
        ({"kind": "truncated"}, GatewayUnavailableError),
    ],
)
def test_a_fault_becomes_its_error(
    brevo: Gateway, inside: Sandbox, fault: dict[str, object], expected: type[Exception]
) -> None:
    inside.faults.clear()
    inside.add_fault(str(fault["kind"]), **{name: value for name, value in fault.items() if name != "kind"})

    with pytest.raises(expected) as caught:
        brevo.create(JOE)
    assert type(caught.value) is expected


def test_a_create_that_worked_behind_a_bad_gateway_is_found_again(brevo: Gateway, inside: Sandbox) -> None:
    inside.add_fault("status", status=502, applied=True, count=1)

    with pytest.raises(DuplicateContactError):
        brevo.create(JOE)
    assert brevo.find_ext_id("user-1") is not None


def test_a_dropped_change_may_have_been_applied(brevo: Gateway, inside: Sandbox) -> None:
    joe = brevo.create(JOE).contact_id
    inside.add_fault("drop_after", count=1)

    with pytest.raises(GatewayUnavailableError) as caught:
        brevo.change(joe, Change(leave=frozenset({3})))

    assert caught.value.outcome_unknown
    contact = brevo.read(joe)
    assert contact is not None
    assert contact.lists == frozenset()
