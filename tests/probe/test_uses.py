"""Better paths are taken where a probe has seen that they are good, and nowhere else."""

import pytest

from sync_tasks.domain.diff import Change
from sync_tasks.providers.brevo.client import Brevo
from sync_tasks.sandbox import Sandbox
from sync_tasks.sandbox.server import ServedSandbox
from tests.support.probing import play

WALLED = "anna@portal.zip"


@pytest.mark.parametrize(("known", "cleared"), [({"clear_number": "by null"}, True), ({}, False)], ids=["known", "not"])
def test_null_clears_at_once_where_an_empty_text_is_known_not_to(
    served: ServedSandbox, brevo: Sandbox, *, known: dict[str, str], cleared: bool
) -> None:
    play(brevo, empty_clears_all=False)
    (anna,) = brevo.add_contacts([{"email": "anna@portal.org", "attributes": {"VISITS": 3, "CITY": "Ulm"}}])
    gateway = Brevo("key", base_url=served.url, known=lambda: known)
    gateway.change(anna, Change(attributes={"VISITS": "", "CITY": ""}))
    gateway.close()
    assert brevo.contact(anna)["attributes"] == ({} if cleared else {"VISITS": 3})


@pytest.mark.parametrize(("known", "requests"), [({"address_filter": "yes"}, 1), ({}, 3)], ids=["known", "not"])
def test_an_empty_filter_is_believed_at_once_where_it_is_known_to_find(
    served: ServedSandbox, brevo: Sandbox, *, known: dict[str, str], requests: int
) -> None:
    play(brevo, address_filter_finds=True)
    brevo.add_contacts([{"email": "bea@portal.org"}])
    gateway = Brevo("key", base_url=served.url, known=lambda: known)
    assert gateway.find_address(WALLED) is None
    gateway.close()
    assert brevo.journal.total == requests
