"""Which ``ext_id`` a user has at Brevo, and which user one names. Pure.

A pattern with a fixed part, such as ``portal-{user_id}``, tells our contacts from those of a shop or of another portal
on the same account. The pattern that is only ``{user_id}`` takes every ``ext_id`` for one of ours.
"""

from dataclasses import dataclass

from sync_tasks.tokens import is_erased_ext_id

PLACE = "{user_id}"


@dataclass(frozen=True, slots=True)
class ExtIds:
    """The pattern by which an ``ext_id`` is written; those of ``former`` patterns are understood besides."""

    pattern: str = PLACE
    former: tuple[str, ...] = ()

    @property
    def shared(self) -> bool:
        """Whether others may have contacts on the account, as a fixed part of the pattern says."""
        return self.pattern != PLACE

    def of(self, user_id: str) -> str:
        """Return the ``ext_id`` of a user."""
        return self.pattern.replace(PLACE, user_id)

    def all_of(self, user_id: str) -> tuple[str, ...]:
        """Return every ``ext_id`` by which a user may be known, the one that is written first."""
        return tuple(dict.fromkeys(pattern.replace(PLACE, user_id) for pattern in self._all))

    def user_of(self, ext_id: str | None) -> str:
        """Return the user whom an ``ext_id`` names; nothing for one that is no portal user's."""
        if not ext_id or is_erased_ext_id(ext_id):
            return ""
        return next(filter(None, (_parse(pattern, ext_id) for pattern in self._all)), "")

    def is_foreign(self, ext_id: str | None) -> bool:
        """Tell whether an ``ext_id`` is another system's for sure."""
        return bool(ext_id) and not self.user_of(ext_id) and not is_erased_ext_id(ext_id)

    def proves(self, ext_id: str | None, user_id: str) -> bool:
        """Tell whether an ``ext_id`` is ours for sure: its pattern has a fixed part."""
        return any(pattern != PLACE and ext_id == pattern.replace(PLACE, user_id) for pattern in self._all)

    @property
    def _all(self) -> tuple[str, ...]:
        return (self.pattern, *self.former)


def _parse(pattern: str, ext_id: str) -> str:
    start, _, end = pattern.partition(PLACE)
    fits = ext_id.startswith(start) and ext_id.endswith(end) and len(ext_id) > len(start) + len(end)
    return ext_id[len(start) : len(ext_id) - len(end)] if fits else ""
