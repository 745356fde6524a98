"""The gateway's operations on an account, each with as few requests as possible."""

import time
from abc import abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from sync_tasks.domain.blanks import Blanks
from sync_tasks.domain.contact import RemoteContact
from sync_tasks.domain.diff import Change, NewContact
from sync_tasks.domain.events import Json
from sync_tasks.errors import DuplicateContactError, MissingContactError, MissingListError, RejectedContactError
from sync_tasks.providers import Gateway, KnownAnswers, Moved, RemotePage, ShownContact, Written
from sync_tasks.providers.brevo import failures, questions, requests, responses
from sync_tasks.providers.brevo.learnt import Learnt
from sync_tasks.providers.brevo.limits import CAPABILITIES
from sync_tasks.providers.brevo.pages import read_everybody, read_rows
from sync_tasks.providers.brevo.requests import Call
from sync_tasks.providers.brevo.responses import Answer
from sync_tasks.texts import is_international, known_address, unicode_address

_TYPES_LAST = 60.0
# So many seconds a thread waits for the answer that another one asked for, before it asks itself.
_ANSWER_TAKES = 5.0
# A look by address is asked for so many who are there, before it is believed to find nobody.
_BELIEVED = 3


class Operations(Gateway):
    """The gateway's methods; the subclass sends the requests. What is said here of a method is true of Brevo alone."""

    capabilities = CAPABILITIES

    def __init__(self, known: KnownAnswers = dict) -> None:
        self._learnt = Learnt()
        self._known = known

    @abstractmethod
    def _ask(self, call: Call) -> tuple[Answer, bool]:
        """Return the good answer, and whether an earlier try of the same call may still take effect."""

    def owner(self) -> str:
        return self._account()[0]

    def _account(self) -> tuple[str, Answer]:
        """Return what stands for the owner of the account, and the answer that shows it."""
        answer, _ = self._ask(call := requests.read_account())
        found = responses.owner_of(answer)
        if found is None:
            raise failures.unreadable(call)
        return found, answer

    def create(self, contact: NewContact) -> Written:
        contact_id, outcome_unknown = self._make(requests.create_contact(contact))
        return Written(contact_id, outcome_unknown=outcome_unknown)

    def _make(self, call: Call) -> tuple[int, bool]:
        """Return the id of what a call creates, and whether it may do so twice."""
        answer, outcome_unknown = self._ask(call)
        found = responses.created_id(answer)
        if found is None:
            raise failures.unreadable(call)
        return found, outcome_unknown

    def change(self, contact_id: int, change: Change) -> Written:
        """Brevo may answer 404 for an unknown list too: if lists were sent, a look shows whether a list is meant."""
        call = requests.change_contact(contact_id, self._clearing_as_known(change))
        try:
            answer, outcome_unknown = self._ask(call)
        except MissingContactError:
            self.recheck_owner()
            if not call.lists or self.read(contact_id) is None:
                raise
            refused = RejectedContactError(f"{call}: Brevo has the contact, but not every list")
            raise self._find_absent(call, refused) from None
        if answer.code or (answer.body.strip() and not answer.is_json):
            raise failures.unreadable(call)
        return Written(contact_id, outcome_unknown=outcome_unknown)

    def _clearing_as_known(self, change: Change) -> Change:
        """Return the change with ``null`` at once if an empty text was seen to clear nothing."""
        empty = {name for name, value in change.attributes.items() if value in ("", None)} - change.nulls
        change = replace(change, nulls=change.nulls | self._learnt.blanks.nulls(empty))
        kinds = questions.kinds_cleared_by_null(self._known()) if empty else frozenset()
        if not kinds:
            return change
        types = self.attribute_types()
        return replace(change, nulls=change.nulls | {name for name in empty if questions.kind_of(name, types) in kinds})

    def _find_absent(self, call: Call, error: RejectedContactError) -> RejectedContactError:
        """Return ``MissingListError`` if Brevo lacks a list, else the error; we ask, as its answer is undocumented."""
        absent = tuple(list_id for list_id in sorted(call.lists) if not self.has_list(list_id))
        if not absent:
            return error
        self.recheck_owner()
        missing = MissingListError(str(error), absent)
        missing.outcome_unknown = error.outcome_unknown
        return missing

    def _find_reason(self, call: Call, error: RejectedContactError) -> RejectedContactError:
        """Return why a request was refused: for a list, for an address that another contact has, or for neither.

        Brevo's codes and words have changed before. A look costs one request, and is right in any words.
        """
        reason = self._find_absent(call, error)
        if reason is error and (look := requests.read_address(call.address)):
            with suppress(RejectedContactError):
                holder = self._read(look)
                if holder and holder.id != call.parts.get("id") and holder.address == known_address(call.address):
                    reason = DuplicateContactError(f"{error} (duplicate email, as a look shows)", ("email",))
                    reason.outcome_unknown = error.outcome_unknown
        return reason

    def has_list(self, list_id: int) -> bool:
        try:
            self._ask(requests.read_list(list_id))
        except MissingContactError:
            return False
        except RejectedContactError:
            # Not documented for a list that does not exist: all lists show it.
            return list_id in self.list_names()
        return True

    def read(self, contact_id: int) -> RemoteContact | None:
        """Return the contact, or ``None`` if Brevo has none of that id; one of another id is another contact."""
        found = self._read(requests.read_contact(contact_id))
        if found and found.id == contact_id:
            return found
        self.recheck_owner()
        return None

    def export(self, contact_id: int) -> Mapping[str, Json] | None:
        """Return Brevo's own document of a contact, with its statistics of 90 days; ``None`` if there is none."""
        try:
            answer, _ = self._ask(call := requests.read_contact(contact_id))
        except MissingContactError:
            return None
        if not answer.is_json:
            raise failures.unreadable(call)
        return answer.data if answer.data.get("id") == contact_id else None

    @property
    def blanks(self) -> Blanks:
        return self._learnt.blanks

    @property
    def shows_ext_ids(self) -> bool:
        return self._learnt.ext_id_seen

    @property
    def reads_several(self) -> bool:
        """Whether one look may read several contacts; not for a while after Brevo was seen to ignore the ids."""
        return time.monotonic() > self._learnt.ids_ignored

    @property
    def imports_safely(self) -> bool:
        """Whether Brevo takes imports, and nobody saw one lift the block of somebody who was there.

        It documents neither a limit for imports alone nor what becomes of a block.
        """
        return self._learnt.imports and self._known().get("import_block") != questions.LIFTED

    def read_several(self, ids: Collection[int]) -> Mapping[int, RemoteContact]:
        """Return those of up to 20 contacts that Brevo shows, without reasons of blocks.

        Brevo's schema does not name ``ids``. If it ignores them, it shows others: then each is read alone for a while.
        """
        try:
            shown, _ = self._shown(requests.read_several(ids))
        except RejectedContactError:
            shown = None
        if shown is None or any(contact.id not in ids for contact in shown):
            self._learnt.note_ids_ignored()
        readable = (contact for contact in shown or () if isinstance(contact, RemoteContact))
        return {contact.id: contact for contact in readable if contact.id in ids}

    def find_address(self, address: str) -> RemoteContact | None:
        """Return the contact that has this address; one request, if Brevo lets the address into a path.

        Somebody may have created the contact by hand with the letters of a punycode domain: we ask for both forms.

        Raises:
            RejectedContactError: nobody knows, because Brevo refuses the look and its filter finds no addresses.
        """
        wanted = known_address(address)
        forms = (wanted, unicode_address(wanted)) if is_international(wanted) else (wanted,)
        found = (self._look_for(form, wanted) for form in forms if form)
        return next(filter(None, found), None)

    def finds_addresses(self) -> bool:
        """Return whether a look by address finds somebody who is there; asked only until one was seen to.

        Brevo documents this look. Should it find nobody, no opt-out of somebody who was there before would be done.
        """
        if self._learnt.look_finds or self._known().get("address_look") == questions.YES:
            return True
        people, _ = self._people(requests.read_few())
        addresses = [one.address for one in people if one.address and requests.read_address(one.address)]
        # Somebody may have gone, or have got another address, since the page.
        return not addresses or any(self.find_address(address) for address in addresses[:_BELIEVED])

    def _look_for(self, form: str, wanted: str) -> RemoteContact | None:
        if call := requests.read_address(form):
            # The filter asks for an address that Brevo or its firewall refuses in a path.
            with suppress(RejectedContactError):
                found = self._read(call)
                if found and found.address != wanted:
                    raise failures.unreadable(call)
                self._learnt.look_finds |= found is not None
                return found
        found = self._search("EMAIL", form, lambda contact: contact.address == wanted)
        if found is None and requests.search_contacts("EMAIL", form) and not self._filter_finds():
            raise RejectedContactError(
                "nobody can find out who has this address: Brevo refuses the look, its filter finds nobody"
            )
        return found

    def _filter_finds(self) -> bool:
        """Return whether Brevo's filter finds an existing address; no page of Brevo's documents that (November 2026).

        In an account without contacts the filter misses nobody.
        """
        if not self._learnt.filter_finds and self._known().get("address_filter") == questions.YES:
            return True
        if not self._learnt.filter_finds:
            people, _ = self._people(requests.read_few())
            first = next((one for one in people if one.address and one.address.isascii()), None)
            probe = requests.search_contacts("EMAIL", (first.address or "") if first else "")
            found = self._people(probe)[0] if first and probe else []
            self._learnt.filter_finds = not people or any(one.id == (first and first.id) for one in found)
        return self._learnt.filter_finds

    def find_ext_id(self, ext_id: str) -> RemoteContact | None:
        """Return the contact that has this ``ext_id``, or ``None``, also if no request can hold the text."""
        call = requests.read_ext_id(ext_id)
        if call is None:
            return self._search("EXT_ID", ext_id, lambda contact: contact.ext_id == ext_id)
        contact = self._read(call)
        if contact is None or contact.ext_id == ext_id:
            return contact
        # If Brevo shows no ext_id, the answer is believed unless it may be the contact with that numeric id.
        believed = contact.ext_id is None and str(contact.id) != ext_id
        return replace(contact, ext_id=ext_id) if believed else None

    def join_list(self, list_id: int, ids: Collection[int]) -> Moved:
        return self._move(requests.move_contacts(list_id, ids, "add"))

    def leave_list(self, list_id: int, ids: Collection[int]) -> Moved:
        return self._move(requests.move_contacts(list_id, ids, "remove"))

    def _move(self, call: Call) -> Moved:
        """Return the moved contacts.

        Brevo answers 400 if no contact moves, also for a harmless repeat (seen by other projects, not measured). Then
        nobody counts as moved, and each contact gets a request of its own.
        """
        try:
            answer, outcome_unknown = self._ask(call)
        except RejectedContactError as error:
            return Moved(frozenset(), outcome_unknown=error.outcome_unknown)
        if answer.body.strip() and not answer.is_json:
            raise failures.unreadable(call)
        return Moved(responses.moved_ids(answer), outcome_unknown=outcome_unknown)

    def start_import(self, lists: Collection[int], contacts: Iterable[NewContact]) -> bool:
        _, outcome_unknown = self._ask(requests.import_contacts(lists, contacts))
        return outcome_unknown

    def modified_since(self, moment: datetime) -> Iterator[ShownContact]:
        return read_everybody(requests.read_modified(moment), self._shown)

    def all_contacts(self, most: int) -> Iterator[ShownContact]:
        offset = 0
        while offset < max(self._learnt.total, 1) <= most:
            page = self.read_page(offset)
            shown: list[ShownContact] = [*page.contacts, *page.unread]
            if not shown or self._learnt.total > most:
                return
            yield from shown
            offset += len(shown)

    def read_page(self, offset: int) -> RemotePage:
        """Return a page, but none that is empty although there are more."""
        page, total = self._contacts(call := requests.skip(requests.read_page(), offset))
        if not page.contacts and not page.unread and offset < (total or 0):
            raise failures.unreadable(call)
        self._learnt.total = total or 0
        return replace(page, total=total)

    def attribute_types(self, held: Collection[str] = ()) -> Mapping[str, str]:
        """Return the attributes that can be written, name to type, a minute old at most; choices are ``category``.

        ``held``: names that a contact holds. Those that the account does not list, even if asked anew, have no type.
        """
        self._read_attributes(held)
        return self._learnt.types | {name: "" for name in held if name not in self._learnt.listed}

    def attribute_choices(self) -> Mapping[str, frozenset[str]]:
        self._read_attributes()
        return self._learnt.choices

    def _read_attributes(self, held: Collection[str] = ()) -> None:
        """Know the attributes; threads that need them at once share the answer, but none waits for ever for another."""
        learnt = self._learnt
        if learnt.knows_attributes(held):
            return
        alone = not learnt.reading.acquire(timeout=_ANSWER_TAKES)
        try:
            if alone or not learnt.knows_attributes(held):
                # Other threads go on with what was known before.
                learnt.until = time.monotonic() + _TYPES_LAST if learnt.types else learnt.until
                rows, _ = self._page(call := requests.read_attributes(), "attributes")
                if rows and not any(responses.names_of_attributes(rows)):
                    raise failures.unreadable(call)
                learnt.note_attributes(rows, held, until=time.monotonic() + _TYPES_LAST)
        finally:
            if not alone:
                learnt.reading.release()

    def list_names(self) -> Mapping[int, str]:
        rows = list(read_rows(call := requests.read_lists(), partial(self._page, key="lists")))
        if len(named := list(responses.names_of(rows))) < len(rows):
            raise failures.unreadable(call)
        return dict(named)

    def _read(self, call: Call) -> RemoteContact | None:
        try:
            answer, _ = self._ask(call)
        except MissingContactError:
            return None
        contact = responses.single_contact_of(answer.data, datetime.now(UTC))
        if contact is None:
            raise failures.unreadable(call)
        self._learnt.ext_id_seen |= contact.ext_id is not None
        return contact

    def _search(self, attribute: str, value: str, fits: Callable[[RemoteContact], bool]) -> RemoteContact | None:
        call = requests.search_contacts(attribute, value)
        if call is None or not value:
            return None
        hit = next(filter(fits, read_everybody(call, self._people)), None)
        found = self.read(hit.id) if hit else None
        return found if found and fits(found) else None

    def _people(self, call: Call) -> tuple[list[RemoteContact], int | None]:
        """Return the contacts of one page; a page with one that cannot be read does not hide it."""
        page, total = self._contacts(call)
        if page.unread:
            raise failures.unreadable(call)
        return page.contacts, total

    def _shown(self, call: Call) -> tuple[list[ShownContact], int | None]:
        """Return all that a page shows, those included who cannot be read."""
        page, total = self._contacts(call)
        return [*page.contacts, *page.unread], total

    def _contacts(self, call: Call) -> tuple[RemotePage, int | None]:
        rows, total = self._page(call, "contacts")
        page = responses.remote_page_of(rows, datetime.now(UTC))
        if page is None:
            raise failures.unreadable(call)
        return page, total

    def _page(self, call: Call, key: str) -> tuple[list[dict[str, Any]], int | None]:
        answer, _ = self._ask(call)
        rows = responses.page_of(answer, key)
        if rows is None:
            raise failures.unreadable(call)
        return rows, responses.total_of(answer)
