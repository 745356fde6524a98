"""What an operator approves: the same comparison again, which may do what the safety catch refused.

Key under ``<namespace>:``: ``approvals``, account to what was approved, by whom and when, until a comparison takes it;
six hours at most.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import cast

from sync_tasks.domain.timestamps import seconds_since
from sync_tasks.reconcile.history import Run, last_runs
from sync_tasks.state.audit import note_deed
from sync_tasks.state.store import Store
from sync_tasks.texts import count

VALID = 6 * 3600


@dataclass(frozen=True, slots=True)
class Approval:
    """Each grave thing may be done to so many contacts of an account; ``run``: the one that was refused (a stamp)."""

    account: str
    run: str
    grave: Mapping[str, int]
    by: str
    at: str


def find_refused(store: Store) -> dict[str, Run]:
    """Return the comparisons that wait for an approval: of each account the last one, if the safety catch held it.

    One that broke off has not said anything else: what was refused before it still waits.
    """
    ended = last_runs(store, broken_off=False)
    # Only of what was refused a run says what would be grave.
    return {name: run for name, run in ended.items() if run.grave}


def approve(store: Store, account: str, started: str, who: str) -> bool:
    """Let the comparison of an account do what was refused; return whether it is still the last one of that account."""
    run = find_refused(store).get(account)
    if run is None or run.started != started:
        return False
    approval = Approval(account, run.started, run.grave, who, store.now())
    pipeline = store.redis.pipeline()
    pipeline.hset(store.key("approvals"), account, json.dumps(asdict(approval)))
    pipeline.expire(store.key("approvals"), VALID)
    pipeline.execute()
    note_deed(store, who, "approve comparison", about=f"{account} {', '.join(describe_grave(run.grave))}")
    return True


def describe_grave(grave: Mapping[str, int]) -> list[str]:
    """Return what would be done to how many, in words."""
    return [f"{count(number, 'contact')} would {what}" for what, number in grave.items() if number]


def read_approvals(store: Store) -> dict[str, Approval]:
    """Return what is approved and not yet taken, by account."""
    texts = cast("dict[str, str]", store.redis.hgetall(store.key("approvals")))
    now, found = store.now(), (Approval(**json.loads(text)) for text in texts.values())
    return {one.account: one for one in found if seconds_since(one.at, now) <= VALID}


def take_approval(store: Store, account: str) -> Approval | None:
    """Return what is approved of an account, for one comparison alone: nobody gets it twice.

    It is over if the account was compared since: what was approved is not what would be done now.
    """
    approval, run = read_approvals(store).get(account), find_refused(store).get(account)
    taken = bool(store.redis.hdel(store.key("approvals"), account))
    return approval if taken and approval and run and run.started == approval.run else None
