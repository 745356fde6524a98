"""What a probe does at Brevo, raw: it makes things of its own, shows how Brevo has them, and removes them again."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from sync_tasks.domain.diff import NewContact
from sync_tasks.domain.events import Json
from sync_tasks.errors import MissingContactError, RateLimitedError, RejectedContactError
from sync_tasks.providers.brevo import failures, limits, requests, responses
from sync_tasks.providers.brevo.client import Brevo
from sync_tasks.providers.brevo.requests import Call
from sync_tasks.providers.brevo.responses import Answer

Row = Mapping[str, Any]
# How Brevo calls a process that is at its end, however it ended. Reference of GET /processes/{processId}.
_OVER = frozenset({"completed", "failed", "cancelled"})
_LIST_PAGES = 5
_PAGE_OF_LISTS = 50
_NEWEST = 100
# A 429 says when to go on, and the gate waits for it.
_TRIES = 3


class ProbeDesk(Brevo):
    """One account at Brevo, as far as a probe needs it beside what the pipeline does anyway."""

    def _ask(self, call: Call) -> tuple[Answer, bool]:
        for _ in range(_TRIES - 1):
            with suppress(RateLimitedError):
                return super()._ask(call)
        return super()._ask(call)

    def account(self) -> tuple[str, str]:
        """Return what stands for the owner of the account, and the owner's own address."""
        owner, answer = self._account()
        return owner, str(answer.data.get("email", "")).lower()

    def find_folder(self) -> int | None:
        """Return the id of some folder, nothing if there is none; a list must be in one."""
        rows, _ = self._page(Call("GET", "/contacts/folders", query={"limit": 1, "sort": "asc"}), "folders")
        return next((row["id"] for row in rows if isinstance(row.get("id"), int)), None)

    def make_list(self, name: str, folder: int) -> int:
        """Create a list and return its id."""
        return self._make(Call("POST", "/contacts/lists", body={"name": name, "folderId": folder}))[0]

    def list_named(self, name: str) -> int | None:
        """Return the id of the list of this name, if it is among the newest."""
        for page in range(_LIST_PAGES):
            call = Call("GET", "/contacts/lists", query={"limit": _PAGE_OF_LISTS, "sort": "desc"})
            rows, _ = self._page(requests.skip(call, page * _PAGE_OF_LISTS), "lists")
            found = next((number for number, held in responses.names_of(rows) if held == name), None)
            if found is not None or len(rows) < _PAGE_OF_LISTS:
                return found
        return None

    def name_of_list(self, list_id: int) -> str | None:
        """Return the name of a list, nothing if there is no such list."""
        shown = self._show(requests.read_list(list_id))
        return None if shown is None else str(shown.get("name", ""))

    def remove_list(self, list_id: int) -> bool:
        """Delete a list, but none of its contacts; return whether Brevo confirms it."""
        return self._remove(Call("DELETE", "/contacts/lists/{id}", parts={"id": list_id}, about=f" (list {list_id})"))

    def make_attribute(self, name: str, kind: str) -> None:
        """Create an attribute of contacts."""
        self._ask(Call("POST", "/contacts/attributes/normal/{name}", parts={"name": name}, body={"type": kind}))

    def names_of_attributes(self) -> frozenset[str]:
        """Return the names of all attributes that can be written, as they are now."""
        rows, _ = self._page(requests.read_attributes(), "attributes")
        return frozenset(name for name, _ in responses.types_of(rows))

    def remove_attribute(self, name: str) -> bool:
        """Delete an attribute, and what contacts hold of it; return whether Brevo confirms it."""
        return self._remove(Call("DELETE", "/contacts/attributes/normal/{name}", parts={"name": name}))

    def make_contact(self, address: str, ext_id: str, attributes: Mapping[str, Json]) -> int:
        """Create a contact on no list and return its id; one that exists is never touched.

        Raises:
            DuplicateContactError: somebody has the address.
        """
        return self.create(NewContact(address, ext_id, attributes, frozenset())).contact_id

    def write(self, contact_id: int, **body: Json) -> bool:
        """Send a change of a contact as it is; return whether Brevo accepts it.

        Raises:
            MissingContactError: Brevo says that there is no such contact, which is no answer to the change.
        """
        call = Call("PUT", "/contacts/{id}", parts={"id": contact_id}, body=body, personal=True)
        try:
            answer, _ = self._ask(call)
        except MissingContactError:
            raise
        except RejectedContactError:
            return False
        if not answer.is_done:
            raise failures.unreadable(call)
        return True

    def show(self, contact_id: int) -> Row | None:
        """Return a contact as Brevo shows it."""
        return self._show(requests.read_contact(contact_id))

    def show_address(self, address: str) -> Row | None:
        """Return the contact of an address as Brevo shows it; nothing also if Brevo refuses the look."""
        call = requests.read_address(address)
        with suppress(RejectedContactError):
            return self._show(call) if call else None
        return None

    def show_ext_id(self, ext_id: str) -> Row | None:
        """Return the contact of an ``ext_id`` as Brevo shows it."""
        call = requests.read_ext_id(ext_id)
        return self._show(call) if call else None

    def filter_by_address(self, address: str) -> list[dict[str, Any]]:
        """Return whom Brevo's filter finds by an address; nobody also if it refuses such a filter."""
        call = requests.search_contacts("EMAIL", address)
        with suppress(RejectedContactError):
            return self._page(call, "contacts")[0] if call else []
        return []

    def show_members(self, list_id: int) -> list[dict[str, Any]]:
        """Return who is on a small list."""
        call = Call("GET", "/contacts/lists/{id}/contacts", parts={"id": list_id}, query={"limit": limits.MEMBERS})
        return self._page(call, "contacts")[0]

    def show_newest(self) -> list[dict[str, Any]]:
        """Return the contacts that were created last; an account may find nobody by address or ``ext_id``."""
        return self._page(Call("GET", "/contacts", query={"limit": _NEWEST, "sort": "desc"}), "contacts")[0]

    def remove_contact(self, contact_id: int) -> bool:
        """Delete a contact, and return whether Brevo confirms it.

        Raises:
            RejectedContactError: Brevo does not delete it: it is the account owner's own.
        """
        query, about = {"identifierType": "contact_id"}, f" (contact {contact_id})"
        return self._remove(Call("DELETE", "/contacts/{id}", parts={"id": contact_id}, query=query, about=about))

    def import_rows(self, rows: Iterable[Json], list_id: int, *, updating: bool) -> int:
        """Start an import that mails nobody, and return its process."""
        body: dict[str, Json] = {
            "jsonBody": [*rows],
            "listIds": [list_id],
            "updateExistingContacts": updating,
            "disableNotification": True,
        }
        call = Call("POST", "/contacts/import", body=body, personal=True)
        answer, _ = self._ask(call)
        process = answer.data.get("processId")
        if not isinstance(process, int):
            raise failures.unreadable(call)
        return process

    def is_over(self, process: int) -> bool | None:
        """Return whether a process has ended, nothing if Brevo does not know it; one request of the scarce kind."""
        shown = self._show(Call("GET", "/processes/{id}", parts={"id": process}))
        return None if shown is None else shown.get("status") in _OVER

    def _remove(self, call: Call) -> bool:
        with suppress(MissingContactError):
            return self._ask(call)[0].is_done
        return False

    def _show(self, call: Call) -> Row | None:
        try:
            answer, _ = self._ask(call)
        except MissingContactError:
            return None
        if not answer.is_json:
            raise failures.unreadable(call)
        return answer.data
