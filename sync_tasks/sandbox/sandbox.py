"""The sandbox itself: a Brevo in memory, with all its state and all its faults, free of HTTP."""

import json
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from itertools import islice
from threading import RLock
from urllib.parse import parse_qs, unquote, urlencode

from sync_tasks.sandbox import people
from sync_tasks.sandbox.account import SandboxAccount
from sync_tasks.sandbox.changes import read_address, read_change
from sync_tasks.sandbox.contact import SandboxContact, show_contact
from sync_tasks.sandbox.faults import Fault, Faults, refuse_by_firewall, spoil
from sync_tasks.sandbox.history import History
from sync_tasks.sandbox.journal import Journal, Request
from sync_tasks.sandbox.limits import RequestWindows, refuse_for_rate
from sync_tasks.sandbox.outbox import Outbox
from sync_tasks.sandbox.people import write_mails
from sync_tasks.sandbox.routes import route
from sync_tasks.sandbox.settings import Quirks, SandboxSettings
from sync_tasks.sandbox.wire import ApiCall, ApiRefusal, JsonObject, Reply, invalid, not_found

FORBIDDEN = re.compile(r"@[^/]*\.(zip|old|back|tar)(/|$)", re.IGNORECASE)


class Sandbox:
    """A local Brevo; every method may be called from any thread."""

    def __init__(self, settings: SandboxSettings | None = None, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self.lock = RLock()
        self._start = settings or SandboxSettings()
        self.reset()

    def reset(self) -> None:
        """Begin anew: as configured, without contacts, faults and records."""
        with self.lock:
            self.settings = replace(self._start, quirks=replace(self._start.quirks))
            self.faults = Faults(self.settings.seed)
            self.limits = RequestWindows(self.settings.limits)
            self.journal = Journal(self.settings.journal_limit)
            self.history = History(self.settings.history_limit)
            self.outbox = Outbox(self.settings.outbox_limit, self.clock)
            self.account = SandboxAccount(self.settings, self.clock, self.history, self.outbox)

    @property
    def quirks(self) -> Quirks:
        """Return the quirks now played; changing a field changes the behaviour."""
        return self.account.quirks

    @quirks.setter
    def quirks(self, quirks: Quirks) -> None:
        self.account.quirks = quirks

    def handle(self, method: str, path: str, *, query: str = "", body: bytes = b"", key: str | None = None) -> Reply:
        """Return the answer to one request; ``path`` is percent-encoded and begins with ``/v3``."""
        with self.lock:
            now = self.clock()
            self.account.schedule.run_due(now)
            request = self.journal.open(now, method, path)
            sent = parse_qs(query, keep_blank_values=True) if query else {}
            call = ApiCall(request.number, method, path, sent, body, key, contact_ids=request.contact_ids)
            fault = self.faults.strike(method, path)
            reply = self._reply(call) if fault is None else self._suffer(fault, call, request)
            self.journal.close(request, 0 if reply.dropped else reply.status)
            return reply

    def request(
        self, method: str, path: str, body: object = None, *, key: str | None = "key", **query: object
    ) -> Reply:
        """Return the answer to a request given in Python; ``path`` is what follows ``/v3``."""
        sent = b"" if body is None else json.dumps(body).encode()
        return self.handle(method, f"/v3{path}", query=urlencode(query, doseq=True), body=sent, key=key)

    def run_due(self) -> None:
        """Let late effects happen and imports end whose time has come."""
        with self.lock:
            self.account.schedule.run_due(self.clock())

    def add_fault(self, kind: str, **fields: object) -> Fault:
        """Switch a fault on; see ``Fault`` for the fields."""
        with self.lock:
            return self.faults.add(Fault(kind=kind, **fields))  # type: ignore[arg-type]

    def contacts(self, offset: int = 0, limit: int | None = None) -> list[JsonObject]:
        """Return the contacts as Brevo shows them, statistics included, oldest first."""
        with self.lock:
            self.run_due()
            end = None if limit is None else offset + limit
            return [self._dump(contact) for contact in islice(self.account.contacts.values(), offset, end)]

    def contact(self, name: int | str) -> JsonObject:
        """Return one contact, by its id or its address."""
        with self.lock:
            self.run_due()
            return self._dump(self._find(name))

    def add_contacts(self, rows: Iterable[Mapping[str, object]]) -> list[int]:
        """Put contacts in as if they had always been there; rows are as in a POST. Return their ids."""
        with self.lock:
            return [self._add(row).id for row in rows]

    def act(self, act: str, name: int | str, *, list_id: int | None = None) -> None:
        """Let a person at Brevo unsubscribe, bounce, complain or delete; by id or address.

        With ``list_id`` the person unsubscribes from that list alone; the quirk ``unsubscription_per_list`` allows it.
        """
        with self.lock:
            if list_id is None:
                people.ACTS[act](self.account, self._find(name))
            elif act == "unsubscribe":
                people.unsubscribe_from_list(self.account, self._find(name), list_id)
            else:
                raise invalid("only who unsubscribes may name a list")

    def edit(self, name: int | str, body: Mapping[str, object]) -> None:
        """Let a person at Brevo change a contact; the body is as in a PUT."""
        with self.lock:
            people.edit(self.account, self._find(name), body)

    def send_campaign(self, list_id: int, text: str) -> list[JsonObject]:
        """Return the mails of a campaign to a list; ``{{ contact.FIRSTNAME }}`` is an attribute of its reader."""
        with self.lock:
            return write_mails(self.account, list_id, text)

    def _reply(self, call: ApiCall) -> Reply:
        if FORBIDDEN.search(unquote(call.path)):
            return refuse_by_firewall()
        if (refusal := self._refuse_key(call)) is not None:
            return refusal.as_reply()
        passes, headers = self.limits.take(call.path, self.clock())
        if not passes:
            return refuse_for_rate(self.quirks.rate_limit_body, headers if self.quirks.rate_limit_reset_told else ())
        reply = self._work(call)
        reply.headers = headers
        return reply

    def _work(self, call: ApiCall) -> Reply:
        self.history.request = call.number
        self.outbox.api_key_name = self.settings.api_key_name
        try:
            return route(self.account, call)
        finally:
            self.history.request = None
            self.outbox.api_key_name = ""

    def _suffer(self, fault: Fault, call: ApiCall, request: Request) -> Reply:
        request.fault = fault.name
        if fault.kind == "late":
            request.late = True
            self.account.schedule.add(self.clock() + fault.seconds, partial(self._apply_late, call, request))
        reply = self._reply(call) if fault.takes_effect else None
        spoilt = spoil(reply, fault)
        if spoilt.status == 429 and not self.quirks.rate_limit_reset_told:  # noqa: PLR2004
            spoilt.headers = ()
        return spoilt

    def _apply_late(self, call: ApiCall, request: Request) -> None:
        request.applied = self.clock()
        self._reply(call)

    def _refuse_key(self, call: ApiCall) -> ApiRefusal | None:
        if not call.key:
            return ApiRefusal(401, "unauthorized", "authentication not found in headers")
        if self.settings.accepted_keys and call.key not in self.settings.accepted_keys:
            return ApiRefusal(401, "unauthorized", "Key not found")
        return None

    def _find(self, name: int | str) -> SandboxContact:
        by_id = isinstance(name, int) or name.isdigit()
        contact = self.account.contacts.get(int(name)) if by_id else self.account.emails.get(str(name).lower())
        if contact is None:
            raise not_found("Contact does not exist")
        return contact

    def _add(self, row: Mapping[str, object]) -> SandboxContact:
        change = read_change(row, self.account)
        change.email = read_address(row["email"], self.account) if row.get("email") else None
        if self.account.find_duplicates(change):
            raise invalid("Another contact has one of the identifiers")
        return self.account.create(change)

    def _dump(self, contact: SandboxContact) -> JsonObject:
        shown = show_contact(contact, ext_id_shown="field", per_list=self.quirks.unsubscription_per_list)
        return shown | {"attributes": dict(contact.attributes), "statistics": contact.statistics or {}}
