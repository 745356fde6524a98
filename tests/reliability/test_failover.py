"""Sentinels name another primary: portals and workers follow by themselves, and no opt-out turns round."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sync_tasks.state.connection import connect
from sync_tasks.state.store import Store
from tests.reliability.conftest import MakeRig
from tests.support.measuring import Measure
from tests.support.processes import wait_until
from tests.support.rig import Rig, freeze, thaw
from tests.support.sentinels import Watched, watching

FAILED_OVER_WITHIN = 30.0


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    with watching(tmp_path) as watched:
        yield watched


@pytest.fixture
def far_rig(make_rig: MakeRig, watched: Watched) -> Iterator[Rig]:
    """A rig whose state and queue are where the sentinels say."""
    rig = make_rig(url=watched.url)
    with connect(watched.url) as client:
        rig.__dict__["store"] = Store(client, "sync_tasks")
        yield rig


def say(rig: Rig, task: str, user_id: str) -> dict[str, str]:
    said = {"user_id": user_id, "newsletter": "daily", "email": f"{user_id}@portal.org"}
    return rig.portal.call(task, **said)


def say_until_accepted(rig: Rig, task: str, user_id: str) -> None:
    """Do as a portal must: call again until it is accepted."""
    wait_until(lambda: "id" in say(rig, task, user_id), f"{task} of {user_id} is accepted", FAILED_OVER_WITHIN)


def off_lists(rig: Rig, user_id: str) -> bool:
    return not rig.held(user_id)["listIds"]


@pytest.mark.parametrize("trouble", ["killed", pytest.param("hung", marks=pytest.mark.slow)])
def test_portal_and_workers_follow_the_sentinels_to_the_new_primary(
    far_rig: Rig, watched: Watched, measure: Measure, trouble: str
) -> None:
    rig = far_rig
    worker = rig.worker()
    rig.beat()
    for user_id in ("stays", "leaves-before", "leaves-after"):
        say_until_accepted(rig, "subscribe", user_id)
    rig.wait_until_held("stays", "leaves-before", "leaves-after")
    say_until_accepted(rig, "unsubscribe", "leaves-before")
    wait_until(lambda: off_lists(rig, "leaves-before"), "the opt-out is at Brevo", 60)
    # What is accepted from here on must be on the replicas: what an asynchronous one lacks, the long form counts.
    rig.store.redis.wait(2, 5000)
    if trouble == "killed":
        watched.primary.kill()
    else:
        assert watched.primary.pid
        freeze(watched.primary.pid)
    with measure(f"primary {trouble}: delay() accepts again"):
        say_until_accepted(rig, "unsubscribe", "leaves-after")
    with measure(f"primary {trouble}: an event is at Brevo again"):
        say_until_accepted(rig, "subscribe", "comes-after")
        rig.wait_until_held("comes-after")
    wait_until(lambda: off_lists(rig, "leaves-after"), "the opt-out is at Brevo", 60)
    if trouble == "hung":
        assert watched.primary.pid
        thaw(watched.primary.pid)
        say_until_accepted(rig, "subscribe", "comes-last")
        rig.wait_until_held("comes-last")
    assert watched.wait_for_failover().port != watched.primary.port
    assert off_lists(rig, "leaves-before")
    assert rig.held("stays")["listIds"] == [3]
    assert rig.letters() == []
    assert worker.running
