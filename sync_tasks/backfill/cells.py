"""What a cell says: yes or no, a moment, a number; in the ways databases, Excel and newsletter tools write them.

What could mean two things is refused. No text of an error quotes the cell.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sync_tasks.domain.events import Json

ORDERS = ("", "day-first", "month-first")
_YES = frozenset({"true", "yes", "1", "t", "y", "on", "ja", "j", "wahr", "x"})
_NO = frozenset({"false", "no", "0", "f", "n", "off", "nein", "falsch"})
_IN = frozenset({"subscribed", "confirmed", "active", "opted in", "opt-in", "angemeldet"})
_OUT = frozenset(
    {
        "unsubscribed",
        "cleaned",
        "bounced",
        "blocked",
        "blocklisted",
        "blacklisted",
        "opted out",
        "opt-out",
        "abgemeldet",
    }
)
_UNSAID = frozenset(
    {"unconfirmed", "pending", "inactive", "nonsubscribed", "non-subscribed", "transactional", "archived"}
)
_SHORTENED = re.compile(r"[+-]?\d(?:[.,]\d+E\+?|E\+)\d+", re.IGNORECASE)
_EXCEL_ERROR = re.compile(r"#(?:N/A|NV|NAME\?|REF!|BEZUG!|VALUE!|WERT!|DIV/0!|NUM!|ZAHL!|NULL!|#+)")
# So a program keeps Excel from taking a number for one; whatever reads the file gets it as it is.
_FORMULA = re.compile(r'="[^"]*"')
_DAMAGED_BEGINS = frozenset("=#+-0123456789")
# Brevo takes fewer digits still.
_LONGEST_NUMBER = 100
_WHOLE_WITH_POINT = re.compile(r"\d+[.,]0+")
_NUMBER = re.compile(r"([+-]?\d+)(?:([.,])(\d+))?")
_THOUSAND = 3
_MOMENT = re.compile(
    r"(?P<day>\d{4}-\d\d?-\d\d?|\d\d?[./]\d\d?[./]\d{4})"
    r"(?:[T ,]+(?P<time>\d{1,2}:\d\d(?::\d\d(?:[.,]\d{1,9})?)?)(?: ?(?P<half>[AP]M))?)?"
    r" ?(?P<zone>Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)?",
    re.IGNORECASE,
)
_UTC = frozenset({"Z", "UTC", "GMT"})
# PostgreSQL leaves the minutes of an offset out if there are none.
_HOURS = len("+02")


@dataclass(frozen=True, slots=True)
class Manner:
    """How a file writes what could mean two things: dates with slashes (``ORDERS``), moments without a zone, numbers.

    ``semicolons``: its cells stand between semicolons, as Excel writes them if the comma is the decimal sign.
    """

    dates: str = ""
    zone: ZoneInfo | None = None
    semicolons: bool = False


@dataclass(frozen=True, slots=True)
class Kept:
    """What Brevo keeps for an attribute: a type, and if it is a category, one of its choices."""

    kind: str = ""
    choices: frozenset[str] = frozenset()


PLAIN = Manner()


def find_zone(name: str) -> ZoneInfo | None:
    """Return a time zone such as ``Europe/Berlin``, or nothing if there is none of that name."""
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def find_damage(text: str, *, is_id: bool = False) -> str:
    """Return what a spreadsheet did to a cell, or nothing."""
    text = text.strip()
    if text[:1] not in _DAMAGED_BEGINS:
        return ""
    if _FORMULA.fullmatch(text):
        return "a formula that stands for a text: save the values alone, and export it again"
    if _SHORTENED.fullmatch(text):
        return "a long number that Excel has shortened: format the column as text, and export it again"
    if _EXCEL_ERROR.fullmatch(text):
        return "an error of a spreadsheet's formula: mend the formula, and export it again"
    if is_id and _WHOLE_WITH_POINT.fullmatch(text):
        return "a whole number with decimals: format the column as text, and export it again"
    return ""


def read_truth(value: object, *, status: bool = False) -> bool | None:
    """Return yes or no; with ``status`` also of words such as ``cleaned``, and nothing of one like ``pending``.

    Raises:
        ValueError: it says neither.
    """
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower() if isinstance(value, str | int) else ""
    if word in _YES | _NO:
        return word in _YES
    if status and word in _IN | _OUT:
        return word in _IN
    if status and word in _UNSAID:
        return None
    known = "yes or no, true or false, 1 or 0" + (", subscribed or unsubscribed" if status else "")
    raise ValueError(f"{known} is wanted")


def read_moment(text: str, manner: Manner) -> tuple[datetime, bool]:
    """Return a moment, and whether only a day was given: then it is the first of that day.

    Raises:
        ValueError: it is none, has no zone, or could mean two days.
    """
    found = _MOMENT.fullmatch(text.strip())
    if not found:
        raise ValueError("must be an ISO 8601 text with a zone, or a moment such as 25.11.2026 08:00")
    day, clock = _read_day(found["day"], manner), found["time"]
    hours = _read_time(clock, (found["half"] or "").upper()) if clock else time()
    return datetime.combine(day, hours, tzinfo=_read_zone(found["zone"], manner)), not clock


def _read_time(clock: str, half: str) -> time:
    """Return a time of the day; parts of a second are cut to six digits."""
    whole, _, parts = clock.replace(",", ".").partition(".")
    hour, minute, second = map(int, f"{whole}:0".split(":")[:3])
    try:
        return time(hour % 12 + 12 * (half == "PM") if half else hour, minute, second, int(parts[:6].ljust(6, "0")))
    except ValueError:
        raise ValueError("there is no such time of the day") from None


def _read_zone(text: str | None, manner: Manner) -> tzinfo:
    if (text or "").upper() in _UTC:
        return UTC
    if text:
        try:
            return datetime.strptime(text if len(text) > _HOURS else f"{text}00", "%z").tzinfo or UTC
        except ValueError:
            raise ValueError("there is no such offset of a zone") from None
    if manner.zone is None:
        raise ValueError("has no zone: add one such as +01:00, or name that of the file with --zone Europe/Berlin")
    return manner.zone


def _read_day(text: str, manner: Manner) -> date:
    """Return a day; with slashes only if an option says what stands first."""
    parts = [int(part) for part in re.split(r"[-./]", text)]
    if "/" in text and not manner.dates:
        raise ValueError("could mean two days: add --dates day-first or --dates month-first")
    if "/" in text and manner.dates == "month-first":
        parts = [parts[1], parts[0], parts[2]]
    try:
        return date(*parts) if "-" in text else date(*reversed(parts))
    except ValueError:
        raise ValueError("there is no such day") from None


def read_number(text: str, manner: Manner) -> int | float:
    """Return a number, with a point or a comma before its decimals.

    Raises:
        ValueError: it is none, or the sign in it may stand for thousands.
    """
    found = _NUMBER.fullmatch(text.strip())
    if not found or len(text) > _LONGEST_NUMBER:
        raise ValueError("a number is wanted")
    whole, sign, decimals = found.groups()
    if not sign:
        return int(whole)
    if len(decimals) == _THOUSAND and (sign == "," or manner.semicolons):
        raise ValueError("could be thousands or decimals: write it with four decimals, or without the sign")
    return float(f"{whole}.{decimals}")


def _to_text(value: Json, _manner: Manner) -> Json:
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        raise ValueError("a text is wanted")  # noqa: TRY004 - one error for one kind of trouble
    return value if isinstance(value, str) else str(value)


def _to_number(value: Json, manner: Manner) -> Json:
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        raise ValueError("a number is wanted")  # noqa: TRY004 - as above
    return read_number(value, manner) if isinstance(value, str) else value


def _to_date(value: Json, manner: Manner) -> Json:
    """Return the day alone, as Brevo takes it; a time of the day is cut off."""
    if not isinstance(value, str):
        raise ValueError("a date such as 2026-11-25 is wanted")  # noqa: TRY004 - as above
    found = _MOMENT.fullmatch(value.strip())
    if not found:
        raise ValueError("a date such as 2026-11-25 is wanted")
    return _read_day(found["day"], manner).isoformat()


def _refuse(_value: Json, _manner: Manner) -> Json:
    raise ValueError("Brevo takes no single value for an attribute of this type: leave the column out")


_CONVERSIONS: Mapping[str, Callable[[Json, Manner], Json]] = {
    "text": _to_text,
    "category": _to_text,
    "id": _to_text,
    "float": _to_number,
    "boolean": lambda value, _manner: read_truth(value),
    "date": _to_date,
    "multiple-choice": _refuse,
    "user": _refuse,
}


def convert(value: Json, kept: Kept, manner: Manner) -> Json:
    """Return a value of the type that Brevo keeps for an attribute; it ignores any other in silence.

    An empty text clears, and so does ``None``; a kind that is not known keeps the value.

    Raises:
        ValueError: it cannot be converted without a guess, or is none of the choices.
    """
    if value in ("", None) or kept.kind not in _CONVERSIONS:
        return value
    converted = _CONVERSIONS[kept.kind](value, manner)
    if kept.choices and converted not in kept.choices:
        raise ValueError("none of the choices that the attribute has at Brevo")
    return converted


def both_of_hour(moment: datetime) -> tuple[datetime, datetime]:
    """Return the earlier and the later moment that a time may mean: the same unless the clocks were changed."""
    second = moment.replace(fold=1)
    if moment.utcoffset() == second.utcoffset():
        return moment, moment
    both = moment.astimezone(UTC), second.astimezone(UTC)
    return min(both), max(both)


def last_of_day(moment: datetime) -> datetime:
    """Return the end of the day that begins at a moment, but nothing that lies ahead."""
    return min(moment + timedelta(days=1, microseconds=-1), max(datetime.now(UTC), moment))
