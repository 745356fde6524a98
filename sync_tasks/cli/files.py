"""A portal's file on the command line: how it is written, what it may do, and what is wrong with it."""

import stat
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sync_tasks.cli.output import complain, give_up
from sync_tasks.errors import ConfigurationError, SyncError
from sync_tasks.texts import count

if TYPE_CHECKING:
    from sync_tasks.backfill.cells import Kept
    from sync_tasks.backfill.columns import Words
    from sync_tasks.backfill.preview import Weighed
    from sync_tasks.backfill.rows import Checked, Source
    from sync_tasks.backfill.statements import Types
    from sync_tasks.config.settings import Settings
    from sync_tasks.sync.context import Resources

Encoding = Annotated[str, typer.Option(metavar="NAME", help="How it is written, unless UTF-8: such as windows-1252.")]
CHANGED = "the file was changed while it was read: wait until it is whole, and start again"
# More lines with the same fault than these are one line.
_NAMED_ALONE = 5


@dataclass(frozen=True, slots=True)
class Form:
    """How a file is written, as far as the command line says, and how far it may go."""

    skip_bad_rows: Annotated[bool, typer.Option("--skip-bad-rows", help="Leave bad rows out, go on with the good.")] = (
        False
    )
    as_of: Annotated[
        str | None, typer.Option(help="When the file was true, for rows without occurred_at; else its own time.")
    ] = None
    max_resubscribed: Annotated[
        int | None,
        typer.Option(min=0, metavar="N", help="So many who unsubscribed may be subscribed again by the file."),
    ] = None
    encoding: Encoding = ""
    columns: Annotated[
        list[str] | None, typer.Option("--map", metavar="COLUMN=NAME", help="What a column means; `-`: nothing.")
    ] = None
    values: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="What rows say that say nothing there.")
    ] = None
    names: Annotated[
        list[str] | None, typer.Option("--name", metavar="NAME=SLUG", help="How the file names a newsletter.")
    ] = None
    zone: Annotated[str, typer.Option(metavar="ZONE", help="Of moments without one: such as Europe/Berlin.")] = ""
    dates: Annotated[str, typer.Option(metavar="ORDER", help="Of dates with slashes: day-first or month-first.")] = ""
    ignore_unknown: Annotated[
        bool, typer.Option("--ignore-unknown-columns", help="Leave columns out that mean nothing here.")
    ] = False

    def open(self, path: Path, settings: "Settings", types: "Types") -> "Source":
        """Return the rows of a file.

        Raises:
            ConfigurationError: what options say of the file makes no sense.
        """
        from sync_tasks.backfill.cells import ORDERS, Manner, find_zone
        from sync_tasks.backfill.rows import Source

        files, words = settings.files, self._words(settings)
        dates, zone = self.dates or files.dates, self.zone or files.zone
        faults = [*words.faults()]
        if dates not in ORDERS:
            faults.append("--dates: must be day-first or month-first")
        if zone and not find_zone(zone):
            faults.append("--zone: there is no time zone of that name; such as Europe/Berlin")
        if faults:
            raise ConfigurationError(*faults)
        manner = Manner(dates, find_zone(zone))
        return Source(path, words, manner, encoding=self.encoding or files.encoding, types=types)

    def _words(self, settings: "Settings") -> "Words":
        from sync_tasks.backfill.columns import Words, parse_pairs

        files = settings.files
        return Words(
            frozenset(settings.newsletters),
            frozenset(settings.attributes),
            attributes=settings.attributes,
            columns=parse_pairs("--map", self.columns),
            usual=files.columns,
            names=dict(settings.renamed) | files.newsletters | parse_pairs("--name", self.names),
            values=files.values | parse_pairs("--set", self.values),
            ignore_unknown=self.ignore_unknown or files.ignore_unknown_columns,
        )


def types_at_brevo(opened: "Callable[[], Resources]") -> "Types":
    """Return what asks, once, which type Brevo keeps for each portal field; ``opened`` returns whom to ask.

    Raises:
        ConfigurationError: accounts keep different types for the same field.
    """
    known: dict[str, Kept] = {}

    def ask() -> "Mapping[str, Kept]":
        if not known:
            try:
                known.update(_ask_types(opened()))
            except ConfigurationError:
                raise
            except SyncError as error:
                give_up(f"stopped: the types of attributes cannot be read at Brevo: {error}")
        return known

    return ask


