"""The ``ext_id`` of a user at Brevo, and the user of an ``ext_id``. Pure.

A pattern with a fixed part is ``portal-{user_id}``, for example. It distinguishes our contacts from those of
another system on the same account. The pattern ``{user_id}`` alone takes every ``ext_id`` for one of ours.
"""

from dataclasses import dataclass

from sync_tasks.tokens import is_erased_ext_id

PLACE = "{user_id}"


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
    fits = ext_id.startswith(start) and ext_id.endswith(end) and len(ext_id) > len(start) + len(end)
    return ext_id[len(start) : len(ext_id) - len(end)] if fits else ""
