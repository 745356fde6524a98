"""Imports, the processes that carry them out, and what they do to contacts that were there before."""

import pytest

from sync_tasks.sandbox import Sandbox
from sync_tasks.sandbox.settings import IMPORT_SECONDS
from tests.support.sandbox_clock import Clock

ROWS = [{"email": "Anna@Portal.org", "attributes": {"LASTNAME": "Ash"}}, {"email": "new@portal.org", "attributes": {}}]


def run_import(brevo: Sandbox, clock: Clock, **fields: object) -> object:
    """Import ``ROWS`` into the list 5, wait for the end and return what the process then says."""
    body = {"jsonBody": ROWS, "listIds": [5], **fields}
    reply = brevo.request(
        "POST", "/contacts/import", {name: value for name, value in body.items() if value is not None}
    )
    assert reply.status == 202
    clock.pass_seconds(1)
    return brevo.request("GET", f"/processes/{reply.json()['processId']}").json()  # type: ignore[index]


def test_an_import_is_accepted_and_takes_effect_later(brevo: Sandbox, clock: Clock) -> None:
    brevo.settings.import_seconds = 30
    accepted = brevo.request("POST", "/contacts/import", {"jsonBody": ROWS, "listIds": [5]})
    seen = []
    for _ in range(4):
        seen.append((brevo.request("GET", "/processes/1").json()["status"], len(brevo.contacts())))  # type: ignore[index]
        clock.pass_seconds(10)

    assert (accepted.status, accepted.json()) == (202, {"processId": 1})
    assert seen == [("queued", 0), ("in_process", 0), ("processing", 0), ("completed", 2)]


def test_every_import_is_a_process_of_its_own(brevo: Sandbox, clock: Clock) -> None:
    first, second = run_import(brevo, clock), run_import(brevo, clock)

    assert (first["id"], second["id"]) == (1, 2)  # type: ignore[index]
    assert len(brevo.contacts()) == 2


def test_an_import_updates_existing_contacts_unless_asked_not_to(brevo: Sandbox, clock: Clock, anna: int) -> None:
    run_import(brevo, clock, updateExistingContacts=False)
    untouched = brevo.contact(anna)["attributes"]
    run_import(brevo, clock)

    assert untouched == {"FIRSTNAME": "Anna"}
    assert brevo.contact(anna)["attributes"] == {"FIRSTNAME": "Anna", "LASTNAME": "Ash"}


@pytest.mark.parametrize(("lifts", "blocklisted"), [(True, False), (False, True)])
def test_an_import_that_updates_lifts_a_blocklisting_or_not(
    brevo: Sandbox,
    clock: Clock,
    anna: int,
    lifts: bool,  # noqa: FBT001
    blocklisted: bool,  # noqa: FBT001
) -> None:
    brevo.quirks.import_lifts_blocklist = lifts
    brevo.act("unsubscribe", anna)

    run_import(brevo, clock)

    assert brevo.contact(anna)["emailBlacklisted"] is blocklisted


@pytest.mark.parametrize(("joins", "list_ids"), [(True, [3, 5]), (False, [3])])
def test_an_import_that_does_not_update_leaves_blocklistings_alone_and_joins_lists_or_not(
    brevo: Sandbox,
    clock: Clock,
    anna: int,
    joins: bool,  # noqa: FBT001
    list_ids: list[int],
) -> None:
    brevo.quirks.import_joins_existing = joins
    brevo.act("unsubscribe", anna)

    run_import(brevo, clock, updateExistingContacts=False)

    assert brevo.contact(anna)["listIds"] == list_ids
    assert brevo.contact(anna)["emailBlacklisted"] is True


def test_an_import_can_blocklist_everybody(brevo: Sandbox, clock: Clock, anna: int) -> None:
    run_import(brevo, clock, emailBlacklist=True)

    assert [contact["emailBlacklisted"] for contact in brevo.contacts()] == [True, True]
    assert brevo.contact(anna)["listIds"] == [3, 5]


def test_an_import_mails_the_owner_unless_asked_not_to(brevo: Sandbox, clock: Clock) -> None:
    run_import(brevo, clock, disableNotification=True)
    quiet = brevo.account.owner_mails
    run_import(brevo, clock)

    assert (quiet, brevo.account.owner_mails) == (0, 1)


def test_bad_rows_are_left_out_and_only_hinted_at(brevo: Sandbox, clock: Clock, anna: int) -> None:
    rows = [{"email": "nonsense"}, {"email": "thief@portal.org", "attributes": {"EXT_ID": "u-1"}}, ROWS[1]]

    process = run_import(brevo, clock, jsonBody=rows)

    report = process["info"]["import"]  # type: ignore[index]
    assert report["invalid_emails"]
    assert report["duplicate_ext_id"]
    assert report["duplicate_email_id"] is None
    assert [contact["email"] for contact in brevo.contacts()] == ["anna@portal.org", "new@portal.org"]
    assert brevo.contact(anna)["ext_id"] == "u-1"


