"""What a page of the operator gets: who asks, for what, and what the form says."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sync_tasks.config.settings import Settings
from sync_tasks.operate.doorkeeper import Operator
from sync_tasks.operate.pages import HtmlPage, Move
from sync_tasks.state.store import Store


@dataclass(frozen=True, slots=True, repr=False)
class Visit:
    """One request of an operator: what they see it of, and what the address and the form say."""

    store: Store
    settings: Settings
    operator: Operator
    query: Mapping[str, str]
    form: Mapping[str, list[str]]

    def value(self, name: str) -> str:
        """Return the first value of a field of the form, or an empty text."""
        return next(iter(self.form.get(name, ())), "").strip()


View = Callable[[Visit], HtmlPage | Move]


@dataclass(frozen=True, slots=True)
class Door:
    """One page: its path, what it shows, and what a form there does; ``acts``: only with the role for it."""

    path: str
    look: View | None = None
    post: View | None = None
    acts: bool = True
