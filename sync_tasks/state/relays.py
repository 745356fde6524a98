"""What the relay of the portal's outbox reports to ``status``. Key: ``<namespace>:outbox``, a day."""

from dataclasses import dataclass
from typing import cast

from sync_tasks.domain.timestamps import MICROSECONDS_PER_SECOND, seconds_since, show_age
from sync_tasks.state.store import Store
from sync_tasks.texts import count

_KEPT = 86_400
# A relay reports every few seconds; the longest pause between two tries is 15.
SEEN_WITHIN = 120.0
# Clocks further apart differ: the same in `prelude.lua`, which weighs the moments of events then.
APART = 30.0


@dataclass(frozen=True, slots=True)
class OutboxReport:
    """How many events wait in the portal's database, how many are none, and for how long it has been so.

    ``ahead_seconds``: how far the database's clock is ahead of Redis'; it is negative if that clock is behind.
    """

    waiting: int
    marked: int
    oldest_seconds: float | None
    seconds_ago: float
    ahead_seconds: float = 0.0

    @property
    def text(self) -> str:
        """One line about it."""
        waits = f", the oldest for {show_age(self.oldest_seconds)}" if self.oldest_seconds is not None else ""
        marked = f" · {_no_events(self.marked)}" if self.marked else ""
        return f"{self.waiting:,} waiting{waits}{marked} · relay seen {show_age(self.seconds_ago)} ago"


def _no_events(number: int) -> str:
    return "1 row that is no event" if number == 1 else f"{count(number, 'row')} that are no events"


def report_outbox(store: Store, waiting: int, marked: int, oldest: int | None, clock: int) -> None:
    """Keep what a relay sees for ``status``.

    ``oldest``: since when the oldest waits; ``clock``: what the database's clock shows; in microseconds since 1970.
    """
    fields = {"waiting": waiting, "marked": marked, "oldest": oldest or "", "clock": clock, "at": store.now()}
    with store.redis.pipeline() as pipe:
        pipe.hset(store.key("outbox"), mapping=fields)  # type: ignore[arg-type]
        pipe.expire(store.key("outbox"), _KEPT)
        pipe.execute()


def read_outbox(store: Store) -> OutboxReport | None:
    """Return what a relay reported last, or nothing if none has run for a day."""
    fields = cast("dict[str, str]", store.redis.hgetall(store.key("outbox")))
    if not fields:
        return None
    now, oldest = int(store.now()), fields["oldest"]
    # A relay of an older release does not report the clock.
    ahead = (int(fields.get("clock", fields["at"])) - int(fields["at"])) / MICROSECONDS_PER_SECOND
    waits = max(seconds_since(oldest, now) + ahead, 0.0) if oldest else None
    seen = seconds_since(fields["at"], now)
    return OutboxReport(int(fields["waiting"]), int(fields["marked"]), waits, seen, ahead)


def find_outbox_alarm(store: Store) -> list[str]:
    """Return what needs a person: rows that are no events, a relay that went silent, a clock that is wrong."""
    report = read_outbox(store)
    if report is None:
        return []
    alarms = []
    if report.seconds_ago > SEEN_WITHIN:
        alarms.append(f"outbox: no relay for {show_age(report.seconds_ago)}: start `sync-tasks outbox relay`")
    if report.marked:
        alarms.append(f"outbox: {_no_events(report.marked)}: see `sync-tasks outbox failed`")
    if abs(report.ahead_seconds) > APART:
        differs = f"{show_age(abs(report.ahead_seconds))} {'ahead of' if report.ahead_seconds > 0 else 'behind'} Redis'"
        alarms.append(f"outbox: the database's clock is {differs}; opt-outs count late, sign-ups early: mend the clock")
    return alarms
