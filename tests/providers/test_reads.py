"""Reading and finding contacts: the right one or none, and no address in a path."""

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import unquote

import pytest

from sync_tasks.domain.contact import Block, RemoteContact
from sync_tasks.errors import AccountError, GatewayUnavailableError, RejectedContactError
from sync_tasks.providers.brevo.client import Brevo
from tests.support.brevo_samples import ADDRESS, HTML, LATIN, MISSING, NAME, WRONG_PATH, page, remote
from tests.support.scripted_brevo import Reply, Script, answer, cut_off

PEGGY = RemoteContact(42, ADDRESS, "user-1", frozenset({3, 40}), {"FIRSTNAME": NAME}, None)


def test_a_contact_is_read_by_number(script: Script, gateway: Brevo) -> None:
    script.says(answer(200, remote()))

    assert gateway.read(42) == PEGGY
    assert script.asked[0].path == "/v3/contacts/42"
    assert script.asked[0].query == {"identifierType": "contact_id"}


def test_a_contact_without_address_statistics_and_lists_is_legal(script: Script, gateway: Brevo) -> None:
    held = {"id": 42, "attributes": {"EXT_ID": "user-1", "SMS": 4930}, "listIds": [], "emailBlacklisted": False}
    script.says(answer(200, held))

    assert gateway.read(42) == RemoteContact(42, None, "user-1", frozenset(), {"SMS": 4930}, None)


def test_a_contact_brevo_does_not_have_is_none(script: Script, gateway: Brevo) -> None:
    script.says(answer(404, MISSING))

    assert gateway.read(42) is None


@pytest.mark.parametrize(
    "reply", [answer(404, WRONG_PATH), answer(404, HTML), answer(404)], ids=["json", "html", "empty"]
)
def test_a_wrong_path_never_looks_like_a_missing_contact(script: Script, gateway: Brevo, reply: Reply) -> None:
    script.says(reply)

    with pytest.raises(AccountError, match="check the base URL"):
        gateway.read(42)


@pytest.mark.parametrize(
    "reply",
    [
        answer(200, HTML),
        answer(200, LATIN),
        answer(200, {"message": "ok"}),
        answer(200, []),
        answer(204),
        cut_off(200, b"{"),
    ],
    ids=["html", "latin", "no contact", "a list", "empty", "cut off"],
)
def test_an_answer_that_cannot_be_read_is_no_missing_contact(script: Script, gateway: Brevo, reply: Reply) -> None:
    script.says(reply)

    with pytest.raises(GatewayUnavailableError) as caught:
        gateway.read(42)
    assert not caught.value.outcome_unknown


JUNE, JULY, MAY = "1780308000000000", "1782900000000000", "1777740031000000"
NO_CLICKS: dict[str, object] = {"userUnsubscription": [], "adminUnsubscription": []}


@pytest.mark.parametrize(
    ("statistics", "block"),
    [
        ({}, Block("unsubscribed", MAY)),
        (..., Block("unknown", MAY)),
        ({"hardBounces": [], "complaints": []}, Block("unsubscribed", MAY)),
        (
            {
                "unsubscriptions": {
                    "userUnsubscription": [{"campaignId": 1, "eventTime": "2026-06-01T10:00:00Z"}],
                    "adminUnsubscription": [{"eventTime": "2026-07-01T12:00:00+02:00"}, {"eventTime": "yesterday"}],
                }
            },
            Block("unsubscribed", JULY),
        ),
        (
            {
                "hardBounces": [
                    {"campaignId": 1, "eventTime": "2026-06-01T10:00:00"},
                    {"campaignId": 2, "eventTime": "2026-01-01T10:00:00Z"},
                ],
                "unsubscriptions": {"userUnsubscription": [{"campaignId": 1, "eventTime": "2026-07-01T10:00:00Z"}]},
            },
            Block("hard_bounce", JUNE, (("unsubscribed", JULY),)),
        ),
        ({"complaints": [{"campaignId": 1, "eventTime": "2026-06-01T10:00:00Z"}]}, Block("complaint", JUNE)),
        ({"complaints": [{"campaignId": 1}]}, Block("complaint", MAY)),
        ({"hardBounces": [{"campaignId": 1}], "unsubscriptions": NO_CLICKS}, Block("hard_bounce", MAY)),
        ({"unsubscriptions": NO_CLICKS}, Block("unsubscribed", MAY)),
    ],
)
def test_statistics_report_why_and_since_when_a_contact_is_blocklisted(
    script: Script, gateway: Brevo, statistics: object, block: Block
) -> None:
    script.says(answer(200, remote(emailBlacklisted=True, statistics=statistics)))

    contact = gateway.read(42)

    assert contact is not None
    assert contact.block == block
    assert contact.block.guessed is (block.kind in {"unknown", "unsubscribed"} and block.since == MAY)


