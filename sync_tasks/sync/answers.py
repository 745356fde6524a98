"""What a probe has found out of an account: open questions about Brevo, answered.

Key under ``<namespace>:``: ``answers:<account>:<owner>`` question to answer, and ``asked``, when; kept. The owner in
its name keeps an account from the answers of another one that has its name.
"""

from collections.abc import Mapping
from typing import Any, cast

from sync_tasks.state.store import Store

ASKED = "asked"


class AccountAnswers:
    """The answers of the account whose contacts the state knows."""

    def __init__(self, store: Store, name: str) -> None:
        self._store = store
        self._name = name

    def read(self) -> Mapping[str, str]:
        """Return the answers by their questions; nothing if nobody asked this very account."""
        owner = self._store.redis.hget(self._store.key("owners"), self._name)
        if not owner:
            return {}
        return cast("Mapping[str, str]", self._store.redis.hgetall(self._key(str(owner))))

    def keep(self, owner: str, answers: Mapping[str, str]) -> None:
        """Keep what was answered; what was not asked this time stays as it was."""
        fields: dict[Any, Any] = {**answers, ASKED: self._store.now()}
        self._store.redis.hset(self._key(owner), mapping=fields)

    def forget(self) -> None:
        """Forget the answers of every owner that the account ever had."""
        names = list(self._store.redis.scan_iter(self._key("*")))
        if names:
            self._store.redis.delete(*names)

    def _key(self, owner: str) -> str:
        return self._store.key(f"answers:{self._name}:{owner}")
