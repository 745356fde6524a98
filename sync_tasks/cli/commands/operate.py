"""``sync-tasks operate``: who may log in to the operator's page."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from sync_tasks.cli.output import escaped, give_up, say, suggest
from sync_tasks.errors import ConfigurationError

app = typer.Typer(help="Who may log in to the operator's page of `sync-tasks serve`.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="Who: it stands in the audit beside each act.", metavar="NAME")]
File = Annotated[Path | None, typer.Option("--file", help="The password file; without it `operate.passwords` says it.")]
Acts = Annotated[bool, typer.Option("--act/--look", help="Whether they may act and see people in full, or only look.")]


@app.command("password")
def set_password(name: Name, *, act: Acts = False, file: File = None) -> None:
    """Let somebody log in: ask for a password and write its hash into the password file, in place of an old one.

    Without a terminal the first line of standard input is the password. Whoever is logged in by that name is logged
    out.
    """
    from sync_tasks.operate.passwords import make_entry, write_entry

    path = _find(file)
    password = typer.prompt("Password", hide_input=True, confirmation_prompt=True) if sys.stdin.isatty() else _read()
    write_entry(path, make_entry(name, "act" if act else "look", password))
    say(f"{escaped(str(path))}: {escaped(name)} may {'act' if act else 'look'}")
    suggest("a page that runs reads the file at once")


@app.command("remove")
def remove(name: Name, *, file: File = None) -> None:
    """Let somebody log in no longer; exit 1 if the file does not name them."""
    from sync_tasks.operate.passwords import remove_entry

    path = _find(file)
    if not remove_entry(path, name):
        give_up("nobody is called so in the password file")
    say(f"{escaped(str(path))}: {escaped(name)} may not log in any more")


def _find(file: Path | None) -> Path:
    from sync_tasks.local.setup import load_without_keys

    path = file or load_without_keys().operate.passwords
    if path is None:
        raise ConfigurationError("which file? Set operate.passwords in the configuration, or name it with --file")
    return path


def _read() -> str:
    return sys.stdin.readline().rstrip("\r\n")
