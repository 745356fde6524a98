"""``sync-tasks send``: good lines are accepted, bad ones reported with their numbers, none lost in silence."""

import json
import os
import signal
from pathlib import Path

import pytest
from redis.exceptions import ResponseError

from sync_tasks.tasks import accept, subscribe_contact
from tests.support.desk import MARK, Desk
from tests.support.signals import handled

GOOD = {"task": "subscribe_contact", "user_id": "anna", "newsletter": "daily", "email": f"{MARK}@portal.org"}


def lines_of(*reported: object) -> bytes:
    return b"".join(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in reported)


def test_good_lines_go_and_bad_ones_are_reported_with_their_numbers(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    bad = [b"{\n", b"\xff\n", [MARK], {"task": "greet_contact"}, {"user_id": MARK}, GOOD | {"email": f"@{MARK}"}]
    file.write_bytes(lines_of(GOOD, b"\n", *bad, GOOD | {"user_id": "ben", "task": "sync_tasks.subscribe_contact"}))
    reported = desk.run("send", str(file), exits=1)
    assert [number for number in range(1, 12) if f"line {number}: " in reported] == [3, 4, 5, 6, 7, 8]
    assert "2 events accepted, 6 lines refused" in reported
    assert {user for user in ("anna", "ben") if desk.pipeline.store.peek(user)} == {"anna", "ben"}


def test_standard_input_is_read_and_json_shows_programs(desk: Desk) -> None:
    reported = json.loads(
        desk.run("send", "-", "--json", "--rate", "1000", typed=lines_of(GOOD, b"nonsense\n"), exits=1)
    )
    assert (reported["accepted"], [refused["line"] for refused in reported["refused"]]) == (1, [2])
    assert "1 event accepted" in desk.run("send", "-", typed=lines_of(GOOD))


def test_a_file_that_cannot_be_read_is_wrong_use(desk: Desk, tmp_path: Path) -> None:
    assert "No such file" in desk.run("send", str(tmp_path / "nowhere.jsonl"), exits=2)


def test_an_unmapped_attribute_is_refused_with_its_name(desk: Desk) -> None:
    reported = desk.run("send", "-", typed=lines_of(GOOD | {"attributes": {"shoe": MARK}}), exits=1)
    assert "attributes.shoe" in reported


def test_a_proof_of_consent_comes_along(desk: Desk) -> None:
    proof = {"source": "form", "version": "1", "at": "2026-03-01T00:00:00Z"}
    desk.run("send", "-", typed=lines_of(GOOD | {"consent": proof}))
    assert "c:daily" in desk.pipeline.state("anna").registers


def test_where_redis_is_away_it_stops_and_names_the_first_line_that_was_not_accepted(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNC_REDIS_URL", "redis://127.0.0.1:1/0")
    accept.portal_store.cache_clear()
    reported = desk.run("send", "-", typed=lines_of(b"\n", GOOD, GOOD), exits=1)
    assert "line 2 and what follows was not accepted" in reported
    assert "tail -n +2" in reported


def test_a_line_that_redis_refuses_for_good_holds_no_other_up(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def take(kwargs: dict[str, object]) -> None:
        if kwargs["user_id"] == "otto":
            raise ResponseError(f"WRONGTYPE {kwargs['email']}")

    monkeypatch.setattr(subscribe_contact, "apply_async", take)
    reported = desk.run("send", "-", typed=lines_of(GOOD, GOOD | {"user_id": "otto"}, GOOD), exits=1)
    assert "line 2: Redis cannot accept it (ResponseError)" in reported
    assert "2 events accepted, 1 line refused" in reported


TOO_LONG = b" " * 2_500_000 + b"\n"


@pytest.mark.parametrize(
    ("broken", "why", "words"),
    [
        (TOO_LONG, "a line is longer than a million characters", ()),
        ("{}\n\u00fc\n".encode(), "it is UTF-8, not cp1252", ("--encoding", "windows-1252")),
    ],
    ids=["too long", "UTF-8 after all"],
)
def test_who_stops_within_a_file_learns_from_which_line_to_go_on(
    desk: Desk, broken: bytes, why: str, words: tuple[str, ...]
) -> None:
    reported = desk.run("send", "-", *words, typed=lines_of(GOOD, b"\n", broken, GOOD), exits=2)
    assert "1 event accepted" in reported
    assert "and what follows was not accepted" in reported
    assert why in reported


@pytest.mark.parametrize(
    ("typed", "words", "advice"),
    [
        (lines_of(GOOD), ("--encoding", "windows-1252"), "tail -n +1 FILE | sync-tasks send - --encoding cp1252"),
        (
            lines_of(GOOD).decode().encode("utf-16"),
            (),
            "iconv -f utf-16le -t utf-8 FILE | tail -n +1 | sync-tasks send -",
        ),
    ],
    ids=["named", "by its mark"],
)
def test_going_on_reads_the_file_as_it_is_written(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, typed: bytes, words: tuple[str, ...], advice: str
) -> None:
    monkeypatch.setenv("SYNC_REDIS_URL", "redis://127.0.0.1:1/0")
    accept.portal_store.cache_clear()
    reported = desk.run("send", "-", *words, typed=typed, exits=1)
    assert advice in " ".join(reported.split())


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)], ids=["int", "term", "hup"]
)
def test_who_is_interrupted_learns_from_which_line_to_go_on(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, code: int
) -> None:
    taken: list[object] = []

    def take(kwargs: dict[str, object]) -> None:
        taken.append(kwargs["user_id"])
        if len(taken) == 2:
            os.kill(os.getpid(), number)

    monkeypatch.setattr(subscribe_contact, "apply_async", take)
    with handled(number):
        reported = desk.run("send", "-", typed=lines_of(*[GOOD] * 3), exits=code)
    assert "1 event accepted" in reported
    assert "line 2 and what follows was not accepted: the command was interrupted" in reported
    assert "tail -n +2" in reported


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_what_the_mark_of_a_file_says_of_its_writing_is_believed(desk: Desk, encoding: str) -> None:
    lines = "\r\n".join(json.dumps(GOOD | {"first_name": "Jürgen", "user_id": user}) for user in ("anna", "ben"))
    assert "2 events accepted" in desk.run("send", "-", typed=f"{lines}\r\n\r\n".encode(encoding))
    assert desk.pipeline.state("ben").attributes() == {"first_name": "Jürgen"}


