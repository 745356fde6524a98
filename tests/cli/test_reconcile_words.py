"""``reconcile`` and ``send``: which words go together, what is said at the end, and at which pace lines go."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
import typer

from sync_tasks.cli.commands import reconcile, send
from sync_tasks.cli.commands.send import Sent
from sync_tasks.cli.views import doctor_checks
from sync_tasks.config.settings import Settings
from sync_tasks.reconcile.history import Run
from tests.support.desk import Desk

GO_ON = "go on later with: tail -n +3 FILE | sync-tasks send -\n"
RUN = Run("default", "1700000000000000", 1.25, False, 3, 1, 0, 0)  # noqa: FBT003 - a record
TWO = Settings.model_validate(
    {
        "accounts": {"one": {}, "two": {}},
        "newsletters": {"daily": {"list_id": 3, "account": "one"}, "weekly": {"list_id": 3, "account": "two"}},
    }
)


@pytest.mark.parametrize(
    ("account", "newsletter", "said"),
    [
        ("", "", ""),
        ("one", "", ""),
        ("", "weekly", ""),
        ("one", "daily", ""),
        ("one", "weekly", "that newsletter belongs to another account"),
        ("three", "", "there is no account of that name; known: one, two"),
        ("", "hourly", "there is no newsletter of that name; known: daily, weekly"),
    ],
)
def test_a_newsletter_and_an_account_go_together(
    account: str, newsletter: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if not said:
        reconcile._check_names(TWO, account, newsletter)
        return
    with pytest.raises(typer.Exit) as ended:
        reconcile._check_names(TWO, account, newsletter)
    assert (ended.value.exit_code, capsys.readouterr().err) == (2, f"{said}\n")


@pytest.mark.parametrize(
    ("runs", "suggests", "refuses"),
    [
        ([RUN], False, False),
        ([replace(RUN, repaired=2), RUN], True, False),
        ([replace(RUN, refused="too many")], False, True),
    ],
)
def test_the_end_of_a_comparison_says_what_comes_next(
    runs: list[Run], capsys: pytest.CaptureFixture[str], *, suggests: bool, refuses: bool
) -> None:
    reconcile._report(runs)
    shown = capsys.readouterr()
    assert ("the workers repair it; afterwards: sync-tasks reconcile --dry-run" in shown.out) is suggests
    assert ("! account default: nothing was changed: too many" in shown.err) is refuses


@pytest.mark.parametrize(("resumed", "said"), [(0, False), (2, True)])
def test_a_comparison_that_went_on_says_where(capsys: pytest.CaptureFixture[str], resumed: int, *, said: bool) -> None:
    reconcile._report_run(replace(RUN, resumed=resumed, users={"waiting": ["anna", "ben"]}))
    shown = capsys.readouterr().out
    assert ("default: went on at contact 3" in shown) is said
    assert "default: 3 contacts compared in 1.2 s: no drift" in shown
    assert "waiting: anna, ben" in shown
    assert "0 contacts to be repaired, 1 left to their own push" in shown


def test_a_drift_is_a_row_with_each_newsletter(capsys: pytest.CaptureFixture[str]) -> None:
    lists = {"daily": {"attribute": 1234}, "weekly": {"waiting": 1}}
    reconcile._report_run(replace(RUN, found={"waiting": 1, "attribute": 1234}, lists=lists))
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["attribute", "1,234", "1,234", "0"] in rows
    assert ["waiting", "1", "0", "1"] in rows


def test_the_counts_are_also_rows_of_csv() -> None:
    lists = {"daily": {"attribute": 2}}
    rows = list(reconcile._csv_rows([replace(RUN, found={"waiting": 1, "attribute": 2}, lists=lists)]))
    assert rows == [
        ("account", "newsletter", "drift", "contacts"),
        ("default", "", "attribute", 2),
        ("default", "", "waiting", 1),
        ("default", "daily", "attribute", 2),
    ]


@pytest.mark.parametrize(("rate", "pauses"), [(2.0, [0.0, 0.5, 1.0]), (None, []), (4.0, [0.0, 0.25, 0.5])])
def test_no_line_goes_earlier_than_its_turn(
    monkeypatch: pytest.MonkeyPatch, rate: float | None, pauses: list[float]
) -> None:
    slept: list[float] = []
    clock = SimpleNamespace(monotonic=lambda: 100.0, sleep=slept.append)
    monkeypatch.setattr(send, "time", clock)
    assert list(send._paced(["a", "b", "c"], rate)) == ["a", "b", "c"]
    assert slept == pauses


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (Sent(1), "1 event accepted\n"),
        (Sent(2, [send.RefusedLine(3, "x")]), "2 events accepted, 1 line refused\n"),
        (
            Sent(2, stopped_at=3, why="Redis is away"),
            f"2 events accepted\nline 3 and what follows was not accepted: Redis is away\n{GO_ON}",
        ),
    ],
)
def test_what_was_sent_is_said_in_the_end(sent: Sent, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    send.report_sent(sent)
    shown = capsys.readouterr()
    assert shown.out + shown.err == said
    assert sent.troubled is (sent.stopped_at is not None or bool(sent.refused))


@pytest.mark.parametrize("words", [("--all",), ("--error", "UnknownContactError")])
@pytest.mark.parametrize("verb", ["replay", "discard"])
def test_letters_are_named_by_ids_or_by_what_they_have_in_common(desk: Desk, verb: str, words: tuple[str, ...]) -> None:
    letter = desk.fail("anna")
    said = " ".join(desk.run("failed", verb, letter.id, *words, exits=2).replace("│", " ").split())
    assert "ids, or --all and filters, not both" in said
    assert desk.pipeline.letters() == [letter]


def test_a_dry_replay_is_called_so(desk: Desk) -> None:
    desk.fail("anna")
    shown = desk.run("failed", "replay", "--all", "--dry-run")
    assert "what a replay would do" in shown
    assert "what a replay would do" not in desk.run("failed", "replay", "--all")


def test_of_whom_nothing_is_held_it_is_said_and_whether_a_record_is(desk: Desk) -> None:
    assert "nothing is held of this user" in desk.run("person", "report", "anna", exits=1)
    desk.pipeline.subscribe("ben")
    desk.pipeline.work()
    desk.pipeline.anonymize("ben")
    desk.pipeline.work()
    desk.pipeline.store.redis.delete(desk.pipeline.store.key("contacts:ben"))
    said = desk.run("person", "report", "ben", exits=1)
    assert "but the record of an erasure of this user: `sync-tasks person erasure`" in said


@pytest.mark.parametrize("words", [("--json",), ("--metrics",)])
def test_to_watch_is_for_people(desk: Desk, words: tuple[str, ...]) -> None:
    said = " ".join(desk.run("status", "--watch", *words, exits=2).replace("│", " ").split())
    assert "--watch is for people" in said


def test_an_account_that_left_and_a_former_list_of_none_are_named_by_the_doctor(desk: Desk) -> None:
    store = desk.pipeline.store
    store.redis.hset(store.key("owners"), "left", "them")
    text = desk.configuration.read_text()
    desk.configuration.write_text(text.replace("list_id = 5", 'list_id = 5\nformer_list_ids = ["gone:9", 11]'))
    found = {check["what"]: check for check in desk.read("doctor", exits=1)}
    assert found["left: account"]["state"] == "fail"
    assert "sync-tasks account forget left" in found["left: account"]["advice"]
    former = [check for what, check in found.items() if what == "weekly: former"]
    assert [(one["state"], one["found"]) for one in former] == [
        ("warn", "former list 9 is on account gone, which the configuration lacks")
    ]


@pytest.mark.parametrize(("pings", "state"), [((9.0, 9.0, 0.001, 9.0, 9.0), "ok"), ((0.02,) * 5, "warn")])
def test_the_fastest_of_some_answers_shows_how_far_away_redis_is(
    monkeypatch: pytest.MonkeyPatch, pings: tuple[float, ...], state: str
) -> None:
    left = list(pings)
    monkeypatch.setattr(doctor_checks, "_time_ping", lambda _redis: left.pop(0))
    check = doctor_checks._check_latency(cast("Any", None))
    assert (check.state, check.found) == (state, f"{min(pings) * 1000:.1f} ms")
    assert left == []
