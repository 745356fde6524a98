"""``sync-tasks audit``: who did what to whose data."""

from dataclasses import asdict
from typing import Annotated

import typer

from sync_tasks.cli.connections import open_store
from sync_tasks.cli.options import AsJson
from sync_tasks.cli.output import escaped, lay_out, print_json_list, print_table, say

User = Annotated[str, typer.Argument(metavar="[USER_ID]", help="Only what was done to this user's data.")]


def show_audit(user_id: User = "", *, as_json: AsJson = False) -> None:
    """Show who did what and when: erasures and opt-outs by hand, replays, discards, reports.

    Users are named by a keyed hash. Entries are kept for `audit_days`, and nobody can change one.
    """
    from sync_tasks.domain.timestamps import moment_of
    from sync_tasks.state.audit import read_audit

    with open_store() as store:
        entries = list(read_audit(store, user_id))
    if as_json:
        print_json_list([asdict(one) | {"at": moment_of(one.at).isoformat()} for one in entries])
        return
    if not entries:
        say("nobody did anything that is kept" + (" to this user's data" if user_id else ""))
        return
    table = lay_out("who did what", "When", "Who", "What", "User", "About")
    for one in entries:
        table.add_row(f"{moment_of(one.at):%Y-%m-%d %H:%M}", escaped(one.who), one.what, one.user, escaped(one.about))
    print_table(table)