def test_a_block_without_any_time_is_from_now(script: Script, gateway: Brevo) -> None:
    script.says(answer(200, remote(emailBlacklisted=True, modifiedAt=None, statistics=None)))

    contact = gateway.read(42)

    assert contact is not None
    assert contact.block is not None
    assert contact.block.since > JULY


def test_an_old_unsubscription_is_no_block(script: Script, gateway: Brevo) -> None:
    old = {"unsubscriptions": {"userUnsubscription": [{"campaignId": 1, "eventTime": "2026-06-01T10:00:00Z"}]}}
    script.says(answer(200, remote(statistics=old)))

    assert gateway.read(42) == PEGGY


# Its ending meets Brevo's firewall in a path, so the filter is asked.
WALLED = "peggy@example.zip"
WALLED_PEGGY = remote(email=WALLED)


def test_an_account_whose_addresses_no_path_may_name_is_believed_to_find_them(script: Script, gateway: Brevo) -> None:
    script.says(answer(200, {"contacts": [remote(email=WALLED)], "count": 1}))
    assert gateway.finds_addresses()


def test_an_address_is_read_in_one_request(script: Script, gateway: Brevo) -> None:
    script.says(answer(200, remote(emailBlacklisted=True)))

    found = gateway.find_address(f" {ADDRESS.upper()} ")

    assert found is not None
    assert found.block is not None
    (asked,) = script.asked
    assert asked.query == {"identifierType": "email_id"}
    assert unquote(asked.path) == f"/v3/contacts/{ADDRESS}"


def test_a_plus_in_an_address_survives_the_path(script: Script, gateway: Brevo) -> None:
    script.says(answer(404, MISSING))

    assert gateway.find_address("a+b@example.com") is None
    assert script.asked[0].path.endswith(("/a%2Bb%40example.com", "/a+b@example.com"))


@pytest.mark.parametrize(
    "refusals",
    [[answer(403, HTML), answer(200, {"attributes": []})], [answer(400, {"code": "invalid_parameter"})]],
    ids=["the firewall", "an address refused"],
)
def test_an_address_that_brevo_dislikes_in_a_path_is_searched_and_read_by_number(
    script: Script, gateway: Brevo, refusals: list[Reply]
) -> None:
    script.says(*refusals, answer(200, page(remote())), answer(200, remote()))

    assert gateway.find_address(ADDRESS) == PEGGY
    *_, search, read = script.asked
    assert search.path == "/v3/contacts"
    assert search.query == {"filter": f'equals(EMAIL,"{ADDRESS}")', "limit": "1000", "sort": "asc", "offset": "0"}
    assert read.path == "/v3/contacts/42"


def test_a_filter_brevo_ignores_finds_the_right_contact_on_a_later_page(script: Script, gateway: Brevo) -> None:
    others = [remote(number, email=f"other-{number}@example.com") for number in (1, 2)]
    last = answer(200, page(WALLED_PEGGY, count=3))
    script.says(answer(200, page(*others, count=3)), last, answer(200, WALLED_PEGGY))

    found = gateway.find_address(WALLED)

    assert found is not None
    assert found.id == 42
    assert [asked.query.get("offset") for asked in script.asked] == ["0", "2", None]


