"""Contacts in Redis: every step that must be atomic is one Lua script, one round trip.

``keys`` names every key. ``bulk`` serves many users in one round trip.
"""

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from importlib.resources import files
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

from sync_tasks.chunks import chunks
from sync_tasks.domain.contact import TOLERANCE, Contact, EventKey, RemoteState
from sync_tasks.domain.events import AHEAD, Event
from sync_tasks.domain.merge import values_of
from sync_tasks.domain.priority import Priority
from sync_tasks.domain.timestamps import MICROSECONDS_PER_SECOND, stamp_of
from sync_tasks.errors import ConfigurationError, InvalidEventError
from sync_tasks.state.codec import dump_seen, dump_values, load_contact, priority_of_fields
from sync_tasks.state.keys import (
    DUE,
    SECRET,
    URGENT,
    address_hash,
    address_place,
    attributes_key,
    contact_key,
    history_key,
    keyed_hash,
    pending_key,
    vacated_key,
)
from sync_tasks.state.records import Question, RemoteRecord, Settlement, StatePart
from sync_tasks.state.replicas import run_confirmed
from sync_tasks.state.tombstones import LACKS_THE_KEY, Tombstones

if TYPE_CHECKING:
    from redis import Redis
    from redis.commands.core import Script

Allowances: TypeAlias = tuple[float, list[tuple[int | None, int]]]
_STORE_CHUNK = 500
_THIS_CLOCK = partial(datetime.now, UTC)
_SHARED = ("prelude.lua", "letters.lua", "grants.lua", "hold.lua")


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The result of an accepted event; ``users_to_nudge`` waited for an address that it set free."""

    status: str
    stamp: str
    users_to_nudge: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class Lease:
    """The right to push one contact, and its state.

    ``pending_count``: how many have the same events pending; 0: it must go alone. ``granted``: its first request may
    go out. ``paused``: the names of all paused parts of accounts (see ``pauses``).
    """

    user_id: str
    token: str
    contact: Contact
    pending_count: int = 1
    granted: bool = False
    paused: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, repr=False)
class Sighting:
    """A reported change of a contact at Brevo, by user id or address; with ``kind`` and ``moment`` of an opt-out.

    ``joined``: the lists of a report of joins only. ``opted_out``: the lists that an opt-out named. ``report``: the
    whole report as a text; the same text again is a duplicate.
    """

    user_id: str = ""
    address: str = ""
    kind: str = ""
    moment: str = ""
    joined: frozenset[int] = frozenset()
    report: str = ""
    opted_out: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Noticed:
    """The result of a sighting (``noticed``, ``duplicate``, ``echo``, ``unknown``), and its user."""

    status: str
    user_id: str


class Store:
    """The state of one portal, by its namespace.

    ``tolerance``: so many microseconds may two clocks differ (see ``resolve``). ``clock`` gives this machine's
    time: it only says how long ago an opt-out was reported. ``secrets``: those outside Redis, the newest first.
    """

    def __init__(
        self,
        redis: "Redis",
        namespace: str,
        *,
        tolerance: int = TOLERANCE,
        clock: Callable[[], datetime] = _THIS_CLOCK,
        secrets: Sequence[str] = (),
    ) -> None:
        self.redis = redis
        self.prefix = f"{namespace}:"
        self.tolerance = tolerance
        self._clock = clock
        self.tombstones = Tombstones(redis, self.key(""), secrets)
        # An event counts as accepted once so many replicas have it.
        self.replicas = 0
        # The number of sweeps that this process has seen: a state with fewer went backwards.
        self.sweeps = 0
        self._sent = set[tuple[str, str]]()

    def key(self, name: str) -> str:
        """Return the full name of a key (see ``keys``)."""
        return self.prefix + name

    @cached_property
    def _scripts(self) -> Mapping[str, "Script"]:
        folder = files("sync_tasks.state") / "lua"
        prelude = "".join((folder / name).read_text() for name in _SHARED)
        own = (path for path in folder.iterdir() if path.name not in _SHARED)
        return {path.name[:-4]: self.redis.register_script(prelude + path.read_text()) for path in own}

    def _run(self, script: str, *arguments: str | int) -> object:
        return self._scripts[script](keys=[self.prefix], args=list(arguments))

    def accept(self, event: Event, *, skew: timedelta = timedelta()) -> Acceptance:
        """Merge an event, atomically; ``skew``: how far the clock that gave the moment is ahead of this machine's.

        Raises:
            InvalidEventError: its moment is more than five minutes ahead of Redis' clock; nothing was accepted.
            ConfigurationError: this process lacks the secret by which the state hashes; nothing was accepted.
            redis.TimeoutError: too few replicas have it in time; it may get lost, so call again.
        """
        moment, clock = stamp_of(event.occurred_at) if event.occurred_at else "", stamp_of(self._clock() + skew)
        pairs = [text for pair in dump_values(values_of(event)).items() for text in pair]
        head = (event.user_id, moment, clock, secrets.token_hex(16), event.task, event.about or "")
        names = self.tombstones.names_of(event.user_id)
        run = partial(self._scripts["accept"], keys=[self.prefix], args=[*head, names, *pairs])
        status, stamp, *users_to_nudge = cast("list[str]", run_confirmed(run, self.redis, self.replicas))
        if status == "secret":
            if self.tombstones.read_anew():
                return self.accept(event, skew=skew)
            raise ConfigurationError(LACKS_THE_KEY)
        if status == "ahead":
            raise InvalidEventError(f"{event.task} refused: occurred_at: {AHEAD}")
        return Acceptance(status, stamp, tuple(users_to_nudge))

    def load(self, user_id: str, fields: Sequence[str], *, address_taken: bool = False, held: str = "") -> Contact:
        """Return the contact of these fields, field and value alternately."""
        stored = dict(zip(fields[::2], fields[1::2], strict=True))
        return load_contact(user_id, stored, address_taken=address_taken, tolerance=self.tolerance, held=held)

    def lease(self, user_id: str, seconds: float, ask: Question | None = None) -> Lease | Literal["busy", "idle"]:
        """Lease a contact for so many seconds, and try to reserve a permit if ``ask`` is given.

        ``busy``: another worker holds it. ``idle``: there is nothing to do.
        """
        token = secrets.token_hex(8)
        head = (user_id, token, int(seconds * MICROSECONDS_PER_SECOND), self.sweeps)
        status, *answer = cast("list[str]", self._run("lease", *head, *(ask.arguments() if ask else ())))
        if status != "taken":
            return "busy" if status == "busy" else "idle"
        taken, pending_count, granted, parts, held, sweeps, *rest = answer
        self.sweeps = max(self.sweeps, int(sweeps))
        contact = self.load(user_id, rest, address_taken=taken == "1", held=held)
        paused = frozenset(filter(None, parts.split(",")))
        return Lease(user_id, token, contact, int(pending_count), granted == "granted", paused)

    def lease_batch(self, kind: str, most: int, seconds: float) -> list[Lease]:
        """Return the leases of contacts without trouble that are kept under this name (see ``pending_kinds_of``)."""
        token = secrets.token_hex(8)
        head = (kind, most, token, int(seconds * MICROSECONDS_PER_SECOND), self.sweeps)
        held, *taken = cast("tuple[str, *tuple[list[str], ...]]", self._run("lease_batch", *head))
        return [Lease(user_id, token, self.load(user_id, fields, held=held)) for user_id, *fields in taken]

    def next_pending(self, kind: str, but: str) -> str | None:
        """Return who has waited longest under this name (see ``pending_kinds_of``), but for one user."""
        users = cast("list[str]", self.redis.zrange(self.key(pending_key(kind)), 0, 1))
        return next((user for user in users if user != but), None)

    def release_all(self, leases: Iterable[tuple[Lease, str]]) -> None:
        """Give leases back as if they had never been taken; a batch of that kind is made of others first."""
        self.run_all("release", ((lease.user_id, lease.token, kind) for lease, kind in leases))

    def renew_lease(self, lease: Lease, seconds: float, seen: Mapping[str, RemoteState]) -> bool:
        """Lengthen a lease to ``seconds`` from now and record the remote state; return whether it is still ours."""
        texts = [text for account, known in seen.items() for pair in dump_seen(account, known).items() for text in pair]
        return self._run("renew_lease", lease.user_id, lease.token, int(seconds * MICROSECONDS_PER_SECOND), *texts) == 1

    def renew_leases(self, leases: Iterable[Lease], seconds: float) -> None:
        """Lengthen many leases to ``seconds`` from now in one round trip; one that was lost stays lost."""
        until = int(seconds * MICROSECONDS_PER_SECOND)
        self.run_all("renew_lease", ((lease.user_id, lease.token, until) for lease in leases))

    def settle(self, lease: Lease, result: Settlement) -> str:
        """Give a lease back with a push's result; return ``settled``, ``again`` (newer events came) or ``lost``."""
        settled = cast("str", self._run("settle", lease.user_id, lease.token, self._document(lease, result)))
        if result.tombstone and settled == "lost":
            self.tombstones.read_anew()
        return settled

    def settle_all(self, results: Iterable[tuple[Lease, Settlement]]) -> list[str]:
        """Settle many leases in one round trip, each by itself; return a word for each as ``settle`` does."""
        calls = ((lease.user_id, lease.token, self._document(lease, result)) for lease, result in results)
        return cast("list[str]", self.run_all("settle", calls))

    def _document(self, lease: Lease, result: Settlement) -> str:
        return result.document(lease.contact.rev, self.tombstones.names_of(lease.user_id) if result.tombstone else "")

    def run_all(self, script: str, calls: Iterable[Iterable[str | int]]) -> list[object]:
        """Run a script once with each of these arguments, in one round trip, each atomic by itself."""
        pipeline = self.redis.pipeline(transaction=False)
        for arguments in calls:
            self._scripts[script](keys=[self.prefix], args=list(arguments), client=pipeline)
        return cast("list[object]", pipeline.execute())

    def ask_all(self, commands: Iterable[Sequence[str]]) -> list[Any]:
        """Return the answers to many commands in one round trip, each atomic by itself."""
        pipeline: Any = self.redis.pipeline(transaction=False)
        for command in commands:
            pipeline.execute_command(*command)
        return cast("list[Any]", pipeline.execute())

    def peek(self, user_id: str) -> Contact | None:
        """Return a contact without a lease; ``None`` for a user never seen or erased."""
        stored = cast("dict[str, str]", self.redis.hgetall(self.key(contact_key(user_id))))
        return load_contact(user_id, stored, tolerance=self.tolerance) if stored else None

    def claimant(self, address: str) -> str | None:
        """Return the user who wanted an address first, or ``None``."""
        return self.claimants([address])[0]

    def claimants(self, addresses: Iterable[str]) -> list[str | None]:
        """Return the first user of each address in one round trip."""
        secret = self._secret()
        places = (address_place(address_hash(secret, address)) for address in addresses)
        return self.ask_all(("HGET", self.key(name), field) for name, field in places)

    def is_erased(self, user_id: str) -> bool:
        """Return whether a user was erased."""
        return bool(self.tombstones.erased_at(user_id))

    def is_vacated(self, address: str, *, by_other_than: str = "") -> bool:
        """Return whether a user gave this address up within the last two days, if named another one than this."""
        secret = self._secret()
        mark = self.redis.get(self.key(vacated_key(address_hash(secret, address))))
        return mark is not None and not (by_other_than and mark == keyed_hash(secret, by_other_than))

    def _secret(self) -> str:
        return cast("str", self.redis.get(self.key(SECRET)) or "")

    def mark_changed(self, account: str, sightings: Sequence[Sighting]) -> list[Noticed]:
        """Note that contacts changed at Brevo, and return each result: their next push reads first."""
        secret, noticed = self._secret(), list[Noticed]()
        for chunk in chunks(sightings, _STORE_CHUNK):
            texts = (text for one in chunk for text in _wire(one, secret))
            answer = cast("list[str]", self._run("mark_changed", account, stamp_of(self._clock()), *texts))
            noticed += map(Noticed, answer[::2], answer[1::2])
        return noticed

    def grant(self, question: Question) -> list[str]:
        """Return the answer to a question: whether a request may go out now, or the wait (see ``grants.lua``)."""
        return cast("list[str]", self._run("grant", *question.arguments()))

    def resume(self, name: str, look_at: str = "") -> None:
        """End the pause of a part and wake its waiting users in steps; ``look_at``: the account, for a list."""
        while not self._run("resume", name, _STORE_CHUNK, look_at):
            pass

    def record_usage(self, account: str, bucket: str, *, length: int, most: int, used: int) -> None:
        """Make room in a window of ``length`` microseconds and ``most`` requests, of which Brevo counts ``used``."""
        self._run("record_usage", account, bucket, length, most, used)

    def slow_down(self, account: str, bucket: str, *, length: int, most: int) -> None:
        """Let fewer requests go out in the shortest window: Brevo refused one of them."""
        self._run("slow_down", account, bucket, length, most)

    def note_limit(self, account: str, bucket: str, length: int, limit: int | None) -> None:
        """Note how many requests Brevo says a window holds (its ``length`` in microseconds), if that is too few."""
        self._run("note_limit", account, bucket, length, "" if limit is None else limit)

    def allowances(self, account: str, bucket: str, windows: Sequence[tuple[int, int]]) -> Allowances:
        """Return for how long nobody may ask. Then, for each window: what Brevo says of it, how many may go out."""
        held, *rest = cast("list[str]", self._run("allowances", account, bucket, *chain.from_iterable(windows)))
        limits = (int(limit) if limit else None for limit in rest[::2])
        return int(held) / 1000, list(zip(limits, map(int, rest[1::2]), strict=True))

    def first_times(self, account: str, names: Iterable[str]) -> frozenset[str]:
        """Return which of these attributes were never sent to the account before; a process asks once for each."""
        unknown = {(account, name) for name in names} - self._sent
        self._sent |= unknown
        return frozenset(name for _, name in unknown if self.redis.sadd(self.key(attributes_key(account)), name))

    def now(self) -> str:
        """Return Redis' clock as a stamp."""
        seconds, microseconds = self.redis.time()
        return f"{seconds:010d}{microseconds:06d}"

    def note_sweep(self, server: str = "") -> str:
        """Record a sweep on this run of the server. Return the hold in force or an empty text (see ``holds``)."""
        sweeps, hold = cast("tuple[str, str]", self._run("sweep", self.sweeps, server))
        self.sweeps = max(self.sweeps, int(sweeps))
        return hold

    def held_until(self) -> str:
        """Return the moment up to which subscriptions wait; empty without a hold."""
        held, sweeps = cast("tuple[str, str]", self._run("held", self.sweeps))
        self.sweeps = max(self.sweeps, int(sweeps))
        return held

    def overdue_urgent(self, limit: int, grace: float) -> list[str]:
        """Return overdue users as ``overdue`` does, but only those with a pending opt-out or erasure."""
        now = int(self.now())
        waiting = cast("list[str]", self.redis.zrange(self.key(URGENT), 0, max(limit, _STORE_CHUNK) - 1))
        latest = now - int(grace * MICROSECONDS_PER_SECOND)
        due = zip(waiting, self.ask_all(("ZSCORE", self.key(DUE), user) for user in waiting), strict=True)
        users = [user for user, since in due if since is not None and int(since) <= latest][:limit]
        if users:
            self.redis.zadd(self.key(DUE), dict.fromkeys(users, now), xx=True, gt=True)
        return users

    def overdue(self, limit: int, grace: float) -> list[str]:
        """Return users due for longer than ``grace`` seconds, and put each off by as long again."""
        latest = (now := int(self.now())) - int(grace * MICROSECONDS_PER_SECOND)
        users = cast("list[str]", self.redis.zrangebyscore(self.key(DUE), "-inf", latest, start=0, num=limit))
        if users:
            self.redis.zadd(self.key(DUE), dict.fromkeys(users, now), xx=True, gt=True)
        return users

    def put_back(self, microseconds: int) -> None:
        """Make all future due moments earlier by so many microseconds, after Redis' clock was put back.

        A moved user sorts below the rest, so that each is moved once.
        """
        due, start = self.key(DUE), float(self.now())
        while found := self.redis.zrangebyscore(due, start, "inf", start=0, num=_STORE_CHUNK, withscores=True):
            ahead = cast("list[tuple[str, float]]", found)
            self.redis.zadd(due, {user: int(score) - microseconds for user, score in ahead}, xx=True, lt=True)
            start = ahead[-1][1]

    def record_remote(self, records: Iterable[RemoteRecord]) -> int:
        """Record the remote state of unleased contacts; return the number of recorded ones."""
        return sum(cast("list[int]", self.run_all("record_remote", (record.arguments() for record in records))))

    def walk(
        self, account: str, cursor: str, about: int = 1000, newsletters: Iterable[str] = (), *, counting: bool = False
    ) -> StatePart:
        """Return an account's contacts in the next ``about`` keys (see ``ids.lua``)."""
        head = (cursor, about, account, "1" if counting else "")
        answer = cast("tuple[str, str, str, str, list[str]]", self._run("ids", *head, *newsletters))
        following, ids, users, lacking, counts = answer
        return StatePart(following, ids, users, lacking, dict(zip(counts[::2], map(int, counts[1::2]), strict=True)))

    def priorities(self, user_ids: list[str]) -> dict[str, Priority]:
        """Return the priority of each user's contact."""
        names = self.ask_all(("HKEYS", self.key(contact_key(user_id))) for user_id in user_ids)
        return dict(zip(user_ids, map(priority_of_fields, names), strict=True))

    def history(self, user_id: str) -> list[str]:
        """Return up to 30 lines of a user's history, the newest first: a stamp and an outcome."""
        return cast("list[str]", self.redis.lrange(self.key(history_key(user_id)), 0, -1))

    def replay(self, user_id: str, key: EventKey, letter: str, who: str) -> bool:
        """Make the event of a dead letter pending again; return whether the letter still existed."""
        return self._run("replay", user_id, str(key), letter, who) == 1

    def close(
        self, user_id: str, key: EventKey, letter: str, why: str, who: str, *, give_up: Iterable[str] = ()
    ) -> bool:
        """Close a dead letter without another try; return whether it still existed.

        ``give_up``: the registers whose wish ends until a newer event arrives.
        """
        return self._run("close", user_id, str(key), letter, why, who, *give_up) == 1


def _wire(sighting: Sighting, secret: str) -> tuple[str, ...]:
    """Return a sighting without its address: arguments of a slow script end in Redis' log."""
    address = address_hash(secret, sighting.address) if sighting.address else ""
    duplicate = keyed_hash(secret, sighting.report)[:12] if sighting.report else ""
    lists = ",".join(map(str, sighting.opted_out if sighting.kind else sighting.joined))
    return sighting.user_id, address, sighting.kind, sighting.moment, lists, duplicate
