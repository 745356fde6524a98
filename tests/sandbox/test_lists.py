"""Lists, and who joins and leaves them."""

import pytest

from sync_tasks.sandbox import Sandbox
from tests.support.sandbox_clock import Clock

ALL_IN = {"code": "invalid_parameter", "message": "Contact already in list and/or does not exist"}
ALL_OUT = {"code": "invalid_parameter", "message": "Contact already removed from list and/or does not exist"}
NO_LIST = {"code": "document_not_found", "message": "List ID does not exist"}


@pytest.mark.parametrize(
    ("body", "success", "failure"),
    [
        ({"ids": [1, 77]}, [1], [77]),
        ({"emails": ["ANNA@portal.org", "x@portal.org"]}, ["ANNA@portal.org"], ["x@portal.org"]),
        ({"extIds": ["u-1", "u-77"]}, ["u-1"], ["u-77"]),
    ],
)
def test_some_joined_and_some_failed_is_a_success(
    brevo: Sandbox, anna: int, body: dict[str, object], success: list[object], failure: list[object]
) -> None:
    reply = brevo.request("POST", "/contacts/lists/5/contacts/add", body)

    assert (reply.status, reply.json()) == (201, {"contacts": {"success": success, "failure": failure}})
    assert brevo.contact(anna)["listIds"] == [3, 5]


def test_a_harmless_repeat_of_an_add_is_an_error_word_for_word(brevo: Sandbox, anna: int) -> None:
    reply = brevo.request("POST", "/contacts/lists/3/contacts/add", {"ids": [anna]})

    assert (reply.status, reply.json()) == (400, ALL_IN)


def test_a_harmless_repeat_of_a_removal_is_an_error_word_for_word(brevo: Sandbox, anna: int) -> None:
    first = brevo.request("POST", "/contacts/lists/3/contacts/remove", {"ids": [anna]})
    second = brevo.request("POST", "/contacts/lists/3/contacts/remove", {"ids": [anna]})

    assert first.json() == {"contacts": {"success": [anna], "failure": []}}
    assert (second.status, second.json()) == (400, ALL_OUT)
    assert brevo.contact(anna)["listIds"] == []


@pytest.mark.parametrize("path", ["/contacts", "/contacts/add", "/contacts/remove", ""])
def test_an_unknown_list_is_reported_word_for_word(brevo: Sandbox, path: str) -> None:
    method = "POST" if path.endswith(("add", "remove")) else "GET"

    reply = brevo.request(method, f"/contacts/lists/99{path}", {"ids": [1]} if method == "POST" else None)

    assert (reply.status, reply.json()) == (404, NO_LIST)


@pytest.mark.parametrize(
    "body", [{}, {"ids": []}, {"ids": [1], "emails": ["anna@portal.org"]}, {"ids": list(range(151))}, {"ids": 1}]
)
def test_a_batch_names_at_most_150_contacts_in_one_way(brevo: Sandbox, anna: int, body: dict[str, object]) -> None:
    assert brevo.request("POST", "/contacts/lists/5/contacts/add", body).status == 400
    assert brevo.contact(anna)["listIds"] == [3]


def test_adding_right_after_creating_may_be_refused_misleadingly(brevo: Sandbox, anna: int, clock: Clock) -> None:
    brevo.quirks.list_add_blind_seconds = 3
    early = brevo.request("POST", "/contacts/lists/5/contacts/add", {"ids": [anna]})
    clock.pass_seconds(3)
    later = brevo.request("POST", "/contacts/lists/5/contacts/add", {"ids": [anna]})

    assert (early.status, early.json(), later.status) == (400, ALL_IN, 201)


@pytest.mark.parametrize(("refused", "status"), [(True, 400), (False, 204)])
def test_unlinking_a_non_member_is_refused_or_not(brevo: Sandbox, anna: int, refused: bool, status: int) -> None:  # noqa: FBT001
    brevo.quirks.unlink_non_member_is_refused = refused

    assert brevo.request("PUT", f"/contacts/{anna}", {"unlinkListIds": [3, 5]}).status == status
    assert brevo.contact(anna)["listIds"] == ([3] if refused else [])


def test_joining_a_list_moves_the_time_of_the_last_change(brevo: Sandbox, anna: int, clock: Clock) -> None:
    before = brevo.contact(anna)
    clock.pass_seconds(60)
    brevo.request("POST", "/contacts/lists/5/contacts/add", {"ids": [anna]})

    assert brevo.contact(anna)["modifiedAt"] > before["modifiedAt"]  # type: ignore[operator]
    assert brevo.contact(anna)["createdAt"] == before["createdAt"]


def test_lists_are_shown_in_pages_with_their_counts(brevo: Sandbox, anna: int) -> None:
    newest = brevo.request("GET", "/contacts/lists", limit=1).json()
    oldest = brevo.request("GET", "/contacts/lists", limit=1, sort="asc").json()

    assert newest["count"] == 2  # type: ignore[index]
    assert newest["lists"][0]["name"] == "weekly"  # type: ignore[index]
    assert oldest["lists"] == [  # type: ignore[index]
        {"id": 3, "name": "daily", "folderId": 1, "uniqueSubscribers": 1, "totalSubscribers": 1, "totalBlacklisted": 0}
    ]
    assert brevo.request("GET", "/contacts/lists", limit=51).status == 400
    assert brevo.contact(anna)["listIds"] == [3]


def test_a_list_can_be_created_with_a_name_and_a_folder(brevo: Sandbox) -> None:
    created = brevo.request("POST", "/contacts/lists", {"name": "monthly", "folderId": 2})

    assert created.json() == {"id": 6}
    assert brevo.request("GET", "/contacts/lists/6").json()["name"] == "monthly"  # type: ignore[index]
    assert brevo.request("POST", "/contacts/lists", {"name": "monthly"}).status == 400
    assert brevo.request("POST", "/contacts/lists", {"folderId": 2}).status == 400


def test_the_members_of_a_list_are_shown_in_pages_of_at_most_500(brevo: Sandbox, anna: int) -> None:
    ids = brevo.add_contacts({"email": f"c{number}@portal.org", "listIds": [3]} for number in range(5))

    page = brevo.request("GET", "/contacts/lists/3/contacts", limit=2, offset=1, sort="asc").json()

    assert page["count"] == 6  # type: ignore[index]
    assert [each["id"] for each in page["contacts"]] == ids[:2]  # type: ignore[index]
    assert anna not in ids
    outsider = brevo.request("GET", "/contacts/lists/5/contacts", filter='equals(EXT_ID,"u-1")').json()
    assert outsider["count"] == 0  # type: ignore[index]
    assert brevo.request("GET", "/contacts/lists/3/contacts", limit=501).status == 400


def test_a_list_is_emptied_in_a_process(brevo: Sandbox, anna: int, clock: Clock) -> None:
    berta = brevo.add_contacts([{"email": "berta@portal.org", "listIds": [3, 5]}])[0]

    reply = brevo.request("POST", "/contacts/lists/3/contacts/remove", {"all": True})
    before = brevo.contact(anna)["listIds"]
    clock.pass_seconds(1.0)

    assert (reply.status, reply.json()) == (201, {"contacts": {"processId": 1, "total": 2}})
    assert (before, brevo.contact(anna)["listIds"], brevo.contact(berta)["listIds"]) == ([3], [], [5])
    assert brevo.request("GET", "/processes/1").json()["status"] == "completed"  # type: ignore[index]
