"""The lines that ``up`` and ``sandbox`` print, in full, and what they hand on."""

import importlib.util
import socket
import threading
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
import typer

from sync_tasks.cli.commands import sandbox, up, webhooks
from sync_tasks.errors import ConfigurationError
from sync_tasks.local import setup
from sync_tasks.local.processes import PartEndedError
from tests.support.desk import run

PAGE = "http://127.0.0.1:9001"
HEARD = "change a contact on the sandbox's page, and see it mended within seconds"
UNHEARD = "changes at Brevo are not heard of: it does not reach this machine, see docs/how-to/webhooks.md"


@pytest.mark.parametrize(
    ("variables", "lines"),
    [
        ({}, ["", UNHEARD, "", "Ctrl-C stops everything"]),
        (
            {"SYNC_X": "a b", "SYNC_WEBHOOK_TOKEN": "t"},
            [
                "",
                "in another terminal, for a portal or for sync-tasks status:",
                "  export SYNC_X='a b'",
                "  export SYNC_WEBHOOK_TOKEN=t",
                "",
                HEARD,
                "",
                "Ctrl-C stops everything",
            ],
        ),
    ],
    ids=["a pipeline of its own servers", "a sandbox"],
)
def test_how_to_use_it(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    variables: dict[str, str],
    lines: list[str],
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr(up, "command_here", lambda words: f"sync-tasks {words}")
    up._report_how_to_use(variables)
    assert capsys.readouterr().out.splitlines() == lines


def test_a_part_that_ends_ends_all_with_a_line_after_it_was_ready(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> NoReturn:
        raise PartEndedError("beat has ended with exit 3")

    parts: Any = SimpleNamespace(wait_until_ready=lambda: None, check=fail)
    with pytest.raises(typer.Exit) as ended:
        up._wait_for_trouble(parts)
    printed = capsys.readouterr()
    assert (ended.value.exit_code, printed.out) == (1, "✓ ready\n\n")
    assert printed.err == "beat has ended with exit 3; stopping everything\n"


@pytest.mark.parametrize("installed", [True, False])
def test_flower_is_started_if_it_is_installed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, installed: bool
) -> None:
    looked, started, env = list[str](), list[tuple[str, ...]](), dict[str, str]()

    def find(name: str) -> str | None:
        looked.append(name)
        return "here" if installed else None

    monkeypatch.setattr(importlib.util, "find_spec", find)
    monkeypatch.setattr(up, "_pick_port", lambda port, option: port if option == "--flower-port" else 0)
    url = up._pick_flower(5555)
    assert (looked, url) == (["flower"], "http://127.0.0.1:5555/" if installed else "")
    parts: Any = SimpleNamespace(env=env, start=lambda *words: started.append(words))
    up._start_flower(parts, url, PAGE)
    said = capsys.readouterr().out
    if installed:
        words = ("flower", "flower", "--address=127.0.0.1", "--port=5555", "--logging=error")
        assert (started, env, said) == ([words], {"SYNC_OPERATE_URL": f"{PAGE}/operate"}, f"Flower  {url}\n")
    else:
        assert (started, env) == ([], {})
        assert said == "Flower  not installed: pip install 'sync-tasks[flower]'\n"


def test_a_sandbox_reports_each_change_at_once_to_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = list[tuple[Any, ...]]()
    monkeypatch.setattr(setup, "load_without_keys", lambda: "settings")
    monkeypatch.setattr(webhooks, "install_one", lambda *said, batched: installed.append((*said, batched)))
    parts: Any = SimpleNamespace(env={})
    variables = up._receive(parts, PAGE)
    token = variables["SYNC_WEBHOOK_TOKEN"]
    assert parts.env == variables == {"SYNC_WEBHOOK_TOKEN": token}
    assert (installed, len(token)) == ([("default", "settings", PAGE, token, False)], 32)


def test_a_port_that_is_taken_is_named_with_its_option() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError) as caught:
            up._pick_port(port, "--page-port")
    said = str(caught.value)
    assert (said.partition(": ")[0], said.rpartition("; ")[2]) == (f"port {port}", "choose another with --page-port")


def test_both_a_worker_and_beat_are_looked_at_before_anything_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = list[str]()
    for part in ("worker", "beat"):
        monkeypatch.setattr(f"sync_tasks.tasks.startup.check_{part}", lambda part=part: looked.append(part))
    up._check_parts()
    assert looked == ["worker", "beat"]


@pytest.mark.parametrize(
    ("name", "style"),
    [("worker-1", "cyan"), ("beat", "magenta"), ("flower", "yellow"), ("serve", "green"), ("x", "cyan")],
)
def test_each_part_has_its_colour(monkeypatch: pytest.MonkeyPatch, name: str, style: str) -> None:
    lines = list[tuple[str, bool]]()
    monkeypatch.setattr(
        up, "open_console", lambda: SimpleNamespace(print=lambda text, soft_wrap: lines.append((text, soft_wrap)))
    )
    up.Voices()(name, "a [b]line")
    assert lines == [(f"[{style}]{name:<8}[/] │ a \\[b]line", True)]


@pytest.mark.parametrize(
    ("base_url", "warns"), [("https://api.brevo.com/v3", True), ("http://127.0.0.1:8025/v3", False), ("nonsense", True)]
)
def test_whoever_takes_the_real_brevo_is_warned(base_url: str, *, warns: bool) -> None:
    assert up._warn_of(base_url) == ("  [bold red]changes real contacts[/]" if warns else "")


@pytest.mark.parametrize(
    ("words", "limits"),
    [
        ((), (True, 10, 36_000)),
        (("--requests-per-second", "3", "--requests-per-hour", "5"), (True, 3, 5)),
        (("--no-limits",), (False, 10, 36_000)),
    ],
)
def test_a_sandbox_says_where_it_is_and_has_these_limits(
    monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], limits: tuple[bool, int, int]
) -> None:
    served = list[Any]()

    @contextmanager
    def serve(settings: Any, port: int) -> Any:  # noqa: ANN401 - a sandbox
        served.append((settings.limits, port))
        yield SimpleNamespace(origin="http://127.0.0.1:8025", url="http://127.0.0.1:8025/v3")

    def stop() -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(setup, "serve", serve)
    monkeypatch.setattr(sandbox, "ending_on_signals", nullcontext)
    monkeypatch.setattr(threading, "Event", lambda: SimpleNamespace(wait=stop))
    monkeypatch.setenv("SYNC_CONFIG", str(setup.example("sync_tasks.toml")))
    monkeypatch.delenv("COLUMNS", raising=False)
    done = run("sandbox", *words)
    assert (done.exit_code, done.output.splitlines()) == (
        0,
        [
            "Brevo's sandbox  http://127.0.0.1:8025/  (any key will do)",
            "export SYNC_BASE_URL=http://127.0.0.1:8025/v3 SYNC_API_KEY=any-key-will-do",
        ],
    )
    ((found, port),) = served
    assert (found.enabled, found.contacts_per_second, found.contacts_per_hour, port) == (*limits, 8025)
