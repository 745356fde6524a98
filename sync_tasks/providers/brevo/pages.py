"""What lies on many pages, read one after the other while rows come and go."""

from collections.abc import Callable, Iterator
from typing import TypeVar

from sync_tasks.errors import GatewayUnavailableError
from sync_tasks.providers import ShownContact
from sync_tasks.providers.brevo.limits import PAGE
from sync_tasks.providers.brevo.requests import Call, skip

T = TypeVar("T")
C = TypeVar("C", bound=ShownContact)
# The rows of one page, and the number of rows of all together, if Brevo says it.
ReadPage = Callable[[Call], tuple[list[T], int | None]]

_MOST_PAGES = 100
# So many contacts of a page are asked for again with the next one, and so far we go back if none of them shows.
_OVERLAP, _STEP_BACK = 10, 500
# After so many pages in a row that show nobody new, or that we went back from, they make no sense.
_MOST_IN_VAIN = 10


def read_rows(call: Call, read_page: ReadPage[T]) -> Iterator[T]:
    """Yield the rows of all pages. A full page is not the end, whatever Brevo counts; the same one again is."""
    offset, before, full = 0, list[T](), int(str(call.query.get("limit", 0)))
    for number in range(1, _MOST_PAGES + 1):
        rows, total = read_page(skip(call, offset))
        if rows and rows == before:
            raise _endless(call, number)
        yield from rows
        offset, before = offset + len(rows), rows
        if not rows and not offset and total:
            raise GatewayUnavailableError(f"{call}: an empty page although there are rows")
        if not rows or (total is not None and offset >= total and len(rows) < full):
            return
    raise _endless(call, _MOST_PAGES)


def read_everybody(call: Call, read_page: ReadPage[C]) -> Iterator[C]:
    """Yield the contacts of all pages, each once.

    Each page begins with contacts of the page before. If it shows none of them, contacts that were listed before are
    gone, and others went past us: we go back. A full page is not the end, whatever Brevo counts.
    """
    shown, offset, overlap, in_vain = set[int](), 0, 0, 0
    for _ in range(_MOST_PAGES):
        people, total = read_page(skip(call, offset))
        if not people and not offset and total:
            raise GatewayUnavailableError(f"{call}: an empty page although there are contacts")
        new = [contact for contact in people if contact.id not in shown]
        in_vain += 1
        if in_vain > _MOST_IN_VAIN:
            raise _endless(call, in_vain)
        if overlap and len(new) == len(people):
            offset, overlap = max(offset - _STEP_BACK, 0), overlap if offset > _STEP_BACK else 0
            continue
        yield from new
        in_vain = 0 if new else in_vain
        shown.update(contact.id for contact in new)
        if not people or (len(people) < PAGE and total is not None and offset + len(people) >= total):
            return
        overlap = _OVERLAP if len(people) > _OVERLAP else 0
        offset += len(people) - overlap
    raise _endless(call, _MOST_PAGES)


def _endless(call: Call, pages: int) -> GatewayUnavailableError:
    return GatewayUnavailableError(f"{call}: no end after {pages} pages")
