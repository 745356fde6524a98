"""The token that replaces an erased person at Brevo, recognized without pattern and state. Pure.

A token is random and ends in a check of itself, so an address that only looks alike carries none. Release 0.1 made
tokens without a check. They count if the ``ext_id`` is one of an erased contact, too.
"""

import hashlib
import re
import secrets

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
