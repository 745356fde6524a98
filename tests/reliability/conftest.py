"""The rig of the tests that break things: every process is real and gone when its test is over."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from sync_tasks.local.redis_server import EmbeddedRedis
from sync_tasks.sandbox import LimitSettings, SandboxSettings
from sync_tasks.sandbox.server import serving
from tests.support.measuring import Measure, Note, measuring
from tests.support.processes import StartProgram
from tests.support.rig import Rig

# No test waits for what takes long in production.
HASTY = {"lease_seconds": 3, "grace_seconds": 1, "quiet_seconds": 2, "probe_seconds": 1}

MakeRig = Callable[..., Rig]


@pytest.fixture
def make_rig(private_redis: EmbeddedRedis, start_program: StartProgram, tmp_path: Path) -> Iterator[MakeRig]:
    """Build a rig; ``accounts`` are further accounts, ``limited`` makes Brevo count, the rest is for [pipeline]."""
    with ExitStack() as stack:

        def make(*accounts: str, rate: float = 500, limited: bool = False, url: str = "", **pipeline: float) -> Rig:
            limits = LimitSettings(enabled=limited, contacts_per_second=int(rate), contacts_per_hour=10**9)
            settings = SandboxSettings(limits=limits, seed=1, import_seconds=1.0)
            served = [stack.enter_context(serving(settings)) for _ in ("default", *accounts)]
            reported = "\n".join(f"{name} = {value}" for name, value in (HASTY | pipeline).items())
            more = dict(zip(accounts, served[1:], strict=True))
            return Rig(
                private_redis,
                served[0],
                start_program,
                tmp_path,
                stack,
                pipeline=reported,
                others=more,
                rate=rate,
                redis_url=url,
            )

        yield make


@pytest.fixture
def rig(make_rig: MakeRig) -> Rig:
    """A rig of one account."""
    return make_rig()


@pytest.fixture
def note(record_property: Note) -> Note:
    """Note a number under a name; all of them are printed at the end of the run."""
    return record_property


@pytest.fixture
def measure(note: Note) -> Measure:
    """Note how long a block takes."""
    return measuring(note)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what was measured."""
    passed = terminalreporter.stats.get("passed", [])
    reported = sorted({(str(name), str(value)) for report in passed for name, value in report.user_properties})
    if reported:
        terminalreporter.section("measured")
    for name, value in reported:
        terminalreporter.write_line(f"{value:>12}  {name}")
