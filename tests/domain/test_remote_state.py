"""What is known of a contact after a look: whom an import created if Brevo shows no ``ext_id``."""

from dataclasses import replace

import pytest

from sync_tasks.domain.contact import RemoteContact
from sync_tasks.domain.remote_state import name_created

SINCE = "1795708909863074"
CREATED = replace(RemoteContact(7, "anna@portal.org", None, frozenset({3}), {}, None), created=SINCE)


@pytest.mark.parametrize(
    ("remote", "shown", "named"),
    [
        (CREATED, False, "u1"),
        (CREATED, True, None),
        (replace(CREATED, created="1795708909863073"), False, None),
        (replace(CREATED, created=""), False, None),
        (replace(CREATED, ext_id="u2"), False, "u2"),
    ],
    ids=["created since", "the account shows ext_ids", "created before", "Brevo does not say when", "another user's"],
)
def test_a_contact_is_named_if_only_our_import_can_have_made_it(
    remote: RemoteContact, named: str | None, *, shown: bool
) -> None:
    assert name_created(remote, "u1", SINCE, shown=shown).ext_id == named
