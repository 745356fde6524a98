"""What Brevo must hold in the end, computed as plainly as the promise is made: the newest event of each field."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tests.reliability.chaos.people import NEWSLETTERS, Reported

ATTRIBUTES = {"first_name": "FIRSTNAME", "last_name": "LASTNAME", "city": "CITY"}
FLAGS = {"daily": "DAILY_UNSUBSCRIBED"}


@dataclass(frozen=True, slots=True)
class Wish:
    """How one user's contact must be; without lists it need not exist, erased it must not."""

    erased: bool
    address: str | None
    lists: frozenset[int]
    attributes: dict[str, Any]


def find_wishes(reported: Iterable[Reported]) -> dict[str, Wish]:
    """Return what the portal wants of each user."""
    registers: dict[str, dict[str, tuple[str, Any]]] = defaultdict(dict)
    for event in reported:
        held = registers[event.user_id]
        for name, value in _fields(event):
            new = (event.moment, value)
            held[name] = max(held.get(name, new), new, key=_rank)
    return {user_id: _wish({name: value for name, (_, value) in held.items()}) for user_id, held in registers.items()}


def _fields(event: Reported) -> Iterable[tuple[str, Any]]:
    said = event.said
    match event.task:
        case "anonymize_contact":
            yield "erased", True
        case "subscribe_contact":
            yield f"n:{said['newsletter']}", True
        case "unsubscribe_contact":
            yield f"n:{said['newsletter']}", False
    if event.task in {"subscribe_contact", "update_contact"}:
        yield from ((name, said[name]) for name in ("email", "first_name", "last_name") if name in said)
        yield from said.get("attributes", {}).items()


def _rank(held: tuple[str, Any]) -> tuple[str, bool]:
    # Of two with the same moment the unsubscription wins; nothing else that is generated ever ties.
    return held[0], held[1] is False


def _wish(fields: dict[str, Any]) -> Wish:
    lists = frozenset(number for name, number in NEWSLETTERS.items() if fields.get(f"n:{name}"))
    attributes = {ATTRIBUTES[name]: value for name, value in fields.items() if name in ATTRIBUTES and value}
    flags = {flag: not fields[f"n:{name}"] for name, flag in FLAGS.items() if f"n:{name}" in fields}
    return Wish("erased" in fields, fields.get("email"), lists, attributes | flags)
