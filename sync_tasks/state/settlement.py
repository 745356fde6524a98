"""The result of a push for the state, as one document for ``settle.lua``. Pure."""

import json
from dataclasses import dataclass, field

from sync_tasks.domain.contact import EventKey

_SECOND = 1_000_000


@dataclass(slots=True, repr=False)
class Settlement:
    """The result of a push.

    ``due``: the number of seconds until the next try. ``tombstone``: the moment of an erasure that is complete now.
    ``erased_ids``: the contacts that it anonymized, by account. ``record``: the same for the paper, impersonal.
    """

    fields: dict[str, str] = field(default_factory=dict)
    read_at: dict[str, str] = field(default_factory=dict)
    suppressed: dict[str, str] = field(default_factory=dict)
    waits: dict[str, bool] = field(default_factory=dict)
    clean: bool = False
    due: float | None = None
    tombstone: str = ""
    erased_ids: dict[str, list[int]] = field(default_factory=dict)
    record: dict[str, object] = field(default_factory=dict)
    letters: dict[EventKey, tuple[str, str]] = field(default_factory=dict)
    closed: dict[EventKey, str] = field(default_factory=dict)
    history: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    def document(self, rev: str, names: str) -> str:
        """Return the result as JSON; ``rev``: the revision that the push knew. ``names``: those of a tombstone."""
        return json.dumps(
            {
                "rev": rev,
                "fields": self.fields,
                "looked": self.read_at,
                "suppressed": self.suppressed,
                "waits": self.waits,
                "clean": self.clean,
                "due": "" if self.due is None else str(int(self.due * _SECOND)),
                "erased": self.tombstone,
                "names": names,
                "record": json.dumps(self.record),
                "erased_ids": {account: list(map(str, ids)) for account, ids in self.erased_ids.items()},
                "letters": {str(key): letter for key, letter in self.letters.items()},
                "closed": {str(key): why for key, why in self.closed.items()},
                "history": self.history,
                "notices": self.notices,
            }
        )
