"""A provider that is not Brevo: the four workflows need no more than the two protocols ask for."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from itertools import count

import pytest

from sync_tasks.domain.blanks import Blanks
from sync_tasks.domain.contact import Block, RemoteContact
from sync_tasks.domain.diff import Change, NewContact
from sync_tasks.domain.events import Json
from sync_tasks.errors import DuplicateContactError, MissingContactError
from sync_tasks.providers import Capabilities, Gate, Moved, OpenGate, RemotePage, Written
from tests.support.pipeline import MakePipeline, Pipeline, address_of

SINCE = "1790000000000000"


class Toy:
    """An account in memory that answers at once."""

    capabilities = Capabilities(
        list_call_ids=50,
        page=100,
        ids=1,
        import_bytes=100_000,
        contacts_per_second=5,
        contacts_per_hour=1000,
        other_per_hour=10,
        attribute_kinds=frozenset({"text", "boolean"}),
    )

    def __init__(self, gate: Gate | None = None) -> None:
        self.contacts: dict[int, RemoteContact] = {}
        self.numbers = count(1)
        self.gate = gate or OpenGate()

    def through(self, gate: Gate) -> "Toy":
        other = Toy(gate)
        other.contacts, other.numbers = self.contacts, self.numbers
        return other

    def _ask(self) -> None:
        self.gate.report(self.gate.acquire("contacts"), None)

    def owner(self) -> str:
        return "toy"

    def confirm_owner(self) -> None:
        """It is the only one."""

    check_owner = recheck_owner = confirm_owner

    def create(self, contact: NewContact) -> Written:
        self._ask()
        if any(contact.address == other.address for other in self.contacts.values()):
            raise DuplicateContactError("taken", ("email",))
        number = next(self.numbers)
        values = dict(contact.attributes)
        self.contacts[number] = RemoteContact(number, contact.address, contact.ext_id, contact.lists, values, None)
        return Written(number)

    def change(self, contact_id: int, change: Change) -> Written:
        self._ask()
        held = self.contacts.get(contact_id)
        if held is None:
            raise MissingContactError("gone")
        blocked = bool(held.block) if change.blocklisted is None else change.blocklisted
        values: dict[str, Json] = {**held.attributes, **change.attributes}
        self.contacts[contact_id] = replace(
            held,
            address=change.address or held.address,
            ext_id=change.ext_id or held.ext_id,
            lists=(held.lists | change.join) - change.leave,
            attributes={name: value for name, value in values.items() if value not in ("", None)},
            block=(held.block or Block("unsubscribed", SINCE)) if blocked else None,
        )
        return Written(contact_id)

    def read(self, contact_id: int) -> RemoteContact | None:
        self._ask()
        return self.contacts.get(contact_id)

    def export(self, contact_id: int) -> dict[str, Json]:
        return {"email": self.contacts[contact_id].address}

    def _find(self, name: str, value: str) -> RemoteContact | None:
        self._ask()
        return next((held for held in self.contacts.values() if getattr(held, name) == value), None)

    shows_ext_ids = True
    reads_several = False
    imports_safely = True
    blanks = Blanks()

    def read_several(self, ids: Collection[int]) -> dict[int, RemoteContact]:
        raise NotImplementedError

    def find_address(self, address: str) -> RemoteContact | None:
        return self._find("address", address)

    def finds_addresses(self) -> bool:
        return True

    def find_ext_id(self, ext_id: str) -> RemoteContact | None:
        return self._find("ext_id", ext_id)

    def join_list(self, list_id: int, ids: Collection[int]) -> Moved:
        return self._move(ids, Change(join=frozenset({list_id})))

    def leave_list(self, list_id: int, ids: Collection[int]) -> Moved:
        return self._move(ids, Change(leave=frozenset({list_id})))

    def _move(self, ids: Collection[int], change: Change) -> Moved:
        return Moved(frozenset(self.change(contact_id, change).contact_id for contact_id in ids))

    def start_import(self, lists: Collection[int], contacts: Iterable[NewContact]) -> bool:
        for contact in contacts:
            self.create(replace(contact, lists=frozenset(lists)))
        return False

    def modified_since(self, moment: datetime) -> Iterator[RemoteContact]:
        self._ask()
        return iter([contact for contact in reversed(self.contacts.values()) if moment.year])

    def all_contacts(self, most: int) -> Iterator[RemoteContact]:
        self._ask()
        return iter(list(self.contacts.values()) if len(self.contacts) <= most else [])

    def read_page(self, offset: int) -> RemotePage:
        self._ask()
        return RemotePage(list(self.contacts.values())[offset : offset + self.capabilities.page])

    def attribute_types(self, held: Collection[str] = ()) -> Mapping[str, str]:
        return dict.fromkeys(held, "") | {"FIRSTNAME": "text", "LASTNAME": "text", "DAILY_UNSUBSCRIBED": "boolean"}

    def attribute_choices(self) -> Mapping[str, frozenset[str]]:
        return {}

    def has_list(self, list_id: int) -> bool:
        return bool(list_id)

    def list_names(self) -> Mapping[int, str]:
        return {3: "daily", 5: "weekly"}

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def toy() -> Toy:
    return Toy()


@pytest.fixture
def toyed(make_pipeline: MakePipeline, toy: Toy) -> Pipeline:
    """A pipeline whose account is at the toy provider."""
    pipeline = make_pipeline()
    pipeline.resources = replace(pipeline.resources, gateways={"default": toy})
    return pipeline


def test_the_four_workflows_need_no_more_than_the_protocols_ask_for(toyed: Pipeline, toy: Toy) -> None:
    toyed.subscribe("anna", "daily", first_name="Anna")
    toyed.subscribe("anna", "weekly")
    toyed.work()
    (held,) = toy.contacts.values()
    assert (held.address, held.ext_id, held.lists) == (address_of("anna"), "anna", frozenset({3, 5}))
    assert held.attributes["FIRSTNAME"] == "Anna"

    toyed.update("anna", email="anna.new@portal.org", last_name="Tal")
    toyed.unsubscribe("anna", "weekly")
    toyed.work()
    (held,) = toy.contacts.values()
    assert (held.address, held.lists, held.attributes["LASTNAME"]) == ("anna.new@portal.org", frozenset({3}), "Tal")

    toyed.anonymize("anna")
    toyed.work()
    (held,) = toy.contacts.values()
    assert (held.lists, held.attributes["FIRSTNAME"], held.block is not None) == (frozenset(), "DELETED", True)
    assert "anna" not in repr((held.address, held.ext_id, held.attributes))


def test_somebody_the_provider_knows_already_is_found_by_address(toyed: Pipeline, toy: Toy) -> None:
    toy.create(NewContact(address_of("anna"), "", {}, frozenset({9})))
    toyed.subscribe("anna")
    toyed.work()
    (held,) = toy.contacts.values()
    assert held.lists == frozenset({3, 9})