@pytest.mark.parametrize("finds", [True, False])
def test_a_filter_that_finds_nobody_is_believed_if_it_finds_somebody_who_is_there(
    script: Script, gateway: Brevo, *, finds: bool
) -> None:
    nobody, other = answer(200, page()), answer(200, page(remote(1, email="other@example.com")))
    script.says(nobody, other, other if finds else nobody)
    if finds:
        assert gateway.find_address(WALLED) is None
        script.says(nobody)
        assert gateway.find_address(WALLED) is None
        assert len(script.asked) == 4
    else:
        with pytest.raises(RejectedContactError, match="nobody can find out who has this address"):
            gateway.find_address(WALLED)
    assert script.asked[2].query["filter"] == 'equals(EMAIL,"other@example.com")'


def test_nobody_has_an_address_in_an_account_without_contacts(script: Script, gateway: Brevo) -> None:
    script.says(answer(200, page()), answer(200, page()))

    assert gateway.find_address(WALLED) is None


@pytest.mark.parametrize("reply", [answer(200, HTML), answer(200, {}), answer(200, {"contacts": None, "count": 9})])
def test_a_search_that_cannot_be_read_is_not_empty(script: Script, gateway: Brevo, reply: Reply) -> None:
    script.says(reply)

    with pytest.raises(GatewayUnavailableError):
        gateway.find_address(WALLED)


def test_pages_without_an_end_are_given_up(script: Script, gateway: Brevo) -> None:
    endless = answer(200, page(remote(1, email="other@example.com"), count=10**9))
    script.says(*[endless] * 100)

    with pytest.raises(GatewayUnavailableError, match="no end"):
        gateway.find_address(WALLED)


@pytest.mark.parametrize("address", ["", 'a"b@example.com', "a\\b@example.com"])
def test_what_no_filter_can_quote_is_not_asked(script: Script, gateway: Brevo, address: str) -> None:
    assert gateway.find_address(address) is None
    assert script.asked == []


@pytest.mark.parametrize(
    "ext_id", ["user-1", "auth0|5f7c", "urn:user:7", "4711", "6f9619ff-8b86-d011-b42d-00cf4fc964ff"]
)
def test_an_ext_id_is_read_in_one_request(script: Script, gateway: Brevo, ext_id: str) -> None:
    script.says(answer(200, remote(ext_id=ext_id)))

    found = gateway.find_ext_id(ext_id)

    assert found is not None
    assert found.ext_id == ext_id
    assert len(script.asked) == 1
    assert script.asked[0].query == {"identifierType": "ext_id"}
    assert script.asked[0].path.startswith("/v3/contacts/")


@pytest.mark.parametrize("ext_id", ["a/b", "..", "a@b", "50%2F", "report.zip", "a?b#c", "müller"])
def test_an_ext_id_that_is_not_safe_in_a_path_is_filtered(script: Script, gateway: Brevo, ext_id: str) -> None:
    script.says(answer(200, page(remote(1, ext_id="other"), remote(ext_id=ext_id))), answer(200, remote(ext_id=ext_id)))

    found = gateway.find_ext_id(ext_id)

    assert found is not None
    assert found.id == 42
    assert [asked.path for asked in script.asked] == ["/v3/contacts", "/v3/contacts/42"]
    assert script.asked[0].query["filter"] == f'equals(EXT_ID,"{ext_id}")'


def test_an_ext_id_brevo_does_not_know_is_none(script: Script, gateway: Brevo) -> None:
    script.says(answer(404, MISSING))

    assert gateway.find_ext_id("user-1") is None


def test_the_contact_of_another_ext_id_is_not_taken(script: Script, gateway: Brevo) -> None:
    script.says(answer(200, remote(ext_id="user-2")))

    assert gateway.find_ext_id("user-1") is None


def test_an_answer_without_ext_id_is_believed_and_completed(script: Script, gateway: Brevo) -> None:
    script.says(answer(200, remote(ext_id=...)))

    assert gateway.find_ext_id("user-1") == PEGGY


def test_a_number_is_not_mistaken_for_the_id_of_another_contact(script: Script, gateway: Brevo) -> None:
    script.says(answer(200, remote(42, ext_id=...)))

    assert gateway.find_ext_id("42") is None


