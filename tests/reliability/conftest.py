"""The rig of the tests that break things: every process is real and gone when the test is over."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from sync_tasks.embedded import EmbeddedRedis
from sync_tasks.sandbox import LimitSettings, Sandbox, SandboxSettings
from sync_tasks.sandbox.server import serving
from tests.reliability.rig import Rig
from tests.servers import StartProgram

# Short, so that no test waits for what is long in production.
HASTY = {"lease_seconds": 3, "grace_seconds": 2, "quiet_seconds": 3, "probe_seconds": 1}

MakeRig = Callable[..., Rig]


@pytest.fixture
def make_rig(private_redis: EmbeddedRedis, start_program: StartProgram, tmp_path: Path) -> Iterator[MakeRig]:
    """Build a rig; ``accounts`` are its accounts, each with a sandbox, ``pipeline`` changes what is hasty."""
    with ExitStack() as stack:

        def make(*accounts: str, rate: float = 500, limits: bool = False, **pipeline: float) -> Rig:
            settings = SandboxSettings(limits=LimitSettings(enabled=limits, contacts_per_second=int(rate)), seed=1)
            served = {name: stack.enter_context(serving(settings)) for name in accounts or ("default",)}
            urls = {name: one.url for name, one in served.items()}
            rig = Rig(private_redis, urls, served["default"].sandbox, start_program, tmp_path, HASTY | pipeline, rate)
            rig.others = {name: one.sandbox for name, one in served.items()}
            stack.callback(rig.close)
            return rig

        yield make


@pytest.fixture
def rig(make_rig: MakeRig) -> Rig:
    """A rig of one account."""
    return make_rig()


