"""RabbitMQ as the broker, Redis for the state: the same promises, and its absence costs delay only."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.reliability.conftest import MakeRig
from tests.support.measuring import Measure
from tests.support.processes import StartProgram, wait_until
from tests.support.rabbit import Rabbit, find_rabbit
from tests.support.rig import Rig, users
from tests.support.station import SETTLED_WITHIN

Trouble = Callable[[Rabbit], AbstractContextManager[None]]

pytestmark = [pytest.mark.slow, pytest.mark.skipif(find_rabbit() is None, reason="no RabbitMQ is installed here")]


@pytest.fixture
def rabbit(start_program: StartProgram, tmp_path: Path) -> Rabbit:
    command = find_rabbit()
    assert command
    return Rabbit(start_program, tmp_path / "rabbit", command)


@pytest.fixture
def rig(make_rig: MakeRig, rabbit: Rabbit) -> Rig:
    rig = make_rig()
    rig.more_env["SYNC_BROKER_URL"] = rabbit.url
    return rig


def sign_up(rig: Rig, user_id: str) -> None:
    rig.portal.accept("subscribe", user_id=user_id, newsletter="daily", email=f"{user_id}@portal.org")


def test_each_of_the_four_workflows_reaches_brevo(rig: Rig) -> None:
    rig.beat()
    rig.worker()
    for user_id in ("anna", "bert"):
        sign_up(rig, user_id)
    rig.wait_until_held("anna", "bert")
    rig.portal.accept("update", user_id="anna", first_name="Anna")
    wait_until(lambda: rig.held("anna")["attributes"].get("FIRSTNAME") == "Anna", "her name is there", SETTLED_WITHIN)
    rig.portal.accept("unsubscribe", user_id="anna", newsletter="daily")
    wait_until(lambda: rig.held("anna")["listIds"] == [], "she is off the list", SETTLED_WITHIN)
    rig.portal.accept("anonymize", user_id="bert")
    wait_until(lambda: rig.store.peek("bert") is None, "he is erased", SETTLED_WITHIN)
    assert not rig.letters()


def test_an_opt_out_overtakes_what_waits(make_rig: MakeRig, rabbit: Rabbit, measure: Measure) -> None:
    rig = make_rig(rate=10, limited=True)
    rig.more_env["SYNC_BROKER_URL"] = rabbit.url
    worker = rig.worker()
    sign_up(rig, "anna")
    rig.wait_until_held("anna")
    for user_id in users(200):
        rig.portal.accept("update", user_id=user_id, email=f"{user_id}@portal.org", first_name="Anna")
    rig.portal.accept("unsubscribe", user_id="anna", newsletter="daily")
    with measure("RabbitMQ: an opt-out behind 200 searches at 10 requests a second, at Brevo"):
        wait_until(lambda: rig.held("anna")["listIds"] == [], "she is off the list", SETTLED_WITHIN)
    assert rig.count("dirty") > 100
    assert worker.running


@pytest.mark.parametrize("trouble", [Rabbit.away, Rabbit.hanging])
def test_events_are_accepted_without_the_broker_and_reach_brevo_once_it_is_back(
    rig: Rig, rabbit: Rabbit, measure: Measure, trouble: Trouble
) -> None:
    rig.beat()
    workers = rig.workers("one", "two")
    sign_up(rig, "anna")
    rig.wait_until_held("anna")
    with trouble(rabbit):
        for user_id in users(3):
            with measure(f"RabbitMQ is {trouble.__name__}: .delay()"):
                sign_up(rig, user_id)
        assert rig.count("dirty") == 3
    with measure(f"RabbitMQ was {trouble.__name__}: everything at Brevo"):
        rig.wait_until_held(*users(3))
    assert all(worker.running for worker in workers)


def test_the_status_shows_what_waits_and_that_the_broker_is_away(rig: Rig, rabbit: Rabbit) -> None:
    sign_up(rig, "anna")
    assert "sync_tasks 1 · sync_tasks.background 0 · sync_tasks.sweeps 0 · sync_tasks.urgent 0" in rig.status().output
    rabbit.server.kill()
    asked = rig.status()
    assert asked.process.returncode == 1
    assert "the broker is away" in asked.output
    assert "Traceback" not in asked.output
