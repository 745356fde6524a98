"""What can be seen of a running pipeline from outside: queues, workers, beat, contacts, pauses."""

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, cast

from sync_tasks.domain.pauses import Pause, advise, describe, list_of, name_of, remedy_of
from sync_tasks.domain.timestamps import seconds_since, show_age
from sync_tasks.state.bulk import count_queues, count_waiting, oldest_dirty, read_leases, seconds_since_sweep
from sync_tasks.texts import count

if TYPE_CHECKING:
    from kombu import Connection

    from sync_tasks.config.settings import Settings
    from sync_tasks.rate_limits.scarcity import Scarcity
    from sync_tasks.state.relays import OutboxReport
    from sync_tasks.state.store import Store

# Beat sends a sweep every five seconds, and one that waited for half a minute is dropped.
SWEPT_WITHIN = 60.0
PING_SECONDS = 1.0
# Leases are looked for among so many contacts, those unsynced for longest: workers begin there.
_LOOKED_AT = 5_000


@dataclass(frozen=True, slots=True)
class PausedAccount:
    """Why an account gets no requests, and for how long it has been so."""

    error: str
    message: str
    seconds: float

    @property
    def remedy(self) -> str:
        """What to do about it."""
        return remedy_of(self.error)

    def trouble_of(self, account: str) -> str:
        """Return it as one line: what is wrong, then what to do."""
        return f"account {account} is paused ({self.error}): {self.message}; {self.remedy}"


@dataclass(frozen=True, slots=True)
class PausedPart:
    """What of an account is paused while the rest goes on: why, for how long, how many wait, and what to do."""

    account: str
    part: str
    text: str
    error: str
    message: str
    seconds: float
    waiting: int
    advice: str

    @property
    def trouble(self) -> str:
        """One line about it."""
        waiting = count(self.waiting, "contact")
        return f"{self.text} for {show_age(self.seconds)}, {waiting} waiting ({self.error}): {self.advice}"


@dataclass(frozen=True, slots=True)
class StateStatus:
    """What the state alone shows: neither the broker nor a worker is asked."""

    dirty: int
    due: int
    oldest_unsynced_seconds: float | None
    swept_seconds_ago: float | None
    dead_letters: int
    unfinished_erasures: int
    hold_seconds: float | None
    paused: dict[str, PausedAccount]
    paused_parts: list[PausedPart]
    scarcity: list["Scarcity"]
    posts_waiting: int
    posts_given_up: int

    @property
    def swept(self) -> bool:
        """Whether beat and a worker swept lately, so that lost messages and deferred contacts are nudged."""
        return self.swept_seconds_ago is not None and self.swept_seconds_ago <= SWEPT_WITHIN


@dataclass(frozen=True, slots=True)
class Overview(StateStatus):
    """The pipeline at one moment."""

    queues: dict[str, int]
    unacknowledged: int | None
    workers: list[str]
    in_flight: int
    accounts: list[str]
    webhooks: dict[str, dict[str, int]]
    outbox: "OutboxReport | None"
    reconciled: list[str]
    unknown: list[str]
    alarms: list[str]

    @property
    def troubles(self) -> list[str]:
        """What keeps events from reaching Brevo, one line each."""
        return [
            *(pause.trouble_of(name) for name, pause in self.paused.items()),
            *(part.trouble for part in self.paused_parts),
            *self.alarms,
            *([] if self.workers else ["no worker answers: start one with `celery -A sync_tasks worker`"]),
            *([] if self.swept else [f"no beat has swept {self._for_how_long}: start `celery -A sync_tasks beat`"]),
        ]

    @property
    def _for_how_long(self) -> str:
        return "for a day" if self.swept_seconds_ago is None else f"for {show_age(self.swept_seconds_ago)}"