def test_attributes_that_can_be_written_are_reported_with_types_the_sdk_does_not_know(
    script: Script, gateway: Brevo
) -> None:
    rows = [
        {"category": "normal", "name": "FIRSTNAME", "type": "text"},
        {"category": "normal", "name": "OWNER", "type": "user"},
        {"category": "normal", "name": "COUNTRY", "type": "multiple-choice", "multiCategoryOptions": ["France"]},
        {"category": "normal", "name": "PLAIN"},
        {"category": "category", "name": "GENDER", "type": "text", "enumeration": [{"label": "Men", "value": 1}]},
        {"category": "transactional", "name": "ORDER_ID", "type": "id"},
        {"category": "calculated", "name": "TOTAL", "type": "float", "calculatedValue": "SUM[…]"},
        {"category": "global", "name": "ALL", "type": "float"},
        {"category": "normal", "name": "EMAIL", "type": "text"},
        {"category": "normal", "name": "EXT_ID", "type": "text"},
    ]
    script.says(answer(200, {"attributes": rows}))

    assert gateway.attribute_types() == {
        "FIRSTNAME": "text",
        "OWNER": "user",
        "COUNTRY": "multiple-choice",
        "PLAIN": "text",
        "GENDER": "category",
        "ORDER_ID": "id",
    }
    assert script.asked[0].target == "/v3/contacts/attributes"


def test_the_account_is_asked_anew_for_an_attribute_that_it_has_not_listed(script: Script, gateway: Brevo) -> None:
    rows = [{"category": "normal", "name": "OLD"}, {"category": "calculated", "name": "TOTAL"}]
    script.says(
        answer(200, {"attributes": rows}), answer(200, {"attributes": [*rows, {"category": "normal", "name": "NEW"}]})
    )

    assert gateway.attribute_types(["OLD", "TOTAL"]) == {"OLD": "text"}
    for _ in range(2):
        assert gateway.attribute_types(["NEW", "TOTAL", "GHOST"]) == {"OLD": "text", "NEW": "text", "GHOST": ""}
    assert len(script.asked) == 2


def test_threads_that_need_the_attributes_at_once_ask_for_them_once(script: Script, gateway: Brevo) -> None:
    script.says(*[answer(200, {"attributes": [{"category": "normal", "name": "OLD"}]})] * 8)
    together = threading.Barrier(8)

    def read() -> Mapping[str, str]:
        together.wait(10)
        return gateway.attribute_types(["OLD"])

    with ThreadPoolExecutor(8) as threads:
        found = [each.result(30) for each in [threads.submit(read) for _ in range(8)]]

    assert found == [{"OLD": "text"}] * 8
    assert len(script.asked) == 1


def test_attributes_are_asked_for_again_after_a_refusal(script: Script, gateway: Brevo) -> None:
    script.says(answer(401, {}), answer(200, {"attributes": [{"category": "normal", "name": "OLD"}]}))

    with pytest.raises(AccountError):
        gateway.attribute_types()
    assert gateway.attribute_types() == {"OLD": "text"}


def test_the_choices_of_attributes_are_reported_with_their_numbers(script: Script, gateway: Brevo) -> None:
    choices = [{"label": "Men", "value": 1}, {"label": "Women", "value": 2}, "odd"]
    rows = [{"category": "category", "name": "GENDER", "enumeration": choices}, {"category": "normal", "name": "X"}]
    script.says(answer(200, {"attributes": rows}))

    assert gateway.attribute_choices() == {"GENDER": {"Men", "1", "Women", "2"}}
    assert gateway.attribute_types()["GENDER"] == "category"
    assert len(script.asked) == 1


def test_lists_are_read_page_by_page(script: Script, gateway: Brevo) -> None:
    script.says(
        answer(200, {"lists": [{"id": 3, "name": "Daily"}, {"id": 7, "name": "Weekly"}], "count": 3}),
        answer(200, {"lists": [{"id": 9, "name": "Yearly"}], "count": 3}),
    )

    assert gateway.list_names() == {3: "Daily", 7: "Weekly", 9: "Yearly"}
    assert [asked.query for asked in script.asked] == [
        {"limit": "50", "sort": "asc", "offset": "0"},
        {"limit": "50", "sort": "asc", "offset": "2"},
    ]


def test_an_account_without_lists_has_none(script: Script, gateway: Brevo) -> None:
    script.says(answer(200, {"count": 0}))

    assert gateway.list_names() == {}
