"""``sync-tasks up``: the whole pipeline on this machine until Ctrl-C."""

import importlib.util
import os
import secrets
import shlex
import socket
import tempfile
import threading
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from sync_tasks.cli.commands import sandbox, serve, webhooks
from sync_tasks.cli.connections import open_store
from sync_tasks.cli.output import command_here, escaped, give_up, open_console, say
from sync_tasks.config.base_url import is_loopback
from sync_tasks.config.redis_url import place_of
from sync_tasks.errors import ConfigurationError
from sync_tasks.local import setup
from sync_tasks.local.processes import PartEndedError, Parts, ending_on_signals

STOPPED_WITHIN = 20.0
_LOOK_EVERY = 0.5
_STYLES = {"beat": "magenta", "flower": "yellow", "serve": "green"}
_OPERATOR = "operator"

Workers = Annotated[int, typer.Option(min=1, max=32, help="How many worker processes.")]
SandboxPort = Annotated[int, typer.Option(min=0, max=65535, help="Where the sandbox listens; 0 takes a free port.")]
FlowerPort = Annotated[int, typer.Option(min=0, max=65535, help="Where Flower listens; 0 takes a free port.")]
PagePort = Annotated[
    int, typer.Option(min=0, max=65535, help="Where the operator's page and the receiver listen; 0 takes a free port.")
]
Data = Annotated[
    Path | None, typer.Option(help="Where the embedded Redis keeps its data; without it, it forgets.", file_okay=False)
]


def run_all(
    *,
    workers: Workers = 1,
    sandbox_port: SandboxPort = sandbox.PORT,
    flower_port: FlowerPort = 5555,
    page_port: PagePort = serve.PORT,
    data: Data = None,
) -> None:
    """Run workers, beat, Flower and the operator's page until Ctrl-C, on an embedded Redis and a local Brevo.

    With `SYNC_REDIS_URL` set it is that Redis instead, with `SYNC_API_KEY` or `SYNC_API_KEY_FILE` the real Brevo.
    Everything listens on 127.0.0.1 only. The page has a login of its own for each run.
    """
    with suppress(KeyboardInterrupt), ending_on_signals(), ExitStack() as stack:
        started_here = _find_redis(data, stack) | _find_brevo(sandbox_port, stack)
        _check_parts()
        page = f"http://127.0.0.1:{_pick_port(page_port, '--page-port')}"
        flower = _pick_flower(flower_port)
        processes = stack.enter_context(Parts(os.environ, Voices(), patience=STOPPED_WITHIN))
        setup.start_workers(processes, workers)
        _start_flower(processes, flower, page)
        started_here |= _receive(processes, page) if "SYNC_BASE_URL" in started_here else {}
        _start_page(processes, page, flower, _let_in(page, stack))
        _report_how_to_use(started_here)
        _wait_for_trouble(processes)


def _check_parts() -> None:
    """Refuse before anything starts what would end one part or the other."""
    from sync_tasks.tasks import startup

    startup.check_worker()
    startup.check_beat()


def _find_redis(data: Path | None, stack: ExitStack) -> dict[str, str]:
    """Return the variables that lead to the Redis started here; none if it was there before."""
    from sync_tasks.config import environment
    from sync_tasks.local.redis_server import EmbeddedRedis

    if os.environ.get("SYNC_REDIS_URL") or os.environ.get("SYNC_REDIS_URL_FILE"):
        with open_store():
            say(f"[bold]Redis[/]   {escaped(place_of(environment.redis_url()))}")
        return {}
    redis = stack.enter_context(EmbeddedRedis(data, password=secrets.token_hex(16)))
    say(f"[bold]Redis[/]   {place_of(redis.url)}  {'' if data else '(embedded: forgets everything at the end)'}")
    return setup.announce({"SYNC_REDIS_URL": redis.url})


def _find_brevo(port: int, stack: ExitStack) -> dict[str, str]:
    """Return the variables that lead to the sandbox started here; none if Brevo is the real one.

    Raises:
        ConfigurationError: the configuration makes no sense.
    """
    from sync_tasks.config.settings import load_settings

    if os.environ.get("SYNC_API_KEY") or os.environ.get("SYNC_API_KEY_FILE"):
        for name, account in load_settings().accounts.items():
            say(f"[bold]Brevo[/]   {escaped(account.base_url)}  (account {name}){_warn_of(account.base_url)}")
        return {}
    setup.take_example_configuration()
    settings = setup.load_without_keys()
    if set(settings.accounts) != {"default"}:
        raise ConfigurationError("the sandbox is one account, 'default'; the configuration has others: set their keys")
    served = stack.enter_context(setup.serve(setup.model_brevo(settings), port))
    say(f"[bold]Brevo[/]   {served.origin}/  (sandbox: forgets everything at the end)")
    configuration = {"SYNC_CONFIG": os.environ["SYNC_CONFIG"]} if "SYNC_CONFIG" in os.environ else {}
    return setup.announce(configuration | {"SYNC_BASE_URL": served.url, "SYNC_API_KEY": setup.ANY_KEY})


