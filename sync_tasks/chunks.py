"""Items, some at a time: what Python has as ``itertools.batched`` from 3.12 on."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def chunks(items: Iterable[T], most: int) -> Iterator[list[T]]:
    """Yield all items in lists of at most so many."""
    rest = iter(items)
    while chunk := list(islice(rest, most)):
        yield chunk
