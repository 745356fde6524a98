"""Imports: many contacts in one request, worked off later and shown as a process."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass

from sync_tasks.sandbox.account import ContactChange, Process, SandboxAccount
from sync_tasks.sandbox.changes import read_attributes, read_ext_id, read_list_ids, read_sent_address
from sync_tasks.sandbox.contact import SandboxContact
from sync_tasks.sandbox.searching import answer_page
from sync_tasks.sandbox.wire import (
    ApiCall,
    ApiRefusal,
    JsonObject,
    Reply,
    answer,
    invalid,
    missing,
    not_found,
    read_json,
    read_number,
)

LARGEST = 10 * 1024 * 1024
REPORTED = ("contact_id", "ext_id", "email_id", "phone_id", "whatsapp_id", "landline_number_id")


def start_import(account: SandboxAccount, call: ApiCall) -> Reply:
    """Accept an import and name the process that will carry it out."""
    if len(call.body) > LARGEST:
        raise ApiRefusal(400, "out_of_range", "The import is larger than 10 MB")
    body = read_json(call.body)
    rows = list(_read_rows(body))
    list_ids = read_list_ids(body.get("listIds"), account) or [_create_list(account, body)]
    process = account.start_process(account.quirks.import_outcome)
    account.schedule.add(process.due, Job(account, call, process, body, rows, list_ids).run)
    return answer(202, {"processId": process.id})


def _read_rows(body: JsonObject) -> Iterator[JsonObject]:
    if isinstance(body.get("jsonBody"), list):
        rows = body["jsonBody"]
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise invalid("jsonBody should be an array of objects")
        yield from rows
    elif isinstance(body.get("fileBody"), str):
        for line in csv.DictReader(str(body["fileBody"]).splitlines(), delimiter=";"):
            values = {name.upper(): value for name, value in line.items() if name}
            yield {"email": values.pop("EMAIL", None), "attributes": values}
    else:
        raise missing("One of fileBody, fileUrl or jsonBody is required; the sandbox fetches no fileUrl")


def _create_list(account: SandboxAccount, body: JsonObject) -> int:
    new = body.get("newList")
    if not isinstance(new, dict) or not new.get("listName"):
        raise missing("listIds or newList is required")
    folder_id = new.get("folderId") or 1
    if not isinstance(folder_id, int):
        raise invalid("folderId should be an integer")
    return account.create_list(str(new["listName"]), folder_id).id


@dataclass(frozen=True, slots=True)
class Job:
    """The work an import means, to be done when its process is due."""

    account: SandboxAccount
    call: ApiCall
    process: Process
    body: JsonObject
    rows: list[JsonObject]
    list_ids: list[int]

    def run(self) -> None:
        """Import every row, unless the process is to fail; mail the owner, unless asked not to."""
        self.account.history.request = self.call.number
        for row in self.rows if self.process.outcome == "completed" else []:
            self._import_row(row)
        self.account.owner_mails += self.body.get("disableNotification") is not True
        self.account.history.request = None

    def _import_row(self, row: JsonObject) -> None:
        try:
            change, email = _read_row(self.account, row)
        except ApiRefusal:
            self.process.invalid_emails += 1
            return
        contact = self.account.emails.get(email)
        if self.account.quirks.import_merges_phones:
            self._merge(change, contact)
        if self.account.find_duplicates(change, contact):
            self.process.duplicate_ext_ids += 1
            return
        if contact is None:
            change.email, change.join = email, self.list_ids
            change.blocklisted = self.body.get("emailBlacklist") is True
            contact = self.account.create(change)
        else:
            self._import_again(contact, change)
        self.call.contact_ids.append(contact.id)

    def _merge(self, change: ContactChange, contact: SandboxContact | None) -> None:
        """Delete the contact that has the row's phone number: the address of the row counts for more."""
        if self.account.find_duplicates(change, contact) == ["SMS"]:
            self.account.delete(self.account.phones[change.phone or ""])

    def _import_again(self, contact: SandboxContact, change: ContactChange) -> None:
        if self.body.get("updateExistingContacts", True) is False:
            if self.account.quirks.import_lifts_blocklist_of_untouched:
                self.account.update(contact, ContactChange(blocklisted=False))
            if self.account.quirks.import_joins_existing:
                self.account.join(contact, self.list_ids)
            return
        if self.body.get("emptyContactsAttributes") is not True:
            change.attributes = {name: value for name, value in change.attributes.items() if value is not None}
        change.join = self.list_ids
        if self.body.get("emailBlacklist") is True:
            change.blocklisted = True
        elif self.account.quirks.import_lifts_blocklist:
            change.blocklisted = False
        self.account.update(contact, change)


def _read_row(account: SandboxAccount, row: JsonObject) -> tuple[ContactChange, str]:
    email = read_sent_address(row.get("email"), account)
    attributes = row.get("attributes") or {}
    values = attributes if isinstance(attributes, dict) else {}
    if account.quirks.import_drops_booleans:
        values = {name: value for name, value in values.items() if not isinstance(value, bool)}
    ext_id = read_ext_id(values.get("EXT_ID") or row.get("ext_id"))
    return ContactChange(ext_id=ext_id, attributes=read_attributes(values, account)), email


def show_processes(account: SandboxAccount, call: ApiCall) -> Reply:
    """Show a page of the processes."""
    return answer_page(call, "processes", account.processes, lambda number: _show(account, account.processes[number]))


def show_process(account: SandboxAccount, call: ApiCall) -> Reply:
    """Show how far a process is; Brevo does not show what became of single rows."""
    process = account.processes.get(read_number(call.params[0]) or 0)
    if process is None:
        raise not_found("Process ID does not exist")
    return answer(200, _show(account, process))


def _show(account: SandboxAccount, process: Process) -> JsonObject:
    status = process.status(account.clock())
    # How Brevo names the emptying of a list is not documented.
    shown: JsonObject = {"id": process.id, "name": "IMPORTUSER", "status": status}
    if status == "completed":
        shown["info"] = {"import": _show_report(process)}
    return shown


def _show_report(process: Process) -> JsonObject:
    link = f"https://files.sandbox.example/{process.id}"
    report: JsonObject = dict.fromkeys(f"duplicate_{kind}" for kind in REPORTED)
    report["invalid_emails"] = f"{link}/invalid.csv" if process.invalid_emails else None
    report["duplicate_ext_id"] = f"{link}/duplicate_ext_id.csv" if process.duplicate_ext_ids else None
    return report
