"""``sync-tasks suppressed``: who opted out, bounced or complained at Brevo."""

from dataclasses import asdict

import typer

from sync_tasks.cli.connections import open_store
from sync_tasks.cli.options import AsJson
from sync_tasks.cli.output import escaped, lay_out, print_json, print_table, say
from sync_tasks.texts import count

app = typer.Typer(help="Who opted out, bounced or complained at Brevo.", no_args_is_help=True)


@app.callback()
def _suppressed() -> None:
    """Who opted out, bounced or complained at Brevo."""


@app.command("list")
def list_suppressed(*, as_json: AsJson = False) -> None:
    """Show whom Brevo blocklists, as far as the pipeline knows them, the latest first."""
    from sync_tasks.state.suppressions import read_suppressed

    with open_store() as store:
        found = read_suppressed(store)
    if as_json:
        print_json([asdict(one) for one in found])
        return
    table = lay_out(count(len(found), "suppressed contact"), "User", "Why", "Since", "Account")
    for one in found:
        where = f"{one.account}, list {one.list_id}" if one.list_id else one.account
        table.add_row(escaped(one.user_id), one.kind, one.time[:19], escaped(where))
    if found:
        print_table(table)
    else:
        say("nobody opted out at Brevo")
