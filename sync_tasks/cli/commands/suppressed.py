"""``sync-tasks suppressed``: who opted out, bounced or complained at Brevo."""

from dataclasses import fields
from itertools import islice

import typer

from sync_tasks.cli.connections import open_store
from sync_tasks.cli.options import AsJson
from sync_tasks.cli.output import MOST_ROWS, escaped, lay_out, print_json_list, print_table, report_rest, say
from sync_tasks.texts import count

app = typer.Typer(help="Who opted out, bounced or complained at Brevo.", no_args_is_help=True)


@app.callback()
def _suppressed() -> None:
    """Who opted out, bounced or complained at Brevo."""


@app.command("list")
def list_suppressed(*, as_json: AsJson = False) -> None:
    """Show whom Brevo blocklists, as far as the pipeline knows them, the latest first."""
    from sync_tasks.state.suppressions import Suppressed, scan_suppressed

    with open_store() as store:
        total, found = scan_suppressed(store)
        if as_json:
            names = [each.name for each in fields(Suppressed)]
            print_json_list({name: getattr(one, name) for name in names} for one in found)
            return
        shown = list(islice(found, MOST_ROWS))
    table = lay_out(count(total, "suppressed contact"), "User", "Why", "Since", "Account")
    for one in shown:
        where = f"{one.account}, list {one.list_id}" if one.list_id else one.account
        table.add_row(escaped(one.user_id), one.kind, one.time[:19], escaped(where))
    if not total:
        say("nobody opted out at Brevo")
        return
    print_table(table)
    report_rest(total - MOST_ROWS, "suppressed contact", "These are the latest")
