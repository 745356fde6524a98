"""``demo``, ``up`` and ``sandbox`` as an operator runs them: whatever ends them, nothing of them is left."""

import json
import os
import re
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener, urlopen

import pytest

from sync_tasks.cli.commands import up
from sync_tasks.local import setup
from tests.support.desk import Desk
from tests.support.processes import Program, StartProgram, wait_until

Start = Callable[..., Program]
FREE_PORTS = ("--sandbox-port", "0", "--flower-port", "0", "--page-port", "0")
MARK = "CLI_TEST_FOLDER"
# To a shell both are 130. ``python -m`` ends by the signal itself where Ctrl-C met code that was made by ``exec``, as
# that of every dataclass is (CPython's ``unhandled_keyboard_interrupt``).
INTERRUPTED = {130, -signal.SIGINT}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the commands under test keep what they need."""
    kept = tmp_path / "kept"
    kept.mkdir()
    return kept


@pytest.fixture
def start(start_program: StartProgram, folder: Path, tmp_path: Path) -> Iterator[Start]:
    """Start a command in an empty directory and without a configuration."""
    ours = ("SYNC_REDIS_URL", "SYNC_API_KEY", "SYNC_CONFIG", "SYNC_BASE_URL")
    env = dict.fromkeys(ours, "") | {"TMPDIR": str(folder), MARK: str(folder), "COLUMNS": "80"}

    def start_one(*words: str, ready: str | None = None, **more: str) -> Program:
        given = {name: text for name, text in (env | more).items() if text or name != "SYNC_CONFIG"}
        return start_program([sys.executable, "-m", "sync_tasks", *words], ready=ready, env=given, cwd=tmp_path)

    yield start_one
    for pid in processes_of(folder):
        os.kill(pid, signal.SIGKILL)


def processes_of(folder: Path) -> list[int]:
    """Return the processes that carry the folder in their environment, or work in it, as the embedded Redis does."""
    return [int(path.name) for path in Path("/proc").glob("[0-9]*") if _belongs(path, folder)]


def _belongs(process: Path, folder: Path) -> bool:
    with suppress(OSError):
        started_with = (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
        return str(folder).encode() in started_with or (process / "cwd").readlink().is_relative_to(folder)
    return False


def wait_until_gone(folder: Path) -> None:
    wait_until(lambda: not processes_of(folder), "every process is gone")


def test_a_demo_ends_well_although_another_one_beside_it_is_stopped_in_the_middle(start: Start, folder: Path) -> None:
    demo, other = start("demo"), start("demo", ready="$ sync-tasks send")
    os.killpg(other.pid, signal.SIGINT)
    assert other.process.wait(20) in INTERRUPTED, other.output
    assert demo.process.wait(60) == 0, demo.output
    shown = (
        "POST /events",
        "66 events accepted, 2 lines refused",
        "what Brevo holds",
        "1 dead letter",
        "who waited for it",
        "done in",
    )
    assert all(text in demo.output for text in shown), demo.output
    assert max(map(len, demo.output.splitlines())) <= 80
    wait_until_gone(folder)
    assert list(folder.iterdir()) == []


@pytest.mark.slow
def test_a_demo_that_is_killed_takes_its_processes_along(start: Start, folder: Path) -> None:
    demo = start("demo", ready="$ sync-tasks send")
    assert len(processes_of(folder)) >= 5
    os.kill(demo.pid, signal.SIGKILL)
    demo.process.wait(20)
    wait_until_gone(folder)


def exported(program: Program) -> dict[str, str]:
    """Return the variables that a command asks to export."""
    lines = (line.strip() for line in program.output.splitlines())
    words = [word for line in lines if line.startswith("export ") for word in line.split()[1:]]
    return dict(word.split("=", 1) for word in words)


def read(url: str, **sent: str) -> str:
    """Return a page; with ``sent`` the one after that form, as a browser that keeps cookies gets there."""
    browser = build_opener(HTTPCookieProcessor())
    with browser.open(url, urlencode(sent).encode() if sent else None) as page:
        return str(page.read().decode())


@pytest.mark.slow
def test_up_shows_the_page_of_operators_with_a_login_for_this_run(start: Start, folder: Path) -> None:
    up = start("up", *FREE_PORTS, ready="✓ ready")
    said = re.search(r"Page +(http://127\.0\.0\.1:\d+/operate)\nLogin +(\S+), password (\S+) ", up.output)
    flower = re.search(r"Flower +(\S+)", up.output)
    assert said, up.output
    assert flower, up.output
    url, name, password = said.groups()
    assert "<h1>Log in</h1>" in read(url)
    overview = read(f"{url}/login", name=name, password=password)
    assert "<h1>Overview</h1>" in overview
    assert f'href="{flower[1]}"' in overview
    wait_until(lambda: f'href="{url}"' in read(flower[1]), "Flower links to the page", 20)
    assert up.output.count(password) == 1
    (written,) = folder.rglob("operators")
    assert password not in written.read_text()
    os.killpg(up.pid, signal.SIGINT)
    assert up.process.wait(30) == 0, up.output
    assert list(folder.iterdir()) == []


def write_sign_up(folder: Path) -> Path:
    said = {"user_id": "u1", "newsletter": "daily", "email": "ada@portal.example", "first_name": "Ada"}
    path = folder / "sign-up.jsonl"
    path.write_text(json.dumps({"task": "subscribe_contact", **said}) + "\n")
    return path


def names_at(origin: str) -> list[str]:
    """Return the first names that the sandbox holds."""
    with urlopen(f"{origin}/_sandbox/contacts") as page:  # noqa: S310 - our own
        return [contact["attributes"].get("FIRSTNAME", "") for contact in json.load(page)["contacts"]]


def edit_at(origin: str, address: str, change: dict[str, object]) -> None:
    """Change a contact as somebody does in Brevo's web page."""
    edit = {"data": json.dumps(change).encode(), "headers": {"Content-Type": "application/json"}}
    urlopen(Request(f"{origin}/_sandbox/contacts/{address}/edit", method="POST", **edit)).close()  # type: ignore[arg-type]  # noqa: S310


