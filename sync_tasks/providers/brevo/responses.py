"""Brevo's answers in our own words, read from the raw bodies. Pure.

The models of the SDK 7.6.0 raise on legal answers (tried). Examples are a contact without e-mail and an attribute of
type ``user``.
"""

import hashlib
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from sync_tasks.domain.contact import UNEXPLAINED, Block, RemoteContact, UnreadContact
from sync_tasks.domain.timestamps import EPOCH, stamp_of
from sync_tasks.providers import RemotePage
from sync_tasks.texts import known_address

_IDS_END = 2**63
# Moments from here on have more than 16 digits, and would sort before today's.
_STAMPS_END = datetime(2286, 1, 1, tzinfo=UTC)
# If more contacts of a page cannot be read, Brevo shows contacts otherwise by now: then nothing is concluded.
_MOST_UNREAD = 10
_PLAIN_WORD = re.compile(r"[a-z][a-z_]{0,39}", re.IGNORECASE)
_COUNT = re.compile(r"[0-9]{1,9}")
# Attributes of these categories Brevo computes; what it calls otherwise one day can hold personal data.
_COMPUTED = frozenset({"calculated", "global"})
# These two are fields of their own here. As attributes they would give the contact to another user.
_IDENTITIES = frozenset({"EMAIL", "EXT_ID"})
# What Brevo says of a limit is believed for so many seconds.
_BELIEVED = 300.0
_DUPLICATE = "already associated with another contact"
# The parts of Brevo's statistics that show why a contact is blocklisted, the gravest reason first.
_REASONS = {"hard_bounce": "hardBounces", "complaint": "complaints", "unsubscribed": "unsubscriptions"}
_UNSUBSCRIBED = "unsubscribed"
_IDENTIFIERS = ("email", "ext_id", "sms", "whatsapp", "landline_number")
_ACCOUNT_TROUBLE = frozenset(
    {"account_in_process", "account_under_validation", "not_enough_credits", "permission_denied", "unauthorized"}
)
# No page of Brevo's and no other client says how a 400 shows that the plan covers no more contacts. These are the words
# of its code list (402) and of its quotas (https://developers.brevo.com/docs/platform-quotas, November 2026).
_LIMIT_CODES = re.compile(r"\w*(limit|quota)_?(reached|exceeded)|(contacts?|plan)_(limit|quota)\w*", re.IGNORECASE)
_FULL = re.compile(
    r"\b(contacts?|plan|account)\b.{0,40}\b(limit|quota)\b.{0,40}\b(reach|exceed|hit)|"
    r"\b(reach|exceed|hit)\w*\b.{0,40}\b(limit|quota|maximum)\b.{0,40}\b(contacts?|plan|account)\b|"
    r"\b(limit|quota|maximum)\b.{0,20}\bcontacts?\b.{0,40}\b(reach|exceed|hit)|\bupgrade\b.{0,20}\bplan\b",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, repr=False)
class Answer:
    """An answer: the status, the ``x-sib-ratelimit-…`` headers, and the raw body, parsed at most once."""

    status: int
    reset: str | None
    body: bytes
    limit: str | None = None
    remaining: str | None = None

    @property
    def data(self) -> dict[str, Any]:
        """The JSON object of the body; empty if the body is none."""
        return self._object or {}

    @property
    def is_json(self) -> bool:
        """Whether the body is a JSON object, and not HTML, cut off or in another encoding."""
        return self._object is not None

    @cached_property
    def _object(self) -> dict[str, Any] | None:
        try:
            data = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        return data if isinstance(data, dict) else None

    @property
    def is_done(self) -> bool:
        """Whether this is a 204, as Brevo answers a change or a deletion; a proxy's page has another status."""
        return self.status == 204  # noqa: PLR2004 - as HTTP has it

    @property
    def code(self) -> str:
        """Brevo's error code if it is a plain word; anything else may quote our values and is not shown."""
        code = self.data.get("code")
        return code if isinstance(code, str) and _PLAIN_WORD.fullmatch(code) else ""

    @property
    def retry_after(self) -> float | None:
        """The seconds until Brevo's limit resets; ``None`` if the header is missing or makes no sense.

        It is believed for five minutes: one odd header stops no account for an hour. Then the next request shows it.

        Brevo sends ``x-sib-ratelimit-reset``, seconds until the reset and no time, and no ``Retry-After``
        (https://developers.brevo.com/docs/limit-headers).
        """
        try:
            seconds = float(self.reset or "")
        except ValueError:
            return None
        return min(seconds, _BELIEVED) if math.isfinite(seconds) and seconds >= 0 else None

    @property
    def quota(self) -> tuple[int, int] | None:
        """The requests that a window allows, and those left of them; ``None`` without such headers.

        A 429 does not count: its ``reset`` says when the next may come, and its limit may be one that we do not know.
        """
        if self.status == 429:  # noqa: PLR2004 - as HTTP has it
            return None
        numbers = [text for text in (self.limit, self.remaining) if text and _COUNT.fullmatch(text)]
        return (int(numbers[0]), int(numbers[1])) if len(numbers) == 2 else None  # noqa: PLR2004 - both of them

    @property
    def duplicates(self) -> tuple[str, ...]:
        """The kinds of identifiers that belong to another contact, such as ``email`` and ``ext_id``.

        ``metadata.duplicate_identifiers`` holds them. The code has changed once (May 2026, seen by other projects), and
        the text may change at any time. Both are read only if the metadata is missing.
        """
        metadata = self.data.get("metadata")
        names = metadata.get("duplicate_identifiers") if isinstance(metadata, dict) else None
        if names and isinstance(names, list):
            return tuple(str(kind).lower() if _PLAIN_WORD.fullmatch(str(kind)) else "unknown" for kind in names)
        return self._duplicates_in_text()

    def _duplicates_in_text(self) -> tuple[str, ...]:
        text = str(self.data.get("message", "")).lower()
        if self.code != "duplicate_parameter" and _DUPLICATE not in text:
            return ()
        return tuple(kind for kind in _IDENTIFIERS if re.search(rf"\b{kind}\b", text)) or ("email",)

    @property
    def has_limit(self) -> bool:
        """Whether Brevo refused a creation because the account is full; believed, as that saves events."""
        return bool(_LIMIT_CODES.fullmatch(self.code) or _FULL.search(str(self.data.get("message", ""))))

    @property
    def names_account(self) -> bool:
        """Whether the code names the account as the reason; a code is believed only if that saves an event."""
        return self.code in _ACCOUNT_TROUBLE


