"""The walk of one sign-up through a worker, counted as ``docs/architecture.md`` says: modules entered, and moves."""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import cast

import pytest

from sync_tasks import subscribe_contact
from sync_tasks.tasks import handler
from sync_tasks.tasks.accept import Nudge
from sync_tasks.tasks.app import app
from tests.support.pipeline import Pipeline, address_of

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "sync_tasks"
STATED = re.search(
    r"at most (\d+) modules in at most (\d+) moves; at most (\d+) of the modules and at most (\d+) of the moves act",
    " ".join((ROOT / "docs" / "architecture.md").read_text().split()),
)
# The table of the modules that act, each with the function by which it is entered.
SHOWN = re.findall(r"^\| `([a-z_/]+)` \| `(\w+)` \| ", (ROOT / "docs" / "architecture.md").read_text(), re.MULTILINE)
# Pure words and texts that a reader need not open to follow the flow, and what the HTTP library calls below the SDK.
VOCABULARY = (
    "providers/brevo/transport",
    "log",
    "errors",
    "texts",
    "ext_ids",
    "config",
    "domain/timestamps",
    "domain/registers",
    "state/keys",
)


class Walk:
    """Counts moves: each function that code of another module calls, once for each module that calls it."""

    def __init__(self) -> None:
        self.moves: dict[tuple[str, str, str], None] = {}

    def follow(self, frame: FrameType, event: str, _arg: object) -> None:
        if event != "call" or not (to := _module_of(frame.f_code)) or _is_plumbing(frame.f_code):
            return
        caller = frame.f_back
        while caller and not (_module_of(caller.f_code) and not _is_comprehension(caller.f_code)):
            caller = caller.f_back
        by = _module_of(caller.f_code) if caller else ""
        if by != to and not {by, to} & set(VOCABULARY):
            self.moves.setdefault((by, to, frame.f_code.co_name))

    @property
    def modules(self) -> set[str]:
        return {module for by, to, _ in self.moves for module in (by, to) if module}


def _module_of(code: CodeType) -> str:
    path = Path(code.co_filename)
    if not path.is_relative_to(PACKAGE):
        return ""
    name = str(path.relative_to(PACKAGE).with_suffix(""))
    return next((word for word in VOCABULARY if name == word or name.startswith(f"{word}/")), name)


def _is_comprehension(code: CodeType) -> bool:
    return code.co_name.startswith("<")


_PROPERTIES: dict[str, set[int]] = {}


def _is_plumbing(code: CodeType) -> bool:
    """Return whether code is no step of a reader's: comprehensions, constructors, dunders, and properties."""
    if code.co_name.startswith(("<", "__")):
        return True
    return code.co_firstlineno in _PROPERTIES.setdefault(code.co_filename, set(_properties(code.co_filename)))


def _properties(path: str) -> Iterator[int]:
    lines = Path(path).read_text().splitlines()
    for number, line in enumerate(lines, 1):
        if line.strip() in {"@property", "@cached_property"}:
            yield number


@contextmanager
def walking() -> Iterator[Walk]:
    walk = Walk()
    sys.setprofile(cast("Callable[[FrameType, str, object], object]", walk.follow))
    try:
        yield walk
    finally:
        sys.setprofile(None)


@pytest.fixture
def ready(worker_environment: Path, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Pipeline:  # noqa: ARG001
    """A worker that has handled something: whatever is made once is made."""
    monkeypatch.setattr(handler, "worker_resources", lambda: pipeline.resources)
    pipeline.subscribe("first", first_name="First")
    pipeline.work()
    return pipeline


def walk_of_a_sign_up(pipeline: Pipeline, user_id: str = "anna") -> Walk:
    key = pipeline.subscribe(user_id, first_name="Anna", email=address_of(user_id))
    with walking() as walk:
        outcome = handler.handle(app.tasks[subscribe_contact.name], Nudge(user_id, key))
    assert outcome == "synced"
    return walk


def test_one_sign_up_walks_no_further_than_the_architecture_says(ready: Pipeline) -> None:
    # On a busy machine a walk may wait for its permit, which is another way.
    walk = min((walk_of_a_sign_up(ready, f"user-{number}") for number in range(9)), key=lambda one: len(one.moves))
    assert STATED is not None
    acting = [(by, to) for by, to, _ in walk.moves if not to.startswith("domain/") and not by.startswith("domain/")]
    counted = (len(walk.modules), len(walk.moves), len({to for _, to in acting}), len(acting))
    most = tuple(map(int, STATED.groups()))
    assert all(count <= reported for count, reported in zip(counted, most, strict=True)), (counted, list(walk.moves))
    entered: dict[str, str] = {}
    for by, to, name in walk.moves:
        if not by.startswith("domain/") and not to.startswith("domain/"):
            entered.setdefault(to, name)
    assert list(entered.items()) == SHOWN
    # What is counted is the whole flow: the lease, the request to Brevo, and how it is settled.
    names = {name for _, _, name in walk.moves}
    assert {"lease", "next_step", "create", "settle", "decide_outcomes"} <= names
