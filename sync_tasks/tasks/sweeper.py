"""The sweeper nudges each contact that is due and has no nudge under way: a lost message costs delay, never an event.

Keys under ``<namespace>:``: ``swept`` when the last sweep was; kept · ``sweeping`` while no other may sweep.
"""

import logging

from sync_tasks.domain.priority import Priority
from sync_tasks.domain.timestamps import MICROSECONDS_PER_SECOND
from sync_tasks.errors import SyncError
from sync_tasks.rate_limits.recovery import find_probes, look_for_lists
from sync_tasks.reconcile.evidence import examine
from sync_tasks.state.bulk import make_due, read_leases, read_sweep
from sync_tasks.state.freshness import note_freshness
from sync_tasks.state.holds import Hold, find_hold_alarm, parse_hold
from sync_tasks.state.store import Store
from sync_tasks.sync.context import Resources
from sync_tasks.tasks.accept import count_messages, nudge_contacts, queue_of
from sync_tasks.tasks.app import app
from sync_tasks.tasks.bootstrap import worker_resources
from sync_tasks.tasks.nightly import ask_again, ask_for_approved, report_to_portal

log = logging.getLogger("sync_tasks.tasks.sweeper")

# Shorter than beat's interval: with one beat or with ten, there is one sweep in this time.
ALONE = 4.0
# While Brevo is asked for what has changed, no other sweeps.
EXAMINED_WITHIN = 60.0
# While every account is paused somebody must probe; all others would only be put off once more.
PROBES = 5
# A sweep tops a queue up to so many messages. One this long is slow, not empty-handed: more would not make it faster.
LONG_QUEUE = 2000
# A lease that ends later than in so many seconds is from before Redis' clock was put back.
LONGEST_HELD = 900.0


def sweep() -> int:
    """Nudge contacts that have been due for too long, and return how many."""
    context = worker_resources()
    if not _is_alone(context.store):
        return 0
    _follow_clock(context.store)
    examine_state(context, parse_hold(context.store.note_sweep(_read_run(context.store))))
    note_freshness(context.store)
    report_to_portal()
    ask_again()
    ask_for_approved()
    look_for_lists(context.settings, context.limiter, context.gateways)
    grace = context.settings.pipeline.grace_seconds
    longest = max(2 * context.settings.pipeline.lease_seconds, LONGEST_HELD)
    users = _without_held(context.store, _choose(context, grace), grace, longest)
    return _nudge_all(context.store, users, grace)


def examine_state(context: Resources, hold: Hold | None) -> None:
    """Sweeps were missing: find out whether the state is still the same; while Brevo is away nobody knows."""
    if hold is None or not hold.examining:
        return
    context.store.redis.pexpire(context.store.key("sweeping"), int(EXAMINED_WITHIN * 1000))
    try:
        examine(context, hold)
    except SyncError as error:
        log.warning("nobody knows whether the state is older than the world: %s: %s", type(error).__name__, error)
    finally:
        context.store.redis.pexpire(context.store.key("sweeping"), int(ALONE * 1000))
    for alarm in find_hold_alarm(context.store):
        log.error("%s", alarm)


def _is_alone(store: Store) -> bool:
    """Return whether nobody else sweeps; a lock that outlives its time is from before Redis' clock was put back."""
    name, milliseconds = store.key("sweeping"), int(ALONE * 1000)
    if store.redis.set(name, "1", nx=True, px=milliseconds):
        return True
    outlives = store.redis.pttl(name) > EXAMINED_WITHIN * 1000
    return outlives and bool(store.redis.set(name, "1", px=milliseconds))


def _read_run(store: Store) -> str:
    """Return what names this run of the server: after a restart or a failover it is another."""
    return str(store.redis.info("server").get("run_id", ""))


def _follow_clock(store: Store) -> None:
    """Make due earlier what is due in the future, if the last sweep lies ahead: Redis' clock was put back since."""
    ahead = (read_sweep(store) or 0) - int(store.now())
    if ahead > MICROSECONDS_PER_SECOND:
        log.warning(
            "Redis' clock was put back by %.0f s: what was put off is due that much earlier",
            ahead / MICROSECONDS_PER_SECOND,
        )
        store.put_back(ahead)


def _without_held(store: Store, users: list[str], grace: float, longest: float) -> list[str]:
    """Return whom no worker is pushing; the others come up again when their lease would run out.

    A lease that ends later than ``longest`` seconds from now is left to ``lease``.
    """
    ends = read_leases(store, users)
    now = int(store.now())
    held = {
        user: end - int(grace * MICROSECONDS_PER_SECOND)
        for user, end in ends.items()
        if now < end <= now + int(longest * MICROSECONDS_PER_SECOND)
    }
    make_due(store, held)
    return [user for user in users if user not in held]


def _nudge_all(store: Store, users: list[str], grace: float) -> int:
    """Nudge through the queue of each priority as many as it takes, and return how many; the others come up next."""
    priorities, left = store.priorities(users), list[str]()
    for priority in Priority:
        waiting = [user for user in users if priorities[user] is priority]
        queued = _queued(priority) if waiting else 0
        room = max(LONG_QUEUE - queued, PROBES) if queued <= LONG_QUEUE else 0
        nudge_contacts(waiting[:room], priority)
        left += waiting[room:]
    make_due(store, dict.fromkeys(left, int(store.now()) - int(grace * MICROSECONDS_PER_SECOND)))
    return len(users) - len(left)


def _choose(context: Resources, grace: float) -> list[str]:
    """Return whom to nudge: opt-outs and erasures first, above all if only few can probe."""
    paused = all(context.limiter.paused(account) for account in context.settings.accounts)
    urgent = context.store.overdue_urgent(PROBES if paused else _room(Priority.URGENT), 0.0 if paused else grace)
    rest = context.store.overdue(PROBES if paused else max(map(_room, Priority)), grace)
    return list(
        dict.fromkeys([*urgent, *rest, *find_probes(context.store, context.limiter, context.settings.accounts)])
    )


def _room(priority: Priority) -> int:
    """Return how many messages a queue may take."""
    return max(LONG_QUEUE - _queued(priority), 0)


def _queued(priority: Priority) -> int:
    with app.connection_for_write() as connection:
        return count_messages(connection, queue_of(priority))
