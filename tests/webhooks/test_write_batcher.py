"""What comes together is written together; what goes wrong is reported to those it concerns, and nudges wait."""

import asyncio
import json
import logging
import threading
from collections import Counter

import pytest
from kombu.exceptions import OperationalError

from sync_tasks.state.store import Noticed, Sighting
from sync_tasks.webhooks import write_batcher
from sync_tasks.webhooks.app import Desk, Receiver
from sync_tasks.webhooks.nudge_queue import MOST_WAITING as MOST_NUDGES
from sync_tasks.webhooks.nudge_queue import Prompter
from sync_tasks.webhooks.recorder import Notes, OwnChanges
from sync_tasks.webhooks.server import prompting
from sync_tasks.webhooks.write_batcher import MOST_WAITING, Gatherer, OverloadedError
from tests.support.pipeline import Pipeline
from tests.support.processes import wait_until
from tests.support.receiving import TOKENS, Receiving, serving, unsubscription

pytestmark = pytest.mark.usefixtures("ends_soon")
OURS = OwnChanges("", frozenset())


def notes(*users: str) -> Notes:
    return Notes([Sighting(user_id=user) for user in users])


class Slow:
    """Writes when it is let, and remembers what it was given at a time."""

    def __init__(self) -> None:
        self.may = threading.Event()
        self.written: list[list[str]] = []

    def __call__(self, given: Notes) -> list[Noticed]:
        self.may.wait(10)
        self.written.append([sighting.user_id for sighting in given.sightings])
        return [Noticed(sighting.user_id, sighting.user_id) for sighting in given.sightings]


def test_requests_that_come_meanwhile_share_one_write_and_each_hears_of_its_own() -> None:
    slow = Slow()

    async def put_all() -> list[Counter[str]]:
        gatherer = Gatherer(slow)
        first = asyncio.create_task(gatherer.put(notes("a")))
        await asyncio.sleep(0)
        others = [asyncio.create_task(gatherer.put(notes(*users))) for users in ("bc", "", "d")]
        await asyncio.sleep(0)
        slow.may.set()
        return list(await asyncio.gather(first, *others))

    assert asyncio.run(put_all()) == [Counter("a"), Counter("bc"), Counter(), Counter("d")]
    assert slow.written == [["a"], ["b", "c", "d"]]


def test_one_who_no_longer_waits_disturbs_nobody() -> None:
    slow = Slow()

    async def put_both() -> Counter[str]:
        gatherer = Gatherer(slow)
        gone, stays = (asyncio.create_task(gatherer.put(notes(user))) for user in "ab")
        await asyncio.sleep(0)
        gone.cancel()
        slow.may.set()
        return await stays

    assert asyncio.run(put_both()) == Counter("b")


def test_more_than_can_be_written_soon_is_refused() -> None:
    slow = Slow()

    async def overload() -> None:
        gatherer = Gatherer(slow)
        tasks = [asyncio.create_task(gatherer.put(notes("a")))]
        for _ in range(2):
            await asyncio.sleep(0)
        tasks.append(asyncio.create_task(gatherer.put(notes(*"b" * MOST_WAITING))))
        await asyncio.sleep(0)
        with pytest.raises(OverloadedError):
            await gatherer.put(notes("c"))
        slow.may.set()
        await asyncio.gather(*tasks)

    asyncio.run(overload())


def test_what_nobody_expected_is_429_and_its_words_are_withheld(
    pipeline: Pipeline, caplog: pytest.LogCaptureFixture
) -> None:
    def break_down(_notes: Notes) -> list[Noticed]:
        raise LookupError("anna@portal.org")

    with serving(Receiver({"default": Desk(Gatherer(break_down), OURS)}, TOKENS, lambda: False)) as address:
        receiver = Receiving(address, pipeline.store)
        caplog.set_level(logging.DEBUG)
        assert receiver.send(json.dumps(unsubscription()).encode()).status == 429
        receiver.http.clear()
    assert "LookupError" in caplog.text
    assert "portal.org" not in caplog.text


def test_a_broker_in_trouble_does_not_end_the_nudges(caplog: pytest.LogCaptureFixture) -> None:
    nudged: list[str] = []

    def nudge(users: list[str]) -> None:
        if users == ["a"]:
            raise OperationalError("redis://:secret@broker")
        nudged.extend(users)

    with prompting(nudge) as prompter:
        prompter.put(["a", "b"])
        wait_until(lambda: nudged == ["b"], "the next one is nudged")
    assert "OperationalError" in caplog.text
    assert "secret" not in caplog.text


def test_more_nudges_than_are_of_use_are_left_to_the_sweep() -> None:
    nudged: list[str] = []
    prompter = Prompter(nudged.extend)
    prompter.put(map(str, range(2 * MOST_NUDGES)))
    prompter.start()
    wait_until(lambda: nudged, "the first one is nudged")
    prompter.stop()
    assert prompter._users.qsize() <= MOST_NUDGES
    assert nudged[0] == "0"


@pytest.mark.parametrize(("more", "refused"), [(0, False), (1, True)])
def test_what_waits_counts_by_its_contacts_and_once_for_itself(
    monkeypatch: pytest.MonkeyPatch, more: int, *, refused: bool
) -> None:
    monkeypatch.setattr(write_batcher, "MOST_WAITING", 6)
    slow = Slow()

    async def fill() -> list[Counter[str]]:
        gatherer = Gatherer(slow)
        tasks = [asyncio.create_task(gatherer.put(notes("a")))]
        for _ in range(2):
            await asyncio.sleep(0)
        # The first one is being written: it waits no longer.
        for users in ("bc", "de" + "f" * more):
            tasks.append(asyncio.create_task(gatherer.put(notes(*users))))
            await asyncio.sleep(0)
        tasks.append(asyncio.create_task(gatherer.put(notes("z"))))
        await asyncio.sleep(0)
        slow.may.set()
        return await asyncio.gather(*tasks)

    if refused:
        with pytest.raises(OverloadedError):
            asyncio.run(fill())
    else:
        assert asyncio.run(fill())[-1] == Counter("z")


def test_after_a_write_that_failed_the_next_one_is_tried() -> None:
    written: list[Notes] = []

    def write(given: Notes) -> list[Noticed]:
        written.append(given)
        if len(written) == 1:
            raise LookupError
        return [Noticed(sighting.user_id, sighting.user_id) for sighting in given.sightings]

    async def put_both() -> Counter[str]:
        gatherer = Gatherer(write)
        with pytest.raises(LookupError):
            await gatherer.put(notes("a"))
        return await gatherer.put(notes("b"))

    assert asyncio.run(put_both()) == Counter("b")