def test_a_csv_import_clears_with_empty_fields_only_when_asked_to(brevo: Sandbox, clock: Clock, anna: int) -> None:
    table = "EMAIL;FIRSTNAME;LASTNAME\nanna@portal.org;;Ash\n"
    run_import(brevo, clock, jsonBody=None, fileBody=table)
    kept = brevo.contact(anna)["attributes"]
    run_import(brevo, clock, jsonBody=None, fileBody=table, emptyContactsAttributes=True)

    assert kept == {"FIRSTNAME": "Anna", "LASTNAME": "Ash"}
    assert brevo.contact(anna)["attributes"] == {"LASTNAME": "Ash"}


def test_an_import_can_create_its_list(brevo: Sandbox, clock: Clock) -> None:
    run_import(brevo, clock, listIds=None, newList={"listName": "monthly", "folderId": 1})

    assert brevo.contact("new@portal.org")["listIds"] == [6]


@pytest.mark.parametrize("outcome", ["failed", "cancelled"])
def test_an_import_may_come_to_nothing(brevo: Sandbox, clock: Clock, outcome: str) -> None:
    brevo.quirks.import_outcome = outcome  # type: ignore[assignment]

    assert run_import(brevo, clock) == {"id": 1, "name": "IMPORTUSER", "status": outcome}
    assert brevo.contacts() == []


@pytest.mark.parametrize(
    "body",
    [
        {"jsonBody": ROWS},
        {"listIds": [5]},
        {"jsonBody": ROWS, "listIds": [99]},
        {"jsonBody": ["anna"], "listIds": [5]},
        {"fileUrl": "https://portal.org/a.csv", "listIds": [5]},
    ],
)
def test_an_import_that_makes_no_sense_is_refused(brevo: Sandbox, body: dict[str, object]) -> None:
    assert brevo.request("POST", "/contacts/import", body).status == 400


def test_an_import_of_more_than_10_mb_is_refused(brevo: Sandbox) -> None:
    body = {"fileBody": "EMAIL\n" + "x" * 10 * 1024 * 1024, "listIds": [5]}

    assert brevo.request("POST", "/contacts/import", body).status == 400


def test_an_unknown_process_is_reported(brevo: Sandbox) -> None:
    reply = brevo.request("GET", "/processes/77")

    assert (reply.status, reply.json()) == (
        404,
        {"code": "document_not_found", "message": "Process ID does not exist"},
    )


def test_processes_are_shown_in_pages(brevo: Sandbox, clock: Clock) -> None:
    for _ in range(3):
        brevo.request("POST", "/contacts/import", {"listIds": [3], "jsonBody": []})
    clock.pass_seconds(1.0)

    newest = brevo.request("GET", "/processes", limit=2).json()
    last = brevo.request("GET", "/processes", limit=2, offset=2).json()

    assert [each["id"] for each in newest["processes"]] == [3, 2]  # type: ignore[index]
    assert [each["id"] for each in last["processes"]] == [1]  # type: ignore[index]
    assert newest["count"] == 3  # type: ignore[index]
    assert brevo.request("GET", "/processes", limit=51).status == 400


@pytest.mark.parametrize("lifts", [True, False])
def test_an_import_that_leaves_contacts_alone_lifts_their_blocklisting_or_not(
    brevo: Sandbox, clock: Clock, anna: int, *, lifts: bool
) -> None:
    brevo.quirks.import_lifts_blocklist_of_untouched = lifts
    brevo.act("unsubscribe", anna)
    run_import(brevo, clock, updateExistingContacts=False)

    assert brevo.contact(anna)["emailBlacklisted"] is not lifts


def test_an_import_takes_a_time_drawn_up_to_a_minute_unless_it_is_set(brevo: Sandbox) -> None:
    brevo.settings.import_seconds = None
    started = [brevo.account.start_process() for _ in range(50)]
    took = [process.due - process.started for process in started]

    assert IMPORT_SECONDS[0] <= min(took) < 10
    assert 50 < max(took) <= IMPORT_SECONDS[1]


@pytest.mark.parametrize("merges", [True, False])
def test_an_import_deletes_the_contact_that_has_the_number_of_a_row_or_leaves_the_row_out(
    brevo: Sandbox, clock: Clock, anna: int, *, merges: bool
) -> None:
    brevo.quirks.import_merges_phones = merges
    brevo.edit(anna, {"attributes": {"SMS": "+491701234567"}})
    row = {"email": "bert@portal.org", "attributes": {"SMS": "+491701234567"}}
    brevo.request("POST", "/contacts/import", {"jsonBody": [row], "listIds": [3]})
    clock.now += 5

    assert [contact["email"] for contact in brevo.contacts()] == ["bert@portal.org" if merges else "anna@portal.org"]
