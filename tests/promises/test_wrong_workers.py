"""Workers whose key opens another account, as processes: they write nothing there, and say what to do."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sync_tasks.sandbox import LimitSettings, SandboxSettings
from sync_tasks.sandbox.server import ServedSandbox, serving
from tests.support.pipeline import ATTRIBUTES
from tests.support.processes import wait_until
from tests.support.station import READY, SETTLED_WITHIN, building


@pytest.fixture
def other() -> Iterator[ServedSandbox]:
    """Another account, whose contacts have the numbers of ours."""
    settings = SandboxSettings(attributes=ATTRIBUTES, limits=LimitSettings(enabled=False), seed=1, import_seconds=1.0)
    with serving(settings) as served:
        served.sandbox.add_contacts([{"email": "eve@shop.example", "listIds": [3], "ext_id": "1"}])
        yield served


def test_workers_with_the_key_of_another_account_write_nothing_and_say_why(
    tmp_path: Path, other: ServedSandbox
) -> None:
    before = other.sandbox.contacts()
    with building(tmp_path) as station:
        worker = station.worker()
        station.portal.accept("subscribe", user_id="anna", newsletter="daily", email="anna@portal.org")
        station.wait_for_lists("anna", 3)
        worker.stop()
        wrong = station.start_worker("wrong", SYNC_BASE_URL=other.url)
        wrong.wait_for(READY)
        station.portal.accept("anonymize", user_id="anna")
        wait_until(lambda: "WrongAccountError" in wrong.output, "the worker says why", SETTLED_WITHIN)
        assert "sync-tasks account accept default" in wrong.output
        wrong.stop()
        assert other.sandbox.contacts() == before
        station.worker()
        station.wait_until_erased("anna")
