"""The four workflows on a real account: what the portal says is what Brevo holds."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sync_tasks.sandbox import Sandbox
from sync_tasks.sandbox.server import ServedSandbox
from tests.support.live import MOST, LiveAccount

ROOT = Path(__file__).parents[2]


@pytest.mark.live
def test_the_four_workflows_reach_the_account(live: LiveAccount) -> None:
    daily, weekly = live.lists["daily"], live.lists["weekly"]

    live.say("subscribe_contact", newsletter="daily", email=live.address(1), first_name="Ada")
    live.say("subscribe_contact", newsletter="weekly", email=live.address(1))
    held = live.held()
    assert sorted(held["listIds"]) == sorted([daily, weekly])
    assert (held["email"], held["attributes"]["FIRSTNAME"]) == (live.address(1), "Ada")

    live.say("update_contact", email=live.address(2), first_name="Augusta")
    held = live.held()
    assert (held["email"], held["attributes"]["FIRSTNAME"]) == (live.address(2), "Augusta")

    live.say("unsubscribe_contact", newsletter="daily")
    assert live.held()["listIds"] == [weekly]

    live.say("anonymize_contact")
    held = live.held()
    assert (held["listIds"], held["emailBlacklisted"]) == ([], True)
    assert live.address(2) not in str(held)
    assert "Augusta" not in str(held)
    assert live.counter.used <= MOST


def run_live(**more: str) -> subprocess.CompletedProcess[str]:
    """Run the tests marked ``live`` in a process of their own."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("BREVO_LIVE", "PYTEST"))}
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-m",
            "live",
            "-rs",
            str(Path(__file__).parent),
        ],
        cwd=ROOT,
        env={**env, **more},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_they_pass_on_the_sandbox_and_leave_nothing_there(served: ServedSandbox, brevo: Sandbox) -> None:
    lists = dict(brevo.account.lists)
    done = run_live(BREVO_LIVE_KEY="key", BREVO_LIVE_MAILBOX="me@portal.org", BREVO_LIVE_URL=served.url)
    assert (done.returncode, "1 passed" in done.stdout) == (0, True), done.stdout[-2000:]
    assert brevo.contacts() == []
    assert brevo.account.lists.keys() == lists.keys()
    assert 10 < brevo.journal.total <= MOST


def test_they_say_why_they_are_skipped_without_a_key() -> None:
    done = run_live()
    assert "1 skipped" in done.stdout
    assert "BREVO_LIVE_KEY and BREVO_LIVE_MAILBOX name no account" in done.stdout
