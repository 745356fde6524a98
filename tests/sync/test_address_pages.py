"""Pages show people whom the state does not know, unless they may hide whose a contact is."""

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from sync_tasks.domain.contact import RemoteContact
from sync_tasks.errors import GatewayUnavailableError
from sync_tasks.ext_ids import ExtIds
from sync_tasks.sync.address_pages import PEOPLE_A_PAGE, find_on_pages
from tests.support.saying import ADA, BEA, MAPPING

PAGE = 2


def remote(contact_id: int, address: str, ext_id: str | None = None) -> RemoteContact:
    return RemoteContact(contact_id, address, ext_id, frozenset(), {}, None)


def find(
    *contacts: RemoteContact | Exception,
    shows: bool = False,
    shared: bool = False,
    people: tuple[str, ...] = (ADA, BEA),
) -> tuple[dict[str, int], int]:
    """Return whom pages show, and how many pages were read."""
    kept = list[str]()

    def all_contacts(most: int) -> Iterator[RemoteContact]:
        assert most == PAGE
        for one in contacts:
            if isinstance(one, Exception):
                raise one
            yield one

    gateway: Any = SimpleNamespace(
        capabilities=SimpleNamespace(page=PAGE), all_contacts=all_contacts, shows_ext_ids=shows
    )
    mapping = replace(MAPPING, ext_ids=ExtIds("portal-{user_id}") if shared else ExtIds())
    others = tuple(f"{number}@example.com" for number in range(PEOPLE_A_PAGE - len(people)))
    found = find_on_pages([*people, *others], gateway, mapping, lambda: kept.append("kept"))
    return {address: one.id for address, one in found.items()}, len(kept)


def test_who_is_shown_is_found_and_leases_are_kept_at_each_page() -> None:
    assert find(remote(7, ADA), remote(8, "x@example.com"), remote(9, BEA)) == ({ADA: 7, BEA: 9}, 2)


def test_an_address_of_two_contacts_or_of_two_people_is_nobodys() -> None:
    assert find(remote(7, ADA), remote(8, ADA), remote(9, BEA), remote(9, BEA))[0] == {BEA: 9}
    assert find(remote(7, ADA), remote(9, BEA), people=(ADA, ADA, BEA))[0] == {BEA: 9}


def test_pages_that_break_off_show_nobody() -> None:
    assert find(remote(7, ADA), GatewayUnavailableError("504"))[0] == {}


@pytest.mark.parametrize(
    ("ext_id", "shows", "shared", "found"),
    [
        (None, False, False, True),
        (None, True, False, False),
        (None, False, True, False),
        ("u1", True, True, True),
    ],
    ids=["never shown", "shown elsewhere", "others have contacts there", "shown"],
)
def test_pages_that_may_hide_whose_a_contact_is_show_nobody(
    ext_id: str | None, *, shows: bool, shared: bool, found: bool
) -> None:
    assert bool(find(remote(7, ADA, ext_id), shows=shows, shared=shared)[0]) is found
