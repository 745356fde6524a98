"""The killing: whole workers and Redis, at moments that chance has drawn beforehand; and how soon others take over."""

import os
import random
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import cast

from redis import RedisError

from sync_tasks.domain.registers import STAMP
from sync_tasks.domain.timestamps import MICROSECONDS_PER_SECOND
from tests.reliability.chaos.plan import Plan
from tests.reliability.chaos.world import World


@dataclass(slots=True)
class Held:
    """A contact whose lease a killed worker may have had; ``sure`` once nobody had touched it until it ran out."""

    user_id: str
    lease: str
    killed: int
    sure: bool = False


@dataclass
class Recovery:
    """Follows the contacts that killed workers held until others have settled them."""

    world: World
    open: list[Held] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def note_leases(self) -> None:
        """Remember who has a lease at this moment."""
        store = self.world.store
        users = cast("list[str]", store.redis.zrange(store.key("dirty"), 0, -1))
        now = int(store.now())
        leases = self._leases(users)
        self.open += [Held(user, lease, now) for user, lease in zip(users, leases, strict=True) if lease]

    def look(self) -> None:
        """See who of them has been settled by now."""
        if not self.open:
            return
        store, users = self.world.store, [held.user_id for held in self.open]
        dirty = store.redis.zmscore(store.key("dirty"), users)
        now = int(store.now())
        looks = list(zip(self.open, self._leases(users), dirty, strict=True))
        self.open = [held for held, lease, since in looks if self._is_open(held, lease, since, now)]

    def _leases(self, users: list[str]) -> list[str | None]:
        pipeline = self.world.store.redis.pipeline(transaction=False)
        for user in users:
            pipeline.hget(self.world.store.key(f"contacts:{user}"), "lease")
        return cast("list[str | None]", pipeline.execute())

    def _is_open(self, held: Held, lease: str | None, dirty: float | None, now: int) -> bool:
        held.sure |= int(held.lease[:STAMP]) < now
        if lease == held.lease:
            return True
        if not held.sure:  # its holder is alive: it has lengthened the lease, or given it back
            return False
        if lease or (dirty is not None and dirty <= held.killed):
            return True
        self.seconds.append((now - held.killed) / MICROSECONDS_PER_SECOND)
        return False


@dataclass
class Havoc:
    """What is killed, and when: seconds since the beginning, the earliest last."""

    world: World
    recovery: Recovery
    chance: random.Random
    workers_at: list[float]
    redis_at: list[float]
    killed: int = 0
    redis_killed: int = 0

    @property
    def over(self) -> bool:
        return not self.workers_at and not self.redis_at

    def go_on(self, second: float) -> None:
        """Kill what is to be killed by now."""
        while self.redis_at and self.redis_at[-1] <= second:
            self.redis_at.pop()
            self._kill_redis()
        while self.workers_at and self.workers_at[-1] <= second:
            self.workers_at.pop()
            self._kill_worker()
        with suppress(RedisError):
            self.recovery.look()

    def _kill_worker(self) -> None:
        number = self.chance.randrange(len(self.world.workers))
        worker = self.world.workers[number]
        with suppress(ProcessLookupError):
            os.killpg(worker.pid, signal.SIGSTOP)
        with suppress(RedisError):
            self.recovery.note_leases()
        worker.kill()
        self.killed += 1
        self.world.workers[number] = self.world.start_worker(f"worker-{number}")

    def _kill_redis(self) -> None:
        self.world.redis.kill()
        self.redis_killed += 1
        time.sleep(self.chance.uniform(0.2, 3.0))
        self.world.redis.start()


def plan_havoc(world: World, plan: Plan) -> Havoc:
    """Return the killing of a run, drawn from its seed."""
    chance = random.Random(plan.seed)
    return Havoc(
        world,
        Recovery(world),
        chance,
        workers_at=_draw_moments(chance, plan.kills, plan.load),
        redis_at=_draw_moments(chance, plan.redis_kills, plan.load),
    )


def _draw_moments(chance: random.Random, count: int, within: float) -> list[float]:
    return sorted((chance.uniform(1.0, within) for _ in range(count)), reverse=True)
