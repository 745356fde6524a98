"""What a create and a change send, and what they make of good answers."""

import pytest

from sync_tasks.domain.diff import Change, NewContact
from sync_tasks.errors import (
    DuplicateContactError,
    GatewayUnavailableError,
    MissingContactError,
    MissingListError,
    RejectedContactError,
)
from sync_tasks.providers import Written
from sync_tasks.providers.brevo.client import Brevo
from tests.support.brevo_samples import ADDRESS, HTML, LATIN, MISSING, NAME, NEW, NO_LIST, RENAMED, TAKEN, remote
from tests.support.scripted_brevo import DROPPED, Reply, Script, answer

NO = answer(404, NO_LIST)


def test_a_create_asks_for_the_id_and_never_updates(script: Script, gateway: Brevo) -> None:
    script.says(answer(201, {"id": 42}))

    assert gateway.create(NEW) == Written(42)
    (asked,) = script.asked
    assert (asked.method, asked.target) == ("POST", "/v3/contacts")
    assert asked.body == {
        "email": ADDRESS,
        "ext_id": "user-1",
        "attributes": {"FIRSTNAME": NAME, "AGE": 0},
        "listIds": [3, 7],
        "updateEnabled": False,
        "getId": True,
    }


def test_a_create_leaves_out_what_is_empty_or_false(script: Script, gateway: Brevo) -> None:
    script.says(answer(201, {"id": 42}))

    gateway.create(NewContact(ADDRESS, "user-1", {"FIRSTNAME": None, "LASTNAME": "", "OPEN": False}, frozenset()))

    assert script.asked[0].body["attributes"] == {}
    assert "listIds" not in script.asked[0].body


def test_a_change_is_one_request_addressed_by_number(script: Script, gateway: Brevo) -> None:
    script.says(answer(204))
    change = Change(
        address=ADDRESS,
        ext_id="user-2",
        attributes={"FIRSTNAME": NAME, "LASTNAME": None},
        join=frozenset({9, 3}),
        leave=frozenset({5}),
        blocklisted=True,
    )

    assert gateway.change(42, change) == Written(42)
    (asked,) = script.asked
    assert (asked.method, asked.target) == ("PUT", "/v3/contacts/42")
    assert asked.body == {
        "attributes": {"FIRSTNAME": NAME, "LASTNAME": "", "EMAIL": ADDRESS},
        "ext_id": "user-2",
        "listIds": [3, 9],
        "unlinkListIds": [5],
        "emailBlacklisted": True,
    }


@pytest.mark.parametrize(
    ("change", "body"),
    [
        (Change(leave=frozenset({5})), {"unlinkListIds": [5]}),
        (Change(blocklisted=False), {"emailBlacklisted": False}),
        (Change(attributes={"AGE": 0}), {"attributes": {"AGE": 0}}),
        (Change(), {}),
    ],
)
def test_a_change_sends_nothing_that_stays(script: Script, gateway: Brevo, change: Change, body: object) -> None:
    script.says(answer(204))

    gateway.change(42, change)

    assert script.asked[0].body == body


def test_the_key_is_sent_without_the_white_space_around_it(script: Script) -> None:
    script.says(answer(204))
    gateway = Brevo(" xkeysib-secret\r\n", base_url=f"{script.url}/")

    gateway.change(42, RENAMED)
    gateway.close()

    assert script.asked[0].headers["api-key"] == "xkeysib-secret"
    assert script.asked[0].path == "/v3/contacts/42"


@pytest.mark.parametrize(
    "reply",
    [answer(204), answer(200, HTML), answer(201, LATIN), answer(201, {"id": True}), answer(201, b'{"id": 4')],
    ids=["no body", "html", "latin", "no id", "half"],
)
def test_a_create_that_brings_no_id_has_an_unknown_outcome(script: Script, gateway: Brevo, reply: Reply) -> None:
    script.says(reply)

    with pytest.raises(GatewayUnavailableError) as caught:
        gateway.create(NEW)
    assert caught.value.outcome_unknown
    assert len(script.asked) == 1


def test_a_change_answered_by_a_web_page_has_an_unknown_outcome(script: Script, gateway: Brevo) -> None:
    script.says(answer(200, HTML))

    with pytest.raises(GatewayUnavailableError) as caught:
        gateway.change(42, RENAMED)
    assert caught.value.outcome_unknown


@pytest.mark.parametrize("code", ["duplicate_parameter", "invalid_parameter", "some_code_of_next_year"])
def test_duplicates_are_known_by_their_metadata(script: Script, gateway: Brevo, code: str) -> None:
    metadata = {"duplicate_identifiers": ["email", "ext_id", ADDRESS]}
    script.says(answer(400, {"code": code, "message": "Nope", "metadata": metadata}))

    with pytest.raises(DuplicateContactError) as caught:
        gateway.create(NEW)
    assert caught.value.identifiers == ("email", "ext_id", "unknown")