def contact_of(data: Mapping[str, Any], now: datetime) -> RemoteContact | None:
    """Return the contact that a JSON object describes; ``None`` if it lacks what Brevo's schema requires.

    What is left out, or null, is not empty: nobody is off a list, or not blocked, because an answer does not say so.
    """
    lists, attributes = data.get("listIds"), data.get("attributes")
    if not _is_id(data.get("id")) or not isinstance(data.get("emailBlacklisted"), bool):
        return None
    if not isinstance(lists, list) or not isinstance(attributes, dict) or not all(map(_is_id, lists)):
        return None
    address, ext_id = _names_of(data)
    return RemoteContact(
        id=data["id"],
        address=address,
        ext_id=ext_id,
        lists=frozenset(lists),
        attributes={name: value for name, value in attributes.items() if name not in _IDENTITIES},
        block=_block_of(data, now),
        opted_out=_opted_out_of(data, now),
        created=_stamp(data.get("createdAt")) or "",
    )


def _names_of(data: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Return the address and the ``ext_id`` of a contact, as far as they are shown."""
    attributes = data.get("attributes")
    among = attributes.get("EXT_ID") if isinstance(attributes, dict) else None
    return known_address(_text(data.get("email")) or "") or None, _text(data.get("ext_id")) or _text(among)


def single_contact_of(data: Mapping[str, Any], now: datetime) -> RemoteContact | None:
    """Return the contact that was read alone: only then Brevo's statistics show why it is blocklisted.

    The statistics may be missing (the SDK's model raises on that; November 2026). Then a complaint looks like
    an unsubscription. If Brevo always shows them one day, ``contact_of`` is enough.
    """
    contact = contact_of(data, now)
    if contact is None or contact.block is None or isinstance(data.get("statistics"), dict):
        return contact
    return replace(contact, block=Block(UNEXPLAINED, contact.block.since, guessed=True))


def remote_page_of(rows: Iterable[Mapping[str, Any]], now: datetime) -> RemotePage | None:
    """Return the contacts of one page; ``None`` if too many cannot be read, or one without an id of its own."""
    page, holders = RemotePage([]), dict[str, object]()
    for row in rows:
        if holders.setdefault(str(row.get("id")), row.get("email")) != row.get("email"):
            return None
        contact = contact_of(row, now)
        if contact:
            page.contacts.append(contact)
        elif _is_id(row.get("id")) and len(page.unread) < _MOST_UNREAD:
            page.unread.append(UnreadContact(row["id"], *_names_of(row)))
        else:
            return None
    return page


def moved_ids(answer: Answer) -> frozenset[int]:
    """Return the ids of the contacts put on a list, or taken off it."""
    rows = answer.data.get("contacts")
    moved = rows.get("success") if isinstance(rows, dict) else None
    return frozenset(filter(_is_id, moved)) if isinstance(moved, list) else frozenset()


def created_id(answer: Answer) -> int | None:
    """Return the id of the created contact; ``None`` if the answer lacks it.

    Brevo answers with the id if ``getId`` was sent (changelog of April 2026).
    """
    found = answer.data.get("id")
    return found if _is_id(found) else None


def owner_of(answer: Answer) -> str | None:
    """Return a name for the account's owner with nothing personal in it; ``None`` if the answer names none.

    Brevo's schema of ``GET /account`` requires ``organization_id``. Without it a hash of the e-mail is the name.
    """
    found = answer.data.get("organization_id") or answer.data.get("email")
    return hashlib.sha256(str(found).encode()).hexdigest()[:16] if found else None


def page_of(answer: Answer, key: str) -> list[dict[str, Any]] | None:
    """Return the rows of one page; ``None`` if the answer is no page; an empty page may lack its key."""
    rows = answer.data.get(key)
    if rows is None and answer.data.get("count") == 0:
        return []
    return rows if isinstance(rows, list) and all(isinstance(row, dict) for row in rows) else None


def total_of(answer: Answer) -> int | None:
    """Return the number of rows of all pages together; ``None`` if the answer lacks it."""
    total = answer.data.get("count")
    return total if isinstance(total, int) and not isinstance(total, bool) else None


def names_of(rows: Iterable[dict[str, Any]]) -> Iterator[tuple[int, str]]:
    """Yield the id and the name of each list."""
    return ((row["id"], str(row.get("name", ""))) for row in rows if _is_id(row.get("id")))


def types_of(rows: Iterable[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield the name and the type of each attribute that can be written; one with fixed choices is a ``category``."""
    for row in rows:
        name, category = row.get("name"), str(row.get("category")).lower()
        if isinstance(name, str) and name not in _IDENTITIES and category not in _COMPUTED:
            yield name, "category" if category == "category" else str(row.get("type") or "text")


def names_of_attributes(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Yield the name of each attribute, also of one that is calculated."""
    return (row["name"] for row in rows if isinstance(row.get("name"), str))


def choices_of(rows: Iterable[dict[str, Any]]) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield each attribute with fixed choices, and these; Brevo takes the number or the label of a choice."""
    for row in rows:
        choices = row.get("enumeration")
        if isinstance(row.get("name"), str) and isinstance(choices, list):
            known = (choice for choice in choices if isinstance(choice, dict))
            yield (
                row["name"],
                frozenset(str(choice[key]) for choice in known for key in ("value", "label") if key in choice),
            )


def _block_of(data: Mapping[str, Any], now: datetime) -> Block | None:
    """Return the block of a contact with every reason that Brevo's statistics show; ``None`` without a block.

    Brevo's statistics reach back 90 days and hold campaigns only: an older bounce looks like an unsubscription
    (https://developers.brevo.com/reference/get-contact-info).
    """
    if not data.get("emailBlacklisted"):
        return None
    fallback = _stamp(data.get("modifiedAt")) or stamp_of(now)
    statistics = data.get("statistics")
    statistics = statistics if isinstance(statistics, dict) else {}
    moments = ((kind, statistics.get(name)) for kind, name in _REASONS.items())
    reasons = [
        (kind, _newest(entries) or fallback) for kind, entries in moments if entries and _happened(kind, entries)
    ]
    if not reasons:
        return Block(_UNSUBSCRIBED, fallback, guessed=True)
    (kind, since), *others = reasons
    return Block(kind, since, tuple(others), clicked=_clicked(statistics) or "")


def _clicked(statistics: Mapping[str, Any]) -> str | None:
    """Return the moment at which the person last used Brevo's link; ``adminUnsubscription`` may be our own request."""
    entries = statistics.get("unsubscriptions")
    return _newest(entries.get("userUnsubscription")) if isinstance(entries, dict) else None


def _happened(kind: str, entries: object) -> bool:
    """Return whether it happened: a bounce without a moment counts; groups of unsubscriptions may all be empty."""
    return kind != _UNSUBSCRIBED or _newest(entries) is not None


def _opted_out_of(data: Mapping[str, Any], now: datetime) -> dict[int, str] | None:
    """Return the lists that a contact opted out of one by one, and since when at the latest.

    Brevo shows no moment. Without the account's setting "unsubscription per list" the field is null.
    https://developers.brevo.com/reference/get-contact-info
    """
    lists = data.get("listUnsubscribed")
    if not isinstance(lists, list):
        return None
    statistics = data.get("statistics")
    newest = _newest(statistics.get("unsubscriptions")) if isinstance(statistics, dict) else None
    since = max(newest or "", _stamp(data.get("modifiedAt")) or "") or stamp_of(now)
    return {one: since for one in lists if _is_id(one)}


def _newest(events: object) -> str | None:
    """Return the newest ``eventTime`` in a list of events, or in an object of such lists."""
    if isinstance(events, dict):
        events = [event for group in events.values() if isinstance(group, list) for event in group]
    rows = events if isinstance(events, list) else []
    return max(filter(None, (_stamp(row.get("eventTime")) for row in rows if isinstance(row, dict))), default=None)


def _stamp(text: object) -> str | None:
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else EPOCH
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return stamp_of(aware) if EPOCH < aware < _STAMPS_END else None


def _text(value: object) -> str | None:
    """Return a value as text that can be stored: a character cut in half, as JSON may hold, becomes a question mark."""
    return str(value).encode(errors="replace").decode() if isinstance(value, str | int) and value != "" else None


def _is_id(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < _IDS_END
