"""Brevo's events in our own words, whatever their form. Pure.

Brevo spells names in several ways. An address may be a text or an array; a moment a number, a text or missing. Formats:
https://developers.brevo.com/docs/marketing-webhooks and samples that other projects recorded.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from sync_tasks.domain.timestamps import FAR_FUTURE, stamp_of
from sync_tasks.texts import MAX_ADDRESS, known_address

MOST_EVENTS = 500
LOOK = ""
_JOINED = "listaddition"
_UNSUBSCRIBED = "unsubscribed"
_KINDS = {
    "unsubscribe": "unsubscribed",
    "unsubscribed": "unsubscribed",
    "hardbounce": "hard_bounce",
    "hardbounced": "hard_bounce",
    "spam": "complaint",
    "complaint": "complaint",
    _JOINED: LOOK,
    "contactupdated": LOOK,
    "contactdeleted": LOOK,
}
# Brevo has named its events otherwise before. What may be about a contact, its lists or a block is looked at.
_LIKELY = re.compile(r"unsub|opt(?:ed)?out|hardbounce|spam|complain|block|contact|list")
_MOST_DIGITS = 16
# What gives JSON its structure; a text is taken as a whole, also one without its end: no mark within it is tried again.
_STRUCTURE = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[\[\]{},]', re.DOTALL)
_NO_LETTER = re.compile(r"[^a-z]")
# A number beyond this is not seconds but milliseconds.
_MILLISECONDS = 10**11
# Brevo was founded in 2012: what is older is no moment but something else. An opt-out without a moment happened now.
_FOUNDED = datetime(2012, 1, 1, tzinfo=UTC)
# `id` is the webhook's, not the event's: it differs if two webhooks report the same event (Brevo's samples).
_ABOUT_THE_WEBHOOK = frozenset({"id"})


@dataclass(frozen=True, slots=True, repr=False)
class Incoming:
    """One event about contacts to look at; ``kind`` and ``moment`` (a stamp, or empty) of an opt-out.

    ``joined``: the lists of an event that only reports joins. ``opted_out``: the lists that an unsubscription names.
    ``report`` is the same text whenever the same event comes again. It is short, for an event may name thousands.
    """

    kind: str
    addresses: tuple[str, ...]
    moment: str
    joined: frozenset[int]
    opted_out: frozenset[int]
    api_key_name: str
    report: str


def read_rows(body: bytes) -> list[object] | None:
    """Return the unread events of a body; ``None`` if it is neither an object nor an array in JSON."""
    try:
        document = json.loads(body)
    except (json.JSONDecodeError, UnicodeDecodeError):
        return None
    except (ValueError, RecursionError):
        return _read_one_by_one(body)
    if isinstance(document, dict):
        return [document]
    return document if isinstance(document, list) else None


def _read_one_by_one(body: bytes) -> list[object] | None:
    """Return the events of an array of which one is too deep, or has a number too long; that one is ``None``."""
    text = body.decode(json.detect_encoding(body), "surrogatepass")
    if not text.lstrip().startswith("["):
        return None
    rows, depth, start = list[object](), 0, 0
    for found in _STRUCTURE.finditer(text):
        mark = found[0][0]
        if (mark == "," and depth == 1) or (mark == "]" and depth == 1):
            rows.append(_read_one(text[start : found.start()]))
        if mark in "[{":
            depth += 1
        elif mark in "]}":
            depth -= 1
        if depth == 1 and mark in "[,":
            start = found.end()
    return rows if depth == 0 else None


def _read_one(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def read_event(row: object) -> Incoming | str:
    """Return the event, or why it is none for us: ``malformed``, or ``ignored`` for its kind."""
    name = row.get("event") if isinstance(row, dict) else None
    if not isinstance(row, dict) or not isinstance(name, str):
        return "malformed"
    word = _NO_LETTER.sub("", name.lower())
    kind = _KINDS.get(word, LOOK if _LIKELY.search(word) else None)
    if kind is None:
        return "ignored"
    addresses = tuple(dict.fromkeys(filter(None, map(_address, _addresses(row)))))
    if not addresses:
        return "malformed"
    report = _report_of(row)
    if not report:
        return "malformed"
    key_name = row.get("api_key_name")
    lists = frozenset(filter(None, map(_list_id, _each(row.get("list_id")))))
    return Incoming(
        kind=kind,
        addresses=addresses,
        moment=_moment(row),
        joined=lists if word == _JOINED else frozenset(),
        opted_out=lists if kind == _UNSUBSCRIBED else frozenset(),
        api_key_name=key_name if isinstance(key_name, str) else "",
        report=report,
    )


def _report_of(row: dict[str, object]) -> str:
    """Return what stands for an event; empty if it is nested too deeply."""
    said = {field: value for field, value in row.items() if field not in _ABOUT_THE_WEBHOOK}
    try:
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
    except RecursionError:
        return ""


def _addresses(row: dict[str, object]) -> Iterator[object]:
    """Yield the values in the places of addresses; a change may name a contact's former or new address."""
    yield from _each(row.get("email"))
    for item in _each(row.get("content")):
        if isinstance(item, dict):
            attributes = item.get("attributes")
            yield item.get("email")
            yield attributes.get("EMAIL") if isinstance(attributes, dict) else None


def _each(value: object) -> Iterable[object]:
    return value if isinstance(value, list) else [value]


def _address(value: object) -> str:
    """Return an address in its normal form; empty if the value is none."""
    text = known_address(value) if isinstance(value, str) else ""
    return text if "@" in text and len(text) <= MAX_ADDRESS and text.isprintable() else ""


def _list_id(value: object) -> int:
    """Return the id of a list, 0 if the value is none."""
    digits = str(value) if isinstance(value, str | int) else ""
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < _MOST_DIGITS else 0


def _moment(row: dict[str, object]) -> str:
    """Return the stamp of an event; empty if unknown.

    ``ts_event`` is UTC, ``ts`` may be an hour ahead, and ``date`` is CET or CEST without a zone. Seen by other projects
    until November 2026, not measured.
    """
    moments = (_seconds(row.get("ts_event")), _seconds(row.get("ts")), _date(row.get("date")))
    return next((stamp_of(moment) for moment in moments if moment and _FOUNDED <= moment < FAR_FUTURE), "")


def _seconds(value: object) -> datetime | None:
    try:
        number = float(value) if isinstance(value, str | int | float) else 0.0
        return datetime.fromtimestamp(number / 1000 if number > _MILLISECONDS else number, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _date(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return moment if moment and moment.tzinfo else None