def _warn_of(base_url: str) -> str:
    """Return what to say of the real Brevo; nothing of a sandbox on this machine."""
    if is_loopback(urlsplit(base_url).hostname or ""):
        return ""
    return "  [bold red]changes real contacts[/]"


def _pick_port(port: int, option: str) -> int:
    """Return the port if it is free, a free one for 0.

    Raises:
        ConfigurationError: it is taken.
    """
    try:
        with socket.create_server(("127.0.0.1", port)) as probe:
            return int(probe.getsockname()[1])
    except OSError as error:
        raise ConfigurationError(f"port {port}: {error.strerror}; choose another with {option}") from None


def _pick_flower(port: int) -> str:
    """Return where Flower will be, or an empty text if it is not installed."""
    if importlib.util.find_spec("flower") is None:
        return ""
    return f"http://127.0.0.1:{_pick_port(port, '--flower-port')}/"


def _start_flower(processes: Parts, url: str, page: str) -> None:
    if not url:
        say("[bold]Flower[/]  not installed: pip install 'sync-tasks\\[flower]'")
        return
    processes.env["SYNC_OPERATE_URL"] = f"{page}/operate"
    processes.start("flower", "flower", "--address=127.0.0.1", f"--port={urlsplit(url).port}", "--logging=error")
    say(f"[bold]Flower[/]  {url}")


def _receive(processes: Parts, page: str) -> dict[str, str]:
    """Have the sandbox report its contacts to the server of the page; a real Brevo could not reach this machine.

    Returns the variable that holds the token, for ``sync-tasks doctor``.
    """
    token = secrets.token_hex(16)
    processes.env["SYNC_WEBHOOK_TOKEN"] = token
    webhooks.install_one("default", setup.load_without_keys(), page, token, batched=False)
    return {"SYNC_WEBHOOK_TOKEN": token}


def _let_in(page: str, stack: ExitStack) -> Path:
    """Return a password file with one operator, who may act, for this run alone; say the password this once."""
    from sync_tasks.operate.passwords import make_entry, write_entry

    file = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sync-tasks-up-"))) / "operators"
    password = secrets.token_hex(8)
    write_entry(file, make_entry(_OPERATOR, "act", password))
    say(f"[bold]Page[/]    {page}/operate")
    say(f"[bold]Login[/]   {_OPERATOR}, password {password}  (for this run alone)")
    return file


def _start_page(processes: Parts, page: str, flower: str, passwords: Path) -> None:
    # What a proxy needs would shut out whoever is on this machine.
    for name in ("SYNC_OPERATE_TOKEN", "SYNC_OPERATE_TOKEN_FILE"):
        processes.env.pop(name, None)
    processes.env["SYNC_OPERATE_SECRET"] = secrets.token_hex(32)
    link = ("--flower-url", flower) if flower else ()
    port = str(urlsplit(page).port)
    words = ("serve", "--port", port, "--passwords", str(passwords), *link)
    processes.start_module("serve", "sync_tasks", *words, ready=setup.words_if_heard("/operate"))


def _report_how_to_use(variables: dict[str, str]) -> None:
    if variables:
        say(f"\nin another terminal, for a portal or for [bold]{command_here('status')}[/]:")
        for name, value in variables.items():
            typer.echo(f"  export {name}={shlex.quote(value)}")
    if "SYNC_WEBHOOK_TOKEN" in variables:
        say("\nchange a contact on the sandbox's page, and see it mended within seconds")
    else:
        say("\nchanges at Brevo are not heard of: it does not reach this machine, see docs/how-to/webhooks.md")
    say("\n[dim]Ctrl-C stops everything[/]")


def _wait_for_trouble(processes: Parts) -> None:
    """Wait until Ctrl-C; a part that ends by itself ends all, with exit 1."""
    try:
        processes.wait_until_ready()
        say("[green]✓[/] ready\n")
        while True:
            processes.check()
            time.sleep(_LOOK_EVERY)
    except PartEndedError as error:
        give_up(f"{error}; stopping everything")


class Voices:
    """Prints what the parts say, each line after the name of who said it."""

    def __init__(self) -> None:
        self._console = open_console()
        self._turn = threading.Lock()

    def __call__(self, name: str, line: str) -> None:
        """Print one line of one part."""
        with self._turn:
            self._console.print(f"[{_STYLES.get(name, 'cyan')}]{name:<8}[/] │ {escaped(line)}", soft_wrap=True)
