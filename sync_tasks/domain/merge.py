"""Events as registers, and the merge of registers: the specification that `accept.lua` is tested against."""

import json
from collections.abc import Mapping

from sync_tasks.domain import registers as names
from sync_tasks.domain.events import Anonymize, Event, Subscribe, Unsubscribe, Update
from sync_tasks.domain.registers import ADDRESS, ENDED, ERASURE, HINTED, SUBSCRIBED, UNSUBSCRIBED, by_clock, value


def values_of(event: Event) -> dict[str, str]:
    """Return an event's values by register, without the moment."""
    said: dict[str, str | None] = {}
    match event:
        case Subscribe():
            said = {ADDRESS: event.email, names.subscription(event.newsletter): SUBSCRIBED}
            said |= _proof(event)
        case Update():
            said = {ADDRESS: event.email} | _hint(event.previous_email)
        case Unsubscribe():
            said = _hint(event.email) | {names.subscription(event.newsletter): UNSUBSCRIBED}
            said[names.consent(event.newsletter)] = ENDED
        case Anonymize():
            said = _hint(event.email) | {ERASURE: event.requested_by or ""}
    fields = getattr(event, "fields", {}).items()
    extra = {names.attribute(name): json.dumps(text, ensure_ascii=False) for name, text in fields}
    return {name: text for name, text in said.items() if text is not None} | extra


def _hint(address: str | None) -> dict[str, str | None]:
    return {names.hint(address): ""} if address else {}


def _proof(event: Subscribe) -> dict[str, str | None]:
    if event.consent is None:
        return {}
    proof = {**event.consent.model_dump(), "at": event.consent.at.isoformat()}
    return {names.consent(event.newsletter): json.dumps(proof, ensure_ascii=False)}


def _late_hints(registers: Mapping[str, str], values: Mapping[str, str]) -> dict[str, str]:
    """Return further addresses of an erased person that events from before the erasure, come late, still bring."""
    brought = {names.hint(text) if name == ADDRESS else name for name, text in values.items()}
    known = names.hint(value(registers.get(ADDRESS, "")))
    return {name: HINTED for name in brought if names.is_hint(name) and name != known}


def merge(registers: Mapping[str, str], stamp: str, values: Mapping[str, str], *, reported: bool) -> dict[str, str]:
    """Return the registers after an event of that moment; in whatever order events come, the newest wins.

    ``reported``: the moment came with the event; else Redis' clock stamped it. The atomic step in Redis
    (``accept.lua``) does the same; tests hold the two together.
    """
    if ERASURE in registers and ERASURE not in values:
        return dict(registers) | (_late_hints(registers, values) if stamp <= registers[ERASURE] else {})
    merged = dict(registers)
    for name, text in by_clock(values, reported=reported).items():
        new, old = stamp + text, merged.get(name, "")
        merged[name] = HINTED if names.is_hint(name) else max(new, old)
        if name == ADDRESS and value(old) not in {"", text}:
            merged[names.hint(value(min(new, old)))] = HINTED
    merged.pop(names.hint(value(merged.get(ADDRESS, ""))), None)
    if ERASURE in merged:
        merged = {name: text for name, text in merged.items() if names.is_kept_when_erased(name)}
    return merged
