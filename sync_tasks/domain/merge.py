"""Events as registers, and the merge of registers: the specification that `accept.lua` is tested against."""

import json
from collections.abc import Mapping

from sync_tasks.domain.contact import HINT, HINTED, KEPT_WHEN_ERASED, OWN, STAMP, SUBSCRIBED, TOLD, UNSUBSCRIBED
from sync_tasks.domain.events import Anonymize, Event, Subscribe, Unsubscribe, Update


def values_of(event: Event) -> dict[str, str]:
    """Return an event's values by register, without the moment."""
    said: dict[str, str | None] = {}
    match event:
        case Subscribe():
            said = {"address": event.email, f"n:{event.newsletter}": SUBSCRIBED}
        case Update():
            said = {"address": event.email} | _hint(event.previous_email)
        case Unsubscribe():
            said = _hint(event.email) | {f"n:{event.newsletter}": UNSUBSCRIBED}
        case Anonymize():
            said = _hint(event.email) | {"erased": ""}
    extra = {f"a:{name}": json.dumps(value, ensure_ascii=False) for name, value in getattr(event, "fields", {}).items()}
    return {name: value for name, value in said.items() if value is not None} | extra


def _hint(address: str | None) -> dict[str, str | None]:
    return {HINT + address: ""} if address else {}


def _late_hints(registers: Mapping[str, str], values: Mapping[str, str]) -> dict[str, str]:
    """Return further addresses of an erased person that events from before the erasure, come late, still bring."""
    told = {HINT + text if name == "address" else name for name, text in values.items()}
    known = HINT + registers.get("address", "")[STAMP:]
    return {name: HINTED for name in told if name.startswith(HINT) and name != known}


def by_clock(values: Mapping[str, str], *, told: bool) -> dict[str, str]:
    """Return an event's values by the registers of its clock; ``told``: it came with its moment."""
    return {TOLD + name[len(OWN) :] if told and name.startswith(OWN) else name: text for name, text in values.items()}


def merge(registers: Mapping[str, str], stamp: str, values: Mapping[str, str], *, told: bool) -> dict[str, str]:
    """Return the registers after an event of that moment; in whatever order events come, the newest wins.

    ``told``: the moment came with the event; else Redis' clock stamped it. The atomic step in Redis (``accept.lua``)
    does the same; tests hold the two together.
    """
    if "erased" in registers and "erased" not in values:
        return dict(registers) | (_late_hints(registers, values) if stamp <= registers["erased"] else {})
    merged = dict(registers)
    for name, value in by_clock(values, told=told).items():
        new, old = stamp + value, merged.get(name, "")
        merged[name] = HINTED if name.startswith(HINT) else max(new, old)
        if name == "address" and old[STAMP:] not in {"", value}:
            merged[HINT + min(new, old)[STAMP:]] = HINTED
    merged.pop(HINT + merged.get("address", "")[STAMP:], None)
    if "erased" in merged:
        merged = {name: text for name, text in merged.items() if name in KEPT_WHEN_ERASED or name.startswith(HINT)}
    return merged
