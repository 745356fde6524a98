"""What clears an attribute of an account: an empty text or ``null``, as far as a process has seen. Pure.

Brevo documents the empty text. It ignores a value that does not fit an attribute's type. One project clears dates by
``null`` (November 2026, not measured).
"""

from collections import Counter
from collections.abc import Iterable

# So many cleared values of an attribute are read back. If all of them were empty before, nothing is learnt by that.
MOST_LOOKS = 20


class Blanks:
    """What cleared which attribute; shared by the threads of a process."""

    def __init__(self) -> None:
        # Whether a block that was sent along with a new address was lifted by it; nothing if nobody has looked.
        self.lifts_blocks: bool | None = None
        self._by_null: dict[str, bool] = {}
        self._looks = Counter[str]()

    def nulls(self, names: Iterable[str]) -> frozenset[str]:
        """Return those of the attributes that ``null`` clears and an empty text does not."""
        return frozenset(name for name in names if self._by_null.get(name))

    def to_read_back(self, names: Iterable[str]) -> frozenset[str]:
        """Return those of the attributes of which nobody knows yet what clears them."""
        return frozenset(name for name in names if name not in self._by_null and self._looks[name] < MOST_LOOKS)

    def note_empty(self, names: frozenset[str], held_before: Iterable[str]) -> None:
        """Note that attributes were empty after an empty text; those that held something before were cleared by it."""
        self._looks.update(names)
        for name in names.intersection(held_before):
            self._by_null.setdefault(name, False)

    def note_null(self, names: Iterable[str]) -> None:
        """Note that ``null`` cleared attributes that an empty text did not clear."""
        self._by_null.update(dict.fromkeys(names, True))
