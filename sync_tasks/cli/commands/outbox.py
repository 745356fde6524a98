"""``sync-tasks outbox``: events that are rows in the portal's own database."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sync_tasks.cli.connections import open_store
from sync_tasks.cli.options import AsJson, By, Yes
from sync_tasks.cli.output import MOST_ROWS, ask, escaped, give_up, lay_out, print_json_list, print_table, say
from sync_tasks.domain.timestamps import moment_of
from sync_tasks.texts import UNPRINTABLE, count

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from sync_tasks.portal.outbox_row import OutboxRow

Database = Annotated[str, typer.Option(help="Where; without it `SYNC_DATABASE_URL` says it.", metavar="URL")]
Ids = Annotated[
    list[int] | None,
    typer.Argument(min=1, max=2**63 - 1, help="Rows, as `outbox failed` shows them.", metavar="ID…"),
]
All = Annotated[bool, typer.Option("--all", help="All rows that are no events.")]

app = typer.Typer(help="Move events from the portal's own database.", no_args_is_help=True)


@contextmanager
def open_engine(url: str) -> "Iterator[Engine]":
    """Yield the database; if it is away or has no outbox, the command ends with one line and exit 1."""
    from sync_tasks.portal.database import open_database

    with open_database(url) as engine:
        from sqlalchemy.exc import DBAPIError

        try:
            yield engine
        except DBAPIError as error:
            give_up(f"the database is away or in trouble: {type(error.orig or error).__name__}; are its tables there?")


@app.command("relay")
def run_relay(
    *,
    database: Database = "",
    poll: Annotated[
        float, typer.Option(min=0.05, max=86_400, help="Look so often, in seconds, if nothing wakes it.")
    ] = 1.0,
    until_empty: Annotated[bool, typer.Option("--until-empty", help="End once nothing waits.")] = False,
) -> None:
    """Let the pipeline accept what waits in the outbox, until Ctrl-C; several may run.

    Rows go in order for each user and are removed once they are accepted. Without Redis or the database it waits. Exit
    1 with `--until-empty` if something still waits.
    """
    from sync_tasks.log import set_up_logging
    from sync_tasks.tasks import startup

    startup.check_portal()
    startup.check_state("lasting")
    with open_engine(database) as engine:
        from sync_tasks.portal.relay import Relay

        set_up_logging()
        relay = Relay(engine, poll=poll)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: relay.stop())
        typer.echo(f"relaying from {engine.dialect.name}")
        empty = relay.run(until_empty=until_empty)
        say(f"{count(relay.accepted, 'event')} accepted")
        raise typer.Exit(1 if until_empty and not empty else 0)


@app.command("create")
def create(*, database: Database = "") -> None:
    """Create the table of the outbox, if it does not exist yet."""
    with open_engine(database) as engine, engine.begin() as connection:
        from sync_tasks.portal.outbox_table import create_table

        create_table(connection)
    say("[green]✓[/] the outbox is there")


@app.command("failed")
def show_failed(*, database: Database = "", as_json: AsJson = False) -> None:
    """Show the rows that are no events, and why; exit 1 if there are any."""
    with open_engine(database) as engine:
        from sync_tasks.portal.outbox_table import find_marked, read_row

        with engine.connect() as connection:
            found = find_marked(connection, MOST_ROWS)
        marked = [_show(number, read_row(engine, number), why) for number, why in found.items()]
    if as_json:
        print_json_list(marked)
    elif marked:
        table = lay_out("rows that are no events", "ID", "Task", "User", "Written", "Error")
        for shown in marked:
            table.add_row(*(escaped(str(shown[name])) for name in ("id", "task", "user_id", "written_at", "error")))
        print_table(table)
        say("mend a row in the database, then [bold]sync-tasks outbox retry ID[/], or [bold]outbox discard ID[/]")
    raise typer.Exit(1 if marked else 0)


def _show(number: int, row: "OutboxRow | None", why: str) -> dict[str, Any]:
    """Return what people may see of a row; of one that nobody can read, that it is there."""
    from sync_tasks.domain.events import is_shown, printable

    if row is None:
        return {"id": number, "task": UNPRINTABLE, "user_id": UNPRINTABLE, "written_at": UNPRINTABLE, "error": why}
    user_id = row.user_id if is_shown("user_id", row.user_id) else UNPRINTABLE
    return {
        "id": number,
        "task": printable(row.task),
        "user_id": user_id,
        "written_at": _show_moment(row.written_at),
        "error": why,
    }


def _show_moment(microseconds: object) -> str:
    try:
        return moment_of(microseconds).isoformat(timespec="seconds")  # type: ignore[arg-type]  # whatever stands there
    except (ValueError, OverflowError, TypeError):
        return UNPRINTABLE


@app.command("retry")
def retry(ids: Ids = None, *, every: All = False, database: Database = "") -> None:
    """Let rows that were no events wait for the relay again, once they are mended."""
    with open_engine(database) as engine, engine.begin() as connection:
        from sync_tasks.portal.outbox_table import release_rows

        number = release_rows(connection, _chosen(connection, ids, every=every))
    say(f"{count(number, 'row')} will be tried again")


@app.command("discard")
def discard(ids: Ids = None, *, every: All = False, yes: Yes = False, by: By, database: Database = "") -> None:
    """Remove rows that are no events: what they wished for never happens. The audit notes who did it.

    An erasure, or a row whose task nobody knows, is removed only if it is named by its id. Exit 1 if `--all` left one.
    """
    if not yes:
        ask("Give these wishes up?")
    with open_store() as store, open_engine(database) as engine:
        from sync_tasks.portal.outbox_table import discard_rows, find_marked, read_row
        from sync_tasks.state.audit import note_deed

        with engine.connect() as connection:
            marked = find_marked(connection)
            chosen = sorted(marked.keys() & set(_chosen(connection, ids, every=every)))
        rows = {number: read_row(engine, number) for number in chosen}
        kept = [number for number, row in rows.items() if every and _may_erase(row)]
        # Noted first: nothing is removed of which nobody knows who did it.
        removed = [_show(number, row, marked[number]) for number, row in rows.items() if number not in kept]
        for row in removed:
            user_id = "" if row["user_id"] == UNPRINTABLE else row["user_id"]
            note_deed(store, by, "discard outbox row", user_id, f"{row['id']} {row['task']}")
        with engine.begin() as connection:
            number = discard_rows(connection, [row["id"] for row in removed])
    say(f"{count(number, 'row')} removed")
    if kept:
        numbers = ", ".join(map(str, kept))
        give_up(f"left, since they are or may be erasures: {numbers}; mend them, or discard each by its id")


def _may_erase(row: "OutboxRow | None") -> bool:
    """Return whether a row may stand for an erasure: its task is none of the others, as far as it can be read."""
    from sync_tasks.domain.events import EVENTS, Anonymize

    task = f"{row.task}" if row else ""
    return task.removeprefix("sync_tasks.") not in EVENTS.keys() - {Anonymize.task}


def _chosen(connection: Any, ids: list[int] | None, *, every: bool) -> list[int]:  # noqa: ANN401 - SQLAlchemy's
    from sync_tasks.portal.outbox_table import find_marked

    if bool(ids) == every:
        give_up("name rows by their ids, or take --all", code=2)
    return ids or [*find_marked(connection)]
