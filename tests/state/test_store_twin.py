"""The simulation's state without Redis answers as the real one does, and holds the same after every step."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TypeAlias, TypeVar, cast

import redis
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, MultipleResults, RuleBasedStateMachine, initialize, invariant, multiple, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine

from sync_tasks.domain.contact import Block, Contact, EventKey, RemoteState
from sync_tasks.domain.events import Event
from sync_tasks.errors import RejectedContactError
from sync_tasks.state import dead_letters
from sync_tasks.state.records import Settlement
from sync_tasks.state.store import Lease, Sighting, Store
from tests.simulation.client import open_memory, open_store
from tests.simulation.pictures import picture_memory, picture_redis
from tests.support.histories import ADDRESSES, events

T = TypeVar("T")
USERS = st.sampled_from(["u1", "u2", "u3"])

# An erasure ends what is worth looking at, so it is rare.
EVENTS = st.tuples(USERS, st.booleans(), st.integers(0, 7)).flatmap(
    lambda drawn: events(drawn[0], stamped=drawn[1], erasing=drawn[2] == 0)
)
SEEN = st.builds(
    RemoteState,
    id=st.sampled_from([None, 1, 7]),
    lists=st.frozensets(st.sampled_from([1, 2])),
    digest=st.sampled_from(["", "abc"]),
    block=st.sampled_from([None, Block("unsubscribed", "1" * 16)]),
)
KINDS = st.sampled_from(
    [f"{task}_contact:{slug}" for task in ("subscribe", "unsubscribe") for slug in ("daily", "weekly")]
)
SIGHTINGS = st.builds(
    Sighting,
    user_id=st.sampled_from(["", "u1", "u2"]),
    address=ADDRESSES.map(str.lower),
    kind=st.sampled_from(["", "unsubscribed", "complaint"]),
    moment=st.sampled_from(["1" * 16, "0" * 16]),
    report=st.sampled_from(["", "a", "b"]),
)
Leases: TypeAlias = tuple[Lease, Lease]
LONG = 1000.0


class Twins(RuleBasedStateMachine):
    """The real store and its twin, given the same to do."""

    leases: Bundle[Leases] = Bundle("leases")

    def __init__(self, client: redis.Redis) -> None:
        super().__init__()
        client.flushall()
        self.client, self.memory = client, open_memory()
        self.clock = self.memory.clock
        self.real, self.twin = Store(client, "twin"), open_store(self.memory)

    @initialize()
    def share_the_secret(self) -> None:
        """The hashes of addresses and users are the same on both sides."""
        self.client.set(self.real.key("secret"), "s")
        self.memory.set(self.twin.key("secret"), "s")

    def both(self, call: Callable[[Store], T]) -> T:
        """Return the answer both give."""
        real = call(self.real)
        self.clock.microseconds = int(self.real.now())
        assert call(self.twin) == real
        return real

    @rule(event=EVENTS)
    def accept(self, event: Event) -> None:
        real = self.real.accept(event)
        self.clock.microseconds = int(self.real.now() if event.occurred_at else min(self.real.now(), real.stamp))
        assert self.twin.accept(event) == real

    @rule(target=leases, user=USERS)
    def lease(self, user: str) -> MultipleResults[Leases]:
        taken = self.take_both(user)
        return multiple(taken) if taken else multiple()

    @rule(user=USERS, data=st.data())
    def push(self, user: str, data: st.DataObject) -> None:
        taken = self.take_both(user)
        if taken:
            self.settle(taken, data)

    @rule(user=USERS, times=st.integers(1, 3))
    def crash(self, user: str, times: int) -> None:
        for _ in range(times):
            self.take_both(user)
            self.let_the_lease_run_out(user)

    def take_both(self, user: str) -> Leases | None:
        real = self.real.lease(user, LONG)
        self.clock.microseconds = int(self.real.now())
        twin = self.twin.lease(user, LONG)
        if isinstance(real, str) or isinstance(twin, str):
            assert twin == real
            return None
        assert timeless(twin.contact) == timeless(real.contact)
        return real, twin

    @rule(kind=KINDS, most=st.integers(1, 3), served=st.booleans())
    def lease_batch(self, kind: str, most: int, served: bool) -> None:  # noqa: FBT001 - drawn
        real = self.real.lease_batch(kind, most, LONG)
        self.clock.microseconds = int(self.real.now())
        twin = self.twin.lease_batch(kind, most, LONG)
        assert [timeless(lease.contact) for lease in twin] == [timeless(lease.contact) for lease in real]
        for leases in zip(real, twin, strict=True):
            self.end(leases, kind, served=served)

    def end(self, leases: Leases, kind: str, *, served: bool) -> None:
        if served:
            self.both(lambda store: store.settle(self.mine(store, leases), Settlement(clean=True)))
        else:
            self.both(lambda store: store.release_all([(self.mine(store, leases), kind)]))

    @rule(sighting=SIGHTINGS)
    def notice(self, sighting: Sighting) -> None:
        self.both(lambda store: store.mark_changed("default", [sighting]))

    @rule(user=USERS)
    def let_the_lease_run_out(self, user: str) -> None:
        """Time passes on neither side, so the lease is moved."""
        for store, held in ((self.real, self.client), (self.twin, self.memory)):
            key = store.key(f"contacts:{user}")
            lease = cast("str | None", held.hget(key, "lease"))
            if lease:
                held.hset(key, "lease", "0" * 16 + lease[16:])
            if lease and held.get(store.key("suspect")) == lease[16:]:
                held.delete(store.key("suspect"))

    @rule(leases=leases, seen=SEEN)
    def renew_lease(self, leases: Leases, seen: RemoteState) -> None:
        self.both(lambda store: store.renew_lease(self.mine(store, leases), LONG, {"default": seen}))

    @rule(leases=leases, data=st.data())
    def settle(self, leases: Leases, data: st.DataObject) -> None:
        result = data.draw(settlements(leases[0]))
        self.both(lambda store: store.settle(self.mine(store, leases), result))

    @rule(data=st.data(), discarded=st.booleans())
    def deal_with_a_dead_letter(self, data: st.DataObject, discarded: bool) -> None:  # noqa: FBT001 - drawn
        letters = dead_letters.read_letters(self.real)
        letter = data.draw(st.sampled_from(letters)) if letters else None
        if letter and discarded and letter.task != "anonymize_contact":
            self.both(lambda store: dead_letters.discard(store, letter, "tester"))
        elif letter:
            self.both(lambda store: store.replay(letter.user_id, letter.key, letter.id, "tester"))

    @rule(limit=st.integers(1, 3), grace=st.sampled_from([-2 * LONG, -0.5 * LONG, LONG]))
    def sweep(self, limit: int, grace: float) -> None:
        self.both(lambda store: store.overdue(limit, grace))

    @rule(users=st.lists(USERS), address=ADDRESSES)
    def look(self, users: list[str], address: str) -> None:
        self.both(lambda store: store.priorities(users))
        self.both(lambda store: store.claimant(address.lower()))
        self.both(lambda store: store.first_times("default", users))

    @invariant()
    def both_hold_the_same(self) -> None:
        assert picture_memory(self.memory) == picture_redis(self.client)

    def mine(self, store: Store, leases: Leases) -> Lease:
        """Return the side of the leases that is this store's."""
        return leases[store is self.twin]


