"""The hold: while the state may be older than the world, it undoes nothing that it may have lost.

Until a person decides, subscriptions up to the hold's moment join no list, create no contact and lift no block.
Opt-outs, erasures and subscriptions confirmed later go on.

Keys under ``<namespace>:``:

* ``hold``: the moment and the reason, until an examination finds nothing or a person decides.
* ``holds``: the last 30 decisions, the newest first; kept.
* ``sweeps``: the number of sweeps; kept.
* ``server``: the run of the server at the last sweep; kept.
"""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import cast

from sync_tasks.domain.timestamps import moment_of
from sync_tasks.state.store import Store

KEPT = 30
# The reason that ``sweep.lua`` writes before the examination.
EXAMINING = "examining"


@dataclass(frozen=True, slots=True)
class Hold:
    """Subscriptions up to ``moment`` (a stamp) wait for this ``reason``; ``examining``: it is not sure yet."""

    moment: str
    reason: str

    @property
    def examining(self) -> bool:
        """Whether the comparison with Brevo has not decided yet."""
        return self.reason == EXAMINING

    @property
    def since(self) -> datetime:
        """The moment up to which subscriptions wait."""
        return moment_of(self.moment)

    @property
    def shown(self) -> str:
        """One line about the hold for people."""
        if self.examining:
            return "sweeps were missing for a while: Brevo is asked whether the state is older than the world"
        return (
            f"the state may be older than the world ({self.reason}): subscriptions from before "
            f"{self.since:%Y-%m-%d %H:%M:%S} UTC wait for a person: see `sync-tasks state show`"
        )


@dataclass(frozen=True, slots=True)
class Decision:
    """The end of a hold by a person: which side they trusted, their name, and the moment (a stamp)."""

    moment: str
    reason: str
    trusted: str
    by: str
    at: str


def read_hold(store: Store) -> Hold | None:
    """Return the hold in force, or ``None``."""
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
    """End a hold after an examination without findings."""
    hold = read_hold(store)
    if hold and hold.examining:
        store.redis.delete(store.key("hold"))


def end_hold(store: Store, hold: Hold, *, trusted: str, by: str) -> None:
    """End a hold by a person's decision, keep the decision, and make all waiting users due at once."""
    decision = Decision(hold.moment, hold.reason, trusted, by, store.now())
    pipeline = store.redis.pipeline()
    pipeline.delete(store.key("hold"))
    pipeline.lpush(store.key("holds"), json.dumps(asdict(decision)))
    pipeline.ltrim(store.key("holds"), 0, KEPT - 1)
    pipeline.execute()


def read_decisions(store: Store) -> list[Decision]:
    """Return the last decisions, the newest first."""
    texts = cast("list[str]", store.redis.lrange(store.key("holds"), 0, -1))
    return [Decision(**json.loads(text)) for text in texts]


def find_hold_alarm(store: Store) -> list[str]:
    """Return one line while subscriptions wait for a person; else none."""
    hold = read_hold(store)
    return [hold.shown] if hold and not hold.examining else []
