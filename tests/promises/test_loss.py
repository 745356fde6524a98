"""The day Redis is lost to the last key, with everything at Brevo that may have happened until then and meanwhile.

Rebuilt from an export and from Brevo, every list is right in the end, and nobody is subscribed again on the way.
"""

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from sync_tasks.sandbox import Sandbox
from tests.support.desk import Desk
from tests.support.pipeline import address_of

LONG_AGO, LATELY = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"
DAILY, WEEKLY = 3, 5
# Whose last word is an opt-out, wherever it was said.
OPTED_OUT = {
    "left": "left at the portal, and Brevo had heard",
    "untold": "left at the portal, and Brevo had not heard before the loss",
    "noticed": "opted out at Brevo, and the pipeline knew",
    "unnoticed": "opted out at Brevo after the loss",
    "bounced": "bounced at Brevo",
    "complained": "complained at Brevo",
    "moved-out": "opted out at Brevo and has another address since",
    "erased": "deleted at the portal, and at Brevo",
    "unerased": "deleted at the portal, and Brevo had not heard before the loss",
}
READS = {
    "reads": "nothing happened",
    "deleted": "deleted at Brevo by mistake",
    "put-off": "put off the list at Brevo by hand",
    "moved": "has another address since, and Brevo had not heard",
    "double": "has another address since, which a second contact has",
    "new": "signed up, and Brevo had not heard",
    "back": "opted out at Brevo, and subscribed again later",
}
MOVED = {"moved-out", "moved", "double"}
BLOCKED = {"noticed", "unnoticed", "bounced", "complained", "moved-out"}


def rows() -> Iterable[dict[str, object]]:
    """Yield what the portal knows of everybody whom it has not deleted: one row for each newsletter.

    A row without a moment is as new as the file, and so newer than every opt-out at Brevo.
    """
    for user in [*READS, *OPTED_OUT]:
        if user in {"erased", "unerased"}:
            continue
        reported = {"user_id": user, "email": f"new-{address_of(user)}" if user in MOVED else address_of(user)}
        yield reported | {"newsletter": "weekly", "subscribed": False, "occurred_at": LONG_AGO}
        daily = user not in {"left", "untold"}
        yield reported | {"newsletter": "daily", "subscribed": daily}


@pytest.fixture
def export(tmp_path: Path) -> Path:
    path = tmp_path / "portal.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows()))
    return path


@pytest.fixture
def lost(desk: Desk, brevo: Sandbox) -> Desk:
    """A desk after the loss."""
    brevo.settings.import_seconds = 0.0
    # Else Brevo itself lifts a block with an address change, until that is noticed a request later.
    brevo.quirks.email_change_lifts_blocklist_even_if_sent = False
    pipeline = desk.pipeline
    for user in [*READS, *OPTED_OUT]:
        if user != "new":
            pipeline.subscribe(user, occurred_at=LONG_AGO)
            pipeline.subscribe(user, "weekly", occurred_at=LONG_AGO)
    pipeline.work()
    for user in [*READS, *OPTED_OUT]:
        pipeline.unsubscribe(user, "weekly", email=address_of(user))
    pipeline.unsubscribe("left")
    pipeline.anonymize("erased")
    brevo.act("unsubscribe", address_of("back"))
    pipeline.work()
    brevo.act("unsubscribe", address_of("noticed"))
    for user in ("noticed", "back"):
        pipeline.subscribe(user, occurred_at=LATELY if user == "noticed" else None)
    pipeline.work()
    pipeline.store.redis.flushall()
    pipeline.store.redis.script_flush()
    for user, act in (("unnoticed", "unsubscribe"), ("bounced", "bounce"), ("complained", "complain")):
        brevo.act(act, address_of(user))
    brevo.act("unsubscribe", address_of("moved-out"))
    brevo.act("delete", address_of("deleted"))
    brevo.edit(address_of("put-off"), {"unlinkListIds": [DAILY]})
    brevo.add_contacts([{"email": f"new-{address_of('double')}", "listIds": [DAILY, WEEKLY]}])
    return desk


def held(brevo: Sandbox) -> dict[str, dict[str, object]]:
    return {str(contact["email"]): dict(contact) for contact in brevo.contacts()}


def on_list(brevo: Sandbox, list_id: int) -> set[str]:
    """Return the addresses that the list's next campaign would go to."""
    mailed = (contact for contact in brevo.contacts() if not contact["emailBlacklisted"])
    return {str(contact["email"]) for contact in mailed if list_id in contact["listIds"]}  # type: ignore[operator]


def test_every_list_is_right_and_nobody_is_subscribed_again(lost: Desk, brevo: Sandbox, export: Path) -> None:
    begun, ids = brevo.journal.total, {address: contact["id"] for address, contact in held(brevo).items()}
    blocked = {contact["id"] for contact in brevo.contacts() if contact["emailBlacklisted"]}
    lost.run("reconcile", "--from", str(export), "--remove-unknown")
    lost.pipeline.work()

    # Whose contact it is that has a user's ext_id and another address, a person must say.
    assert on_list(brevo, DAILY) == {f"new-{address_of('double')}", *map(address_of, READS)}
    assert {letter.user_id for letter in lost.pipeline.letters()} == MOVED
    assert {letter.error for letter in lost.pipeline.letters()} == {"ForeignContactError"}
    assert on_list(brevo, WEEKLY) == set()
    assert blocked <= {contact["id"] for contact in brevo.contacts() if contact["emailBlacklisted"]}
    since = [entry for entry in brevo.history.entries() if entry.request and entry.request > begun]
    assert not [entry for entry in since if entry.what == "unblocklisted"]
    kept = {ids[address_of(user)] for user in OPTED_OUT if user != "erased"} | blocked
    assert not [entry for entry in since if entry.what == "joined" and entry.contact_id in kept]
    assert {str(contact.get("ext_id")) for contact in brevo.contacts()} >= READS.keys() | BLOCKED


def test_afterwards_there_is_nothing_left_to_do(lost: Desk, export: Path) -> None:
    lost.run("reconcile", "--from", str(export), "--remove-unknown")
    lost.pipeline.work()
    with lost.pipeline.requests() as requests:
        (run,) = lost.read("reconcile", exits=1)
        assert run["found"] == {"duplicate contact": 3, "dead letter": 3}
        lost.pipeline.work()
    assert set(requests) == {"GET /v3/account", "GET /v3/contacts"}
    assert {letter.user_id for letter in lost.pipeline.letters()} == MOVED
