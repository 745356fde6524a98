"""``sync-tasks status``: how the pipeline is at this moment."""

import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from sync_tasks.cli.connections import open_broker, open_store
from sync_tasks.cli.options import AsJson
from sync_tasks.cli.output import escaped, open_console, print_json, say, suggest
from sync_tasks.config.redis_url import place_of
from sync_tasks.domain.timestamps import show_age
from sync_tasks.texts import count

if TYPE_CHECKING:
    from sync_tasks.config.settings import Settings
    from sync_tasks.monitoring.status import Overview


AsMetrics = Annotated[bool, typer.Option("--metrics", help="Print the metrics in Prometheus' format instead.")]


Watch = Annotated[bool, typer.Option("--watch", help="Show it anew every two seconds, until Ctrl-C.")]
WATCHED_EVERY = 2.0


def show_status(*, as_json: AsJson = False, as_metrics: AsMetrics = False, watch: Watch = False) -> None:
    """Show queues, workers, what is in flight, dead letters, paused accounts and the oldest unsynced event.

    Exit 1 while an account or a part of one is paused. Exit 1 also if no worker answers or no beat has swept lately.
    """
    from sync_tasks.config.settings import load_settings

    if watch and (as_json or as_metrics):
        raise typer.BadParameter("--watch is for people: without --json and --metrics")
    settings = load_settings()
    if as_metrics:
        _print_metrics(settings)
        return
    while watch:
        _show_anew(settings)
        time.sleep(WATCHED_EVERY)
    overview = _read(settings)
    if as_json:
        print_json(asdict(overview), overview.troubles)
    else:
        _print(overview)
    raise typer.Exit(1 if overview.troubles else 0)


def _read(settings: "Settings") -> "Overview":
    from sync_tasks.monitoring.status import read_overview

    with open_store() as store, open_broker() as broker:
        return read_overview(store, settings, broker)


def _show_anew(settings: "Settings") -> None:
    """Show the pipeline in place of what was shown; while Redis is away, say so and go on."""
    try:
        overview = _read(settings)
    except typer.Exit:
        return
    open_console().clear()
    _print(overview)
    say(f"[dim]{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC, anew every {WATCHED_EVERY:.0f} s, until Ctrl-C[/]")


def _print_metrics(settings: "Settings") -> None:
    from sync_tasks.monitoring.metrics import read_metrics

    with open_store() as store:
        typer.echo(read_metrics(store, settings).decode(), nl=False)


def _print(overview: "Overview") -> None:
    from rich.table import Table

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    for name, text in _rows(overview):
        grid.add_row(name, text)
    open_console().print(grid)
    for trouble in overview.troubles:
        say(f"[bold white on red] ! [/] [red]{escaped(trouble)}[/]")
    if overview.dead_letters:
        suggest("dead letters wait for you: [bold]sync-tasks failed list[/]")


def _rows(overview: "Overview") -> list[tuple[str, str]]:
    from sync_tasks.config import environment

    queues = " · ".join(f"{escaped(name)} {length:,}" for name, length in overview.queues.items())
    taken, oldest = overview.unacknowledged, overview.oldest_unsynced_seconds
    return [
        ("Redis", escaped(place_of(environment.redis_url()))),
        ("Queues", queues + (f" · taken by workers {taken:,}" if taken is not None else "")),
        ("Workers", escaped(", ".join(overview.workers)) or "[red]none answers[/]"),
        ("Beat", _beat(overview.swept_seconds_ago)),
        ("Contacts", f"{overview.dirty:,} unsynced · {overview.in_flight:,} in flight · {overview.due:,} to look at"),
        ("Oldest", "everything is synced" if oldest is None else f"unsynced for {show_age(oldest)}"),
        ("Dead letters", f"{overview.dead_letters:,}"),
        ("Erasures", f"{overview.unfinished_erasures:,} unfinished"),
        ("Accounts", _accounts(overview)),
        ("Webhooks", _webhooks(overview)),
        *([("Portal", _posts(overview))] if overview.posts_waiting or overview.posts_given_up else []),
        *([("Outbox", escaped(overview.outbox.text))] if overview.outbox else []),
        ("Reconcile", escaped(" · ".join(overview.reconciled)) or "never"),
        *([("Unknown", escaped(" · ".join(overview.unknown)))] if overview.unknown else []),
    ]


def _beat(seconds: float | None) -> str:
    from sync_tasks.monitoring.status import SWEPT_WITHIN

    if seconds is None:
        return "[red]has not swept for a day[/]"
    text = f"swept {show_age(seconds)} ago"
    return text if seconds <= SWEPT_WITHIN else f"[red]{text}[/]"


def _accounts(overview: "Overview") -> str:
    paces = {one.account: one.pace for one in overview.scarcity}
    names = (name for name in overview.accounts if name not in overview.paused)
    running = (f"{escaped(name)} running{paces.get(name, '')}" for name in names)
    paused = (
        f"[red]{escaped(name)} paused for {show_age(pause.seconds)}[/]" for name, pause in overview.paused.items()
    )
    parts = (f"[red]{escaped(part.text)} for {show_age(part.seconds)}[/]" for part in overview.paused_parts)
    return " · ".join([*running, *paused, *parts]) or count(0, "account")


def _posts(overview: "Overview") -> str:
    given_up = f" · [red]{overview.posts_given_up:,} given up, see the log[/]" if overview.posts_given_up else ""
    return f"{count(overview.posts_waiting, 'notice')} not taken yet{given_up}"


def _webhooks(overview: "Overview") -> str:
    text = (
        f"{escaped(name)} {', '.join(f'{number:,} {what}' for what, number in sorted(counts.items()))}"
        for name, counts in overview.webhooks.items()
        if counts
    )
    return " · ".join(text) or "Brevo has reported nothing"
