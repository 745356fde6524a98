"""A fifth event, added as ``docs/adding-an-event.md`` says, goes from ``.delay()`` to a provider that is not Brevo."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from sync_tasks import subscribe_contact
from sync_tasks.domain import events
from sync_tasks.domain.events import Event, Json, Text
from sync_tasks.errors import InvalidEventError
from sync_tasks.tasks import handler
from sync_tasks.tasks.accept import read_nudge
from sync_tasks.tasks.app import app
from sync_tasks.tasks.base import EventTask
from tests.providers.test_toy import Toy
from tests.support.pipeline import MakePipeline, Pipeline, address_of

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "adding-an-event.md").read_text()
NAME = "sync_tasks.move_contact"


class Move(Event):
    """The user moved. Step 1 of the page; its ``fields`` are what step 2 asks for."""

    task = "move_contact"
    city: Text

    @property
    def fields(self) -> Mapping[str, Json]:
        """The portal fields that this event sets."""
        return {"city": self.city}


@pytest.fixture
def move_contact(monkeypatch: pytest.MonkeyPatch) -> Iterator[EventTask]:
    """Add the event (step 1) and its task (step 7)."""
    monkeypatch.setitem(events.EVENTS, Move.task, Move)

    @app.task(name=NAME, base=EventTask, bind=True, event=Move, shared=False)
    def move(self: EventTask, /, **wire: Json) -> str:
        return self.settle(self.receive(wire))

    yield cast("EventTask", app.tasks[NAME])
    app.tasks.unregister(NAME)


@pytest.fixture
def toyed(
    worker_environment: Path,  # noqa: ARG001 - delay finds its way by it
    make_pipeline: MakePipeline,
    monkeypatch: pytest.MonkeyPatch,
) -> Pipeline:
    """A worker whose account is at the toy provider."""
    pipeline = make_pipeline()
    pipeline.resources = replace(pipeline.resources, gateways={"default": Toy()})
    monkeypatch.setattr(handler, "worker_resources", lambda: pipeline.resources)
    return pipeline


def handle(task: EventTask, pipeline: Pipeline, user_id: str) -> str:
    """Do what a worker does with the nudge of a user's last event."""
    (key,) = pipeline.state(user_id).pending
    return handler.handle(task, read_nudge(Move, {"user_id": user_id, **key.shown}))


def test_a_fifth_event_goes_from_delay_to_the_provider(toyed: Pipeline, move_contact: EventTask) -> None:
    subscribe_contact.delay(user_id="anna", newsletter="daily", email=address_of("anna"))
    toyed.sync("anna")
    move_contact.delay(user_id="anna", city="Ulm")
    (key,) = toyed.state("anna").pending
    assert (key.task, toyed.state("anna").attributes()["city"]) == ("move_contact", "Ulm")
    assert handle(move_contact, toyed, "anna") == "synced"
    toy = toyed.resources.gateways["default"]
    assert isinstance(toy, Toy)
    assert [held.attributes["CITY"] for held in toy.contacts.values()] == ["Ulm"]
    assert toyed.store.history("anna")[0].endswith(f"{key} synced")


def test_what_a_fifth_event_lacks_is_refused_before_anything_is_accepted(
    toyed: Pipeline, move_contact: EventTask
) -> None:
    with pytest.raises(InvalidEventError, match="move_contact refused: city"):
        move_contact.delay(user_id="anna")
    assert toyed.store.peek("anna") is None


def test_the_page_names_in_each_step_what_is_in_the_file() -> None:
    steps = re.findall(r"^\d+\. `([\w/.-]+)`(.*)$", PAGE, re.MULTILINE)
    assert [path for path, _ in steps] == [
        "sync_tasks/domain/events.py",
        "sync_tasks/domain/merge.py",
        "sync_tasks/state/lua/accept.lua",
        "sync_tasks/domain/diff.py",
        "sync_tasks/domain/priority.py",
        "sync_tasks/domain/outcomes.py",
        "sync_tasks/tasks/__init__.py",
        "sync_tasks/portal/outbox.py",
        "docs/reference.md",
    ]
    for path, step in steps:
        named = set(re.findall(r"`(\w+)`", step)) - {"merge"}
        files = [path, *re.findall(r"`(sync_tasks/[\w/.]+)`", step)]
        assert sorted(word for word in named if not any(word in (ROOT / file).read_text() for file in files)) == []
