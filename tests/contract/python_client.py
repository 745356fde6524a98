"""brevo-python against the sandbox: prints each difference, exits 1 if there is one. Takes the URL and the key.

Runs in the virtual environment of the client, where the project is not installed.
"""

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pydantic
from brevo import Brevo
from brevo.contacts import (
    AddContactToListRequestBodyEmails,
    AddContactToListRequestBodyExtIds,
    AddContactToListRequestBodyIds,
    ImportContactsRequestJsonBodyItem,
    RemoveContactFromListRequestBodyAll,
    RemoveContactFromListRequestBodyEmails,
)

# A slash would be wrong in a path: this client does not encode what stands there.
EMAIL, EXT_ID = "ada+x@portal.org", "user-4711"
HOOK = "https://portal.org/hook"


@dataclass
class Session:
    """What a user of the client does, one step after the other."""

    brevo: Brevo

    def account(self) -> Iterator[object]:
        yield self.brevo.account.get_account()
        yield self.brevo.contacts.get_attributes()

    def contact(self) -> Iterator[object]:
        contacts = self.brevo.contacts
        made = contacts.create_contact(email=EMAIL, ext_id=EXT_ID, attributes={"FIRSTNAME": "Ada"}, list_ids=[3])
        yield made
        found = [
            contacts.get_contact_info(identifier=made.id),
            contacts.get_contact_info(identifier=EMAIL, identifier_type="email_id"),
            contacts.get_contact_info(identifier=EXT_ID, identifier_type="ext_id"),
        ]
        yield from found
        assert {each.id for each in found} == {made.id}
        contacts.update_contact(identifier=made.id, attributes={"FIRSTNAME": "Augusta", "VIP": True}, list_ids=[5])
        changed = contacts.get_contact_info(identifier=made.id)
        yield changed
        assert set(changed.list_ids) == {3, 5}
        again = contacts.create_contact(email=EMAIL, attributes={"LASTNAME": "King"}, update_enabled=True)
        assert again is None or again.id in (None, made.id)

    def lists(self) -> Iterator[object]:
        contacts = self.brevo.contacts
        yield contacts.add_contact_to_list(7, request=AddContactToListRequestBodyExtIds(ext_ids=[EXT_ID]))
        yield contacts.add_contact_to_list(8, request=AddContactToListRequestBodyEmails(emails=[EMAIL]))
        yield contacts.add_contact_to_list(9, request=AddContactToListRequestBodyIds(ids=[1]))
        yield contacts.remove_contact_from_list(8, request=RemoveContactFromListRequestBodyEmails(emails=[EMAIL]))
        emptied = contacts.remove_contact_from_list(9, request=RemoveContactFromListRequestBodyAll(all_=True))
        yield emptied
        assert emptied.contacts.total == 1
        self._wait(emptied.contacts.process_id)
        members = contacts.get_contacts_from_list(7, limit=10)
        yield members
        assert (members.count, contacts.get_contacts_from_list(9).count) == (1, 0)
        made = contacts.create_list(name="new", folder_id=1)
        yield made
        contacts.update_list(made.id, name="newer")
        yield contacts.get_list(made.id)
        yield contacts.get_lists(limit=50)
        contacts.delete_list(made.id)

    def folders(self) -> Iterator[object]:
        contacts = self.brevo.contacts
        made = contacts.create_folder(name="Papers")
        yield made
        contacts.update_folder(made.id, name="News")
        yield contacts.get_folder(made.id)
        yield contacts.get_folder_lists(1)
        yield contacts.get_folders(limit=10, offset=0)
        contacts.delete_folder(made.id)
        yield contacts.get_segments(limit=10, offset=0)

    def imports(self) -> Iterator[object]:
        rows = [ImportContactsRequestJsonBodyItem(email=f"i{number}@portal.org") for number in range(3)]
        started = self.brevo.contacts.import_contacts(json_body=rows, list_ids=[4], disable_notification=True)
        yield started
        self._wait(started.process_id)
        yield self.brevo.process.get_process(started.process_id)
        yield self.brevo.process.get_processes(limit=10, offset=0)

    def search(self) -> Iterator[object]:
        contacts = self.brevo.contacts
        page = contacts.get_contacts(limit=2, offset=1, sort="asc")
        yield page
        assert (len(page.contacts), page.count) == (2, 4)
        assert contacts.get_contacts(ids=[1, 2]).count == 2
        assert contacts.get_contacts(ids=1).count == 1
        assert contacts.get_contacts(list_ids=[4, 5]).count == 4
        assert contacts.get_contacts(filter="equals(VIP,true)").count == 1
        assert contacts.get_contacts(filter='equals(FIRSTNAME,"Augusta")').count == 1
        assert contacts.get_contacts(modified_since="2020-01-01T00:00:00.000Z").count == 4

    def webhooks(self) -> Iterator[object]:
        webhooks = self.brevo.webhooks
        for made in (
            webhooks.create_webhook(url=HOOK, type="marketing", events=["unsubscribed", "contactDeleted"]),
            webhooks.create_webhook(url=HOOK, channel="sms", events=["reply"]),
            webhooks.create_webhook(url=HOOK, type="inbound", events=["inboundEmailProcessed"], domain="portal.org"),
        ):
            yield made
            webhooks.update_webhook(made.id, description="ours")
            yield webhooks.get_webhook(made.id)
        for kind in ("marketing", "transactional", "inbound"):
            shown = webhooks.get_webhooks(type=kind, sort="asc")
            yield shown
            assert len(shown.webhooks) == 1
        webhooks.delete_webhook(1)

    def deletion(self) -> Iterator[object]:
        self.brevo.contacts.delete_contact(identifier=EXT_ID, identifier_type="ext_id")
        page = self.brevo.contacts.get_contacts()
        yield page
        assert page.count == 3

    def _wait(self, process_id: int) -> None:
        until = time.monotonic() + 10
        while self.brevo.process.get_process(process_id).status != "completed":
            assert time.monotonic() < until, "the process does not end"


def find_gaps(value: object, where: str) -> Iterator[str]:
    """Yield each field that the client calls required and the sandbox did not send."""
    if isinstance(value, list):
        for each in value[:1]:
            yield from find_gaps(each, f"{where}[]")
    if not isinstance(value, pydantic.BaseModel):
        return
    for name, field in type(value).model_fields.items():
        if field.is_required() and getattr(value, name, None) is None:
            yield f"{where}.{name} is required and was not sent"
        yield from find_gaps(getattr(value, name, None), f"{where}.{name}")


def take(step: Callable[[], Iterator[object]]) -> Iterator[str]:
    """Yield what is wrong about one step."""
    name = step.__name__
    try:
        for answer in step():
            yield from find_gaps(answer, f"{name}: {type(answer).__name__}")
    except Exception as error:  # noqa: BLE001 - whatever the client says is the finding
        line = error.__traceback__
        while line and line.tb_next and line.tb_next.tb_frame.f_code.co_filename == __file__:
            line = line.tb_next
        number = line.tb_lineno if line else 0
        yield f"{name}, line {number}: {type(error).__name__}: {str(error)[:300]}"


def main(url: str, key: str) -> int:
    """Print every difference and return 1 if there is one."""
    session = Session(Brevo(api_key=key, base_url=url, max_retries=0))
    steps = [session.account, session.contact, session.lists, session.folders]
    steps += [session.imports, session.search, session.webhooks, session.deletion]
    found = [line for step in steps for line in take(step)]
    for line in dict.fromkeys(found):
        print(line)  # noqa: T201 - the report
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
