"""Paging through contacts and filtering them."""

from datetime import UTC, datetime
from typing import Any

import pytest

from sync_tasks.sandbox import Sandbox
from tests.support.sandbox_clock import Clock


@pytest.fixture
def many(brevo: Sandbox, clock: Clock) -> list[int]:
    """The ids of six contacts, created a minute apart; every second is on the list 5."""
    ids: list[int] = []
    for number in range(6):
        ids += brevo.add_contacts(
            [
                {
                    "email": f"c{number}@portal.org",
                    "ext_id": f"u-{number}",
                    "attributes": {"LASTNAME": "Even" if number % 2 == 0 else "Odd", "DAILY_UNSUBSCRIBED": number == 3},
                    "listIds": [3] if number % 2 else [3, 5],
                }
            ]
        )
        clock.pass_seconds(60)
    return ids


def find(brevo: Sandbox, **query: object) -> tuple[list[int], int]:
    found = brevo.request("GET", "/contacts", None, key="key", **query).json()
    return [each["id"] for each in found["contacts"]], found["count"]  # type: ignore[index]


def test_the_newest_come_first_unless_asked_otherwise(brevo: Sandbox, many: list[int]) -> None:
    assert find(brevo) == (many[::-1], 6)
    assert find(brevo, sort="asc", limit=2, offset=3) == (many[3:5], 6)
    assert find(brevo, limit=4, offset=4) == (many[1::-1], 6)
    assert find(brevo, offset=100) == ([], 6)


def test_a_page_does_not_shift_when_an_earlier_contact_goes(brevo: Sandbox, many: list[int]) -> None:
    brevo.request("DELETE", f"/contacts/{many[0]}")

    assert find(brevo, sort="asc", limit=2) == (many[1:3], 5)


def test_a_filter_finds_no_address_unless_it_is_switched_on(brevo: Sandbox, many: list[int]) -> None:
    assert many
    assert find(brevo, filter='equals(EMAIL,"C2@portal.org")') == ([], 0)


@pytest.mark.parametrize(
    ("text", "positions"),
    [
        ('equals(EMAIL,"C2@portal.org")', [2]),
        ('equals(EXT_ID,"u-4")', [4]),
        ('equals(LASTNAME,"Odd")', [1, 3, 5]),
        ('equals(DAILY_UNSUBSCRIBED,"true")', [3]),
        ("equals(DAILY_UNSUBSCRIBED, true)", [3]),
        ("equals(LASTNAME,Odd)", [1, 3, 5]),
        ('equals(LASTNAME,"")', []),
        ('equals(LASTNAME,"odd")', []),
        ('equals(EMAIL,"nobody@portal.org")', []),
    ],
)
def test_a_filter_finds_by_address_ext_id_and_attribute(
    brevo: Sandbox, many: list[int], text: str, positions: list[int]
) -> None:
    brevo.quirks.address_filter_finds = True
    assert find(brevo, sort="asc", filter=text) == ([many[each] for each in positions], len(positions))


def test_lists_and_times_narrow_the_search(brevo: Sandbox, many: list[int], clock: Clock) -> None:
    since = datetime.fromtimestamp(clock.now - 150, UTC).isoformat()
    brevo.request("PUT", f"/contacts/{many[0]}", {"listIds": [5], "attributes": {"LASTNAME": "New"}})

    assert find(brevo, sort="asc", listIds=[5]) == (many[::2], 3)
    assert find(brevo, sort="asc", createdSince=since) == (many[4:], 2)
    assert find(brevo, sort="asc", modifiedSince=since) == ([many[0], *many[4:]], 3)
    assert find(brevo, sort="asc", modifiedSince=since, listIds=[5], limit=1, offset=1) == ([many[4]], 2)
    assert find(brevo, listIds=[5], filter='equals(EMAIL,"c1@portal.org")') == ([], 0)


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 1001},
        {"limit": "many"},
        {"offset": -1},
        {"sort": "up"},
        {"filter": "contains(EMAIL)"},
        {"modifiedSince": "yesterday"},
        {"listIds": "x"},
        {"ids": "x"},
        {"ids": list(range(1, 22))},
        {"filter": "equals(LASTNAME,)"},
    ],
)
def test_a_search_that_makes_no_sense_is_refused(brevo: Sandbox, query: dict[str, Any]) -> None:
    assert brevo.request("GET", "/contacts", **query).status == 400


def test_an_identifier_that_makes_no_sense_is_refused(brevo: Sandbox) -> None:
    assert brevo.request("GET", "/contacts/nonsense").status == 400
    assert brevo.request("GET", "/contacts/1", identifierType="shoe_size").status == 400
    assert brevo.request("GET", "/contacts/x", identifierType="contact_id").status == 404


def test_a_contact_without_the_attribute_is_not_found_by_it(brevo: Sandbox, anna: int) -> None:
    assert find(brevo, filter='equals(LASTNAME,"None")') == ([], 0)
    assert find(brevo, filter='equals(FIRSTNAME,"Anna")') == ([anna], 1)


def test_several_contacts_are_found_by_their_ids(brevo: Sandbox, many: list[int]) -> None:
    assert find(brevo, sort="asc", ids=many[1:3]) == (many[1:3], 2)
    assert find(brevo, ids=f"{many[0]},{many[4]}") == ([many[4], many[0]], 2)
    assert find(brevo, ids=many[4], listIds=[5]) == ([many[4]], 1)
    assert find(brevo, ids=999) == ([], 0)