def timeless(contact: Contact) -> Contact:
    """Return the contact without the moments that are the clocks' own."""
    return replace(contact, unknown_since=str(bool(contact.unknown_since)), pending=dict.fromkeys(contact.pending, ""))


@st.composite
def settlements(draw: st.DrawFn, lease: Lease) -> Settlement:
    """How a push may have ended: any event reflected, dead or waiting, tries counted, something to do later."""
    events_of = sorted(lease.contact.pending)
    dead = {key for key in events_of if draw(st.integers(0, 2)) == 0}
    done = {key for key in events_of if key not in dead and draw(st.booleans())}
    letters = {key: _letter(lease.user_id, key) for key in dead}
    fields = draw(st.sampled_from([{}, {"tries": "1", "failing": "0" * 16, "unsure": "0" * 16}, {"unsure": ""}]))
    return Settlement(
        fields={**fields, **{f"p:{key}": "" for key in done}},
        clean=draw(st.booleans()),
        due=draw(st.sampled_from([None, 0, LONG])),
        tombstone=draw(st.sampled_from(["", "0000000000000001"])) if lease.contact.erased else "",
        erased_ids={"default": [7]},
        letters={key: (letter.id, letter.as_json()) for key, letter in letters.items()},
        closed={key: "reflected" for key in sorted(lease.contact.dead) if draw(st.booleans())},
        history=[f"{key} synced" for key in sorted(done)],
    )


def _letter(user_id: str, key: EventKey) -> dead_letters.DeadLetter:
    return dead_letters.write_letter(user_id, key, RejectedContactError("no"), "0" * 16)


def test_the_twin_of_the_store_answers_and_holds_what_the_real_one_does(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        machine = cast("type[RuleBasedStateMachine]", partial(Twins, client))
        run_machine(machine, settings=settings(max_examples=60, stateful_step_count=40, deadline=None))
