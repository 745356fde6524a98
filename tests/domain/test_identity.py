"""Whose a contact is: what proves it, and when the id that we know is somebody else's by now."""

from dataclasses import replace

import pytest

from sync_tasks.domain.contact import RemoteContact, RemoteState
from sync_tasks.domain.diff import ERASED
from sync_tasks.domain.identity import foreign_contact, is_proven, is_stranger
from sync_tasks.ext_ids import ExtIds, erased_ext_id, make_token
from tests.support.saying import ACCOUNT, ADA, BEA, MAPPING, contact_of, subscribe, update

ANOTHER = "eve@example.com"
TOKEN = make_token()
ANONYMIZED = f"deleted-{TOKEN}@example.com"
PORTAL = replace(MAPPING, ext_ids=ExtIds("portal-{user_id}", former=("{user_id}", "old-{user_id}")))
KNOWN = RemoteState(7, BEA)


def shown(address: str | None, ext_id: str | None, contact_id: int = 7) -> RemoteContact:
    return RemoteContact(contact_id, address, ext_id, frozenset(), {}, None)


@pytest.mark.parametrize(
    ("remote", "before", "stranger"),
    [
        pytest.param(shown(ANOTHER, "u2"), KNOWN, True, id="neither address nor ext_id"),
        pytest.param(shown(None, None), KNOWN, True, id="it shows neither"),
        pytest.param(shown(ANOTHER, "u2", 8), KNOWN, False, id="another id"),
        pytest.param(shown(ANOTHER, "u2"), replace(KNOWN, digest=ERASED), False, id="anonymized by us"),
        pytest.param(shown(BEA, "u2"), KNOWN, False, id="the address that it had"),
        pytest.param(shown(ADA, "u2"), KNOWN, False, id="the address that the portal named"),
        pytest.param(shown(ANONYMIZED, "u2"), KNOWN, False, id="an address of ours"),
        pytest.param(shown(ANOTHER, "portal-u1"), KNOWN, False, id="the ext_id"),
        pytest.param(shown(ANOTHER, "old-u1"), KNOWN, False, id="an ext_id of a former pattern"),
        pytest.param(shown(ANOTHER, "portal-u2"), KNOWN, True, id="another user's"),
    ],
)
def test_a_stranger_has_neither_address_nor_ext_id_of_the_user(
    remote: RemoteContact, before: RemoteState, *, stranger: bool
) -> None:
    assert is_stranger(remote, contact_of(subscribe(1)), PORTAL, before) is stranger


@pytest.mark.parametrize(
    ("remote", "before", "proven"),
    [
        pytest.param(shown(ANOTHER, "u1"), None, False, id="an ext_id without a fixed part"),
        pytest.param(shown(ANOTHER, "u1"), RemoteState(8), False, id="another id is known"),
        pytest.param(shown(ANOTHER, "u1"), RemoteState(7), True, id="the id is known"),
        pytest.param(shown(ADA, "u1"), None, True, id="an address of the user"),
        pytest.param(shown(BEA, "u1"), None, False, id="an address that nobody named here"),
        pytest.param(shown(ANONYMIZED, None), None, True, id="an address of ours"),
        pytest.param(shown(f"deleted-{'0' * 24}@example.com", "u1"), None, False, id="it only looks so"),
        pytest.param(shown("deleted-0123456789abcdef@x.com", erased_ext_id(TOKEN)), None, True, id="of release 0.1"),
        pytest.param(shown(ANOTHER, "portal-u1"), None, True, id="an ext_id with a fixed part"),
        pytest.param(shown(ANOTHER, "old-u1"), None, True, id="of a former pattern"),
        pytest.param(shown(ANOTHER, "portal-u2"), None, False, id="another user's"),
    ],
)
def test_what_proves_that_a_contact_is_the_users(
    remote: RemoteContact, before: RemoteState | None, *, proven: bool
) -> None:
    contact = contact_of(update(1, email=ADA), seen={ACCOUNT: before} if before else {})
    assert is_proven(remote, contact, PORTAL, [ADA]) is proven


def test_a_conflict_names_the_contact_and_what_to_do() -> None:
    assert str(foreign_contact(7)) == (
        "Brevo's contact 7 has this user's ext_id, but an address that the portal never named, or another system's "
        "ext_id; nothing was changed: make one of them right at Brevo, or set [contacts] ext_id, then replay"
    )