def test_what_would_be_a_guess_is_refused_and_the_other_lines_go(desk: Desk) -> None:
    twice = json.dumps(GOOD)[:-1] + f', "email": "b{MARK}@portal.org"}}'
    other = json.dumps(GOOD | {"first_name": "Jürgen"}, ensure_ascii=False).encode("windows-1252")
    lines = (json.dumps(GOOD | {"user_id": "ben"}), twice, json.dumps(GOOD) * 2)
    reported = desk.run("send", "-", typed="\n".join(lines).encode() + b"\n" + other, exits=1)
    assert "line 2: a JSON object that names a key twice" in reported
    assert "line 3: more than one JSON object" in reported
    assert "line 4: not UTF-8" in reported
    assert "1 event accepted, 3 lines refused" in reported
    assert "1 event accepted" in desk.run("send", "-", "--encoding", "windows-1252", typed=other)


@pytest.mark.parametrize(
    ("typed", "advice"),
    [
        (json.dumps([GOOD]).encode(), "a JSON array"),
        (json.dumps(GOOD, indent=1).encode(), "over several lines"),
        (b'{"user_id": "anna"}\r{"user_id": "ben"}\r', "old Mac line ends"),
        (json.dumps(GOOD).encode("utf-16-le"), "--encoding utf-16"),
    ],
    ids=range(4),
)
def test_a_file_of_another_kind_is_one_line_that_says_what_to_do(desk: Desk, typed: bytes, advice: str) -> None:
    reported = desk.run("send", "-", typed=typed, exits=2)
    assert advice in reported
    assert len(reported.splitlines()) == 1
    assert desk.pipeline.store.peek("anna") is None
