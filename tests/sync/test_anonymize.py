"""The anonymization of one contact: read, write, read again until nothing personal is left, or say what is."""

from collections.abc import Iterable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from sync_tasks.domain.blanks import Blanks
from sync_tasks.domain.contact import RemoteContact
from sync_tasks.domain.diff import Change
from sync_tasks.errors import MissingListError, RejectedContactError, SyncError
from sync_tasks.ext_ids import erased_ext_id, make_token
from sync_tasks.sync.anonymize import ROUNDS, erase_contact
from tests.support.saying import ADA, MAPPING, blocked

GATEWAY: Any = SimpleNamespace(attribute_types=lambda _held=(): {"FIRSTNAME": "text", "BORN": "date"}, blanks=Blanks())
HELD = RemoteContact(7, ADA, "u1", frozenset({3}), {"FIRSTNAME": "Ada"}, None)


def erase(
    shown: Iterable[RemoteContact | None], error: SyncError | None = None, *, refuses: str = "", lacks: int = 0
) -> tuple[list[Change], int]:
    """Anonymize a contact that each look shows like this; return what was sent, and how many looks it took.

    Brevo ``refuses`` each change of this attribute, and ``lacks`` this list.
    """
    looks, sent, seen = iter(shown), list[Change](), list[object]()

    def read() -> RemoteContact | None:
        seen.append(found := next(looks))
        return found

    def send(change: Change) -> None:
        sent.append(change)
        if error:
            raise error
        if lacks in change.leave:
            raise MissingListError("404", (lacks,))
        if refuses in change.attributes:
            raise RejectedContactError("400")

    try:
        erase_contact(7, MAPPING, GATEWAY, read=read, send=send)
    except RejectedContactError as refused:
        raise RejectedContactError(f"{refused} after {len(seen)} looks") from None
    return sent, len(seen)


def test_a_contact_that_is_gone_needs_nothing() -> None:
    assert erase([None]) == ([], 1)


def test_it_ends_only_once_a_look_shows_that_nothing_is_left() -> None:
    sent, looks = erase([HELD, HELD, None])
    assert (len(sent), looks) == (2, 3)
    assert all(change.leave == {3} and change.attributes for change in sent)


def test_what_brevo_takes_and_does_not_carry_out_is_reported_after_some_rounds() -> None:
    with pytest.raises(RejectedContactError, match=rf"keeps data of contact 7 .* after {ROUNDS} looks"):
        erase([HELD] * (ROUNDS + 1))


def test_what_brevo_refuses_as_a_whole_is_not_asked_for_again_at_once() -> None:
    with pytest.raises(RejectedContactError, match=r"^PUT: 400 after 1 looks$"):
        erase([HELD] * (ROUNDS + 1), RejectedContactError("PUT: 400"))


def left_of(**attributes: object) -> RemoteContact:
    """Return the contact once it is anonymized but for these attributes."""
    token = make_token()
    there: Any = {"DAILY_UNSUBSCRIBED": True, **attributes}
    return RemoteContact(7, f"deleted-{token}@example.com", erased_ext_id(token), frozenset(), there, blocked(1))


def test_what_brevo_refuses_of_an_erasure_is_not_sent_again_and_keeps_nothing_else_back() -> None:
    with pytest.raises(RejectedContactError, match=r"keeps data of contact 7 .*FIRSTNAME after 2 looks"):
        erase([HELD, left_of(FIRSTNAME="Ada"), None], refuses="FIRSTNAME")


def test_a_list_that_does_not_exist_is_left_by_nobody() -> None:
    sent, looks = erase([HELD, HELD, None], lacks=3)
    assert [change.leave for change in sent] == [frozenset({3}), frozenset()]
    assert looks == 3


def test_an_anonymized_contact_needs_no_further_change() -> None:
    assert erase([left_of()]) == ([], 1)


def test_a_value_that_an_empty_text_did_not_clear_is_cleared_by_null() -> None:
    born: Any = {"BORN": "1990-01-02"}
    sent, _ = erase([replace(HELD, attributes=born), left_of(**born), left_of()])
    assert [change.nulls for change in sent] == [frozenset(), frozenset({"BORN"})]
