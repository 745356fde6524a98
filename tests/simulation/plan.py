"""One history as its seed has it: what the portal says and when, what people do at Brevo, what goes wrong."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from sync_tasks.domain.events import EVENTS, Event, parse_event

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
LISTS = {"daily": 3, "weekly": 4}
# One history in eight has a state that goes backwards.
ROLLED_BACK = 7
FAULTS: tuple[dict[str, Any], ...] = (
    {"kind": "status", "status": 500, "probability": 0.2},
    {"kind": "status", "status": 503, "probability": 0.2, "applied": True},
    {"kind": "status", "status": 429, "probability": 0.2},
    {"kind": "status", "status": 401, "count": 2},
    {"kind": "status", "status": 403, "count": 1},
    {"kind": "status", "status": 425, "probability": 0.2},
    {"kind": "status", "status": 400, "probability": 0.1},
    {"kind": "status", "status": 502, "html": True, "probability": 1.0, "count": 12},
    {"kind": "waf", "probability": 0.2},
    {"kind": "html", "probability": 0.2},
    {"kind": "drop", "probability": 0.2},
    {"kind": "drop_after", "probability": 0.3},
    {"kind": "truncated", "probability": 0.2},
    {"kind": "late", "probability": 0.3, "seconds": 1.0},
    {"kind": "late", "probability": 0.3, "seconds": 20.0},
    {"kind": "late", "probability": 0.3, "seconds": 60.0},
    {"kind": "late", "probability": 0.3, "seconds": 120.0},
    {"kind": "late", "method": "PUT", "count": 1, "seconds": 119.0},
    {"kind": "late", "method": "POST", "count": 1, "seconds": 45.0},
)


@dataclass(frozen=True)
class Act:
    """Something a person does at Brevo."""

    at: float
    what: str
    user_id: str


@dataclass
class Plan:
    """What is to happen; moments are seconds from the start."""

    calls: list[tuple[float, Event]] = field(default_factory=list)
    existing: list[dict[str, Any]] = field(default_factory=list)
    acts: list[Act] = field(default_factory=list)
    faults: list[dict[str, Any]] = field(default_factory=list)
    healed: float = 0.0
    workers: int = 2
    rate: float = 10
    killed: float = 0.0
    stalled: float = 0.0
    lost: float = 0.0
    replayed: float | None = None
    clocks: "Clocks | None" = None
    rolled_back: tuple[float, float] | None = None


@dataclass
class Clocks:
    """Clocks that differ: the portal's is ``skew`` seconds ahead, Redis' steps to so many seconds ahead at a moment.

    ``truth`` shows for each event when it really happened; what brings no moment happens when it is reported.
    """

    skew: float
    steps: list[tuple[float, float]]
    truth: list[tuple[float, Event]] = field(default_factory=list)


def address_of(user: int, number: int) -> str:
    return f"person{user}.{number}@mail.example.org"


def make_plan(seed: int) -> Plan:
    """Return the history of a seed."""
    chance = Random(seed)
    plan = Plan(workers=chance.choice([1, 2, 2, 3]), rate=chance.choice([10, 10, 2, 1]), healed=chance.uniform(20, 120))
    plan.faults = chance.sample(FAULTS, chance.choice([0, 1, 1, 2, 3]))
    plan.killed, plan.stalled, plan.lost = (
        chance.choice(odds) for odds in ((0, 0, 0.02, 0.05), (0, 0, 0.01), (0, 0.1, 0.5))
    )
    plan.replayed = chance.choice([None, chance.uniform(0, 120)])
    users = chance.randint(1, 3)
    for user in range(users):
        _plan_user(plan, user, chance)
    if users > 1 and chance.random() < 0.2:
        _plan_swap(plan, chance)
    if seed % 8 == ROLLED_BACK:
        _plan_rollback(plan, chance)
        return plan
    clocks = Random(f"clocks {seed}")
    if not plan.existing and clocks.random() < 0.25:
        _let_clocks_differ(plan, clocks)
    return plan


def _let_clocks_differ(plan: Plan, chance: Random) -> None:
    """Let some events bring no moment, and the others one of a clock that is wrong; nobody acts at Brevo meanwhile."""
    plan.clocks = Clocks(chance.choice([0.0, -20.0, -5.0, 5.0, 20.0, 240.0, -3600.0]), _plan_steps(chance))
    plan.acts, calls = [], list[tuple[float, Event]]()
    for at, event in plan.calls:
        if event.task == "update_contact" or event.occurred_at is None:
            continue
        happened = (event.occurred_at - START).total_seconds()
        # While Redis' clock steps, nothing is late: it would be stamped by another clock than it happened by.
        reported = happened if plan.clocks.steps else at
        moment = None if chance.random() < 0.5 else event.occurred_at + timedelta(seconds=plan.clocks.skew)
        said = event.model_copy(update={"occurred_at": moment})
        calls.append((reported, said))
        plan.clocks.truth.append((happened if moment else reported, said))
    plan.calls = calls


def _plan_steps(chance: Random) -> list[tuple[float, float]]:
    if chance.random() < 0.5:
        return []
    first = chance.uniform(5, 100)
    return [(first, chance.choice([3600.0, -3600.0])), (first + chance.uniform(5, 100), 0.0)]


def _plan_rollback(plan: Plan, chance: Random) -> None:
    """Redis holds what it held at the first moment again from the second on; Brevo's own trouble is for other seeds."""
    saved = chance.uniform(5, 120)
    plan.rolled_back = (saved, saved + chance.uniform(30, 120))
    plan.faults, plan.replayed = [], None


