"""What a provider makes of a value: the same one, written otherwise. Pure.

Brevo keeps telephone numbers as digits (seen by other projects until November 2026, not measured). It may add a time to
a date, keep a number as text, or trim a text. None of that is a difference.
"""

import re
from contextlib import suppress

from sync_tasks.domain.events import Json

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_MIDNIGHT = re.compile(r"[T ]00:00(:00(\.0+)?)?(Z|\+00:?00)?")
_NO_DIGITS = re.compile(r"^00|\D")


def is_same(held: Json, wanted: Json, *, phone: bool = False) -> bool:
    """Return whether a value read is the one wanted, written otherwise; empty and absent are the same."""
    held, wanted = ("" if value is None else value for value in (held, wanted))
    if held == wanted:
        return True
    if held == "" or wanted == "" or isinstance(held, bool) or isinstance(wanted, bool):
        return False
    if phone:
        return bool(digits := _digits(wanted)) and _digits(held) == digits
    if isinstance(held, str) and isinstance(wanted, str):
        return held.strip() == wanted.strip() or _is_same_date(held, wanted)
    return _is_same_number(held, wanted)


def _digits(value: Json) -> str:
    return _NO_DIGITS.sub("", str(value).strip())


def _is_same_date(held: str, wanted: str) -> bool:
    rest = held.removeprefix(wanted)
    return bool(_DATE.fullmatch(wanted) and rest != held and _MIDNIGHT.fullmatch(rest))


def _is_same_number(held: Json, wanted: Json) -> bool:
    with suppress(ValueError, OverflowError):
        if isinstance(held, str | int | float) and isinstance(wanted, str | int | float):
            return str(held) == str(wanted) or float(held) == float(wanted)
    return False
