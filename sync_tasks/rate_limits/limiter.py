"""The account's limits and pauses, shared by all processes of a portal through Redis.

Keys under ``<namespace>:``: ``paused:<account>`` why and since when, until a probe succeeds · ``paused_parts`` the same
for parts of accounts, by ``<account> <part>`` · ``paused_users:<account> <part>`` who waits for it, until then ·
``probed:<account>``, ``probed:<account> <part>`` while no further probe may go out · ``held:<account>:<bucket>`` for
how many milliseconds nobody may ask after a 429, as long as Brevo's window · ``granted:<account>:<bucket>:<window>``
the moments of the last requests, as long as the window · ``first:<account>:<bucket>`` the priority of the most urgent
that waits, as long as it waits · ``scarce:<account>:<bucket>`` what is let through if that is less than configured, and
what others ask, an hour.
"""

import json
import logging
import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields, replace
from typing import Any, cast

from sync_tasks.config.settings import Account
from sync_tasks.domain.pauses import Pause, advise, describe, list_of, name_of, part_in_trouble, parts_of, remedy_of
from sync_tasks.domain.priority import Priority
from sync_tasks.domain.timestamps import MICROSECONDS_PER_SECOND
from sync_tasks.errors import (
    AccountError,
    AccountPausedError,
    GatewayUnavailableError,
    PartPausedError,
    RateLimitedError,
    SyncError,
)
from sync_tasks.providers import Permit
from sync_tasks.providers.installed import PROVIDERS
from sync_tasks.rate_limits.import_lock import ImportLock
from sync_tasks.rate_limits.scarcity import Scarcity
from sync_tasks.rate_limits.wait_queue import Gatherers, WaitQueue
from sync_tasks.state.records import Question
from sync_tasks.state.store import Store

log = logging.getLogger("sync_tasks.rate_limits.limiter")

PATIENCE = 8.0
# What nobody asked for holds no thread that an event may need.
_LITTLE_PATIENCE = 1.0
# Of the seconds in which a worker ends: an import under way is seen to its end, most others have their turn.
FAREWELL = 4.0
PROBE_EVERY = 30.0
LONGEST_HOLD = 3600.0
# So many requests in a row without an answer, in one process, are an outage of the account and not of a contact.
OUTAGE = 10
# Grants are this much further apart than Brevo demands: requests overtake each other on their way.
_MARGIN = 1.008
# Of an hour's requests half are never for comparisons. Its length names a window, so this hour is one of its own.
_BACKGROUND_HOUR = 3600 * MICROSECONDS_PER_SECOND + 1


# A window that is longer than so many microseconds is no short one: after a 429 it is waited for.
_SHORTEST = 60 * MICROSECONDS_PER_SECOND
# What Brevo says of its limits is remembered for an hour, and noted again after so many seconds.
_NOTED_AGAIN = 600.0
# A grant that was not used at once is not valid any more: others have their place in the window by now.
_GOOD_FOR = 0.25


def _nothing() -> None:
    pass


