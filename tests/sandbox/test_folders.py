"""Folders, which hold lists; and segments, of which there are none."""

from sync_tasks.sandbox import Sandbox


def test_a_folder_is_created_renamed_and_shown(brevo: Sandbox) -> None:
    number = brevo.request("POST", "/contacts/folders", {"name": "Papers"}).json()["id"]  # type: ignore[index]
    brevo.request("PUT", f"/contacts/folders/{number}", {"name": "News"})

    shown = brevo.request("GET", f"/contacts/folders/{number}").json()
    page = brevo.request("GET", "/contacts/folders", limit=1).json()

    assert shown["name"] == "News"  # type: ignore[index]
    assert page == {"folders": [shown], "count": 2}


def test_a_list_moves_to_another_folder(brevo: Sandbox) -> None:
    brevo.request("POST", "/contacts/folders", {"name": "Papers"})

    brevo.request("PUT", "/contacts/lists/5", {"folderId": 2})

    held = brevo.request("GET", "/contacts/folders/2/lists").json()
    assert [each["id"] for each in held["lists"]] == [5]  # type: ignore[index]
    assert held["count"] == 1  # type: ignore[index]


def test_a_list_is_renamed(brevo: Sandbox) -> None:
    brevo.request("PUT", "/contacts/lists/5", {"name": "yearly"})

    assert brevo.request("GET", "/contacts/lists/5").json()["name"] == "yearly"  # type: ignore[index]
    assert brevo.request("PUT", "/contacts/lists/5", {"name": ""}).status == 400
    assert brevo.request("PUT", "/contacts/lists/5", {"folderId": 99}).status == 400


def test_a_folder_takes_its_lists_along_when_it_is_deleted(brevo: Sandbox, anna: int) -> None:
    assert brevo.request("DELETE", "/contacts/folders/1").status == 204

    assert brevo.request("GET", "/contacts/lists").json() == {"lists": [], "count": 0}
    assert brevo.contact(anna)["listIds"] == []
    assert brevo.request("GET", "/contacts/folders/1").status == 404


def test_a_folder_needs_a_name(brevo: Sandbox) -> None:
    assert brevo.request("POST", "/contacts/folders", {}).status == 400


def test_there_are_no_segments(brevo: Sandbox) -> None:
    assert brevo.request("GET", "/contacts/segments").json() == {"segments": [], "count": 0}
    assert brevo.request("GET", "/contacts", segmentId=1).status == 400
