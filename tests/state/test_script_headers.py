"""What a script's header says of its arguments is what the state sends it."""

import re
from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import Any, NoReturn

import pytest
from redis import Redis

from sync_tasks.domain.contact import Contact, EventKey, RemoteState
from sync_tasks.domain.events import Subscribe
from sync_tasks.state import bulk
from sync_tasks.state.records import Settlement
from sync_tasks.state.store import Lease, Sighting, Store

FOLDER = files("sync_tasks.state") / "lua"
SHARED = {"prelude", "letters", "grants", "hold"}
SCRIPTS = sorted(path.name[:-4] for path in FOLDER.iterdir() if path.name[:-4] not in SHARED)
LEASE, KEY = Lease("u1", "token", Contact("u1")), EventKey("subscribe_contact", "news", "1" * 16)
CALLS: dict[str, Callable[[Store], object]] = {
    "accept": lambda store: store.accept(Subscribe(user_id="u1", email="anna@example.org", newsletter="news")),
    "allowances": lambda store: store.allowances("default", "contacts", [(10, 1), (20, 2)]),
    "close": lambda store: store.close("u1", KEY, "letter", "why", "who"),
    "forget_account": lambda store: bulk.forget_account(store, ["u1"], "default"),
    "held": lambda store: store.held_until(),
    "ids": lambda store: store.walk("default", "0"),
    "lease": lambda store: store.lease("u1", 1.0),
    "lease_batch": lambda store: store.lease_batch("subscribe_contact:news", 1, 1.0),
    "mark": lambda store: bulk.mark_manual(store, "u1", "who", manual=True),
    "mark_changed": lambda store: store.mark_changed("default", [Sighting("u1")]),
    "mark_unknown": lambda store: bulk.mark_unknown(store, ["u1"]),
    "note_limit": lambda store: store.note_limit("default", "contacts", 1, 2),
    "release": lambda store: store.release_all([(LEASE, "subscribe_contact:news")]),
    "renew_lease": lambda store: store.renew_lease(LEASE, 1.0, {"default": RemoteState()}),
    "replay": lambda store: store.replay("u1", KEY, "letter", "who"),
    "resume": lambda store: store.resume("default"),
    "sending": lambda store: bulk.mark_sending(store, ["u1"], 1),
    "settle": lambda store: store.settle(LEASE, Settlement()),
    "slow_down": lambda store: store.slow_down("default", "contacts", length=1, most=10),
    "sweep": lambda store: store.note_sweep("run"),
    "unload": lambda store: bulk.unload(store, ["u1"]),
}


class SentError(Exception):
    """What would have gone to Redis."""


class Recorder(dict[str, Any]):
    """In place of the scripts: shows which one would run, and with what."""

    def __missing__(self, name: str) -> Callable[..., NoReturn]:
        def run(*, args: list[object], **_: object) -> NoReturn:
            raise SentError(name, args)

        return run


def read_header(script: str) -> tuple[int, int]:
    """Return how many arguments a script takes, and how many more come again and again."""
    lines = re.findall(r"^-- ARGV: (.+(?:\n--       .+)*)$", (FOLDER / f"{script}.lua").read_text(), re.MULTILINE)
    assert len(lines) == 1, f"{script}.lua: one line reports ARGV, and lines below it that are indented"
    first, _, again = lines[0].partition("{")
    return len(re.findall(r"\w+: ", first)), len(re.findall(r"\w+: ", again))


def read_indexes(script: str) -> Iterator[int]:
    """Yield each place of ARGV that the script names by its number."""
    yield from map(int, re.findall(r"ARGV\[(\d+)\]", (FOLDER / f"{script}.lua").read_text()))


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_reads_each_argument_that_its_header_names_and_no_other(script: str) -> None:
    fixed, _ = read_header(script)
    assert set(read_indexes(script)) == set(range(1, fixed + 1))


@pytest.mark.parametrize("script", CALLS)
def test_the_state_sends_as_many_arguments_as_the_header_names(script: str) -> None:
    store = Store(Redis(), "sync_tasks")
    store.__dict__ |= {"_scripts": Recorder(), "_secret": lambda: "secret"}
    with pytest.raises(SentError) as sent:
        CALLS[script](store)
    name, arguments = sent.value.args
    fixed, again = read_header(script)
    assert name == script
    assert len(arguments) == fixed or (again and (len(arguments) - fixed) % again == 0)
