"""``up`` in this process: what it starts, with which words and variables, and what it says of it."""

import os
import stat
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self, cast

import pytest

from sync_tasks.cli.commands import up
from sync_tasks.local import setup
from sync_tasks.local.processes import PartEndedError, Parts
from sync_tasks.operate.passwords import read_entries
from tests.support.desk import run

PAGE = "http://127.0.0.1:9001"


class Asked:
    """Parts that start nothing, and end as soon as somebody has looked at them twice."""

    def __init__(self, env: dict[str, str], hear: Callable[[str, str], None], *, patience: float) -> None:
        self.env, self.hear, self.patience = dict(env), hear, patience
        self.started: list[tuple[Any, ...]] = []
        self.looks = 0
        asked.append(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.started.append(("ended",))

    def start(self, name: str, *words: str, ready: str | None = None) -> None:
        self.started.append((name, *words, ready))

    def start_module(self, name: str, *words: str, ready: str | None = None) -> None:
        self.started.append((name, *words, ready))

    def wait_until_ready(self) -> None:
        self.started.append(("waited",))

    def check(self) -> None:
        self.looks += 1
        if self.looks == 2:
            raise PartEndedError("beat has ended with exit 3")


asked: list[Asked] = []


@pytest.fixture
def parts() -> Asked:
    asked.clear()
    return Asked({"SYNC_OPERATE_TOKEN": "t", "SYNC_OPERATE_TOKEN_FILE": "f"}, lambda *_: None, patience=0)


@pytest.fixture
def _alone(bare_environment: None, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 - it is bare
    """No settings, and no process is started."""
    monkeypatch.setattr(up, "Parts", Asked)
    monkeypatch.setattr(up, "_LOOK_EVERY", 0.0)
    monkeypatch.setenv("COLUMNS", "200")
    asked.clear()


@pytest.mark.usefixtures("_alone")
def test_everything_is_started_on_servers_of_its_own_and_ends_with_the_first_part_that_ends(tmp_path: Path) -> None:
    ports = ("--sandbox-port", "0", "--flower-port", "0", "--page-port", "0")
    done = run("up", *ports, "--workers", "2", "--data", str(tmp_path / "data"))
    assert done.exit_code == 1
    said = " ".join(done.output.split())
    assert "beat has ended with exit 3; stopping everything" in said
    assert "✓ ready" in said
    assert "(embedded: forgets everything at the end)" not in said
    assert "see it mended within seconds" in said
    assert "Ctrl-C stops everything" in said
    (made,) = asked
    names = [one[0] for one in made.started]
    assert names == ["worker-1", "worker-2", "beat", "flower", "serve", "waited", "ended"]
    assert (made.patience, made.looks) == (20.0, 2)
    shown = {line.split()[1].partition("=")[0] for line in done.output.splitlines() if "export " in line}
    assert shown == {"SYNC_REDIS_URL", "SYNC_CONFIG", "SYNC_BASE_URL", "SYNC_API_KEY", "SYNC_WEBHOOK_TOKEN"}
    page = made.env["SYNC_OPERATE_URL"].removesuffix("/operate")
    serve = next(one for one in made.started if one[0] == "serve")
    assert serve[1:5] == ("sync_tasks", "serve", "--port", page.rpartition(":")[2])
    flower = next(one for one in made.started if one[0] == "flower")
    assert flower[1:3] == ("flower", "--address=127.0.0.1")
    assert serve[-3:-1] == ("--flower-url", f"http://127.0.0.1:{flower[3].removeprefix('--port=')}/")
    assert (serve[-1], flower[4]) == ("/operate", "--logging=error")
    assert len(made.env["SYNC_WEBHOOK_TOKEN"]) == 32


@pytest.mark.usefixtures("_alone")
def test_an_embedded_redis_without_a_folder_forgets_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    with ExitStack() as stack:
        found = up._find_redis(None, stack)
        assert os.environ["SYNC_REDIS_URL"] == found["SYNC_REDIS_URL"]
    said = capsys.readouterr().out
    assert "(embedded: forgets everything at the end)" in said
    assert len(found["SYNC_REDIS_URL"].partition("@")[0].rpartition(":")[2]) == 32


@pytest.mark.usefixtures("_alone")
@pytest.mark.parametrize("in_a_file", [True, False])
def test_a_redis_that_is_named_is_taken_and_its_password_not_shown(
    redis_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    in_a_file: bool,
) -> None:
    (tmp_path / "url").write_text(redis_url)
    name, value = ("SYNC_REDIS_URL_FILE", str(tmp_path / "url")) if in_a_file else ("SYNC_REDIS_URL", redis_url)
    monkeypatch.setenv(name, value)
    with ExitStack() as stack:
        assert up._find_redis(None, stack) == {}
    assert redis_url.removeprefix("redis://").partition("/")[0] in capsys.readouterr().out


@pytest.mark.usefixtures("_alone")
def test_a_redis_that_is_away_ends_it_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNC_REDIS_URL", "redis://127.0.0.1:1/0")
    done = run("up")
    assert done.exit_code == 1
    assert asked == []


@pytest.mark.usefixtures("_alone")
def test_the_configuration_at_hand_is_not_announced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "sync_tasks.toml").write_text("[newsletters.daily]\nlist_id = 3\n")
    with ExitStack() as stack:
        found = up._find_brevo(0, stack)
    assert found.keys() == {"SYNC_BASE_URL", "SYNC_API_KEY"}
    assert found["SYNC_API_KEY"] == setup.ANY_KEY
    assert "(sandbox: forgets everything at the end)" in capsys.readouterr().out


def test_flower_that_is_not_installed_is_left_out(
    parts: Asked, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    assert up._pick_flower(1) == ""
    up._start_flower(cast("Parts", parts), "", PAGE)
    assert parts.started == []
    assert "SYNC_OPERATE_URL" not in parts.env
    assert "not installed: pip install 'sync-tasks[flower]'" in capsys.readouterr().out


def test_a_free_port_is_picked_and_a_chosen_one_kept() -> None:
    free = up._pick_port(0, "--page-port")
    assert up._pick_port(free, "--page-port") == free
    assert up._pick_flower(free) == f"http://127.0.0.1:{free}/"


@pytest.mark.parametrize(("flower", "link"), [("http://127.0.0.1:5555/", True), ("", False)])
def test_the_page_is_served_with_a_secret_of_its_own_and_asks_no_proxy(
    parts: Asked, tmp_path: Path, flower: str, *, link: bool
) -> None:
    up._start_page(cast("Parts", parts), PAGE, flower, tmp_path / "operators")
    words = ("serve", "sync_tasks", "serve", "--port", "9001", "--passwords", str(tmp_path / "operators"))
    assert parts.started == [(*words, *(("--flower-url", flower) if link else ()), "/operate")]
    assert parts.env.keys() == {"SYNC_OPERATE_SECRET"}
    assert len(parts.env["SYNC_OPERATE_SECRET"]) == 64


def test_one_operator_may_act_and_gets_a_password_that_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    with ExitStack() as stack:
        file = up._let_in(PAGE, stack)
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0
        (entry,) = read_entries(file).values()
        said = capsys.readouterr().out
        password = said.split("password ")[1].split()[0]
        assert (entry.name, len(password)) == ("operator", 16)
        assert f"{PAGE}/operate" in said
        assert password not in file.read_text()
    assert not file.parent.exists()


@pytest.mark.parametrize(
    ("variables", "said", "unsaid"),
    [
        ({}, ["changes at Brevo are not heard of", "Ctrl-C"], ["export", "another terminal"]),
        ({"SYNC_X": "a b"}, ["in another terminal", "export SYNC_X='a b'", "are not heard of"], ["mended"]),
        ({"SYNC_WEBHOOK_TOKEN": "t"}, ["export SYNC_WEBHOOK_TOKEN=t", "mended within seconds"], ["not heard of"]),
    ],
)
def test_how_to_use_it_is_said(
    variables: dict[str, str], said: list[str], unsaid: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    up._report_how_to_use(variables)
    shown = " ".join(capsys.readouterr().out.split())
    assert all(text in shown for text in said)
    assert not any(text in shown for text in unsaid)


def test_what_a_part_says_comes_after_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    up.Voices()("beat", "[red]as it is[/]")
    assert capsys.readouterr().out == "beat     │ [red]as it is[/]\n"
