"""Numeric ids by the million, at eight bytes each, for a set of them would need ten times as much. Pure."""

from array import array
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator


class ShownIds:
    """The ids that were on a page; adding is quick if they come about in order."""

    def __init__(self) -> None:
        self._ids = array("q")

    def __contains__(self, number: int) -> bool:
        ids = self._ids
        return bool(ids) and number <= ids[-1] and ids[bisect_left(ids, number)] == number

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, number: int) -> None:
        """Take an id in that is not in yet."""
        if not self._ids or number > self._ids[-1]:
            self._ids.append(number)
        else:
            insort(self._ids, number)


class Holders:
    """The user of each id that an account is known to hold, and the ids not found there yet."""

    def __init__(self, parts: Iterable[tuple[str, str]]) -> None:
        """Take in parts of the whole: ids set off by commas, and their users set off by spaces."""
        ids, self._users, self._starts = array("q"), list[str](), array("q")
        for numbers, users in parts:
            self._starts.append(len(ids))
            self._users.append(users)
            ids.extend(map(int, numbers.split(",")))
        order = sorted(range(len(ids)), key=ids.__getitem__)
        self._places = array("q", order)
        self._ids = array("q", map(ids.__getitem__, order))
        self._missing = bytearray(b"\1") * len(ids)

    def __contains__(self, number: int) -> bool:
        return any(True for _ in self._ranks(number))

    def user_of(self, number: int) -> str | None:
        """Return the user of an id."""
        return next(map(self._user, self._ranks(number)), None)

    def found(self, number: int) -> None:
        """Note that the account does hold this id."""
        for rank in self._ranks(number):
            self._missing[rank] = 0

    def missing(self) -> Iterator[str]:
        """Yield the user of each id that was not found."""
        for rank, missing in enumerate(self._missing):
            if missing and not (rank and self._ids[rank] == self._ids[rank - 1]):
                yield self._user(rank)

    def _ranks(self, number: int) -> Iterator[int]:
        """Yield where an id stands in the order of all; a search of the keys may bring the same one twice."""
        rank = bisect_left(self._ids, number)
        while rank < len(self._ids) and self._ids[rank] == number:
            yield rank
            rank += 1

    def _user(self, rank: int) -> str:
        place = self._places[rank]
        part = bisect_left(self._starts, place + 1) - 1
        return self._users[part].split(" ")[place - self._starts[part]]
