"""How a burst went on: how much of it was done when."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

OURS, NAIVE = "sync_tasks", "benchmarks.naive"
LOOK_EVERY = 0.05
KEEP_EVERY = 1.0
URGENT_WITHIN = 2.0


@dataclass
class Course:
    """When how many events were done, as far as it was watched; ``urgent``: seconds until an opt-out was at Brevo."""

    moments: list[tuple[float, float]] = field(default_factory=lambda: [(0.0, 0.0)])
    urgent: float | None = None
    asked: float | None = None

    @property
    def seconds(self) -> float:
        """How long it was watched."""
        return self.moments[-1][0]

    @property
    def done(self) -> float:
        """How many events were done by then."""
        return self.moments[-1][1]

    @property
    def speed(self) -> float:
        """Events a second over all of that time."""
        return self.done / self.seconds if self.seconds else 0.0

    @property
    def waited(self) -> str:
        """How long the opt-out took, in words; nothing where there was none."""
        if self.asked is None:
            return ""
        return f"{self.urgent:.1f} s" if self.urgent is not None else f"over {self.seconds - self.asked:.0f} s"


@dataclass(frozen=True)
class Speed:
    """How fast both brought a burst to Brevo, and with how many requests; ``refused`` of ours for the limit.

    ``urgent``: of which opt-out a course says how long it took.
    """

    what: str
    count: int
    target: float
    ours: Course
    naive: Course
    requests: int
    refused: int
    naive_requests: int
    urgent: str = ""

    @property
    def fewer(self) -> float:
        """How many times as many requests an event costs naive, as far as it was watched."""
        return (self.naive_requests / max(self.naive.done, 1)) / (self.requests / self.count)

    @property
    def ratio(self) -> float | None:
        """How many times as fast as naive ours is; nothing if naive did nothing as long as it was watched."""
        return self.ours.speed / self.naive.speed if self.naive.speed else None

    @property
    def shown_ratio(self) -> str:
        """The ratio in words."""
        return "-" if self.ratio is None else f"{self.ratio:.1f}\N{MULTIPLICATION SIGN}"

    @property
    def missed(self) -> bool:
        """Whether that is less than the target, or an opt-out took too long, or ours did not come to its end."""
        urgent = self.ours.urgent if self.ours.asked is not None else 0.0
        slow = self.ratio is not None and self.ratio < self.target
        return slow or urgent is None or urgent > URGENT_WITHIN or self.ours.done < self.count


@dataclass(frozen=True)
class Run:
    """So many processes of an app, each with so many cores, or with what there is."""

    app: str
    processes: int
    cores: float | None = None


@dataclass(frozen=True)
class Freely:
    """Events a second without any limit, by runs.

    What a second process brings is measured with half a core for each, as a container is granted it: two whole cores,
    which they share with Redis and the sandbox, leave little room for a second process.
    """

    ONE: ClassVar = Run(OURS, 1)
    TWO: ClassVar = Run(OURS, 2)
    NAIVE_ONE: ClassVar = Run(NAIVE, 1)
    NAIVE_TWO: ClassVar = Run(NAIVE, 2)
    ONE_OF_HALF: ClassVar = Run(OURS, 1, 0.5)
    TWO_OF_HALF: ClassVar = Run(OURS, 2, 0.5)
    RUNS: ClassVar = (ONE, TWO, NAIVE_ONE, NAIVE_TWO, ONE_OF_HALF, TWO_OF_HALF)
    NO_SLOWER: ClassVar = 1.0
    SECOND_PROCESS: ClassVar = 1.6

    speeds: Mapping[Run, float]

    def ratio(self, run: Run, other: Run) -> float | None:
        """Return how many times as fast a run was as another; nothing where it could not be measured."""
        return self.speeds[run] / self.speeds[other] if {run, other} <= self.speeds.keys() else None

    @property
    def missed(self) -> bool:
        """Whether ours is slower, or a second process brings too little."""
        faster, more = self.ratio(self.TWO, self.NAIVE_TWO), self.ratio(self.TWO_OF_HALF, self.ONE_OF_HALF)
        return (faster or 0) < self.NO_SLOWER or (more is not None and more < self.SECOND_PROCESS)

    def __str__(self) -> str:
        return (
            f"Without any limit, sign-ups a second: {self.speeds[self.TWO]:,.0f} with two processes of ours, "
            f"{self.speeds[self.NAIVE_TWO]:,.0f} with naive's two: ours is {self.ratio(self.TWO, self.NAIVE_TWO):.1f} "
            f"times as fast (at least {self.NO_SLOWER:g}). {self._second_process} With all of this machine's cores, "
            f"shared with Redis and the sandbox, a second process makes ours {self.ratio(self.TWO, self.ONE):.1f} "
            f"times as fast, and naive {self.ratio(self.NAIVE_TWO, self.NAIVE_ONE):.1f} times."
        )

    @property
    def _second_process(self) -> str:
        more = self.ratio(self.TWO_OF_HALF, self.ONE_OF_HALF)
        if more is None:
            return "What a second process of half a core brings takes the right to make control groups: not measured."
        one, two = (f"{self.speeds[run]:,.0f}" for run in (self.ONE_OF_HALF, self.TWO_OF_HALF))
        return (
            f"With half a core for each process: {one} with one, {two} with two, {more:.1f} times as many (at least "
            f"{self.SECOND_PROCESS:g})."
        )


@dataclass(frozen=True)
class Urgent:
    """An opt-out so many seconds after a burst began, and what says whether it is at Brevo."""

    after: float
    report: Callable[[], None]
    there: Callable[[], bool]

    def look(self, course: Course, seconds: float) -> None:
        """Take note of how far it is."""
        if course.asked is None and seconds >= self.after:
            self.report()
            course.asked = seconds
        if course.asked is not None and course.urgent is None and self.there():
            course.urgent = seconds - course.asked


def follow(count: int, share: Callable[[], float], patience: float, urgent: Urgent | None) -> Course:
    """Watch a burst to its end, or as long as patience lasts."""
    course, began, kept = Course(), time.monotonic(), 0.0
    done = 0.0
    while (seconds := time.monotonic() - began) < patience and done < count:
        done = share() * count
        if done >= count or seconds - kept >= KEEP_EVERY:
            course.moments.append((seconds, done))
            kept = seconds
        if urgent:
            urgent.look(course, seconds)
        time.sleep(LOOK_EVERY)
    if course.seconds < seconds:
        course.moments.append((seconds, done))
    return course
