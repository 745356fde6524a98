"""Two ways of doing the same, measured by turns: whatever else the machine does meets both alike."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from statistics import median, quantiles

Measure = Callable[[int], float]


@dataclass(frozen=True)
class Comparison:
    """The seconds that both took in one run; ``target`` is the highest ratio that is still good."""

    what: str
    against: str
    target: float | None
    ours: tuple[float, ...]
    naive: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """How many times as long as the naive thing ours takes, by the medians."""
        return median(self.ours) / median(self.naive)

    @property
    def missed(self) -> bool:
        """Whether the ratio is above its target."""
        return self.target is not None and self.ratio > self.target


def compare(
    what: str, against: str, *, target: float | None, ours: Measure, naive: Measure, times: int, warm_up: int = 3
) -> Comparison:
    """Return what both take, measured by turns; each turn has a number of its own."""
    turns = count()
    for _ in range(warm_up):
        ours(next(turns))
        naive(next(turns))
    seconds = [(ours(next(turns)), naive(next(turns))) for _ in range(times)]
    first, second = zip(*seconds, strict=True)
    return Comparison(what, against, target, first, second)


def spread(seconds: tuple[float, ...]) -> tuple[float, float]:
    """Return the quartiles around the median."""
    lower, _, upper = quantiles(seconds, n=4)
    return lower, upper
