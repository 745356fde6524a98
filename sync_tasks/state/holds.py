"""The hold: while the state may be older than the world, nothing that it lost may be undone.

Subscriptions up to the hold's moment cause no join, no new contact and no lifting of a block until a person decides.
Opt-outs, erasures and subscriptions confirmed later go on.

Keys under ``<namespace>:``: ``hold`` the moment and the reason, until it was examined in vain or a person decided ·
``holds`` the last 30 that a person decided, the newest first; kept · ``sweeps`` how many sweeps there were; kept.
"""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import cast

from sync_tasks.domain.timestamps import moment_of
from sync_tasks.state.store import Store

KEPT = 30
# What ``sweep.lua`` writes as the reason while nobody knows yet.
EXAMINING = "examining"


@dataclass(frozen=True, slots=True)
class Hold:
    """Subscriptions up to ``moment`` (a stamp) wait, and why; ``examining``: that is not sure yet."""

    moment: str
    reason: str

    @property
    def examining(self) -> bool:
        """Whether Brevo was not asked yet whether the state is older than the world."""
        return self.reason == EXAMINING

    @property
    def since(self) -> datetime:
        """The moment up to which subscriptions wait."""
        return moment_of(self.moment)

    @property
    def shown(self) -> str:
        """One line about it for people."""
        if self.examining:
            return "sweeps were missing for a while: Brevo is asked whether the state is older than the world"
        return (
            f"the state may be older than the world ({self.reason}): subscriptions from before "
            f"{self.since:%Y-%m-%d %H:%M:%S} UTC wait for a person: see `sync-tasks state show`"
        )


@dataclass(frozen=True, slots=True)
class Decision:
    """A hold that a person ended: whom they trusted, who it was, and when (a stamp)."""

    moment: str
    reason: str
    trusted: str
    by: str
    at: str


def read_hold(store: Store) -> Hold | None:
    """Return the hold that is in force, if there is one."""
    return parse_hold(cast("str | None", store.redis.get(store.key("hold"))) or "")


def parse_hold(text: str) -> Hold | None:
    """Return the hold that lies in Redis as this text."""
    moment, _, reason = text.partition(" ")
    return Hold(moment, reason) if text else None


def place_hold(store: Store, reason: str) -> Hold:
    """Let all subscriptions up to now wait for a person."""
    hold = Hold(store.now(), reason)
    store.redis.set(store.key("hold"), f"{hold.moment} {hold.reason}")
    return hold


def clear_examined(store: Store) -> None:
    """End a hold of which an examination has found that nothing is behind it."""
    hold = read_hold(store)
    if hold and hold.examining:
        store.redis.delete(store.key("hold"))


def end_hold(store: Store, hold: Hold, *, trusted: str, by: str) -> None:
    """End a hold as a person decided, keep the decision, and let everybody who waits be looked at at once."""
    decision = Decision(hold.moment, hold.reason, trusted, by, store.now())
    pipeline = store.redis.pipeline()
    pipeline.delete(store.key("hold"))
    pipeline.lpush(store.key("holds"), json.dumps(asdict(decision)))
    pipeline.ltrim(store.key("holds"), 0, KEPT - 1)
    pipeline.execute()


def read_decisions(store: Store) -> list[Decision]:
    """Return how the last holds ended, the newest first."""
    texts = cast("list[str]", store.redis.lrange(store.key("holds"), 0, -1))
    return [Decision(**json.loads(text)) for text in texts]


def find_hold_alarm(store: Store) -> list[str]:
    """Return one line while subscriptions wait for a person."""
    hold = read_hold(store)
    return [hold.shown] if hold and not hold.examining else []
