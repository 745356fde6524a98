"""A probe asks everything within its 80 requests, however long the account's imports take."""

from dataclasses import replace

import pytest

from sync_tasks.probe.budget import MOST
from sync_tasks.sandbox.settings import IMPORT_SECONDS
from tests.support.probing import Prober, play
from tests.support.sandbox_clock import Clock

# Nobody was refused for the rate, so nobody knows what a 429 says.
ASKED = 27
# For looks that must be made again, and for what an earlier run left.
LEFT_OVER = 14


@pytest.fixture
def clock(prober: Prober, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock of the sandbox that stands still unless the probe waits."""
    clock = Clock()
    monkeypatch.setattr(prober.brevo, "clock", clock)
    monkeypatch.setattr(prober.brevo.account, "clock", clock)
    return clock


@pytest.mark.parametrize("unkind", [False, True], ids=["usual", "nothing clears"])
@pytest.mark.parametrize("seconds", [IMPORT_SECONDS[0], 5.0, 14.0, 22.0, 35.0, IMPORT_SECONDS[1]])
def test_everything_is_asked_however_long_an_import_takes(
    prober: Prober, clock: Clock, seconds: float, *, unkind: bool
) -> None:
    if unkind:
        play(prober.brevo, null_clears=False, ext_id_shown="nowhere")
    prober.brevo.settings.import_seconds = seconds
    before = prober.held()
    report = replace(prober.build(), pause=clock.pass_seconds).run()

    assert (report.trouble, report.left) == ("", [])
    assert len(report.found) == ASKED
    assert report.found["import_time"].answer == "in time"
    assert sum(report.requests.values()) <= MOST - LEFT_OVER
    assert prober.held() == before
