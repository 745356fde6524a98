"""What has become of each contact, and through which request."""

from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that became of one contact.

    ``what`` is created, joined, left, skipped, address_changed, blocklisted, unblocklisted or deleted. ``request``:
    the number in the journal, None if a person at Brevo did it.
    """

    time: float
    request: int | None
    contact_id: int
    what: str
    list_id: int | None = None


class History:
    """The latest entries, the oldest dropping out; ``request`` is the one now at work.

    What it returns is a copy: other threads go on making requests while a caller looks at it.
    """

    def __init__(self, limit: int | None) -> None:
        self.request: int | None = None
        self._entries: deque[Entry] = deque(maxlen=limit)

    def note(self, time: float, contact_id: int, what: str, list_id: int | None = None) -> None:
        """Record what became of a contact."""
        if self._entries.maxlen != 0:
            self._entries.append(Entry(time, self.request, contact_id, what, list_id))

    def entries(self, contact_id: int | None = None) -> list[Entry]:
        """Return the entries of one contact, or all, oldest first."""
        return [entry for entry in list(self._entries) if contact_id in (None, entry.contact_id)]
