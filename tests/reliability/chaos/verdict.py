"""What a run has shown: figures and, for each invariant, its violations; both survive the run's processes."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from statistics import median

from tests.reliability.chaos import invariants
from tests.reliability.chaos.optouts import Record, find_resubscribed
from tests.reliability.chaos.restoring import find_undone
from tests.reliability.chaos.run import Run
from tests.support.processes import Program
from tests.support.receiving import ANNA

RECOVERED_WITHIN = 30.0
FUZZED_WITHIN = 60.0
Check = Callable[[Run], Iterator[str]]


def find_slow_recovery(run: Run) -> Iterator[str]:
    """Yield that the contacts of killed workers had to wait for too long."""
    seconds = run.havoc.recovery.seconds
    if seconds and median(seconds) > RECOVERED_WITHIN:
        yield f"the median is {median(seconds):.1f} s"


def find_fuzzing_faults(run: Run) -> Iterator[str]:
    """Yield what the receiver of webhooks answered, or left behind, that it should not."""
    if run.fuzzer and run.fuzzer.process.wait(FUZZED_WITHIN):
        yield f"seed {run.plan.seed}: {_last_line(run.fuzzer)}"
    if run.fuzzer and ANNA in run.fuzzer.output:
        yield f"an address is in {run.fuzzer.log.name}"


def _last_line(program: Program) -> str:
    return (program.output.splitlines() or ["it said nothing"])[-1]


RESTORED = "a restored backup undoes no opt-out and no erasure"
CHECKS: dict[str, Check] = {
    "Brevo holds what the newest events say": invariants.find_disagreements,
    "every event is reflected or one dead letter": invariants.find_lost,
    "no dead letter without need": invariants.find_needless_letters,
    "nobody re-joined after an opt-out": find_resubscribed,
    "nothing personal is left of the erased": invariants.find_remains,
    "no key lives for ever but the permanent ones": invariants.find_everlasting,
    "nothing personal in any log": invariants.find_leaks,
    "no worker ended by itself": invariants.find_deaths,
    "no error that nobody expected": invariants.find_bugs,
    "recovery: median at most 30 s": find_slow_recovery,
    "the receiver answers whatever is sent in clear words": find_fuzzing_faults,
}


@dataclass
class Verdict:
    """The outcome of one run."""

    violations: dict[str, list[str]] = field(default_factory=dict)
    figures: dict[str, str] = field(default_factory=dict)

    @property
    def broken(self) -> set[str]:
        """The invariants that do not hold."""
        return {name for name, found in self.violations.items() if found}

    def pronounce(self, run: Run) -> None:
        """Look at everything a run has left behind."""
        self.violations = {name: list(check(run)) for name, check in CHECKS.items()}
        self.figures = _measure(run)
        _keep_evidence(run, self)
        self.violations[RESTORED] = list(find_undone(run))


def _measure(run: Run) -> dict[str, str]:
    brevo, havoc, record = run.world.brevo, run.havoc, Record(run)
    rejoined = sum(rejoin.physics for rejoin in record.rejoins())
    reported = {
        "seed": run.plan.seed,
        "events": f"{len(run.reported):,} of {len({reported.user_id for reported in run.reported}):,} people",
        "sent twice": f"{len(run.sent) - len(run.reported):,}",
        "workers killed": havoc.killed,
        "Redis killed": havoc.redis_killed,
        "requests to Brevo": f"{brevo.journal.total:,}",
        "late effects": f"{record.late_effects():,}, of which {rejoined} undid an opt-out until repaired",
        "recovery after a kill": _recovery(havoc.recovery.seconds),
        "duration": f"{run.seconds:.0f} s",
        "receiver's answers": _last_line(run.fuzzer) if run.fuzzer else "not fuzzed",
    }
    total = sum(run.faults.values())
    kinds = ", ".join(f"{count} {name}" for name, count in sorted(run.faults.items(), key=lambda each: -each[1]))
    return {name: str(value) for name, value in reported.items()} | {
        "faults": f"{total:,}: {kinds}" if total else "none"
    }


def _recovery(seconds: list[float]) -> str:
    if not seconds:
        return "nothing was held"
    return f"median {median(seconds):.1f} s, at most {max(seconds):.1f} s, {len(seconds)} contacts"


def _keep_evidence(run: Run, verdict: Verdict) -> None:
    """Write down beside the logs what Brevo got, what became of its contacts, and all that lies in Redis."""
    brevo = run.world.brevo
    kept = {
        "requests": [asdict(request) for request in brevo.journal.requests()],
        "history": [asdict(entry) for entry in brevo.history.entries()],
    }
    for name, rows in kept.items():
        (run.world.folder / f"{name}.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    (run.world.folder / "owners.json").write_text(json.dumps(brevo.list_owners()))
    (run.world.folder / "redis.json").write_text(json.dumps(dict(invariants.read_keys(run)), indent=2))
    (run.world.folder / "verdict.json").write_text(json.dumps(asdict(verdict), indent=2))