@pytest.mark.parametrize(
    ("code", "message", "identifiers"),
    [
        ("duplicate_parameter", "Contact already exist", ("email",)),
        (
            "invalid_parameter",
            "Unable to update contact, ext_id is already associated with another Contact",
            ("ext_id",),
        ),
        ("invalid_parameter", "Unable to create contact, SMS is already associated with another Contact", ("sms",)),
        ("invalid_parameter", "WHATSAPP is already associated with another Contact", ("whatsapp",)),
        ("invalid_parameter", "LANDLINE_NUMBER is already associated with another Contact", ("landline_number",)),
        ("invalid_parameter", "email, ext_id is already associated with another Contact", ("email", "ext_id")),
    ],
)
def test_duplicates_are_known_by_code_or_text_without_metadata(
    script: Script, gateway: Brevo, code: str, message: str, identifiers: tuple[str, ...]
) -> None:
    script.says(answer(400, {"code": code, "message": message}))

    with pytest.raises(DuplicateContactError) as caught:
        gateway.change(42, RENAMED)
    assert caught.value.identifiers == identifiers


def test_an_address_brevo_dislikes_is_no_duplicate(script: Script, gateway: Brevo) -> None:
    found = answer(200, {"id": 3, "name": "Daily"})
    script.says(answer(400, {"code": "invalid_parameter", "message": "Invalid email address"}), found, found)

    with pytest.raises(RejectedContactError) as caught:
        gateway.create(NEW)
    assert type(caught.value) is RejectedContactError
    assert str(caught.value) == "POST /contacts (lists 3, 7): 400 invalid_parameter"


def test_a_change_of_a_contact_brevo_lost_says_so(script: Script, gateway: Brevo) -> None:
    script.says(answer(404, MISSING))

    with pytest.raises(MissingContactError, match=r"PUT /contacts/\{id\} \(contact 42\): 404 document_not_found"):
        gateway.change(42, RENAMED)


def test_a_missing_list_does_not_pass_for_a_missing_contact(script: Script, gateway: Brevo) -> None:
    script.says(answer(404, NO_LIST), answer(200, remote()), answer(404, NO_LIST))

    with pytest.raises(MissingListError, match=r"contact 42; lists 3") as caught:
        gateway.change(42, Change(join=frozenset({3})))
    assert caught.value.lists == (3,)


@pytest.mark.parametrize("status", [400, 404])
def test_which_list_is_missing_is_asked_whatever_brevo_says(script: Script, gateway: Brevo, status: int) -> None:
    reported = {"code": "document_not_found", "message": "no"}
    script.says(answer(status, reported), answer(200, {"id": 3}), NO)
    with pytest.raises(RejectedContactError) as caught:
        gateway.create(NEW)
    assert isinstance(caught.value, MissingListError)
    assert caught.value.lists == (7,)
    assert [request.path for request in script.asked[1:]] == ["/v3/contacts/lists/3", "/v3/contacts/lists/7"]


def test_a_refused_list_call_moves_nobody_and_leaves_the_question_to_each(script: Script, gateway: Brevo) -> None:
    script.says(NO)
    assert gateway.join_list(3, [42, 43]).ids == frozenset()


def test_a_missing_contact_is_missing_although_lists_were_sent(script: Script, gateway: Brevo) -> None:
    script.says(answer(404, MISSING), answer(404, MISSING))

    with pytest.raises(MissingContactError):
        gateway.change(42, Change(join=frozenset({3})))


def test_a_create_on_a_missing_list_is_rejected(script: Script, gateway: Brevo) -> None:
    script.says(answer(404, NO_LIST), answer(404, NO_LIST), answer(200, {"id": 7}))

    with pytest.raises(MissingListError) as caught:
        gateway.create(NEW)
    assert caught.value.lists == (3,)


def test_a_write_that_succeeds_after_a_try_of_unknown_outcome_has_an_unknown_outcome(
    script: Script, gateway: Brevo
) -> None:
    script.says(answer(502, HTML), answer(204))

    assert gateway.change(42, RENAMED) == Written(42, outcome_unknown=True)
    assert len(script.asked) == 2


def test_a_create_that_succeeds_after_too_early_is_certain(script: Script, gateway: Brevo) -> None:
    script.says(answer(425, {"code": "too_early", "message": "Too Early"}), answer(201, {"id": 42}))

    assert gateway.create(NEW) == Written(42)


def test_a_create_that_took_effect_behind_a_bad_gateway_is_a_duplicate(script: Script, gateway: Brevo) -> None:
    script.says(answer(504), answer(400, TAKEN))

    with pytest.raises(DuplicateContactError):
        gateway.create(NEW)


@pytest.mark.parametrize("last", [answer(429), answer(401, {"code": "unauthorized"}), answer(425)])
def test_no_later_trouble_hides_that_a_try_has_an_unknown_outcome(script: Script, gateway: Brevo, last: Reply) -> None:
    script.says(answer(502), last, last, DROPPED)

    with pytest.raises(GatewayUnavailableError) as caught:
        gateway.change(42, RENAMED)
    assert caught.value.outcome_unknown
