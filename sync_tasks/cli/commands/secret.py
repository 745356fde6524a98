"""``sync-tasks secret``: the secret outside Redis by which the ids of erased users are hashed."""

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from sync_tasks.cli.connections import open_store
from sync_tasks.cli.output import escaped, give_up, say, suggest
from sync_tasks.config.environment import read_plain
from sync_tasks.texts import count

app = typer.Typer(
    help="The secret outside Redis by which erased users are hashed: make one, put it in force.", no_args_is_help=True
)
File = Annotated[Path, typer.Argument(help="The file for `SYNC_STATE_SECRET_FILE`.")]


@app.command("new")
def write_secret(file: File) -> None:
    """Write a new secret into a file that its owner alone can read, before those that are in it.

    Then give the file to every part (`SYNC_STATE_SECRET_FILE`), restart them, and run `sync-tasks secret use`.
    Keep a copy apart from the backups of Redis: without it nobody knows any more who was erased.
    """
    fresh = file.with_name(f"{file.name}.new")
    try:
        older = read_plain(file) if file.exists() else ""
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
            out.write(f"{secrets.token_hex(32)}\n{older}")
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(file)
    except (OSError, UnicodeDecodeError) as error:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        give_up(f"{escaped(str(file))}: cannot be written: {reason}", code=2)
    say(f"{escaped(str(file))}: a new secret{', before those that were there' if older else ''}")
    suggest("give it to every part, restart them, then: [bold]sync-tasks secret use[/]")


@app.command("use")
def use_secret() -> None:
    """Put the newest secret in force and hash all tombstones by it. Killed on its way, run it again.

    From then on a part that lacks the secret accepts nothing, and says so.
    """
    from sync_tasks.state.secret import put_in_force

    with open_store() as store:
        renewed = put_in_force(store)
    say(f"the newest secret is in force; {count(renewed, 'tombstone')} hashed by it")
