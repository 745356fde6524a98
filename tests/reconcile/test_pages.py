"""All contacts of an account, page by page: an end that is none is no end."""

from itertools import islice
from types import SimpleNamespace
from typing import Any

import pytest

from sync_tasks.domain.contact import RemoteContact
from sync_tasks.errors import GatewayUnavailableError
from sync_tasks.providers import RemotePage
from sync_tasks.reconcile.id_index import ShownIds
from sync_tasks.reconcile.pages import OVERLAP, read_pages

PEOPLE = 40
CONTEXT: Any = SimpleNamespace(store=SimpleNamespace(now=lambda: "1"), limiter=None)


def read(size: int) -> list[int]:
    """Return whom the pages of an account show that never holds more than so many contacts."""
    people = [RemoteContact(number, None, None, frozenset(), {}, None) for number in range(1, PEOPLE + 1)]
    gateway: Any = SimpleNamespace(read_page=lambda offset: RemotePage(people[offset : offset + size], total=PEOPLE))
    return [number for page in read_pages(gateway, CONTEXT, ShownIds()) for number in page.ids]


@pytest.mark.parametrize("size", [OVERLAP + 1, 20, PEOPLE, 1_000])
def test_pages_that_are_shorter_than_asked_are_read_to_the_last(size: int) -> None:
    assert read(size) == list(range(1, PEOPLE + 1))


@pytest.mark.parametrize("size", [1, OVERLAP])
def test_nobody_is_absent_because_pages_are_too_short_to_go_on(size: int) -> None:
    with pytest.raises(GatewayUnavailableError, match="no further contact, though there are more"):
        read(size)


def test_whoever_stands_twice_on_a_page_is_shown_once() -> None:
    people = [RemoteContact(number, None, None, frozenset(), {}, None) for number in range(1, PEOPLE + 1)]
    twice = [one for one in people for _ in range(2)]
    gateway: Any = SimpleNamespace(read_page=lambda offset: RemotePage(twice[offset : offset + 30], total=PEOPLE))

    assert [number for page in read_pages(gateway, CONTEXT, ShownIds()) for number in page.ids] == list(range(1, 41))


def test_pages_that_are_all_the_first_are_not_the_end() -> None:
    people = [RemoteContact(number, None, None, frozenset(), {}, None) for number in range(1, 31)]
    gateway: Any = SimpleNamespace(read_page=lambda _offset: RemotePage(people, total=PEOPLE))

    with pytest.raises(GatewayUnavailableError, match="no further contact, though there are more"):
        list(read_pages(gateway, CONTEXT, ShownIds()))


@pytest.mark.parametrize(
    ("known", "asked"),
    [
        (1_205, [1_200, 1_210]),
        (705, [1_200, 700, 710]),
        (205, [1_200, 700, 200, 210]),
        (5, [1_200, 700, 200, 0, 10]),
        (None, [1_200, 700, 200, 0, 10]),
    ],
)
def test_if_a_page_shows_nobody_who_is_known_those_before_are_read_again(known: int | None, asked: list[int]) -> None:
    offsets, shown = list[int](), ShownIds()
    if known is not None:
        shown.add(known)

    def read_page(offset: int) -> RemotePage:
        offsets.append(offset)
        people = range(offset, min(offset + 20, 1_240))
        return RemotePage([RemoteContact(one, None, None, frozenset(), {}, None) for one in people], total=1_240)

    gateway: Any = SimpleNamespace(read_page=read_page)
    for _page in islice(read_pages(gateway, CONTEXT, shown, 1_200), 2):
        pass
    assert offsets == asked
