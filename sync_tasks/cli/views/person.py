"""Everything that is held of one person, here and at Brevo, as plain data."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from html import escape
from typing import Any

from sync_tasks.config.settings import Settings
from sync_tasks.domain.contact import Contact, EventKey, RemoteState
from sync_tasks.domain.mapping import AccountMapping
from sync_tasks.domain.registers import ADDRESS, SUBSCRIBED, attributes, both_clocks, is_subscription, moment, value
from sync_tasks.domain.timestamps import moment_of
from sync_tasks.errors import SyncError
from sync_tasks.monitoring.portrait import find_remote, note_taken_address
from sync_tasks.monitoring.sides import read_history
from sync_tasks.providers import Gateway
from sync_tasks.state.consents import read_consents
from sync_tasks.state.dead_letters import read_letters_of
from sync_tasks.state.store import Store
from sync_tasks.tasks.bootstrap import account_mappings_of

# What the parts of the report cover: a person who reads it must not take a short history for a short acquaintance.
COVERS = {
    "values": "all that is held now, since the moment beside each, however long ago",
    "origins": "the event of each value; if the history no longer shows it, the kind of event that can have brought it",
    "history": "at most the last 30 outcomes of the last 30 days; what is older is not kept",
    "consents": "proofs of subscriptions that hold, and of those that ended, for as long as they are kept as evidence",
    "brevo": "Brevo's own document at the moment of this report",
}
_HEAD = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Personal data</title>
<style>body{font:16px/1.5 sans-serif;max-width:50em;margin:2em auto}td,th{text-align:left;vertical-align:top;
padding:.2em 1em .2em 0}pre{white-space:pre-wrap}</style>
<h1>Personal data that is held</h1>
"""


def describe_person(
    store: Store, settings: Settings, contact: Contact, gateways: Mapping[str, Gateway]
) -> dict[str, Any]:
    """Return all that is held: values with the moment since which they hold, lists of others, what happened."""
    contact, mappings = note_taken_address(store, contact), account_mappings_of(settings)
    return {
        "user_id": contact.user_id,
        "covers": COVERS,
        "address": contact.address,
        "address_since": _since(contact, ADDRESS),
        "attributes": contact.attributes(),
        "newsletters": {
            slug: {"subscribed": wished, "since": moment_of(stamp).isoformat()}
            for slug, (stamp, wished) in contact.subscriptions().items()
        },
        "origins": describe_origins(store, contact),
        "consents": [asdict(one) for one in read_consents(store, contact.user_id, contact)],
        "history": [asdict(one) for one in read_history(store, contact.user_id)],
        "unresolved_events": [
            {"event": str(letter.key), "reason": letter.message} for letter in read_letters_of(store, contact.user_id)
        ],
        "brevo": {name: _describe_account(store, contact, mappings[name], one) for name, one in gateways.items()},
    }


def describe_origins(store: Store, contact: Contact) -> dict[str, dict[str, str]]:
    """Return since when each value holds, and which event brought it; the history knows the events of 30 days."""
    lines = (EventKey.parse(line.split(" ", 2)[1]) for line in store.history(contact.user_id))
    events = {key.stamp: key for key in (*lines, *contact.dead, *contact.pending)}
    fields = {register: f"attributes.{field}" for register, field in attributes(contact.registers)}
    fields |= {name: "address" for name in contact.registers if name == ADDRESS}
    fields |= {name: f"newsletters.{slug}" for slug in contact.newsletters for name in both_clocks(slug)}
    origins = dict[str, dict[str, str]]()
    for register, text in contact.registers.items():
        if register in fields:
            key = events.get(moment(text))
            said = key.task if key else _event_of(register, value(text))
            origin = {"since": moment_of(moment(text)).isoformat(), "event": said}
            origins[fields[register]] = max(origin, origins.get(fields[register], origin), key=lambda one: one["since"])
    return dict(sorted(origins.items()))


def _event_of(register: str, said: str) -> str:
    if is_subscription(register):
        return "subscribe_contact" if said == SUBSCRIBED else "unsubscribe_contact"
    return "subscribe_contact or update_contact"


def _since(contact: Contact, register: str) -> str | None:
    text = contact.registers.get(register)
    return moment_of(text[:16]).isoformat() if text else None


def _describe_account(store: Store, contact: Contact, mapping: AccountMapping, gateway: Gateway) -> dict[str, Any]:
    """Return what an account holds of a user. Somebody else may have the id or the address by now: nothing of them."""
    try:
        remote = find_remote(contact, contact.seen.get(mapping.account) or RemoteState(), gateway, mapping)
        if remote is None:
            return {"contact": None}
        other = mapping.ext_ids.user_of(remote.ext_id or "")
        if other and other != contact.user_id and store.peek(other):
            note = f"contact {remote.id} has this address and another user's ext_id: look whose it is"
            return {"contact": None, "error": note}
        everything = gateway.export(remote.id)
    except SyncError as error:
        return {"error": str(error)}
    return {"contact": json.loads(json.dumps(asdict(remote), default=_plain)), "as_brevo_shows_it": everything}


def _plain(value: object) -> object:
    return sorted(value) if isinstance(value, set | frozenset) else str(value)


def draw_paper(document: Mapping[str, object]) -> str:
    """Return the page; the same data is in it once more as JSON, to take along."""
    rows = "".join(f"<tr><th>{escape(name)}</th><td>{_draw(value)}</td></tr>" for name, value in document.items())
    portable = escape(json.dumps(document, indent=2, ensure_ascii=False))
    return f"{_HEAD}<table>{rows}</table><h2>The same for programs</h2><pre>{portable}</pre></html>\n"


def _draw(value: object) -> str:
    if isinstance(value, Mapping):
        return (
            "<table>"
            + "".join(f"<tr><th>{escape(str(k))}</th><td>{_draw(v)}</td></tr>" for k, v in value.items())
            + "</table>"
        )
    if isinstance(value, list):
        return "<br>".join(map(_draw, value)) or "none"
    return escape("" if value is None else str(value))