@pytest.mark.slow
def test_up_is_a_pipeline_at_work_until_ctrl_c(start: Start, folder: Path) -> None:
    up = start("up", *FREE_PORTS, ready="✓ ready")
    there = exported(up)
    assert set(there) >= {"SYNC_REDIS_URL", "SYNC_BASE_URL", "SYNC_API_KEY"}
    status = start("status", **there)
    assert status.process.wait(20) in {0, 1}
    assert "worker-1@" in status.output
    assert "default running" in status.output
    origin = there["SYNC_BASE_URL"].removesuffix("/v3")
    start("send", str(write_sign_up(folder.parent)), **there).process.wait(20)
    wait_until(lambda: "Ada" in names_at(origin), "the sign-up is at Brevo", 20)
    edit_at(origin, "ada@portal.example", {"attributes": {"FIRSTNAME": "Eve"}})
    wait_until(lambda: names_at(origin) == ["Ada"], "what was changed at Brevo is mended", 20)

    def is_well() -> bool:
        """Once beat has swept."""
        return start("status", **there).process.wait(20) == 0

    wait_until(is_well, "the pipeline is well", 30)
    status, doctor = start("status", **there), start("doctor", **there)
    assert (status.process.wait(20), doctor.process.wait(20)) == (0, 0), status.output + doctor.output
    assert " noticed" in status.output
    assert "takes the token" in " ".join(doctor.output.split())
    os.killpg(up.pid, signal.SIGINT)
    assert up.process.wait(30) == 0, up.output
    wait_until_gone(folder)
    assert list(folder.iterdir()) == []


@pytest.mark.slow
def test_up_ends_with_1_and_says_which_part_has_ended(start: Start, folder: Path) -> None:
    up = start("up", *FREE_PORTS, ready="✓ ready")
    workers = [pid for pid in processes_of(folder) if b"worker-1@" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    assert up.process.wait(30) == 1, up.output
    assert "worker-1 has ended" in up.output
    wait_until_gone(folder)


def test_the_sandbox_serves_until_it_is_stopped_and_shows_how_to_reach_it(start: Start, folder: Path) -> None:
    sandbox = start("sandbox", "--port", "0", "--no-limits", ready="export ")
    origin = exported(sandbox)["SYNC_BASE_URL"].removesuffix("/v3")
    with urlopen(origin) as page:  # noqa: S310 - our own
        assert page.status == 200
    assert f"Brevo's sandbox  {origin}/" in sandbox.output
    assert sandbox.stop(signal.SIGTERM) == 143
    wait_until_gone(folder)


def test_a_port_that_is_taken_is_wrong_use(desk: Desk) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        printed = desk.run("sandbox", "--port", str(taken.getsockname()[1]), exits=2)
        assert "choose another" in printed
        printed = desk.run("up", "--flower-port", str(taken.getsockname()[1]), exits=2)
        assert "choose another with --flower-port" in printed
        printed = desk.run("up", "--page-port", str(taken.getsockname()[1]), exits=2)
        assert "choose another with --page-port" in printed


def test_the_sandbox_cannot_stand_in_for_several_accounts(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SYNC_API_KEY")
    desk.configuration.write_text('[accounts.other]\n[newsletters.daily]\nlist_id = 3\naccount = "other"\n')
    assert "the sandbox is one account" in desk.run("up", exits=2)


@pytest.mark.parametrize(("url", "real"), [("https://api.brevo.com/v3", True), ("http://127.0.0.1:1/v3", False)])
def test_up_says_that_brevo_is_the_real_one(
    worker_environment: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    url: str,
    *,
    real: bool,
) -> None:
    assert worker_environment.exists()
    monkeypatch.setenv("SYNC_API_KEY", "key")
    monkeypatch.setenv("SYNC_BASE_URL", url)
    with ExitStack() as stack:
        assert up._find_brevo(0, stack) == {}
    assert ("changes real contacts" in " ".join(capsys.readouterr().out.split())) is real


@pytest.mark.slow
def test_up_does_not_wait_for_words_that_a_quiet_log_leaves_out(start: Start, folder: Path) -> None:
    up = start("up", *FREE_PORTS, ready="✓ ready", SYNC_LOG_LEVEL="WARNING", SYNC_LOG_JSON="1")
    os.killpg(up.pid, signal.SIGINT)
    assert up.process.wait(30) == 0, up.output
    wait_until_gone(folder)


@pytest.mark.parametrize(("level", "heard"), [("", True), ("DEBUG", True), ("info", True), ("WARNING", False)])
def test_a_part_is_waited_for_if_its_log_says_that_it_is_ready(
    monkeypatch: pytest.MonkeyPatch, level: str, *, heard: bool
) -> None:
    monkeypatch.setenv("SYNC_LOG_LEVEL", level)
    assert (setup.words_if_heard(" ready.") is not None) is heard
