"""What the gateways of one account have seen of it so far."""

import math
import threading
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sync_tasks.domain.blanks import Blanks
from sync_tasks.providers.brevo import responses

# After so many imports in a row that Brevo refused, contacts are created alone for so many seconds.
_MOST_REFUSED, _WITHOUT_IMPORTS = 3, 300.0
# One odd answer, such as of contacts that were merged meanwhile, makes looks by ids dearer for so many seconds alone.
_WITHOUT_IDS = 300.0


@dataclass(slots=True)
class Learnt:
    """Facts learnt of an account, shared by all its gateways.

    ``types`` and ``choices`` of attributes hold up to ``until``, in seconds of the monotonic clock. ``listed`` are
    all that the account named then, ``unlisted`` those that a contact held and the account did not name. Whoever
    reads them holds ``reading``.
    ``filter_finds``: its filter has found somebody by address. ``look_finds``: so has a look. ``ids_ignored``:
    until then no look by several ids is made, for one has shown others. ``ext_id_seen``: a contact has shown its
    ``ext_id``. ``blanks``: what clears an attribute. ``total``: how many contacts it had, by the last page of all.
    ``refused_imports``: how many in a row; until ``no_imports`` none is sent, in seconds of the monotonic clock.
    """

    filter_finds: bool = False
    look_finds: bool = False
    ids_ignored: float = -math.inf
    ext_id_seen: bool = False
    types: dict[str, str] = field(default_factory=dict)
    listed: frozenset[str] = frozenset()
    unlisted: frozenset[str] = frozenset()
    choices: Mapping[str, frozenset[str]] = field(default_factory=dict)
    until: float = -math.inf
    reading: threading.Lock = field(default_factory=threading.Lock)
    blanks: Blanks = field(default_factory=Blanks)
    total: int = 0
    refused_imports: int = 0
    no_imports: float = -math.inf

    def knows_attributes(self, held: Collection[str]) -> bool:
        """Return whether the attributes were read lately, and those that a contact holds were asked for, too."""
        return time.monotonic() <= self.until and self.listed.union(self.unlisted).issuperset(held)

    def note_attributes(self, rows: Iterable[dict[str, Any]], held: Collection[str], *, until: float) -> None:
        """Keep the attributes that the account named, up to ``until``."""
        self.types, self.choices = dict(responses.types_of(rows)), dict(responses.choices_of(rows))
        self.listed = frozenset(responses.names_of_attributes(rows))
        self.unlisted = frozenset(held) - self.listed
        self.until = until

    def note_ids_ignored(self) -> None:
        """A look by several ids was refused, or showed others."""
        self.ids_ignored = time.monotonic() + _WITHOUT_IDS

    def note_import(self, *, refused: bool) -> None:
        """Brevo may have a limit for imports alone, or take none: then all would wait for an import for ever."""
        if not refused:
            self.refused_imports, self.no_imports = 0, -math.inf
            return
        self.refused_imports += 1
        if self.refused_imports >= _MOST_REFUSED:
            self.no_imports = time.monotonic() + _WITHOUT_IMPORTS

    def note_limit(self) -> None:
        """Another request met the limit, too: it is not for imports alone."""
        self.note_import(refused=False)

    @property
    def imports(self) -> bool:
        """Whether imports are worth a try."""
        return time.monotonic() > self.no_imports
