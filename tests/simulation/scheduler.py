"""Who goes on when: ordinary code, one actor at a time, switched at every call that leaves its process."""

import heapq
from collections.abc import Callable
from math import ceil
from random import Random

from greenlet import GreenletExit, getcurrent, greenlet  # type: ignore[import-untyped]

from tests.simulation.clock import Clock


class Actor:
    """Something that acts by itself; it goes on when its turn comes, and never once it is dead."""

    def __init__(self, name: str, run: Callable[[], None]) -> None:
        self.name = name
        self.greenlet = greenlet(run)
        self.turn = 0
        self.dead = False


class Scheduler:
    """Lets the actor go on whose time has come first, and time pass to there; all chance is the seed's."""

    def __init__(self, clock: Clock, chance: Random) -> None:
        self.clock = clock
        self.chance = chance
        self.schedule: list[tuple[int, str, str]] = []
        self._start = clock.microseconds
        self._turns: list[tuple[int, float, int, Actor]] = []
        self._actors: dict[greenlet, Actor] = {}
        self._hub = getcurrent()

    @property
    def seconds(self) -> float:
        """How long this has been going on."""
        return (self.clock.microseconds - self._start) / 1_000_000

    def spawn(self, name: str, run: Callable[[], None]) -> Actor:
        """Let somebody begin now."""
        actor = Actor(name, run)
        self._actors[actor.greenlet] = actor
        self.wake(actor, 0)
        return actor

    def wake(self, actor: Actor, seconds: float) -> None:
        """Let an actor go on so many seconds from now, and not at any time said before."""
        actor.turn += 1
        due = self.clock.microseconds + ceil(seconds * 1_000_000)
        heapq.heappush(self._turns, (due, self.chance.random(), actor.turn, actor))

    def note(self, what: str) -> None:
        """Put down what the actor that is on does now."""
        actor = self._actors.get(getcurrent())
        self.schedule.append((self.clock.microseconds - self._start, actor.name if actor else "operator", what))

    @property
    def current(self) -> Actor:
        """The actor that is on."""
        return self._actors[getcurrent()]

    def pause(self, seconds: float) -> None:
        """Let others go on for so long."""
        self._check()
        self.wake(self.current, seconds)
        self.park()

    def park(self) -> None:
        """Wait until somebody wakes the actor that is on."""
        self._hub.switch()
        self._check()

    def die(self) -> None:
        """End as by SIGKILL: nothing of the actor's happens any more, not even its cleaning up."""
        self.note("is killed")
        self.current.dead = True
        self.park()

    def _check(self) -> None:
        if self.current.dead:
            raise GreenletExit

    def run(self, until: Callable[[], bool], longest: float) -> bool:
        """Let everybody act until something is so; return whether it came to be within so many seconds."""
        while not until():
            if not self._turns or self.seconds > longest:
                return False
            due, _, turn, actor = heapq.heappop(self._turns)
            if turn == actor.turn and not actor.dead:
                self.clock.microseconds = max(self.clock.microseconds, due)
                actor.greenlet.switch()
        return True

    def close(self) -> None:
        """End everybody."""
        for actor in self._actors.values():
            actor.dead = True
            if not actor.greenlet.dead and actor.greenlet:
                actor.greenlet.throw(GreenletExit)
