"""Ids in the order of creation, quick to page through."""

from bisect import bisect_left, insort
from collections.abc import Iterator


class Roll:
    """A growing and shrinking row of ids; Brevo numbers contacts as it creates them, so sorting is by id."""

    def __init__(self) -> None:
        self._ids: list[int] = []

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, number: int) -> bool:
        place = bisect_left(self._ids, number)
        return self._ids[place : place + 1] == [number]

    def __iter__(self) -> Iterator[int]:
        return iter(self._ids)

    def add(self, number: int) -> None:
        """Put an id in its place."""
        insort(self._ids, number)

    def drop(self, number: int) -> None:
        """Take an id out that is in."""
        del self._ids[bisect_left(self._ids, number)]

    def page(self, offset: int, limit: int, *, newest_first: bool) -> list[int]:
        """Return one page of the ids, without going through those before it."""
        if not newest_first:
            return self._ids[offset : offset + limit]
        end = max(len(self._ids) - offset, 0)
        return self._ids[max(end - limit, 0) : end][::-1]
