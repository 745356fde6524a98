"""What sets and what lifts ``emailBlacklisted``, and what is remembered of it."""

import jsonschema
import pytest

from sync_tasks.sandbox import Sandbox
from sync_tasks.sandbox.wire import ApiRefusal
from tests.support.conformance import TEXT, as_statistics_schema

MOVE = {"EMAIL": "anna@elsewhere.org"}


def is_blocklisted(brevo: Sandbox, contact: int) -> object:
    return brevo.contact(contact)["emailBlacklisted"]


def test_changing_the_address_of_a_blocklisted_contact_lifts_the_blocklisting(brevo: Sandbox, anna: int) -> None:
    brevo.act("unsubscribe", anna)

    brevo.request("PUT", f"/contacts/{anna}", {"attributes": MOVE})

    assert is_blocklisted(brevo, anna) is False


def test_sending_the_same_address_lifts_nothing(brevo: Sandbox, anna: int) -> None:
    brevo.act("unsubscribe", anna)

    brevo.request("PUT", f"/contacts/{anna}", {"attributes": {"EMAIL": "Anna@Portal.org"}})

    assert is_blocklisted(brevo, anna) is True


@pytest.mark.parametrize("lifts_even_if_sent", [True, False])
def test_a_blocklisting_sent_with_the_new_address_survives_or_not(
    brevo: Sandbox,
    anna: int,
    lifts_even_if_sent: bool,  # noqa: FBT001
) -> None:
    brevo.quirks.email_change_lifts_blocklist_even_if_sent = lifts_even_if_sent
    brevo.act("unsubscribe", anna)

    brevo.request("PUT", f"/contacts/{anna}", {"attributes": MOVE, "emailBlacklisted": True})

    assert is_blocklisted(brevo, anna) is not lifts_even_if_sent


def test_an_address_change_can_be_played_harmless(brevo: Sandbox, anna: int) -> None:
    brevo.quirks.email_change_lifts_blocklist = False
    brevo.act("unsubscribe", anna)

    brevo.request("PUT", f"/contacts/{anna}", {"attributes": MOVE})

    assert is_blocklisted(brevo, anna) is True


def test_the_flag_changes_only_when_it_is_sent(brevo: Sandbox, anna: int) -> None:
    brevo.request("PUT", f"/contacts/{anna}", {"emailBlacklisted": True})
    brevo.request("PUT", f"/contacts/{anna}", {"attributes": {"LASTNAME": "Ash"}, "listIds": [5]})
    brevo.request("POST", "/contacts", {"email": "anna@portal.org", "listIds": [5], "updateEnabled": True})
    kept = is_blocklisted(brevo, anna)
    brevo.request("PUT", f"/contacts/{anna}", {"emailBlacklisted": False})

    assert kept is True
    assert is_blocklisted(brevo, anna) is False


@pytest.mark.parametrize(
    ("act", "kind"), [("unsubscribe", "unsubscriptions"), ("bounce", "hardBounces"), ("complain", "complaints")]
)
def test_a_reader_blocklists_the_contact_and_the_statistics_report_why(
    brevo: Sandbox, anna: int, act: str, kind: str
) -> None:
    brevo.act(act, "anna@portal.org")

    shown = brevo.request("GET", f"/contacts/{anna}").json()
    assert shown["emailBlacklisted"] is True  # type: ignore[index]
    assert list(shown["statistics"]) == [kind]  # type: ignore[index]
    assert shown["listIds"] == [3]  # type: ignore[index]


@pytest.mark.skipif(not TEXT.exists(), reason="Brevo's OpenAPI text is not at hand")
def test_statistics_are_shown_as_in_the_openapi_text(brevo: Sandbox, anna: int) -> None:
    brevo.request("PUT", f"/contacts/{anna}", {"emailBlacklisted": True})
    for act in ("unsubscribe", "bounce", "complain"):
        brevo.act(act, anna)

    shown = brevo.contact(anna)["statistics"]

    jsonschema.validate(shown, as_statistics_schema())
    assert sorted(shown) == ["complaints", "hardBounces", "unsubscriptions"]  # type: ignore[call-overload]


def test_the_blocklisted_are_counted_per_list(brevo: Sandbox, anna: int) -> None:
    def count() -> object:
        return brevo.request("GET", "/contacts/lists/3").json()["totalBlacklisted"]  # type: ignore[index]

    counts = [count()]
    brevo.act("bounce", anna)
    counts.append(count())
    brevo.request("PUT", f"/contacts/{anna}", {"unlinkListIds": [3]})
    counts.append(count())
    brevo.request("PUT", f"/contacts/{anna}", {"listIds": [3]})
    counts.append(count())
    brevo.request("DELETE", f"/contacts/{anna}")
    counts.append(count())

    assert counts == [0, 1, 0, 1, 0]


def test_whoever_leaves_one_newsletter_stays_on_its_list_and_is_skipped_until_leaving_and_joining_it(
    brevo: Sandbox, anna: int
) -> None:
    brevo.quirks.unsubscription_per_list = True
    brevo.edit(anna, {"listIds": [3, 5]})
    brevo.act("unsubscribe", anna, list_id=3)

    held = brevo.contact(anna)
    assert (held["listIds"], held["listUnsubscribed"], held["emailBlacklisted"]) == ([3, 5], [3], False)
    reported = list(brevo.outbox.events())[-1].payload
    assert reported["list_id"] == [3]

    brevo.request("PUT", f"/contacts/{anna}", {"listIds": [3]})
    assert brevo.contact(anna)["listUnsubscribed"] == [3]
    brevo.request("PUT", f"/contacts/{anna}", {"unlinkListIds": [3]})
    brevo.request("PUT", f"/contacts/{anna}", {"listIds": [3]})
    assert brevo.contact(anna)["listUnsubscribed"] == []


def test_an_account_without_unsubscription_per_list_shows_nothing_of_it(brevo: Sandbox, anna: int) -> None:
    brevo.quirks.unsubscription_per_list = False
    brevo.edit(anna, {"listIds": [3]})
    with pytest.raises(ApiRefusal, match="not activated"):
        brevo.act("unsubscribe", anna, list_id=3)
    assert brevo.contact(anna)["listUnsubscribed"] is None