class Limiter:
    """What all processes agree on about the portal's accounts."""

    def __init__(self, store: Store, accounts: Mapping[str, Account], probe_every: float = PROBE_EVERY) -> None:
        self._store = store
        self._probe_every = int(probe_every * 1000)
        self._windows = {
            (name, bucket): tuple((count, int(seconds * MICROSECONDS_PER_SECOND)) for count, seconds in windows)
            for name, account in accounts.items()
            for bucket, windows in _windows(account).items()
        }
        self._stopping, self._ends = threading.Event(), math.inf
        self._queues = {key: WaitQueue() for key in self._windows}
        self._accounts = tuple(accounts)
        self.gatherers = Gatherers()
        self._unanswered = dict.fromkeys(accounts, 0)
        self._noted = dict[tuple[str, str, int], tuple[int | None, float]]()

    def gate(self, account: str, priority: Priority = Priority.ORDINARY, *, granted: bool = False) -> "AccountGate":
        """Return what a gateway asks before each request; ``granted``: a lease has just brought the first permit."""
        return AccountGate(self, account, priority, Permit("contacts", granted=time.monotonic()) if granted else None)

    def count_unanswered(self, account: str, error: SyncError | None) -> bool:
        """Count the requests in a row without an answer, in this process; return whether that is an outage now."""
        lost = isinstance(error, GatewayUnavailableError)
        self._unanswered[account] = self._unanswered[account] + 1 if lost else 0
        if self._unanswered[account] < OUTAGE:
            return False
        self._unanswered[account] = 0
        return True

    def stop(self) -> None:
        """The process is about to end: what is under way may come to its end, but nobody waits for long any more."""
        self._ends = time.monotonic() + FAREWELL
        self._stopping.set()
        for queue in self._queues.values():
            queue.close(FAREWELL)

    @staticmethod
    def patience(priority: Priority) -> float:
        """Return for how many seconds one request may wait for its permit."""
        return PATIENCE if priority.is_asked_for else _LITTLE_PATIENCE

    @property
    def stopping(self) -> bool:
        """Whether the process is about to end."""
        return self._stopping.is_set()

    def rest(self, seconds: float) -> None:
        """Return after so many seconds, or when the process must end."""
        ready = time.monotonic() + seconds
        if self._stopping.wait(seconds):
            time.sleep(max(min(ready, self._ends) - time.monotonic(), 0.0))

    def import_lock(self, account: str) -> ImportLock:
        """Return what lets one import of an account be under way at a time."""
        return ImportLock(self._store, self._store.key(f"importing:{account}"))

    def page_lock(self, account: str) -> ImportLock:
        """Return what lets one push at a time read all pages of an account: it takes everybody along."""
        return ImportLock(self._store, self._store.key(f"paging:{account}"))

    def acquire(
        self,
        account: str,
        bucket: str,
        priority: Priority = Priority.ORDINARY,
        meanwhile: Callable[[], None] = _nothing,
        part: str = "",
        *,
        begun: bool = False,
    ) -> Permit:
        """Return once a request may go out; ``meanwhile`` is called once if that takes waiting, shortly before the end.

        Of equals who has ``begun``, with a request before this one, goes first.

        Raises:
            AccountPausedError: the account is paused, or the ``part`` of it that the request needs.
            RateLimitedError: it would take too long to wait here; ``retry_after`` says how long.
        """
        deadline, waited = time.monotonic() + self.patience(priority), False
        queue = self._queues[account, bucket]
        with queue.waiting(priority, begun=begun) as place:
            while queue.wait_to_be_first(place, deadline):
                permit, wait = self._ask(account, bucket, priority, part)
                if permit:
                    return permit
                ready = time.monotonic() + wait
                if ready > deadline:
                    raise RateLimitedError(f"account {account}: its limit is used up for now", wait)
                if not waited:
                    waited = True
                    meanwhile()
                if not queue.wait_as_first(place, ready - time.monotonic()):
                    raise RateLimitedError(f"account {account}: the worker is ending", 1.0)
        raise RateLimitedError(f"account {account}: others wait for its limit too", 1.0)

    def question(self, account: str, bucket: str, priority: Priority = Priority.ORDINARY, part: str = "") -> Question:
        """Return the question whether a request may go out now."""
        windows = self._windows[account, bucket]
        if priority is Priority.BACKGROUND:
            per_hour, _ = windows[-1]
            windows += ((max(per_hour // 2, 1), _BACKGROUND_HOUR),)
        return Question(name_of(account, part), bucket, priority, self._probe_every, windows)

    def ask_ahead(self) -> Question | None:
        """Return what to ask along with a lease; nothing if there are several accounts, or others wait already.

        Nobody knows yet whether an event waits for it: it takes no turn of those who do.
        """
        (first, *others) = self._accounts
        shared = bool(others) or self._queues[first, "contacts"].has_waiting
        return None if shared else self.question(first, "contacts", Priority.LOOK)

    def _ask(self, account: str, bucket: str, priority: Priority, part: str = "") -> tuple[Permit | None, float]:
        """Return a permit, or in how many seconds to ask again."""
        answer, microseconds, *rest = self._store.grant(self.question(account, bucket, priority, part))
        seconds = int(microseconds) / MICROSECONDS_PER_SECOND
        if answer == "paused":
            raise _refusal(account, _parse(rest[0]), rest[1], max(seconds, 1.0))
        if answer == "wait":
            return None, seconds
        probes, probes_part = rest or ("", "")
        return Permit(bucket, part, bool(probes), bool(probes_part), time.monotonic()), 0.0

    def hold(self, account: str, seconds: float, bucket: str) -> None:
        """Let nobody ask before Brevo's own window is over; if that is the short one, fewer go out from then on."""
        milliseconds = int(min(max(seconds, 0.1), LONGEST_HOLD) * 1000)
        self._store.redis.set(self._store.key(f"held:{account}:{bucket}"), str(milliseconds), px=milliseconds)
        most, length = self._windows[account, bucket][0]
        if seconds * MICROSECONDS_PER_SECOND <= 2 * length <= 2 * _SHORTEST:
            self._store.slow_down(account, bucket, length=length, most=most)

    def record_usage(self, account: str, bucket: str, limit: int, remaining: int) -> None:
        """Take note of Brevo's own count: others may use the same account, and what they use is not ours to ask for.

        The size of the limit shows whether it is that of the second or of the hour.
        """
        if limit <= 0:
            return
        most, length = min(self._windows[account, bucket], key=lambda window: abs(math.log(window[0] / limit)))
        self._note_limit(account, bucket, limit if limit < most else None, length)
        if limit <= most and remaining * 2 < limit:
            self._store.record_usage(account, bucket, length=length, most=most, used=limit - remaining)

    def _note_limit(self, account: str, bucket: str, limit: int | None, length: int) -> None:
        """Remember for all processes what Brevo grants less than is configured; what is known, only at times."""
        known, name = self._noted.get((account, bucket, length)), (account, bucket, length)
        if known is None or known[0] != limit or time.monotonic() > known[1]:
            self._noted[name] = limit, time.monotonic() + _NOTED_AGAIN
            self._store.note_limit(account, bucket, length, limit)

    def read_scarcity(self, account: str) -> Scarcity:
        """Return what the account grants now, and what Brevo says of its limits."""
        windows = self._windows[account, "contacts"]
        held, allowances = self._store.allowances(account, "contacts", windows)
        return Scarcity(account, tuple((*window, *one) for window, one in zip(windows, allowances, strict=True)), held)

    def pause(self, account: str, error: SyncError, part: str = "", newsletter: str = "") -> None:
        """Stop all requests of an account, or of a part, until a probe succeeds; raise the alarm if that is news.

        ``newsletter`` is the one of the list that is paused.
        """
        pause = Pause(type(error).__name__, str(error), self._store.now())
        redis, text = self._store.redis, json.dumps(asdict(pause))
        redis.set(self._store.key(f"probed:{name_of(account, part)}"), "1", px=2 * self._probe_every)
        if not part and redis.set(self._store.key(f"paused:{account}"), text, nx=True):
            why, remedy = f"{pause.error}: {pause.message}", remedy_of(pause.error)
            log.error("account %s is paused, its events wait: %s; %s", account, why, remedy)
        elif part and redis.hsetnx(self._store.key("paused_parts"), name_of(account, part), text):
            what = describe(account, part, newsletter)
            log.error("%s: %s: %s; %s", what, pause.error, pause.message, advise(part, newsletter))

    def paused(self, account: str) -> Pause | None:
        """Return why the account is paused, or nothing."""
        text = self._store.redis.get(self._store.key(f"paused:{account}"))
        return _parse(cast("str", text)) if text else None

    def paused_parts(self, account: str) -> dict[str, Pause]:
        """Return which parts of the account are paused, and why."""
        texts = cast("dict[str, str]", self._store.redis.hgetall(self._store.key("paused_parts")))
        return {part: _parse(texts[name_of(account, part)]) for part in sorted(parts_of(texts, account))}

    def resume(self, account: str) -> None:
        """Let the account's requests go again."""
        if self._store.redis.delete(self._store.key(f"paused:{account}"), self._store.key(f"probed:{account}")):
            log.warning("account %s is no longer paused", account)

    def pass_probe_on(self, account: str, error: SyncError) -> None:
        """Let another request probe the account at once; one that is paused for another reason goes on."""
        pause = self.paused(account)
        if pause and pause.error != type(error).__name__:
            self.resume(account)
        self.free_probe(account)

    def free_probe(self, account: str, part: str = "") -> None:
        """Let the next request probe what is paused: the one that should have done so did not go out."""
        self._store.redis.delete(self._store.key(f"probed:{name_of(account, part)}"))

    def resume_part(self, account: str, part: str, newsletter: str = "") -> None:
        """Let a part of the account go on, and make everybody due who waited for it.

        If the part is the list of that ``newsletter``, those with a contact are looked at again.
        """
        if part in self.paused_parts(account):
            self._store.resume(name_of(account, part), account if list_of(part) is not None else "")
            log.warning("no longer: %s", describe(account, part, newsletter))

    def take_probe(self, account: str, part: str) -> bool:
        """Return whether a part may be probed now; for whoever asks next it may not."""
        if self.is_probed(account, part):
            return False
        self._store.redis.set(self._store.key(f"probed:{name_of(account, part)}"), "1", px=2 * self._probe_every)
        return True

    def is_probed(self, account: str, part: str) -> bool:
        """Return whether the next probe of a part must still be waited for."""
        return int(self._store.redis.pttl(self._store.key(f"probed:{name_of(account, part)}"))) > self._probe_every


class AccountGate:
    """Where the requests of one push, or of one gateway, pass: in one thread, at one priority.

    A gate costs nothing to make. Only what is ``reserved`` lies in it: the permit of the next request.
    """

    def __init__(
        self,
        limiter: Limiter,
        account: str,
        priority: Priority = Priority.ORDINARY,
        reserved: Permit | None = None,
    ) -> None:
        self._limiter = limiter
        self._account = account
        self._priority = priority
        self._reserved = reserved
        self._begun = False

    @property
    def patience(self) -> float:
        """For how many seconds a request that was refused for its limit may be waited for."""
        return 0.0 if self._limiter.stopping else self._limiter.patience(self._priority)

    @property
    def is_reserved(self) -> bool:
        """Whether the permit of the next request is here, and still good."""
        return self._reserved is not None and time.monotonic() - self._reserved.granted < _GOOD_FOR

    def reserve(self, bucket: str, meanwhile: Callable[[], None] = _nothing, part: str = "") -> None:
        """Return once the next request may go out at once; see ``Limiter.acquire``."""
        self._reserved = self._take_reserved(bucket, part) or self._acquire(bucket, part, meanwhile)

    def acquire(self, bucket: str, part: str = "") -> Permit:
        """Return a permit once a request may go out."""
        return self._take_reserved(bucket, part) or self._acquire(bucket, part)

    def _acquire(self, bucket: str, part: str, meanwhile: Callable[[], None] = _nothing) -> Permit:
        permit = self._limiter.acquire(self._account, bucket, self._priority, meanwhile, part, begun=self._begun)
        self._begun = True
        return permit

    def _take_reserved(self, bucket: str, part: str) -> Permit | None:
        """Return the permit that was reserved, if it fits; a probe that is not used is free for anybody."""
        permit, self._reserved = self._reserved, None
        if permit is None:
            return None
        if permit.bucket == bucket and time.monotonic() - permit.granted < _GOOD_FOR:
            return replace(permit, part=part)
        if permit.probes:
            self._limiter.free_probe(self._account)
        if permit.probes_part:
            self._limiter.free_probe(self._account, permit.part)
        return None

    def record_usage(self, permit: Permit, limit: int, remaining: int) -> None:
        """Take note of what is left of a limit by Brevo's own count."""
        self._limiter.record_usage(self._account, permit.bucket, limit, remaining)

    def report(self, permit: Permit, error: SyncError | None) -> None:
        """Take note of how the request went: it may pause the account for everybody, or a part of it, or end a pause.

        A creation that is refused for the plan was let in: it ends the pause of an account that let nobody in. One that
        is refused as everything else was leaves the probe of the account to another request.
        """
        outage = self._limiter.count_unanswered(self._account, error)
        if isinstance(error, RateLimitedError):
            self._limiter.hold(self._account, error.retry_after or 1.0, permit.bucket)
        elif error and (isinstance(error, AccountError) or outage):
            part = part_in_trouble(error, permit.part)
            self._limiter.pause(self._account, error, part)
            if part and permit.probes:
                self._limiter.pass_probe_on(self._account, error)
        elif not isinstance(error, GatewayUnavailableError):
            if permit.probes:
                self._limiter.resume(self._account)
            if permit.probes_part:
                self._limiter.resume_part(self._account, permit.part)


def _refusal(account: str, pause: Pause, part: str, seconds: float) -> AccountPausedError:
    message = f"{describe(account, part)} ({pause.error})"
    return PartPausedError(message, seconds, part) if part else AccountPausedError(message, seconds)


def _parse(text: str) -> Pause:
    parsed = cast("dict[str, Any]", json.loads(text))
    return Pause(**{each.name: parsed[each.name] for each in fields(Pause)})


def _windows(account: Account) -> Mapping[str, list[tuple[int, float]]]:
    count, seconds = _per_second(account.requests_per_second)
    return {
        "contacts": [(count, seconds * _MARGIN), (account.requests_per_hour, 3600.0)],
        "other": [(PROVIDERS[account.provider].capabilities.other_per_hour, 3600.0)],
    }


def _per_second(rate: float) -> tuple[int, float]:
    """Return how many requests in how many seconds; a rate below one is one request in a longer window."""
    return (int(rate), 1.0) if rate >= 1 else (1, 1 / rate)
