"""What a page of the operator gets: who asks, for what, and what the form says."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from sync_tasks.config.settings import Settings
from sync_tasks.operate.cause_board import CauseBoard
from sync_tasks.operate.doorkeeper import Operator
from sync_tasks.operate.pages import HtmlPage, Move
from sync_tasks.state.store import Store

# A stamp has so many digits.
_LONGEST_NUMBER = 16


@dataclass(frozen=True, slots=True, repr=False)
class Visit:
    """One request of an operator: what they see it of, and what the address and the form say."""

    store: Store
    settings: Settings
    operator: Operator
    board: CauseBoard
    query: Mapping[str, str]
    form: Mapping[str, list[str]]

    def value(self, name: str) -> str:
        """Return the first value of a field of the form, or an empty text."""
        return next(iter(self.form.get(name, ())), "").strip()

    def number(self, name: str) -> int:
        """Return a number of the address, or 0."""
        text = self.query.get(name, "")
        return int(text) if text.isascii() and text.isdecimal() and len(text) <= _LONGEST_NUMBER else 0

    def start(self, total: int, shown: int) -> int:
        """Return where the page of a list begins that the address asks for: the last one if it is shorter by now."""
        return min(self.number("from"), max(total - 1, 0) // shown * shown)


def link_to_user(user_id: str) -> str:
    """Return the way to a user's page, below the page's own path."""
    return f"/people?user={quote(user_id, safe='')}"


View = Callable[[Visit], HtmlPage | Move]


@dataclass(frozen=True, slots=True)
class Door:
    """One page: its path, what it shows, and what a form there does; ``acts``: only with the role for it."""

    path: str
    look: View | None = None
    post: View | None = None
    acts: bool = True
