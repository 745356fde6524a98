"""The ``ext_id`` of a user at Brevo, and the user of an ``ext_id``; the token that replaces an erased person. Pure.

A pattern with a fixed part is ``portal-{user_id}``, for example. It distinguishes our contacts from those of
another system on the same account. The pattern ``{user_id}`` alone takes every ``ext_id`` for one of ours.

A token is recognized without pattern and state. It is random and ends in a check of itself, so an address that only
looks alike carries none. Release 0.1 made tokens without a check. They count if the ``ext_id`` is one of an erased
contact, too.
"""

import hashlib
import re
import secrets
from dataclasses import dataclass

PLACE = "{user_id}"
# The address of an erased person, if nothing else is configured.
ERASED_FORM = "deleted-{token}@deleted.example.com"


@dataclass(frozen=True, slots=True)
class ExtIds:
    """The pattern for writing an ``ext_id``; ids of ``former`` patterns are understood too."""

    pattern: str = PLACE
    former: tuple[str, ...] = ()

    @property
    def shared(self) -> bool:
        """Whether other systems may have contacts on the account: the pattern has a fixed part."""
        return self.pattern != PLACE

    def of(self, user_id: str) -> str:
        """Return the ``ext_id`` of a user."""
        return self.pattern.replace(PLACE, user_id)

    def all_of(self, user_id: str) -> tuple[str, ...]:
        """Return every ``ext_id`` that a user may have, the present one first."""
        return tuple(dict.fromkeys(pattern.replace(PLACE, user_id) for pattern in self._all))

    def user_of(self, ext_id: str | None) -> str:
        """Return the user of an ``ext_id``; an empty text if it is no portal user's."""
        if not ext_id or is_erased_ext_id(ext_id):
            return ""
        return next(filter(None, (_parse(pattern, ext_id) for pattern in self._all)), "")

    def is_foreign(self, ext_id: str | None) -> bool:
        """Return whether an ``ext_id`` surely is another system's."""
        return bool(ext_id) and not self.user_of(ext_id) and not is_erased_ext_id(ext_id)

    def proves(self, ext_id: str | None, user_id: str) -> bool:
        """Return whether an ``ext_id`` surely is this user's, because its pattern has a fixed part."""
        return any(pattern != PLACE and ext_id == pattern.replace(PLACE, user_id) for pattern in self._all)

    @property
    def _all(self) -> tuple[str, ...]:
        return (self.pattern, *self.former)


def _parse(pattern: str, ext_id: str) -> str:
    start, _, end = pattern.partition(PLACE)
    fits = ext_id.startswith(start) and ext_id.endswith(end)
    return ext_id[len(start) : len(ext_id) - len(end)] if fits else ""


_DRAWN, _CHECK = 16, 8
_LENGTH = _DRAWN + _CHECK
_HEX = re.compile(r"[0-9a-f]{16,}")
_ERASED = re.compile(r"deleted-([0-9a-f]{16})([0-9a-f]{8})?")


def make_token() -> str:
    """Return a new token; nothing leads from it to a person."""
    drawn = secrets.token_hex(_DRAWN // 2)
    return drawn + _check_of(drawn)


def erased_ext_id(token: str) -> str:
    """Return the ``ext_id`` of an erased contact."""
    return f"deleted-{token}"


def is_erased_ext_id(ext_id: str | None) -> bool:
    """Return whether an ``ext_id`` is one that an erasure wrote."""
    found = _ERASED.fullmatch(ext_id or "")
    return found is not None and found[2] in (None, _check_of(found[1]))


def carries_token(address: str | None, ext_id: str | None) -> bool:
    """Return whether we made an address, for an erased contact or to free the real one for another user."""
    for run in _HEX.findall((address or "").lower()):
        windows = (run[start : start + _LENGTH] for start in range(len(run) - _LENGTH + 1))
        if any(_check_of(window[:_DRAWN]) == window[_DRAWN:] for window in windows):
            return True
        if is_erased_ext_id(ext_id):
            return True
    return False


def _check_of(drawn: str) -> str:
    return hashlib.sha256(f"sync-tasks {drawn}".encode()).hexdigest()[:_CHECK]
