"""The test kit, used as a portal uses it: a project of its own, run by a pytest of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sync_tasks.portal.pytest_plugin import pytest_assertrepr_compare
from tests.support.portal_tests import PLUGIN, run_tests
from tests.support.processes import require_redis_server
from tests.support.station import ROOT

SENT = """
import pytest
from sync_tasks import anonymize_contact, subscribe_contact
from sync_tasks.domain.events import Anonymize, Subscribe
from sync_tasks.errors import InvalidEventError

PERSON = {"user_id": "anna", "newsletter": "daily", "email": "anna@portal.org"}
PROOF = {"source": "form", "version": "1", "at": "2026-03-01T00:00:00Z"}

def confirm():
    subscribe_contact.delay(**PERSON, attributes={"city": "Ulm"}, consent=PROOF)

def test_sent(sync_tasks_outbox):
    confirm()
    assert anonymize_contact.delay(user_id="otto", requested_by="4711").id
    subscribed = Subscribe(**PERSON, attributes={"city": "Ulm"}, consent=PROOF)
    assert sync_tasks_outbox == [subscribed, Anonymize(user_id="otto", requested_by="4711")]

def test_refused(sync_tasks_outbox):
    with pytest.raises(InvalidEventError, match="newsletter: missing"):
        subscribe_contact.delay(user_id="anna", email="anna@portal.org")
    assert sync_tasks_outbox == []

def test_loop(sync_tasks_outbox):
    import asyncio
    asyncio.run(subscribe_contact.adelay(**PERSON))
    assert sync_tasks_outbox == [Subscribe(**PERSON)]
"""


def test_what_the_portal_sends_is_checked_and_recorded_without_a_redis(tmp_path: Path) -> None:
    assert "3 passed" in run_tests(tmp_path, SENT)


DIFFERS = """
from sync_tasks import subscribe_contact, unsubscribe_contact
from sync_tasks.domain.events import Subscribe, Unsubscribe

def test_sent(sync_tasks_outbox):
    subscribe_contact.delay(user_id="anna", newsletter="daily", email="zz-marked@portal.org", first_name="Anna")
    unsubscribe_contact.delay(user_id="anna", newsletter="daily")
    unsubscribe_contact.delay(user_id="otto", newsletter="daily")
    assert sync_tasks_outbox == [
        Subscribe(user_id="anna", newsletter="daily", email="anna@portal.org"),
        Unsubscribe(user_id="anna", newsletter="daily"),
    ]
"""


def test_other_events_than_expected_are_reported_without_an_address(tmp_path: Path) -> None:
    said = run_tests(tmp_path, DIFFERS, "--tb=short", "--show-capture=no", status=1)
    reported = [line.removeprefix("E").strip() for line in said.splitlines() if line.startswith("E  ")]
    assert reported == [
        "assert other events than expected",
        "event 1: <subscribe_contact anna> has another first_name, email",
        "event 3: <unsubscribe_contact otto> was sent besides",
    ]
    assert "zz-marked" not in "".join(reported)


WHOLE = """
from sync_tasks import anonymize_contact, subscribe_contact, unsubscribe_contact

def test_sign_up(sync_tasks_pipeline):
    subscribe_contact.delay(user_id="anna", newsletter="daily", email="anna@portal.org", attributes={"city": "Ulm"})
    subscribe_contact.delay(user_id="anna", newsletter="weekly", email="anna@portal.org")
    sync_tasks_pipeline.wait()
    anna = sync_tasks_pipeline.contact("anna")
    assert (anna.email, anna.attributes["CITY"], anna.newsletters) == ("anna@portal.org", "Ulm", {"daily", "weekly"})
    unsubscribe_contact.delay(user_id="anna", newsletter="daily")
    sync_tasks_pipeline.wait()
    assert sync_tasks_pipeline.contact("anna").newsletters == {"weekly"}
    anonymize_contact.delay(user_id="anna")
    sync_tasks_pipeline.wait()
    assert sync_tasks_pipeline.contact("anna") is None
    assert sync_tasks_pipeline.dead_letters() == []

def test_dead_letter(sync_tasks_pipeline):
    assert sync_tasks_pipeline.contact("anna") is None
    unsubscribe_contact.delay(user_id="nobody", newsletter="daily")
    sync_tasks_pipeline.wait()
    (letter,) = sync_tasks_pipeline.dead_letters()
    assert letter.startswith("unsubscribe_contact nobody: UnknownContactError")
"""


def test_a_whole_pipeline_is_there_for_one_test(tmp_path: Path) -> None:
    require_redis_server()
    assert "2 passed" in run_tests(tmp_path, WHOLE)


def test_the_plugin_costs_whoever_does_not_use_it_nothing() -> None:
    code = f"""
import pytest, sys
before = set(sys.modules)
import {PLUGIN}
print(*sorted({{name.partition(".")[0] for name in sys.modules.keys() - before}}))
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["sync_tasks"]


@pytest.mark.parametrize("other", [[1], [], "text"])
def test_lists_of_other_things_are_compared_as_ever(other: object) -> None:
    assert pytest_assertrepr_compare("==", [2], other) is None
    assert pytest_assertrepr_compare("!=", [2], other) is None
