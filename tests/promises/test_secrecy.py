"""Addresses and names are in the state of living users and nowhere else, whatever path an event takes."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pytest

from sync_tasks.state.dead_letters import discard, read_closed, replay
from tests.support import marked
from tests.support.marked import is_marked
from tests.support.processes import Program, wait_until
from tests.support.station import READY, SETTLED_WITHIN, Station, building
from tests.support.watching import watching


@dataclass
class RemoteState:
    """What anybody could see of a day's work; ``state`` is what Redis held, ``after`` once all were erased."""

    shown: dict[str, str] = field(default_factory=dict)
    state: dict[str, str] = field(default_factory=dict)
    after: dict[str, str] = field(default_factory=dict)
    brevo: str = ""


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RemoteState]:
    """A day's work with marked people, everything logged down to the last detail."""
    with building(tmp_path_factory.mktemp("secrecy"), more_env={"SYNC_LOG_LEVEL": "DEBUG"}) as station:
        programs = {
            "beat": station.beat(),
            "worker one": station.start_worker("one"),
            "worker two": station.start_worker("two", SYNC_LOG_JSON="1"),
        }
        for name in ("worker one", "worker two"):
            programs[name].wait_for(READY)
        yield work_a_day(station, programs)


def work_a_day(station: Station, programs: Mapping[str, Program]) -> RemoteState:
    seen = RemoteState()
    workers = [program for name, program in programs.items() if name.startswith("worker")]
    with watching(station.producer) as heard:
        marked.succeed(station)
        marked.meet_trouble(station)
        marked.be_refused(station)
        marked.crash(station, workers)
        seen.shown["exceptions"] = json.dumps(marked.misuse_tasks(station))
        ids = marked.send_in_full(station)
        wait_until(lambda: len(marked.states_of_all(heard, ids)) == len(ids), "messages in full", SETTLED_WITHIN)
        marked.send_nonsense(station)
        seen.shown |= {f"inspect {name}": str(reported) for name, reported in marked.inspect_workers(station)}
        commands = dict(marked.operate(station))
        seen.shown["commands"] = "\n".join(commands.values())
        assert all(commands.values())
        seen.shown["dead letters"] = str(deal_with_letters(station))
        station.wait_until_settled()
    seen.shown["task events"] = "\n".join(map(str, heard))
    seen.state = dict(marked.read_keys(station))
    erase_everybody(station)
    seen.after = dict(marked.read_keys(station))
    seen.brevo = str(station.brevo.contacts())
    seen.shown |= {name: program.output for name, program in programs.items()}
    assert all(worker.running for worker in workers)
    return seen


def deal_with_letters(station: Station) -> list[object]:
    """Replay some letters and discard others; return all that was to be seen of them."""
    letters = station.letters()
    reported: list[object] = [*letters, *map(str, letters)]
    for letter in letters:
        reported.append(replay(station.store, letter, "operator") if letter.user_id == "user-31" else None)
        reported.append(discard(station.store, letter, "operator") if letter.user_id != "user-31" else None)
    return [*reported, *read_closed(station.store)]


def erase_everybody(station: Station) -> None:
    prefix = "sync_tasks:contacts:"
    users = [key.removeprefix(prefix) for key, _ in marked.read_keys(station) if key.startswith(prefix)]
    for user in users:
        station.portal.accept("anonymize", user_id=user)
    for user in users:
        station.wait_until_erased(user)
    station.wait_until_settled()


SOURCES = [
    "beat",
    "worker one",
    "worker two",
    "task events",
    "exceptions",
    "dead letters",
    "commands",
    *(f"inspect {what}" for what in ("active", "reserved", "scheduled", "query_task", "revoked")),
]


@pytest.mark.parametrize("source", SOURCES)
def test_nobody_gets_to_see_an_address_or_a_name(seen: RemoteState, source: str) -> None:
    lines = [line for line in seen.shown[source].splitlines() if is_marked(line)]
    assert lines == []


def test_all_paths_were_taken(seen: RemoteState) -> None:
    logs = seen.shown["worker one"] + seen.shown["worker two"]
    outcomes = ("synced", "dead letter", "tried again", "deferred", "unexpected error in", "superseded")
    errors = ("RejectedNumberError", "AddressTakenError", "UnknownNewsletterError", "InvalidEventError", "ValueError")
    oddities = ("is paused", "unknown arguments ignored", "no message", "no task is called", "user-80")
    assert [words for words in (*outcomes, *errors, *oddities) if words not in logs] == []
    assert seen.shown["exceptions"].count('"InvalidEventError"') == 8
    kinds = ("task-received", "task-started", "task-retried", "task-succeeded", "task-failed")
    assert [kind for kind in kinds if kind not in seen.shown["task events"]] == []


def test_redis_holds_addresses_and_names_in_the_state_of_living_users_alone(seen: RemoteState) -> None:
    marked_keys = {key for key, reported in seen.state.items() if is_marked(reported)}
    assert marked_keys
    assert {key for key in marked_keys if not key.startswith("sync_tasks:contacts:")} == set()
    assert "sync_tasks:contacts:user-3" not in marked_keys


def test_redis_holds_nothing_of_erased_users_under_any_key(seen: RemoteState) -> None:
    assert seen.after
    assert {key for key, reported in seen.after.items() if is_marked(reported)} == set()


def test_brevo_holds_nothing_of_erased_users(seen: RemoteState) -> None:
    assert "deleted-" in seen.brevo
    assert not is_marked(seen.brevo)
