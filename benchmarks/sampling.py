"""What was seen in an outage and after it: the samples, what they must not show, the table."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from benchmarks.report import PAGE, describe_machine

COLUMNS = ("when", "workers, MiB", "Redis, MiB", "in queues", "in workers", "dirty", "requests", "of them 429")
MINUTE = 60
SOME, MANY = 3, 7
# What Python may take for buffers and caches; a hundred thousand hoarded messages would be hundreds of MiB.
FLAT = 20.0
HOARDED, REFUSED = 64, 0.02
RELIABILITY = PAGE.with_name("reliability.md")
_MARKED = re.compile(r"(<!-- outage -->\n).*(<!-- /outage -->)", re.DOTALL)


@dataclass(frozen=True)
class Sample:
    """What everything held at one moment; memory in MiB, requests since the beginning."""

    seconds: float
    workers: tuple[float, ...]
    redis: float
    queued: int
    in_hand: int
    dirty: int
    requests: int
    refused: int

    def cells(self) -> tuple[str, ...]:
        """Return it as texts, for one line of a table."""
        memory = " / ".join(f"{each:.1f}" for each in self.workers)
        counts = (self.queued, self.in_hand, self.dirty, self.requests, self.refused)
        return (f"{self.seconds:.1f}", memory, f"{self.redis:.1f}", *map(str, counts))


@dataclass(frozen=True)
class Outage:
    """The samples while people sign up, in the rest of the outage, after it; ``allowed``: requests a second."""

    filling: list[Sample]
    during: list[Sample]
    after: list[Sample]
    allowed: int

    @property
    def growth(self) -> float:
        """By how many MiB the worker that grew most did, from its first tenth of the outage to the last."""
        part = max(1, len(self.during) // 10)
        ends = (self.during[:part], self.during[-part:])
        first, last = ([median(each) for each in zip(*(one.workers for one in end), strict=True)] for end in ends)
        return max(later - earlier for earlier, later in zip(first, last, strict=True))

    @property
    def hoarded(self) -> int:
        """How many messages workers had in hand at most while Brevo was away."""
        return max(sample.in_hand for sample in (*self.filling, *self.during))

    @property
    def fastest(self) -> float:
        """How many requests a second went out at most in any ten seconds after the outage, those met by a 429 too."""
        spans = zip(self.after, self.after[10:], strict=False)
        return max(((two.requests - one.requests) / (two.seconds - one.seconds) for one, two in spans), default=0.0)

    @property
    def refused(self) -> int:
        """How many requests met a 429 after the outage."""
        return self.after[-1].refused - self.after[0].refused

    @property
    def requested(self) -> int:
        """How many requests the catching up took."""
        return self.after[-1].requests - self.after[0].requests

    def until_synced(self, count: int) -> float | None:
        """Return after how many seconds so many contacts were at Brevo."""
        first = self.after[0]
        ends = (one.seconds for one in self.after if first.dirty - one.dirty >= count)
        return next((seconds - first.seconds for seconds in ends), None)

    @property
    def missed(self) -> list[str]:
        """Say which targets were missed."""
        found = {
            f"a worker grew by {self.growth:.1f} MiB": self.growth > FLAT,
            f"workers had {self.hoarded} messages in hand": self.hoarded > HOARDED,
            f"{self.fastest:.1f} requests a second went out": self.fastest > self.allowed * 1.1,
            f"{self.refused} requests met a 429": self.refused > self.requested * REFUSED,
            f"{self.after[-1].dirty} contacts were left dirty": bool(self.after[-1].dirty),
        }
        return [what for what, missed in found.items() if missed]


def resident(pid: int) -> float:
    """Return how many MiB of memory a process holds."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def print_outage(outage: Outage) -> None:
    """Print what was measured, and in red which targets were missed."""
    table = Table(*COLUMNS)
    for row in _rows(outage):
        table.add_row(*row)
    console = Console()
    console.print(table)
    for line in _summary(outage):
        console.print(line)
    for what in outage.missed:
        console.print(f"[red]{what}[/red]")


def write_outage(outage: Outage, page: Path = RELIABILITY) -> None:
    """Put the figures into the page, between its two marks."""
    lines = [f"| {' | '.join(row)} |" for row in (COLUMNS, ("---",) * len(COLUMNS), *_rows(outage))]
    told = "\n".join([*lines, "", *_summary(outage), "", describe_machine(), ""])
    page.write_text(_MARKED.sub(lambda found: f"{found[1]}{told}{found[2]}", page.read_text(encoding="utf-8")))


def _rows(outage: Outage) -> Iterator[tuple[str, ...]]:
    phases = (("sign-ups", outage.filling, SOME), ("outage", outage.during, MANY), ("after it", outage.after, MANY))
    for phase, samples, count in phases:
        first = samples[0].seconds if samples is outage.after else 0.0
        for sample in _spread(samples, count):
            yield (f"{phase}, {_show_time(sample.seconds - first)}", *sample.cells()[1:])


def _spread(samples: Sequence[Sample], count: int) -> list[Sample]:
    """Return a few of them, at equal distances, the first and the last among them."""
    places = {round(number * (len(samples) - 1) / (count - 1)) for number in range(count)}
    return [samples[place] for place in sorted(places)]


def _show_time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 2 * MINUTE else f"{seconds / MINUTE:.0f} min"


def _summary(outage: Outage) -> Iterator[str]:
    yield _tell_outage(outage)
    yield _tell_end(outage)


def _tell_outage(outage: Outage) -> str:
    first, last = outage.during[0], outage.during[-1]
    return (
        f"The outage lasted {last.seconds / MINUTE:.0f} minutes. Once everybody had signed up, in "
        f"{(last.seconds - first.seconds) / MINUTE:.0f} minutes with {last.requests - first.requests} requests, a "
        f"worker grew by {outage.growth:.1f} MiB at most and Redis by {last.redis - first.redis:.1f} MiB; the queues "
        f"held {max(one.queued for one in outage.during)} messages at most. While they signed up, up to "
        f"{max(one.queued for one in outage.filling):,} messages waited in the queues, and never more than "
        f"{outage.hoarded} in workers."
    )


def _tell_end(outage: Outage) -> str:
    marks = ((count, outage.until_synced(count)) for count in (1_000, 10_000, 50_000, 100_000))
    told = ", ".join(f"{count:,} after {seconds:.0f} s" for count, seconds in marks if seconds is not None)
    last = outage.after[-1].seconds - outage.after[0].seconds
    return (
        f"After it, contacts at Brevo: {told}, all after {last:.0f} s. That took {outage.requested:,} requests, "
        f"{outage.refused} of which met a 429; {outage.fastest:.1f} a second at most in any ten seconds, where "
        f"{outage.allowed} are allowed. At most {max(one.queued for one in outage.after):,} messages were in the "
        f"queues and {max(one.in_hand for one in outage.after)} in workers."
    )
