"""The scenes of the demo, in this process: what they say, what ends them, and what is left of their folder."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import typer

from sync_tasks.cli.commands import demo, send
from sync_tasks.cli.commands.demo import DemoFailedError, Stage
from sync_tasks.config.settings import load_settings
from sync_tasks.local import setup
from sync_tasks.local.processes import PartEndedError, Parts
from tests.support.desk import Desk
from tests.support.pipeline import address_of


class Looked:
    """Parts that count who looks at them."""

    def __init__(self) -> None:
        self.looks = 0

    def check(self) -> None:
        self.looks += 1


@pytest.fixture
def stage(desk: Desk, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """A stage on the servers of the test; its list of the monthly newsletter is missing at first."""
    monkeypatch.setattr(demo, "_LOOK_EVERY", 0.0)
    monkeypatch.setattr(demo, "MENDED", "weekly")
    brevo = SimpleNamespace(sandbox=desk.pipeline.brevo)
    stage = Stage(
        cast("Any", SimpleNamespace(url=redis_url)), cast("Any", brevo), cast("Any", Looked()), load_settings()
    )
    yield stage
    stage.store.redis.close()


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().out.split())


def test_it_waits_until_all_agrees_and_looks_at_its_parts_meanwhile(stage: Stage) -> None:
    answers = [False, False, True]
    seconds = demo._wait_until(stage, lambda: answers.pop(0))
    assert 0 <= seconds < 20
    assert cast("Looked", stage.parts).looks == 2


def test_it_fails_if_that_takes_too_long(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "SETTLED_WITHIN", -1.0)
    with pytest.raises(DemoFailedError, match=r"^not settled after -1 s$"):
        demo._wait_until(stage, lambda: False)


@pytest.mark.parametrize("queue", ["sync_tasks", "sync_tasks.urgent", "sync_tasks.background", "sync_tasks:unacked"])
def test_a_message_under_way_is_not_settled(stage: Stage, queue: str) -> None:
    assert demo._is_settled(stage)
    stage.store.redis.rpush(queue, "a message")
    assert not demo._is_settled(stage)


def test_whoever_waits_may_wait_and_nobody_else(stage: Stage, desk: Desk) -> None:
    desk.pipeline.subscribe("anna")
    assert not demo._is_settled(stage)
    assert not demo._is_settled(stage, ["otto"])
    assert demo._is_settled(stage, ["anna", "otto"])


def test_contacts_are_shown_in_the_order_of_users_with_what_they_read(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    def contact(ext_id: str, *lists: int, blocked: bool = False, **attributes: str) -> dict[str, object]:
        return {
            "ext_id": ext_id,
            "email": address_of(ext_id),
            "listIds": [*lists],
            "emailBlacklisted": blocked,
            "attributes": attributes,
        }

    contacts = [
        contact("u10", 3, 5, FIRSTNAME="Ada", LASTNAME="Ant", CITY="Ulm"),
        contact("u2", FIRSTNAME="Bea"),
        contact("u1", 3, blocked=True),
        contact("deleted-f00d"),
    ]
    demo._show_contacts(stage, "what Brevo holds", contacts)
    printed = capsys.readouterr().out
    assert "what Brevo holds" in printed
    lines = [line.split() for line in printed.splitlines() if "portal.org" in line]
    assert [line[0] for line in lines] == ["u1", "u2", "u10", "erased"]
    assert lines[0][-1] == "blocklisted"
    assert lines[1][-2:] == ["Bea", "none"]
    assert lines[2][2:] == ["Ada", "Ant", "Ulm", "daily,", "weekly"]


def test_dead_letters_are_shown_as_the_command_shows_them(
    stage: Stage, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    letter = desk.fail("anna")
    demo._show_letters(stage)
    shown = said(capsys)
    assert "$ sync-tasks failed list" in shown
    assert letter.id in shown


@pytest.mark.parametrize(
    ("sent", "fails"),
    [
        (send.Sent(accepted=3), False),
        (send.Sent(accepted=0), True),
        (send.Sent(accepted=3, stopped_at=2), True),
    ],
)
def test_the_demo_fails_if_its_sample_was_not_sent(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    sent: send.Sent,
    *,
    fails: bool,
) -> None:
    asked: dict[str, Any] = {}

    def send_lines(lines: object, **how: Any) -> send.Sent:
        assert lines is not None
        asked.update(how)
        how["refuse"](send.RefusedLine(7, "[bold]no event"))
        return sent

    monkeypatch.setattr(send, "send_lines", send_lines)
    monkeypatch.setattr(send, "report_sent", lambda _sent: None)
    if fails:
        with pytest.raises(DemoFailedError, match=r"^the sample events were not accepted$"):
            demo._send_sample()
    else:
        demo._send_sample()
    shown = said(capsys)
    assert "$ sync-tasks send portal-events.jsonl" in shown
    assert "line 7: [bold]no event" in shown
    assert (asked["rate"], asked["size"] > 1000) == (15, True)


@pytest.mark.parametrize(("waiting", "there", "fails"), [(1, 1, False), (0, 0, True), (1, 0, True), (2, 1, True)])
def test_it_ends_well_only_if_whoever_waited_is_on_the_list(
    stage: Stage,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    waiting: int,
    there: int,
    *,
    fails: bool,
) -> None:
    created: list[str] = []
    wanted = stage.settings.newsletters["weekly"].list_id
    stage.brevo.sandbox.add_contacts(
        [{"email": f"a{number}@portal.org", "ext_id": f"a{number}", "listIds": [wanted]} for number in range(there)]
    )
    stage.brevo.sandbox.add_contacts([{"email": "other@portal.org", "ext_id": "other", "listIds": [3]}])
    monkeypatch.setattr(demo, "create_list", lambda _sandbox, name: created.append(name))
    monkeypatch.setattr(demo, "_waiting_for_list", lambda _stage: ["x"] * waiting)
    if fails:
        with pytest.raises(DemoFailedError, match=r"^who waited for the list is not on it$"):
            demo._create_list(stage)
    else:
        demo._create_list(stage)
    assert created == ["weekly"]
    shown = said(capsys)
    assert "the list of weekly does not exist at Brevo" in shown
    assert "who waited for it" in shown
    assert "other@portal.org" not in shown


def test_whoever_waits_for_the_missing_list_is_found(stage: Stage, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[object, ...]] = []

    def read(_store: object, *words: object) -> list[str]:
        asked.append(words)
        return ["anna"]

    monkeypatch.setattr("sync_tasks.state.bulk.read_waiting", read)
    assert demo._waiting_for_list(stage) == ["anna"]
    ((part, most),) = asked
    assert ("default" in str(part), "5" in str(part), most) == (True, True, 10_000)
    assert desk.configuration.exists()


def test_the_demo_is_played_in_its_order(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    played: list[str] = []
    for name in ("_send_sample", "_show_contacts", "_show_letters", "_create_list"):
        monkeypatch.setattr(demo, name, lambda *_, name=name: played.append(name))

    def wait(_stage: Stage, is_settled: Callable[[], bool]) -> float:
        played.append(str(is_settled()))
        return 1.25

    monkeypatch.setattr(demo, "_wait_until", wait)
    monkeypatch.setattr(demo, "_waiting_for_list", lambda _stage: [])
    demo._play(stage)
    assert played == ["_send_sample", "True", "_show_contacts", "_show_letters", "_create_list"]
    shown = said(capsys)
    assert "POST /events" in shown
    assert "Brevo agrees 1.2 s later, after 0 requests" in shown


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def left_in(folder: Path) -> list[Path]:
    return list(folder.glob("sync-tasks-demo-*"))


@pytest.mark.parametrize("error", [DemoFailedError("not settled"), PartEndedError("beat has ended with exit 1")])
def test_a_demo_that_fails_keeps_what_its_parts_said(
    folders: Path, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    with pytest.raises(typer.Exit) as ended, demo._keeping_logs_of_failures():
        raise error
    (folder,) = left_in(folders)
    assert ended.value.exit_code == 1
    assert f"the demo failed: {error}\nwhat its parts said is in {folder}" in capsys.readouterr().err


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("x")])
def test_a_demo_that_is_broken_off_leaves_nothing(folders: Path, error: BaseException) -> None:
    with pytest.raises(type(error)), demo._keeping_logs_of_failures():
        raise error
    with demo._keeping_logs_of_failures() as folder:
        assert folder.is_dir()
    assert left_in(folders) == []


def test_the_demo_is_less_patient_than_the_example(tmp_path: Path) -> None:
    text = demo._write_configuration(tmp_path).read_text().splitlines()
    assert {"probe_seconds = 1", "grace_seconds = 2"} <= {line.partition("  #")[0].strip() for line in text}


@pytest.mark.usefixtures("bare_environment")
def test_the_stage_is_set_with_servers_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SYNC_NAMESPACE", "of-this-machine")
    monkeypatch.setattr(demo, "_start_parts", lambda folder, stack: (folder, stack))
    with ExitStack() as stack:
        stage = demo._set_up(tmp_path, stack)
        ours = {name for name in os.environ if name.startswith("SYNC_")}
        assert ours == {"SYNC_CONFIG", "SYNC_API_KEY", "SYNC_REDIS_URL", "SYNC_BASE_URL"}
        assert os.environ["SYNC_REDIS_URL"] == stage.redis.url
        assert os.environ["SYNC_BASE_URL"] == stage.brevo.url
        assert stage.store.key("x") == "sync_tasks:x"
        names = {one["name"] for one in stage.brevo.sandbox.request("GET", "/contacts/lists", limit=50).json()["lists"]}  # type: ignore[index]
        assert demo.MENDED in stage.settings.newsletters
        assert demo.MENDED not in names
        stage.store.redis.close()
        shown = said(capsys)
        assert f"Redis on 127.0.0.1:{stage.redis.port}" in shown
        assert f"Brevo's sandbox on {stage.brevo.origin}/" in shown


def test_each_part_has_a_file_for_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    started: list[int] = []
    waited: list[bool] = []

    class Quiet(Parts):
        """Parts that are ready at once."""

        def wait_until_ready(self, within: float = 0.0) -> None:
            waited.append(within == 0.0)

    monkeypatch.setattr(demo, "Parts", Quiet)
    monkeypatch.setattr(setup, "start_workers", lambda _parts, number: started.append(number))
    with ExitStack() as stack:
        parts = demo._start_parts(tmp_path, stack)
        for line in ("one", "two"):
            parts._hear("beat", line)
        assert parts._patience == 5.0
    assert (tmp_path / "beat.log").read_text() == "one\ntwo\n"
    assert (started, waited) == ([2], [True])
    assert "two worker processes and beat, ready in 0.0 s" in said(capsys)


def test_the_demo_says_how_long_it_took_and_what_to_do_next(
    folders: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    played: list[object] = []
    monkeypatch.setattr(demo, "_set_up", lambda folder, _stack: folder)
    monkeypatch.setattr(demo, "_play", played.append)
    demo.show_demo()
    shown = said(capsys)
    assert "stopping everything done in 0 s; next: sync-tasks up, and the README" in shown
    assert len(played) == 1
    assert left_in(folders) == []
