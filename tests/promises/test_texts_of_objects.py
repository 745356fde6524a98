"""No object that holds an address, an attribute or a secret shows it in its text: texts end in logs and test output."""

import dataclasses
import importlib
import pkgutil
import re
from typing import Any

import pytest

import sync_tasks
from tests.support.desk import MARK

PERSONAL = {
    "address",
    "addresses",
    "attributes",
    "body",
    "email",
    "event",
    "hashed",
    "missing",
    "own_password",
    "password",
    "registers",
    "secrets",
    "url",
    "valid",
}
# These are names of attributes, whether there is an address, where something of ours is, an id, or a function.
HARMLESS = {
    ("AccountMapping", "attributes"),
    ("FoundWebhook", "missing"),
    ("FoundWebhook", "url"),
    ("Masks", "address"),
    ("Post", "body"),
    ("Subject", "address"),
    ("Subject", "attributes"),
    ("UnsubscribeLinks", "attributes"),
    ("Webhook", "url"),
    ("Words", "attributes"),
}
ELSEWHERE = re.compile(r"\.(sandbox|examples|django|flower|__main__|pytest_plugin)\b")


def find_classes() -> list[Any]:
    names = (one.name for one in pkgutil.walk_packages(sync_tasks.__path__, "sync_tasks."))
    modules = [importlib.import_module(name) for name in names if not ELSEWHERE.search(name)]
    found = {each for module in modules for each in vars(module).values() if is_ours(each)}
    return sorted(found, key=lambda each: each.__qualname__)


def is_ours(each: object) -> bool:
    ours = isinstance(each, type) and each.__module__.startswith("sync_tasks.")
    return ours and dataclasses.is_dataclass(each)


def personal_fields(each: Any) -> set[str]:  # noqa: ANN401 - a class of fields
    names = {one.name for one in dataclasses.fields(each)} & PERSONAL
    return {name for name in names if (each.__name__, name) not in HARMLESS}


@pytest.mark.parametrize("each", list(filter(personal_fields, find_classes())), ids=lambda each: each.__qualname__)
def test_the_text_of_an_object_shows_nothing_personal(each: Any) -> None:  # noqa: ANN401 - a class of fields
    one, personal = object.__new__(each), personal_fields(each)
    for field in dataclasses.fields(each):
        object.__setattr__(one, field.name, MARK if field.name in personal else None)
    assert MARK not in repr(one)