def _plan_user(plan: Plan, user: int, chance: Random) -> None:
    moment, number = chance.uniform(0, 10), 0
    older = chance.random() < 0.3
    plan.existing += [_existing(user, chance)] if older else []
    for step in range(chance.randint(1, 5)):
        task = "subscribe_contact" if step == 0 and not older else _any_task(chance)
        # Of who is older than the pipeline, Brevo's address is only known as long as it stays.
        number += task == "update_contact" and chance.random() < 0.4
        event = _event(task, user, number, moment, chance)
        plan.calls += [
            (max(moment + chance.choice([0.0, 0.0, chance.uniform(0, 3), chance.uniform(0, 60)]), 0.0), event)
            for _ in _times(chance)
        ]
        # Two address changes of one moment leave no way to say which address Brevo knows.
        tie = 0.001 if task == "update_contact" else 0.0
        moment += chance.choice([tie, chance.uniform(0.001, 1), chance.uniform(1, 5), chance.uniform(5, 40), 170.0])
    if chance.random() < 0.25:
        act = chance.choice(["unsubscribe", "unsubscribe", "bounce", "complain"])
        plan.acts.append(Act(chance.uniform(1, 200), act, f"u{user}"))


def _times(chance: Random) -> Iterator[None]:
    """Once, or twice for one call in seven."""
    return iter([None] * (1 + (chance.random() < 0.15)))


def _any_task(chance: Random) -> str:
    common = ["subscribe_contact", "unsubscribe_contact"] * 4 + ["update_contact"] * 4
    return chance.choice([*common, "anonymize_contact"])


def _event(task: str, user: int, number: int, moment: float, chance: Random) -> Event:
    reported: dict[str, Any] = {"user_id": f"u{user}", "occurred_at": START + timedelta(seconds=moment)}
    kind = EVENTS[task]
    if "newsletter" in kind.model_fields:
        reported["newsletter"] = chance.choice([*LISTS])
    if "first_name" in kind.model_fields and chance.random() < 0.7:
        reported["first_name"] = f"Name{user}x{chance.randint(1, 3)}"
    if task == "update_contact":
        reported["previous_email"] = address_of(user, max(number - 1, 0))
    return parse_event(kind, reported | {"email": address_of(user, number)})


def _existing(user: int, chance: Random) -> dict[str, Any]:
    row: dict[str, Any] = {"email": address_of(user, 0), "listIds": chance.choice([[], [3], [3, 4]])}
    row["attributes"] = {"FIRSTNAME": f"Name{user}x0"}
    return row | ({"ext_id": f"u{user}"} if chance.random() < 0.5 else {})


def _plan_swap(plan: Plan, chance: Random) -> None:
    """Two users exchange their addresses."""
    moment = 300.0
    for user, other in ((0, 1), (1, 0)):
        reported = {"user_id": f"u{user}", "email": address_of(other, 9), "previous_email": address_of(user, 9)}
        first = reported | {"email": address_of(user, 9), "previous_email": address_of(user, 0)}
        plan.calls.append((moment, _update(first, moment)))
        plan.calls.append((moment + chance.uniform(1, 5), _update(reported, moment + 1)))


def _update(reported: dict[str, Any], moment: float) -> Event:
    return parse_event(EVENTS["update_contact"], reported | {"occurred_at": START + timedelta(seconds=moment)})