def _ask_types(context: "Resources") -> Iterator[tuple[str, "Kept"]]:
    from sync_tasks.backfill.cells import Kept

    answers = [(gateway.attribute_types(), gateway.attribute_choices()) for gateway in context.gateways.values()]
    for name, attribute in context.settings.attributes.items():
        kinds = {types[attribute] for types, _ in answers if attribute in types}
        if len(kinds) > 1:
            shown = " and ".join(sorted(kinds))
            raise ConfigurationError(f"attributes.{name}: {attribute} is {shown} at Brevo: make it the same everywhere")
        everywhere = [choices[attribute] for _, choices in answers if attribute in choices]
        yield name, Kept(min(kinds, default=""), frozenset.intersection(*everywhere) if everywhere else frozenset())


def former_slugs(settings: "Settings") -> Mapping[str, tuple[str, ...]]:
    """Return the earlier slugs of each newsletter."""
    return {slug: newsletter.was for slug, newsletter in settings.newsletters.items()}


def moment_of_file(file: Path, form: Form) -> datetime:
    """Return when a file was true; one that is not there, or a moment that is none, ends the command."""
    from sync_tasks.backfill.cells import Manner, find_zone, read_moment
    from sync_tasks.backfill.rows import is_ahead

    try:
        found = file.stat()
    except FileNotFoundError:
        give_up(f"{file}: there is no such file", code=2)
    except OSError as error:
        give_up(f"{file}: cannot be read: {error.strerror}", code=2)
    if not stat.S_ISREG(found.st_mode):
        give_up(f"{file}: no plain file: it is read several times, save it", code=2)
    if form.as_of is None:
        return min(datetime.fromtimestamp(found.st_mtime, UTC), datetime.now(UTC))
    try:
        moment, _ = read_moment(form.as_of, Manner(zone=find_zone(form.zone)))
    except ValueError as error:
        give_up(f"--as-of: {error}", code=2)
    if is_ahead(moment):
        give_up("--as-of: lies more than 5 minutes in the future by this machine's clock", code=2)
    return min(moment.astimezone(UTC), datetime.now(UTC))


def find_fault(checked: "Checked", source: "Source", form: Form, *, complete: bool) -> str:
    """Return why nothing of a checked file may be done, or nothing; ``complete``: what it lacks counts as ended."""
    if source.changed:
        return CHANGED
    if checked.bad and not form.skip_bad_rows:
        return "mend the bad rows, or leave them out with --skip-bad-rows"
    if checked.bad and complete:
        return "what a bad row says would count as ended or deleted: mend the bad rows first"
    return "" if checked.rows else "there is no row in it: is it the right file?"


def find_losses(losing: int, most: int, what: str) -> str:
    """Return why the safety catch holds for those who would lose something, or nothing."""
    if losing <= most:
        return ""
    return (
        f"{losing} users would {what}, and {most} may without asking; look at it with --dry-run, then allow it with "
        f"--max-changes {losing}"
    )


def report_bad_rows(checked: "Checked") -> None:
    """Print every fault of a file with its line, of very many the first; many lines of one fault are one line."""
    reasons = defaultdict[str, list[int]](list)
    for bad in checked.bad_rows:
        reasons[bad.reason].append(bad.line)
    for bad in checked.bad_rows:
        lines = reasons[bad.reason]
        if len(lines) <= _NAMED_ALONE:
            complain(f"line {bad.line}: {bad.reason}")
        elif bad.line == lines[0]:
            first = ", ".join(map(str, lines[:_NAMED_ALONE]))
            complain(f"lines {first} and {len(lines) - _NAMED_ALONE:,} more: {bad.reason}")
    if checked.bad > len(checked.bad_rows):
        complain(f"and {checked.bad - len(checked.bad_rows):,} more bad rows")


def find_excess(weighed: "Weighed", most: int | None, usual: int) -> str:
    """Return why the safety catch holds for those who would get mail again, perhaps at an older address, or nothing.

    A row with a moment of its own is a wish newer than the opt-out; of the others only the file's time is known.
    """
    if weighed.moved > usual:
        return (
            f"the file would change {weighed.moved} addresses, and {usual} may without asking: say when it was true "
            f"(--as-of, or a column occurred_at), or allow it with --max-changes {weighed.moved}"
        )
    number = weighed.resubscribed
    usually = not weighed.undated and number <= usual
    if usually if most is None else number <= most:
        return ""
    return (
        f"the file would re-subscribe {number} who had unsubscribed: if it is older than that, say when it was true "
        f"(--as-of, or a column occurred_at); if not, allow it with --max-resubscribed {number}"
    )


def report_weighed(weighed: "Weighed") -> None:
    """Say whom a file would subscribe again, and which subscriptions a complete one lacks."""
    if weighed.resubscribed:
        complain(f"would re-subscribe {weighed.resubscribed:,} who had unsubscribed")
    if weighed.moved:
        complain(f"would change the address of {weighed.moved:,}, as of the file's time")
    if weighed.lacking:
        complain(f"{count(len(weighed.lacking), 'subscription')} of the state missing in the file: would end")
