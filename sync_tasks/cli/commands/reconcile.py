"""``sync-tasks reconcile``: compare all that Brevo holds with what the portal wants, and repair what differs."""

import csv
import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sync_tasks.cli.commands.reconcile_export import Wish, open_export
from sync_tasks.cli.connections import open_store
from sync_tasks.cli.files import Form
from sync_tasks.cli.options import AsJson, name_operator, with_groups
from sync_tasks.cli.output import (
    complain,
    escaped,
    give_up,
    lay_out,
    open_console,
    print_json_list,
    print_table,
    say,
    suggest,
)
from sync_tasks.cli.report_files import ReportError, check_places, write_report
from sync_tasks.errors import ConfigurationError
from sync_tasks.texts import count

if TYPE_CHECKING:
    from sync_tasks.config.settings import Settings
    from sync_tasks.reconcile.history import Run
    from sync_tasks.reconcile.run import Scope
    from sync_tasks.state.store import Store


@with_groups
def reconcile(
    *,
    newsletter: Annotated[str, typer.Option(help="Only what differs on this newsletter's list.")] = "",
    account: Annotated[str, typer.Option(help="Only this account.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only look; change nothing.")] = False,
    max_changes: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="So many may lose a subscription or be erased.")
    ] = None,
    remove_unknown: Annotated[
        bool, typer.Option("--remove-unknown", help="Take contacts the portal does not know off the managed lists.")
    ] = False,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", dir_okay=False, help="Write the counts as CSV.")
    ] = None,
    html_file: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", dir_okay=False, help="Write one page with a chart.")
    ] = None,
    anew: Annotated[
        bool, typer.Option("--anew", help="From the first contact on, even if a comparison was broken off.")
    ] = False,
    export: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", dir_okay=False, help="A complete export of the portal.")
    ] = None,
    query: Annotated[
        str, typer.Option("--from-database", metavar="QUERY", help="The same, asked of the portal's own database.")
    ] = "",
    database: Annotated[str, typer.Option(help="Which; without it `SYNC_DATABASE_URL` says it.", metavar="URL")] = "",
    treat_missing_as_deleted: Annotated[
        bool, typer.Option("--treat-missing-as-deleted", help="Anonymize users whom the export lacks.")
    ] = False,
    form: Form,
    users: Annotated[
        bool, typer.Option("--users", help="Name the users of each class by their ids, here, in JSON and HTML.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Compare all that Brevo holds with what the portal wants, and let the workers repair what differs.

    Nothing is changed if more people than usual would lose a subscription: then it waits for --max-changes. Exit 1
    if something is left: a dead letter, what waits for an hour, what cannot be read, or what was not repaired.
    """
    from sync_tasks.config.settings import load_settings
    from sync_tasks.reconcile.run import Scope

    check_places(csv_file, html_file)
    settings = load_settings()
    _check_names(settings, account, newsletter)
    with _found(export, query, database) as chosen:
        scope = Scope(account, newsletter, dry_run, max_changes, remove_unknown, anew or chosen is not None, users)
        wish = Wish(chosen, form, treat_missing_as_deleted) if chosen else None
        runs = _run(settings, scope, wish)
    unwritten = [*_write(runs, csv_file, html_file)]
    if as_json:
        print_json_list([asdict(run) for run in runs], unwritten)
    else:
        _report(runs)
    for fault in unwritten:
        complain(fault)
    raise typer.Exit(1 if unwritten or any(run.refused or run.left for run in runs) else 0)


@contextmanager
def _found(export: Path | None, query: str, database: str) -> Iterator[Path | None]:
    """Yield the export: a file, or what a query answers; without either, nothing."""
    if not query:
        yield export
        return
    if export:
        give_up("take --from or --from-database, not both", code=2)
    from sync_tasks.cli.commands.outbox import open_engine
    from sync_tasks.portal.query_file import open_answer

    with open_engine(database) as engine, open_answer(engine, query) as answer:
        try:
            yield answer
        except ConfigurationError as error:
            raise ConfigurationError(*(str(fault).replace(f"{answer}", "the query") for fault in error.args)) from None


def _check_names(settings: "Settings", account: str, newsletter: str) -> None:
    for name, known, what in (
        (account, settings.accounts.keys(), "account"),
        (newsletter, settings.newsletters.keys(), "newsletter"),
    ):
        if name and name not in known:
            give_up(f"there is no {what} of that name; known: {', '.join(known)}", code=2)
    if account and newsletter and settings.account_of(newsletter) != account:
        give_up("that newsletter belongs to another account", code=2)


def _note_forced(store: "Store", scope: "Scope", wish: Wish | None) -> None:
    """Note in the audit who lets a comparison take more from people than it would by itself."""
    from sync_tasks.state.audit import note_deed

    forced = [f"--max-changes {scope.max_changes}"] if scope.max_changes is not None else []
    forced += ["--remove-unknown"] if scope.remove_unknown else []
    forced += ["--treat-missing-as-deleted"] if wish and wish.delete else []
    if forced and not scope.dry_run:
        note_deed(store, name_operator(), "forced comparison", about=" ".join(forced))


def _run(settings: "Settings", scope: "Scope", wish: Wish | None) -> "list[Run]":
    from sync_tasks.reconcile.lock import standing_alone
    from sync_tasks.reconcile.run import reconcile
    from sync_tasks.tasks.bootstrap import build_resources, open_patiently

    with (
        open_store() as store,
        standing_alone(store) as alone,
        open_patiently(build_resources(settings, store)) as context,
        open_console(stderr=True).status("comparing") as shown,
    ):
        if not alone:
            give_up("another comparison is under way: `sync-tasks status` shows its outcome; try again then")
        _note_forced(store, scope, wish)
        given = open_export(wish, context) if wish else None

        def report(account: str, compared: int) -> None:
            shown.update(f"{account}: {count(compared, 'contact')} compared")

        return given.reconcile(context, scope, report) if given else reconcile(context, scope, report)


def _write(runs: "list[Run]", csv_file: Path | None, html_file: Path | None) -> Iterator[str]:
    """Write the reports that are wished; yield what keeps one from being written."""
    from sync_tasks.reconcile.report_html import draw_page

    for file, draw in ((csv_file, _draw_csv), (html_file, draw_page)):
        try:
            if file:
                write_report(file, draw(runs))
        except ReportError as error:
            yield str(error)


def _draw_csv(runs: "list[Run]") -> str:
    drawn = io.StringIO(newline="")
    csv.writer(drawn).writerows(_csv_rows(runs))
    return drawn.getvalue()


def _csv_rows(runs: "list[Run]") -> Iterable[tuple[object, ...]]:
    yield "account", "newsletter", "drift", "contacts"
    for run in runs:
        yield from ((run.account, "", kind, number) for kind, number in sorted(run.found.items()))
        for slug, found in run.lists.items():
            yield from ((run.account, slug, kind, number) for kind, number in sorted(found.items()))


def _report(runs: "list[Run]") -> None:
    for run in runs:
        _report_run(run)
        if run.refused:
            complain(f"! account {run.account}: nothing was changed: {run.refused}")
    if any(run.repaired for run in runs):
        suggest("the workers repair it; afterwards: [bold]sync-tasks reconcile --dry-run[/]")


def _report_run(run: "Run") -> None:
    from sync_tasks.reconcile.history import describe_resumed

    if run.resumed:
        say(f"{escaped(run.account)}: {describe_resumed(run)}")
    title = f"{run.account}: {count(run.compared, 'contact')} compared in {run.seconds:.1f} s"
    table = lay_out(title, "Drift", "Contacts", *run.lists)
    for kind, number in sorted(run.found.items()):
        table.add_row(kind, f"{number:,}", *(f"{found.get(kind, 0):,}" for found in run.lists.values()))
    if run.found:
        print_table(table)
    else:
        say(f"{escaped(title)}: no drift")
    for kind, named in sorted(run.users.items()):
        say(f"{escaped(kind)}: {escaped(', '.join(named))}")
    say(f"{count(run.repaired, 'contact')} to be repaired, {run.alone:,} left to their own push")
