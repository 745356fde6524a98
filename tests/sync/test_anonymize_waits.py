"""A look that shows an erased contact as before is made again later if Brevo has confirmed the erasure."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from sync_tasks.domain.contact import RemoteContact, RemoteState
from sync_tasks.domain.diff import ERASED, Change
from sync_tasks.errors import TooEarlyError
from sync_tasks.sync import anonymize as module
from sync_tasks.sync.anonymize import erase
from tests.support.saying import ADA
from tests.sync.test_anonymize import left_of

HELD = RemoteContact(7, ADA, "u1", frozenset({3}), {"FIRSTNAME": "Ada"}, None)
EXPOSED = RemoteState(id=7, digest="1234")
NO_CHANGE = None


def waits(
    monkeypatch: pytest.MonkeyPatch,
    known: RemoteState,
    written: set[str],
    sent: Change | None,
    shown: RemoteContact | None,
) -> bool:
    """Return whether a look that shows this contact, after these requests, is made again later."""

    def erase_contact(
        *_: object, read: Callable[[], object], send: Callable[[Change], None], sent: frozenset[str]
    ) -> None:
        assert sent == written
        if change:
            send(change)
        assert read() is shown

    def wait(_push: object, contact_id: int) -> None:
        assert contact_id == 7
        raise TooEarlyError(5.0)

    change, taken = sent, list[object]()
    monkeypatch.setattr(module, "_is_sure_of", lambda *_: bool(written))
    monkeypatch.setattr(module, "_write_first", lambda *_: frozenset(written))
    monkeypatch.setattr(module, "_read_own", lambda *_: shown)
    monkeypatch.setattr(module, "_wait_for_look", wait)
    monkeypatch.setattr(module, "erase_contact", erase_contact)
    view = SimpleNamespace(outcome_unknown=False, seen=None)
    push: Any = SimpleNamespace(
        view=view, known=lambda: known, mapping=None, gateway=None, send=lambda *given: taken.append(given)
    )
    try:
        erase(push, 7)
    except TooEarlyError:
        return True
    finally:
        assert taken == ([(7, sent)] if sent else [])
    return False


@pytest.mark.parametrize(
    ("known", "written", "sent", "late"),
    [
        (RemoteState(id=7, digest=ERASED), set[str](), NO_CHANGE, True),
        (RemoteState(id=8, digest=ERASED), set[str](), NO_CHANGE, False),
        (EXPOSED, set[str](), NO_CHANGE, False),
        (EXPOSED, {"FIRSTNAME"}, NO_CHANGE, True),
        (EXPOSED, set[str](), Change(address="deleted@example.com"), True),
        (EXPOSED, set[str](), Change(blocklisted=True), False),
    ],
    ids=["erased", "another erased", "exposed", "written first", "its address is sent", "the rest is sent"],
)
def test_only_an_erasure_that_brevo_confirmed_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, known: RemoteState, written: set[str], sent: Change | None, *, late: bool
) -> None:
    assert waits(monkeypatch, known, written, sent, HELD) is late


@pytest.mark.parametrize("shown", [None, left_of()], ids=["gone", "anonymized"])
def test_a_contact_that_is_gone_or_anonymized_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, shown: RemoteContact | None
) -> None:
    assert not waits(monkeypatch, RemoteState(id=7, digest=ERASED), set(), None, shown)
