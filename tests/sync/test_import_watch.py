"""Whom an import creates is looked for until all are shown, or the looks show nobody new any more."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest

from sync_tasks.domain.contact import Block, Contact, RemoteContact, UnreadContact
from sync_tasks.domain.timestamps import CLOCK_SKEW
from sync_tasks.errors import GatewayUnavailableError, RateLimitedError, UnauthorizedError
from sync_tasks.providers import ShownContact
from sync_tasks.sync.import_watch import (
    GAPS,
    Finding,
    ImportWatch,
    changed_since,
    find_created,
    look_until_shown,
)
from tests.support.saying import START, contact_of, moment, stamp, subscribe

PAGE = 2
UNAVAILABLE = GatewayUnavailableError("503")


def shown(name: str, **said: Any) -> RemoteContact:
    return replace(RemoteContact(7, f"{name}@example.com", None, frozenset(), {}, None), **said)


class Looks:
    """Brevo as each look in turn finds it: names, contacts, or an error."""

    capabilities = SimpleNamespace(page=PAGE)

    def __init__(self, *answers: str | list[RemoteContact] | list[ShownContact] | Exception) -> None:
        self.answers = list(answers)
        self.asked = list[datetime]()

    def modified_since(self, since: datetime) -> Iterator[ShownContact]:
        self.asked.append(since)
        answer = self.answers.pop(0) if self.answers else ""
        if isinstance(answer, Exception):
            raise answer
        yield from map(shown, answer) if isinstance(answer, str) else answer


class Watched:
    """An import under way: who is missing, who was found, and what was done in between."""

    def __init__(self, looks: Looks, missing: str) -> None:
        self.missing = {f"{one}@example.com": one for one in missing}
        self.found = ""
        self.kept = 0
        self.rests = list[float]()
        gateway: Any = looks
        self._watch = ImportWatch(self.missing, gateway, rest=self.rests.append, keep=self._keep, found=self._take)

    def _keep(self) -> None:
        self.kept += 1

    def _take(self, one: str, remote: RemoteContact) -> None:
        assert remote.address == f"{one}@example.com"
        self.found += one

    def run(self) -> str:
        """Return who was found."""
        self._watch.run(START)
        return self.found


def test_looks_go_on_until_all_are_shown() -> None:
    looks = Looks("", "a", "xb")
    watched = Watched(looks, "ab")
    assert watched.run() == "ab"
    assert (looks.asked, watched.missing) == ([START] * 3, {})
    assert watched.rests == [GAPS[0], GAPS[1], GAPS[1]], "only a look that shows nobody new lets the next one wait"


def test_two_looks_in_a_row_that_show_nobody_new_end_an_import_that_has_shown_somebody() -> None:
    looks = Looks("a", "", "b", "", "", "c")
    watched = Watched(looks, "abc")
    assert watched.run() == "ab"
    assert len(looks.asked) == 5


def test_an_import_that_has_shown_nobody_is_looked_for_to_the_end() -> None:
    looks = Looks()
    assert Watched(looks, "a").run() == ""
    assert len(looks.asked) == len(GAPS)


@pytest.mark.parametrize("error", [UNAVAILABLE, RateLimitedError("429")])
def test_a_look_that_fails_says_nothing_about_the_import(error: Exception) -> None:
    assert Watched(Looks("a", "", error, error, "b"), "ab").run() == "ab"


def test_three_looks_in_a_row_that_fail_are_enough() -> None:
    looks = Looks(*[UNAVAILABLE] * 3, "a")
    with pytest.raises(GatewayUnavailableError):
        Watched(looks, "a").run()
    assert len(looks.asked) == 3
    assert Watched(Looks(UNAVAILABLE, UNAVAILABLE, "", UNAVAILABLE, UNAVAILABLE, "a"), "a").run() == "a"


def test_trouble_of_the_account_ends_the_looks_at_once() -> None:
    looks = Looks(UnauthorizedError("401"), "a")
    with pytest.raises(UnauthorizedError):
        Watched(looks, "a").run()
    assert len(looks.asked) == 1


@pytest.mark.parametrize(("answer", "pages"), [("", 1), ("a", 1), ("xa", 1), ("xxa", 2), ("xxxxa", 3), ("axxxx", 1)])
def test_leases_are_kept_at_each_page_up_to_the_last_who_was_missing(answer: str, pages: int) -> None:
    watched = Watched(Looks(answer, "a"), "a")
    watched.run()
    assert watched.kept == pages


def test_a_contact_without_an_address_is_nobody_we_look_for() -> None:
    assert Watched(Looks([shown("a", address=None), shown("a")]), "a").run() == "a"


@pytest.mark.parametrize(
    ("expected", "first"), [(0.0, 0.5), (0.4, 0.5), (0.5, 0.5), (1.4, 1.0), (2.5, 2.5), (100.0, 45.0)]
)
def test_the_first_gap_is_as_long_as_the_last_import_took(expected: float, first: float) -> None:
    rests = list[float]()
    look_until_shown(["a"], lambda: True, rests.append, expected)
    assert rests[0] == first


def test_how_long_an_import_took_is_returned_if_it_has_shown_somebody() -> None:
    missing = ["a"]

    def look() -> bool:
        missing.clear()
        return True

    assert look_until_shown(["a"], lambda: True, lambda _seconds: None) == 0.0
    assert look_until_shown(missing, look, lambda _seconds: None) > 0.0


@pytest.mark.parametrize(("people", "most"), [(1, 2), (2, 2), (3, 2), (4, 4), (9, 8)])
def test_as_many_pages_are_read_as_half_the_people(people: int, most: int) -> None:
    for count, is_read in ((most, True), (most + 1, False)):
        looks: Any = Looks("x" * count)
        changed = changed_since(stamp(1), looks, people)
        assert (changed is not None) is is_read
        assert looks.asked == [moment(1) - CLOCK_SKEW]


def sign_up(address: str, minute: float = 1) -> Contact:
    """Return a contact whose creation has an unknown outcome since the tenth minute."""
    event = subscribe(minute, email=f"{address}@example.com")
    contact = contact_of(event, unknown_since=stamp(10))
    return replace(contact, pending=dict.fromkeys(contact.pending, "1:" + stamp(minute)))


def find(looks: Looks, *contacts: Contact, quiet_seconds: float = 60.0) -> list[object]:
    gateway: Any = looks
    return list(find_created(contacts, gateway, stamp(12), quiet_seconds))


def test_who_is_shown_was_created_and_who_is_not_was_not_once_the_quiet_period_is_over() -> None:
    looks = Looks("a")
    assert find(looks, sign_up("a", 3), sign_up("b", 2)) == [shown("a"), Finding.NOBODY]
    assert looks.asked == [moment(2) - CLOCK_SKEW]
    assert find(Looks("a"), sign_up("a"), sign_up("b"), quiet_seconds=121) == [shown("a"), Finding.WAITS]
    assert find(Looks(""), sign_up("a"), quiet_seconds=120) == [Finding.NOBODY]


def test_nobody_is_found_on_pages_if_one_of_them_cannot_be() -> None:
    looks = Looks("ab")
    assert find(looks, sign_up("a"), replace(sign_up("b"), pending={})) == [Finding.ALONE, Finding.ALONE]
    assert looks.asked == []


def test_too_many_pages_say_nothing_of_anybody() -> None:
    assert find(Looks("axx"), sign_up("a")) == [Finding.ALONE]


def test_who_is_shown_as_blocked_is_looked_for_alone_for_a_page_does_not_show_why() -> None:
    looks = Looks([shown("a", block=Block("unsubscribed", stamp(1)))])
    assert find(looks, sign_up("a")) == [Finding.ALONE]


@pytest.mark.parametrize(
    ("row", "of_b"),
    [
        (UnreadContact(9, "b@example.com", None), Finding.ALONE),
        (UnreadContact(9, None, None), Finding.ALONE),
        (UnreadContact(9, "c@example.com", None), Finding.NOBODY),
        (replace(shown("c"), address=None), Finding.NOBODY),
    ],
)
def test_who_may_be_in_a_row_that_cannot_be_read_is_looked_for_alone(row: ShownContact, of_b: Finding) -> None:
    rows: list[ShownContact] = [shown("a"), row]
    assert find(Looks(rows), sign_up("a"), sign_up("b")) == [shown("a"), of_b]


def test_a_row_that_cannot_be_read_shows_no_import() -> None:
    unread: list[ShownContact] = [UnreadContact(9, "a@example.com", None), shown("b")]
    watched = Watched(Looks(unread), "ab")
    watched.run()
    assert (watched.found, list(watched.missing)) == ("b", ["a@example.com"])
