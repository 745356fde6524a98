"""A list that is read page by page while contacts go: nobody who stays is left out, and the end is no mere number."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count

import pytest

from sync_tasks.domain.contact import RemoteContact
from sync_tasks.errors import GatewayUnavailableError
from sync_tasks.providers.brevo import requests
from sync_tasks.providers.brevo.client import Brevo
from sync_tasks.providers.brevo.limits import PAGE
from sync_tasks.providers.brevo.pages import read_everybody
from sync_tasks.providers.brevo.requests import Call
from tests.support.brevo_samples import page, remote
from tests.support.scripted_brevo import Script, answer

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
PEOPLE = 2_500


class Listing:
    """The contacts that an account lists, the last created first."""

    def __init__(self) -> None:
        self.ids = list(range(PEOPLE, 0, -1))

    def read_page(self, call: Call) -> tuple[list[RemoteContact], int]:
        offset = int(str(call.query.get("offset", 0)))
        page = self.ids[offset : offset + PAGE]
        return [RemoteContact(number, None, None, frozenset(), {}, None) for number in page], len(self.ids)

    def __iter__(self) -> Iterator[int]:
        return (contact.id for contact in read_everybody(requests.read_modified(LONG_AGO), self.read_page))


@pytest.mark.parametrize("gone", [1, 9, 10, 400, 1_600, 2_490])
def test_whoever_stays_is_shown_if_others_are_deleted_between_two_pages(gone: int) -> None:
    listing, shown = Listing(), list[int]()
    for number in listing:
        shown.append(number)
        if len(shown) == PAGE:
            del listing.ids[:gone]

    assert set(listing.ids) <= set(shown)
    assert len(shown) == len(set(shown))


def test_whoever_is_deleted_after_each_page_hides_nobody() -> None:
    listing, shown = Listing(), list[int]()
    for number in listing:
        shown.append(number)
        if len(shown) % 900 == 0:
            del listing.ids[:50]

    assert set(listing.ids) <= set(shown)


def test_whoever_comes_meanwhile_is_listed_first_and_nobody_twice() -> None:
    listing, shown = Listing(), list[int]()
    for number in listing:
        shown.append(number)
        if len(shown) == PAGE:
            listing.ids[:0] = [PEOPLE + 1]

    assert shown == list(range(PEOPLE, 0, -1))


def test_a_full_page_is_not_the_end_whatever_the_count(script: Script, gateway: Brevo) -> None:
    first, last = [remote(number) for number in range(1, 1_001)], [remote(number) for number in range(991, 1_002)]
    script.says(answer(200, page(*first)), answer(200, page(*last, count=1_000)))

    assert [one.id for one in gateway.modified_since(LONG_AGO)] == list(range(1, 1_002))


def test_a_page_shorter_than_asked_is_not_the_end_if_there_are_more(script: Script, gateway: Brevo) -> None:
    rows = [remote(number) for number in range(1, 41)]
    script.says(answer(200, page(*rows[:20], count=40)), answer(200, page(*rows[10:], count=40)))

    assert [one.id for one in gateway.modified_since(LONG_AGO)] == list(range(1, 41))
    assert [asked.query.get("offset", "0") for asked in script.asked] == ["0", "10"]


def test_a_count_of_more_than_are_shown_ends_with_an_empty_page(script: Script, gateway: Brevo) -> None:
    script.says(answer(200, page(remote(1), remote(2), count=7)), answer(200, page(count=7)))

    assert [one.id for one in gateway.modified_since(LONG_AGO)] == [1, 2]


def test_pages_that_go_back_and_forth_without_an_end_are_given_up(script: Script, gateway: Brevo) -> None:
    others = count(1)
    pages = [[remote(next(others)) for _ in range(20)] for _ in range(100)]
    script.says(*[answer(200, page(*rows, count=10**9)) for rows in pages])

    with pytest.raises(GatewayUnavailableError, match="no end"):
        list(gateway.modified_since(LONG_AGO))


def test_pages_that_show_half_of_their_rows_are_given_up_soon() -> None:
    asked, people = list[Call](), [RemoteContact(number, None, None, frozenset(), {}, None) for number in range(24)]

    def read_page(call: Call) -> tuple[list[RemoteContact], int]:
        asked.append(call)
        return people[int(str(call.query.get("offset", 0))) :: 2], len(people)

    with pytest.raises(GatewayUnavailableError, match="no end"):
        list(read_everybody(requests.read_modified(LONG_AGO), read_page))
    assert len(asked) <= 12