def read_state(store: "Store", settings: "Settings") -> StateStatus:
    """Return what the state shows of the pipeline now."""
    from sync_tasks.rate_limits.limiter import Limiter
    from sync_tasks.state.dead_letters import count_letters
    from sync_tasks.state.erasures import count_unfinished
    from sync_tasks.state.holds import read_hold
    from sync_tasks.state.posts import count_posts

    posts_waiting, posts_given_up = count_posts(store)
    (dirty, due), oldest, hold, now = count_queues(store), oldest_dirty(store, 1), read_hold(store), int(store.now())
    limiter = Limiter(store, settings.accounts)
    return StateStatus(
        dirty=dirty,
        due=due,
        oldest_unsynced_seconds=seconds_since(oldest[0][1], now) if oldest else None,
        swept_seconds_ago=seconds_since_sweep(store),
        dead_letters=count_letters(store),
        unfinished_erasures=count_unfinished(store),
        hold_seconds=seconds_since(hold.moment, now) if hold and not hold.examining else None,
        paused={
            name: PausedAccount(pause.error, pause.message, seconds_since(pause.since, now))
            for name in settings.accounts
            if (pause := limiter.paused(name))
        },
        paused_parts=[
            _read_part(store, settings, name_of(account, part), pause, now)
            for account in settings.accounts
            for part, pause in limiter.paused_parts(account).items()
        ],
        scarcity=[limiter.read_scarcity(name) for name in settings.accounts],
        posts_waiting=posts_waiting,
        posts_given_up=posts_given_up,
    )


def _read_part(store: "Store", settings: "Settings", name: str, pause: Pause, now: int) -> PausedPart:
    account, _, part = name.partition(" ")
    lists = settings.newsletters_by_account[account].items()
    slug = next((slug for slug, known in lists if known.list_id == list_of(part)), "")
    return PausedPart(
        account,
        part,
        describe(account, part, slug),
        pause.error,
        pause.message,
        seconds_since(pause.since, now),
        count_waiting(store, name),
        advise(part, slug),
    )


def read_overview(store: "Store", settings: "Settings", broker: "Connection | None") -> Overview:
    """Return how the pipeline is now; asking the workers takes a second. Without a broker nobody is asked."""
    from sync_tasks.reconcile.census import read_census
    from sync_tasks.reconcile.history import describe_run, find_alarms, last_runs
    from sync_tasks.state.erasures import find_erasure_alarm
    from sync_tasks.state.holds import find_hold_alarm
    from sync_tasks.state.relays import find_outbox_alarm, read_outbox
    from sync_tasks.state.webhook_counts import read_counts

    queues, unacknowledged = read_queues(broker, store) if broker else ({}, None)
    workers = ping_workers() if broker else []
    census, state = read_census(store), read_state(store, settings)
    return Overview(
        **{field.name: getattr(state, field.name) for field in fields(state)},
        queues=queues,
        unacknowledged=unacknowledged,
        workers=workers,
        in_flight=_count_leases(store),
        accounts=list(settings.accounts),
        webhooks={name: dict(read_counts(store, name)) for name in settings.accounts},
        outbox=read_outbox(store),
        reconciled=[describe_run(run) for run in last_runs(store).values()],
        unknown=census.lines,
        alarms=[
            *(line for scarcity in state.scarcity for line in scarcity.alarms),
            *find_hold_alarm(store),
            *find_erasure_alarm(store),
            *find_outbox_alarm(store),
            *find_alarms(store),
            *census.alarms,
        ],
    )


def ping_workers() -> list[str]:
    """Return the names of the workers that answer within a second."""
    from sync_tasks.tasks.app import app

    return sorted(app.control.inspect(timeout=PING_SECONDS).ping() or {})


def read_queues(broker: "Connection", store: "Store") -> tuple[dict[str, int], int | None]:
    """Return how many messages wait in each queue, and how many are in workers, if the broker shows it."""
    from sync_tasks.tasks.accept import count_messages
    from sync_tasks.tasks.app import app

    names = [queue.name for queue in app.conf.task_queues]
    lengths = {name: count_messages(broker, name) for name in sorted(names)}
    on_redis = broker.transport.driver_type == "redis"
    channel = cast("Any", broker.default_channel)
    taken = channel.client.hlen(store.key("unacked")) if on_redis else None
    return lengths, taken


def read_lengths(store: "Store") -> dict[str, int]:
    """Return how many messages wait in each queue; nothing while the broker is away."""
    from kombu.exceptions import OperationalError

    from sync_tasks.tasks.app import app

    try:
        with app.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, timeout=1)
            return read_queues(connection, store)[0]
    except OperationalError:
        return {}


def _count_leases(store: "Store") -> int:
    now = int(store.now())
    users = [user_id for user_id, _ in oldest_dirty(store, _LOOKED_AT)]
    return sum(lease > now for lease in read_leases(store, users).values())
