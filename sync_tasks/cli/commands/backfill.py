"""``sync-tasks backfill``: the first load of a whole portal, into the state and to Brevo."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sync_tasks.cli.connections import open_store
from sync_tasks.cli.files import (
    CHANGED,
    Form,
    find_excess,
    find_fault,
    find_losses,
    former_slugs,
    moment_of_file,
    report_bad_rows,
    report_weighed,
    types_at_brevo,
)
from sync_tasks.cli.options import AsJson, with_groups
from sync_tasks.cli.output import complain, give_up, open_console, print_json, say
from sync_tasks.errors import ConfigurationError, SyncError
from sync_tasks.texts import count

if TYPE_CHECKING:
    from sync_tasks.backfill.preview import Weighed
    from sync_tasks.backfill.rows import Checked, Source
    from sync_tasks.config.settings import Settings
    from sync_tasks.sync.context import Resources

_REPORTED_EVERY = 0.1
_GOES_ON = "the same command goes on from here, and workers handle it in an hour"


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
        last = [start]

        def report(done: int, part: float, whole: float) -> None:
            now = time.monotonic()
            if now - last[0] >= _REPORTED_EVERY or part >= whole:
                last[0] = now
                self.progress.update(task, completed=part, total=whole, done=done, rate=done / max(now - start, 0.01))

        return report


@with_groups
def backfill(
    file: Annotated[Path, typer.Argument(help="CSV with a header, or JSON Lines.", metavar="FILE", dir_okay=False)],
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only look what the file would do; change nothing.")
    ] = False,
    form: Form,
    complete: Annotated[
        bool, typer.Option("--complete", help="End subscriptions of its users that the file does not name.")
    ] = False,
    max_changes: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="So many may lose a subscription.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Load a whole portal: one row for each user or each subscription.

    The file is checked first. A row changes nothing that a newer event said; loading it again changes nothing, and
    after an interruption the same command goes on.
    """
    from sync_tasks.config.settings import load_settings

    settings, moment = load_settings(), moment_of_file(file, form)
    meter = Meter()
    with ExitStack() as stack:
        stack.enter_context(meter.progress)
        opened = cache(lambda: stack.enter_context(_opened(settings)))
        source = form.open(file, settings, types_at_brevo(opened))
        load = Load(source, moment, settings, opened, meter, form, dry_run, complete, max_changes)
        load.run()
    held = f"{'it would be refused' if dry_run else 'nothing was loaded'}: {load.held}" if load.held else ""
    if as_json:
        document = {"as_of": moment.isoformat(), "dry_run": dry_run, "resubscribed": load.weighed.resubscribed}
        document |= {"lacking": len(load.weighed.lacking), **load.became}
        print_json(asdict(load.checked) | document, [held] if held else [])
    else:
        _report(load)
    if held:
        give_up(held)
    raise typer.Exit(1 if load.checked.bad or load.became["ahead"] else 0)


@contextmanager
def _opened(settings: "Settings") -> "Iterator[Resources]":
    from sync_tasks.tasks.bootstrap import build_resources, open_patiently

    with open_store() as store, open_patiently(build_resources(settings, store)) as context:
        yield context


@contextmanager
def _saying_how_to_go_on() -> Iterator[None]:
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        complain(f"interrupted: {_GOES_ON}")
        raise


@dataclass(slots=True)
class Load:
    """One load, step by step: check, weigh, and load if nothing speaks against it; ``held`` says what does."""

    source: "Source"
    moment: datetime
    settings: "Settings"
    opened: "Callable[[], Resources]"
    meter: Meter
    form: Form
    dry_run: bool
    complete: bool
    max_changes: int | None
    checked: "Checked" = field(init=False)
    weighed: "Weighed" = field(init=False)
    held: str = ""
    became: Counter[str] = field(default_factory=Counter)

    def run(self) -> None:
        """Do it all, or end the command if Brevo or the account is in trouble."""
        try:
            self._look()
            if not (self.dry_run or self.held):
                with _saying_how_to_go_on():
                    self._act()
        except SyncError as error:
            if isinstance(error, ConfigurationError):
                raise
            give_up(f"stopped: {error}; {_GOES_ON}")

    def _look(self) -> None:
        """Find out what the file holds and would do, and whether that may be done."""
        from sync_tasks.backfill.preview import Extent, Weighed, knows_anybody, weigh
        from sync_tasks.backfill.rows import check

        report, source, settings = self.meter.step("checking", "rows"), self.source, self.settings
        self.checked = check(source, lambda rows: report(rows, source.position, source.size))
        self.weighed = Weighed()
        self.held = find_fault(self.checked, source, self.form, complete=self.complete)
        if self.held:
            return
        newsletters = frozenset(settings.newsletters) if self.complete else frozenset()
        extent = Extent(newsletters, frozenset(settings.accounts), was=former_slugs(settings))
        store = self.opened().store
        self.weighed = weigh(source, self.moment, store, extent) if knows_anybody(store) else Weighed()
        self.held = CHANGED if source.changed else self._find_excess()

    def _find_excess(self) -> str:
        """Return why the safety catch holds, or nothing."""
        from sync_tasks.reconcile.safety_catch import most_changes

        usual = self.settings.reconcile.max_changes if self.max_changes is None else self.max_changes
        most = most_changes(self.checked.rows, usual)
        held = find_excess(self.weighed, self.form.max_resubscribed, most)
        return held or find_losses(self.weighed.losing, most, "lose a subscription")

    def _act(self) -> None:
        from sync_tasks.backfill.import_contacts import Importing
        from sync_tasks.backfill.load import load
        from sync_tasks.backfill.preview import end_lacking

        source, context = self.source, self.opened()
        store = context.store
        _check_accounts(context)
        report_loaded = self.meter.step("loading", "rows")
        self.became = load(
            source.rows(), self.moment, store, lambda rows: report_loaded(rows, source.position, source.size)
        )
        if source.changed:
            give_up(f"stopped: {CHANGED}")
        if ended := end_lacking(self.weighed.lacking, self.moment, store):
            self.became["ended"] = ended
        report_imported = self.meter.step("importing", "contacts")
        self.became += Importing(context, lambda done, total: report_imported(done, done, total)).run()


def _check_accounts(context: "Resources") -> None:
    """Refuse to load what Brevo would not take: an attribute that it lacks would make each contact a request."""
    from sync_tasks.cli.views.doctor_checks import check_account

    checks = (
        each for name, gateway in context.gateways.items() for each in check_account(name, context.settings, gateway)
    )
    failed = [f"{each.what}: {each.found}: {each.advice}" for each in checks if each.state == "fail"]
    if failed:
        give_up(*failed)


def _report(load: Load) -> None:
    checked = load.checked
    report_bad_rows(checked)
    found = f"{count(checked.subscriptions, 'subscription')}, {count(checked.unsubscriptions, 'unsubscription')}"
    say(f"{count(checked.rows, 'good row')} ({found}), {count(checked.bad, 'bad row')}")
    if checked.rows and not checked.subscriptions + checked.unsubscriptions:
        say("no row names a newsletter: a column newsletters says which, or --set newsletters=SLUG for all rows")
    report_weighed(load.weighed)
    if not (load.held or load.dry_run):
        say(", ".join(f"{number:,} {what}" for what, number in sorted(load.became.items())) or "nothing to do")
