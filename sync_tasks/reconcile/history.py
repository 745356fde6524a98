"""What the last comparisons came to.

Keys under ``<namespace>:``: ``reconciles`` the last 30 runs, the newest first; kept.
"""

import json
from dataclasses import asdict, dataclass, field, fields
from typing import Any, cast

from sync_tasks.domain.timestamps import moment_of
from sync_tasks.reconcile.drift import LEFT_ALONE
from sync_tasks.state.store import Store

KEPT = 30
BROKEN_OFF = "broken off: "


@dataclass(frozen=True, slots=True)
class Run:
    """One comparison of one account: when (a stamp) and for how many seconds, how many contacts came to what.

    ``refused``: the safety catch, or trouble of the account, kept it from changing anything, and why. ``resumed``: so
    many contacts were compared by a process that was killed or broke off; ``seconds`` are those of the last one.
    ``held``: so many wait for the end of a hold. ``users``: the ids behind each class, if asked for, and of whoever was
    not compared; not kept.
    ``grave``: what the safety catch refused, and to how many contacts it would be done.
    """

    account: str
    started: str
    seconds: float
    dry_run: bool
    compared: int
    alone: int
    losing: int
    repaired: int
    found: dict[str, int] = field(default_factory=dict)
    lists: dict[str, dict[str, int]] = field(default_factory=dict)
    refused: str = ""
    resumed: int = 0
    held: int = 0
    users: dict[str, list[str]] = field(default_factory=dict)
    grave: dict[str, int] = field(default_factory=dict)

    @property
    def broken_off(self) -> bool:
        """Whether trouble ended it before its end."""
        return self.refused.startswith(BROKEN_OFF)

    @property
    def left(self) -> int:
        """How many differences were found that nothing was done about."""
        if self.dry_run or self.refused:
            return sum(self.found.values())
        return self.held + sum(self.found.get(kind, 0) for kind in ("erased at Brevo", *LEFT_ALONE))

    @property
    def left_alone(self) -> str:
        """What was left alone, in words."""
        counts = ((self.found.get(kind, 0), kind) for kind in sorted(LEFT_ALONE))
        return ", ".join(f"{number:,} {kind}" for number, kind in counts if number)


_FIELDS = tuple(each.name for each in fields(Run))


def remember(store: Store, run: Run) -> None:
    """Keep a run among the last 30."""
    pipeline = store.redis.pipeline()
    pipeline.lpush(store.key("reconciles"), json.dumps(asdict(run) | {"users": {}}))
    pipeline.ltrim(store.key("reconciles"), 0, KEPT - 1)
    pipeline.execute()


def read_runs(store: Store) -> list[Run]:
    """Return the last runs, the newest first."""
    texts = cast("list[str]", store.redis.lrange(store.key("reconciles"), 0, -1))
    return [_parse(text) for text in texts]


def _parse(text: str) -> Run:
    """Return the run of a text; fields that a newer release added are ignored."""
    given = cast("dict[str, Any]", json.loads(text))
    return Run(**{name: given[name] for name in _FIELDS if name in given})


def last_runs(store: Store, *, broken_off: bool = True) -> dict[str, Run]:
    """Return the last run of each account that changed something or might have: no mere look."""
    runs = (run for run in reversed(read_runs(store)) if not run.dry_run and (broken_off or not run.broken_off))
    return {run.account: run for run in runs}


def describe_run(run: Run) -> str:
    """Return one line about a run for people."""
    became = "refused" if run.refused else f"{run.repaired:,} repaired"
    when = moment_of(run.started).strftime("%Y-%m-%d %H:%M")
    found = f"{run.compared:,} compared, {sum(run.found.values()):,} found, {became}"
    return f"{run.account} {when} UTC, {found}{f' ({run.left_alone} left alone)' if run.left_alone else ''}"


def describe_resumed(run: Run) -> str:
    """Return one line about where a run went on that had been broken off."""
    when = moment_of(run.started).strftime("%Y-%m-%d %H:%M")
    return f"went on at contact {run.resumed + 1:,} of the comparison that began {when} UTC"


def find_alarms(store: Store) -> list[str]:
    """Return what keeps the last comparisons from repairing, one line each."""
    runs = last_runs(store).values()
    refused = [f"reconcile of account {run.account}: {run.refused}" for run in runs if run.refused]
    erased = ((run.account, run.found.get("erased at Brevo", 0)) for run in runs)
    what = "anonymized at Brevo by us, alive in the state: the state lost their erasure; send `anonymize_contact` again"
    return refused + [f"account {account}: {number} contacts {what}" for account, number in erased if number]
