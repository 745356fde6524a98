"""Everything that is held of one person, here and at Brevo, as plain data."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sync_tasks.domain.contact import Contact, RemoteState
from sync_tasks.domain.registers import ADDRESS
from sync_tasks.domain.timestamps import moment_of
from sync_tasks.errors import SyncError
from sync_tasks.monitoring.sides import read_history
from sync_tasks.providers import Gateway
from sync_tasks.state.consents import read_consents
from sync_tasks.state.dead_letters import read_letters_of
from sync_tasks.state.store import Store


def describe_person(store: Store, contact: Contact, gateways: Mapping[str, Gateway]) -> dict[str, Any]:
    """Return all that is held: values with the moment since which they hold, lists of others, what happened."""
    return {
        "user_id": contact.user_id,
        "address": contact.address,
        "address_since": _since(contact, ADDRESS),
        "attributes": contact.attributes(),
        "newsletters": {
            slug: {"subscribed": wished, "since": moment_of(stamp).isoformat()}
            for slug, (stamp, wished) in contact.subscriptions().items()
        },
        "consents": [asdict(one) for one in read_consents(store, contact.user_id, contact)],
        "history": [asdict(one) for one in read_history(store, contact.user_id)],
        "unresolved_events": [
            {"event": str(letter.key), "reason": letter.message} for letter in read_letters_of(store, contact.user_id)
        ],
        "brevo": {name: _describe_account(contact.seen.get(name), gateway) for name, gateway in gateways.items()},
    }


def _since(contact: Contact, register: str) -> str | None:
    text = contact.registers.get(register)
    return moment_of(text[:16]).isoformat() if text else None


def _describe_account(seen: RemoteState | None, gateway: Gateway) -> dict[str, Any]:
    if seen is None or seen.id is None:
        return {"contact": None}
    try:
        remote = gateway.read(seen.id)
    except SyncError as error:
        return {"error": str(error)}
    return {"contact": json.loads(json.dumps(asdict(remote), default=_plain)) if remote else None}


def _plain(value: object) -> object:
    return sorted(value) if isinstance(value, set | frozenset) else str(value)
