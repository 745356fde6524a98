"""``sync-tasks backfill``: the first load of a whole portal, into the state and to Brevo."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sync_tasks.cli.opening import open_store
from sync_tasks.cli.showing import AsJson, complain, count, open_console, print_json, say
from sync_tasks.errors import InvalidEventError, SyncError

if TYPE_CHECKING:
    from sync_tasks.backfill.rows import Checked, Source
    from sync_tasks.settings import Settings
    from sync_tasks.work import Resources

AsOf = Annotated[
    str | None, typer.Option(help="When the file was true, for rows without occurred_at; else its own time.")
]

_TOLD_EVERY = 0.1


class Meter:
    """A bar for each step of the load, with rate and time left, on a terminal; in a pipe there is none."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        console = open_console(stderr=True)
        self.progress = Progress(
            TextColumn("{task.description:9}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[done]:,} {task.fields[noun]}, {task.fields[rate]:,.0f}/s"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )

    def step(self, name: str, noun: str) -> Callable[[int, float, float], None]:
        """Start a bar; what is returned takes how many are done, and which part of which whole that is."""
        task = self.progress.add_task(name, total=None, done=0, rate=0.0, noun=noun)
        start = time.monotonic()
        told = [start]

        def tell(done: int, part: float, whole: float) -> None:
            now = time.monotonic()
            if now - told[0] >= _TOLD_EVERY or part >= whole:
                told[0] = now
                self.progress.update(task, completed=part, total=whole, done=done, rate=done / max(now - start, 0.01))

        return tell


def backfill(
    file: Annotated[Path, typer.Argument(help="CSV with a header, or JSON Lines.", metavar="FILE", dir_okay=False)],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only check the file; change and ask nothing.")] = False,
    skip_bad_rows: Annotated[bool, typer.Option("--skip-bad-rows", help="Load the good rows all the same.")] = False,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """Load a whole portal: one row for each user or each subscription.

    The file is checked first. A row changes nothing that a newer event said; loading it again changes nothing, and
    after an interruption the same command goes on.
    """
    from sync_tasks.settings import load_settings

    settings, moment = load_settings(), moment_of_file(file, as_of)
    meter = Meter()
    with meter.progress:
        source, checked = _check(file, settings, meter)
        refused = bool(checked.bad) and not skip_bad_rows
        became = Counter[str]() if dry_run or refused else _load(source, moment, settings, meter)
    if as_json:
        print_json({**asdict(checked), "as_of": moment.isoformat(), "dry_run": dry_run, **became})
    else:
        _tell(checked, became, refused=refused, dry_run=dry_run)
    raise typer.Exit(1 if checked.bad or became["ahead"] else 0)


def moment_of_file(file: Path, as_of: str | None) -> datetime:
    """Return when a file was true; one that is not there, or a moment that is none, ends the command."""
    from sync_tasks.backfill.rows import is_ahead
    from sync_tasks.events import Event, parse_event

    if not file.is_file():
        complain(f"{file}: there is no such file")
        raise typer.Exit(2)
    told = as_of or datetime.fromtimestamp(file.stat().st_mtime, UTC)
    try:
        moment = parse_event(Event, {"user_id": "nobody", "occurred_at": told}).occurred_at
    except InvalidEventError as error:
        complain(f"--as-of: {str(error).partition('occurred_at: ')[2]}")
        raise typer.Exit(2) from None
    if moment and is_ahead(moment):
        complain("--as-of: lies more than 5 minutes in the future by this machine's clock")
        raise typer.Exit(2)
    return min(moment or datetime.now(UTC), datetime.now(UTC))


def _check(file: Path, settings: "Settings", meter: Meter) -> "tuple[Source, Checked]":
    from sync_tasks.backfill.rows import Source, Words, check

    source = Source(file, Words(frozenset(settings.newsletters), frozenset(settings.attributes)))
    tell = meter.step("checking", "rows")
    return source, check(source, lambda rows: tell(rows, source.position, source.size))


def _load(source: "Source", moment: datetime, settings: "Settings", meter: Meter) -> Counter[str]:
    from sync_tasks.backfill.importing import Importing
    from sync_tasks.backfill.loading import load
    from sync_tasks.resources import build_resources, open_patiently

    with open_store() as store, open_patiently(build_resources(settings, store)) as using:
        _check_accounts(using)
        tell_loaded = meter.step("loading", "rows")
        became = load(source.rows(), moment, store, lambda rows: tell_loaded(rows, source.position, source.size))
        tell_imported = meter.step("importing", "contacts")
        importing = Importing(using, lambda done, total: tell_imported(done, done, total))
        try:
            return became + importing.run()
        except SyncError as error:
            complain(f"stopped: {error}; the same command goes on from here, and workers see to it in an hour")
            raise typer.Exit(1) from None


def _check_accounts(using: "Resources") -> None:
    """Refuse to load what Brevo would not take: an attribute that it lacks would make each contact a request."""
    from sync_tasks.cli.checks import check_account

    checks = (each for name, gateway in using.gateways.items() for each in check_account(name, using.settings, gateway))
    failed = [each for each in checks if each.state == "fail"]
    for each in failed:
        complain(f"{each.what}: {each.found}: {each.advice}")
    if failed:
        raise typer.Exit(1)


def tell_bad_rows(checked: "Checked") -> None:
    """Print every fault of a file with its line, of very many the first."""
    for bad in checked.bad_rows:
        complain(f"line {bad.line}: {bad.reason}")
    if checked.bad > len(checked.bad_rows):
        complain(f"and {checked.bad - len(checked.bad_rows):,} more")


def _tell(checked: "Checked", became: Counter[str], *, refused: bool, dry_run: bool) -> None:
    tell_bad_rows(checked)
    found = f"{count(checked.subscriptions, 'subscription')}, {count(checked.unsubscriptions, 'unsubscription')}"
    say(f"{count(checked.rows, 'good row')} ({found}), {count(checked.bad, 'bad row')}")
    if refused:
        say("nothing was loaded: mend the bad rows, or leave them out with --skip-bad-rows")
    elif not dry_run:
        say(", ".join(f"{number:,} {what}" for what, number in sorted(became.items())) or "nothing to do")
