"""``sync-tasks sandbox``: a local Brevo to develop against."""

import threading
from contextlib import suppress
from dataclasses import replace
from typing import Annotated

import typer

from sync_tasks.cli.options import Port
from sync_tasks.cli.output import say
from sync_tasks.local import setup
from sync_tasks.local.processes import ending_on_signals

PORT = 8025
Rate = Annotated[int, typer.Option(min=1, help="Requests a second that it grants, like Brevo.", metavar="N")]
PerHour = Annotated[int, typer.Option(min=1, help="Requests an hour that it grants.", metavar="N")]
NoLimits = Annotated[bool, typer.Option("--no-limits", help="Grant any number of requests.")]


def run_sandbox(
    *,
    port: Port = PORT,
    requests_per_second: Rate = 10,
    requests_per_hour: PerHour = 36_000,
    no_limits: NoLimits = False,
) -> None:
    """Run a local Brevo on 127.0.0.1 until Ctrl-C: it forgets everything when it ends.

    It has the lists and attributes of the configuration, if one is at hand, and takes any key. Its page shows
    contacts and lists; faults are switched on under `/_sandbox/faults`.
    """
    from sync_tasks.sandbox import LimitSettings

    limits = LimitSettings(
        enabled=not no_limits, contacts_per_second=requests_per_second, contacts_per_hour=requests_per_hour
    )
    setup.take_example_configuration()
    settings = replace(setup.model_brevo(setup.load_without_keys()), limits=limits)
    with suppress(KeyboardInterrupt), ending_on_signals(), setup.serve(settings, port) as served:
        say(f"[bold]Brevo's sandbox[/]  {served.origin}/  (any key will do)")
        say(f"export SYNC_BASE_URL={served.url} SYNC_API_KEY={setup.ANY_KEY}")
        threading.Event().wait()
