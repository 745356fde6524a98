"""How the command line shows things: short tables for people, JSON for programs."""

import json
import os
import re
import shutil
import sys
import traceback
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NoReturn

import typer

from sync_tasks.cli.columns import fit_columns, unfold
from sync_tasks.texts import count
from sync_tasks.texts import escaped as one_line

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_UNPRINTABLE = re.compile(r"[^\x20-\x7e\u00a1-\u1fff\u2010-\u2027\u2030-\u205e\u2070-\ud7ff\uf900-\ufdff\ufe10-\uffef]")


# Whose code writes to standard output.
_PRINTERS = {__name__, typer.echo.__module__, "rich.console"}


def spell_out() -> None:
    """Let a terminal that lacks a character get its number instead: with a locale such as C, or one of Latin 1."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def fill_in() -> None:
    """Put an empty stream in place of each standard stream that the caller has closed."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - until the end


def is_full(error: Exception) -> bool:
    """Return whether an error means that standard output is full; if so, drop whatever is written from then on."""
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    if not isinstance(error, OSError) or frame.f_globals.get("__name__") not in _PRINTERS:
        return False
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return True


def _is_narrow() -> bool:
    """Report whether standard output lacks characters; JSON has an escape of its own for them."""
    return (sys.stdout.encoding or "").lower() not in {"utf-8", "utf8"}


def command_here(words: str) -> str:
    """Return a ``sync-tasks`` command as this shell can find it: a virtual environment may not be on its PATH."""
    called = Path(sys.argv[0]).absolute()
    on_path = shutil.which("sync-tasks")
    if called.name != "sync-tasks" or (on_path and Path(on_path).absolute() == called):
        return f"sync-tasks {words}"
    near = called.is_relative_to(Path.cwd())
    return f"{called.relative_to(Path.cwd()) if near else called} {words}"


# What reads a pipe wants each row on one line.
_WIDE = 10_000


def open_console(*, stderr: bool = False) -> "Console":
    """Return what prints to the terminal, or plainly into a pipe."""
    from rich.console import Console

    console = Console(stderr=stderr, highlight=False, soft_wrap=False)
    if not (console.is_terminal or os.environ.get("COLUMNS")):
        console.width = _WIDE
    return console


def say(text: str) -> None:
    """Print one line for people; ``[bold]`` and the like are styles."""
    open_console().print(text)


def complain(text: str) -> None:
    """Print lines to standard error; what no terminal shall obey stands there escaped."""
    typer.echo("\n".join(map(one_line, text.split("\n"))), err=True)


def ask(question: str) -> None:
    """Ask whether to go on, on standard error: the answer to a command may go into a file. Without a yes, it ends."""
    typer.confirm(one_line(question), abort=True, err=True)


# What a program has got of the one document of this command.
_Printed = Literal["nothing expected", "nothing", "a part", "all"]
_printed: ContextVar[_Printed] = ContextVar("printed", default="nothing expected")


def note_json(*, wanted: bool) -> None:
    """Remember whether a program reads what this command prints."""
    _printed.set("nothing" if wanted else "nothing expected")


def give_up(*troubles: str, code: int = 1) -> NoReturn:
    """Say what keeps a command from its answer: to people on standard error, to a program also as its document.

    If that is a list that was begun, it ends here. So does the command.
    """
    for trouble in troubles:
        complain(trouble)
    explain_to_program(*troubles)
    raise typer.Exit(code)


def explain_to_program(*troubles: str) -> None:
    """Print the document of a command that cannot give its answer, if a program waits for one."""
    if _printed.get() == "nothing":
        print_json({}, troubles)
    elif _printed.get() == "a part":
        _end_list(troubles)


def print_json(document: Mapping[str, object], troubles: Iterable[str] = ()) -> None:
    """Print the one document of a command for programs, with what keeps it from its answer."""
    print_document({**document, "troubles": [*troubles]})


def print_document(document: object) -> None:
    """Print a document that has a form of its own, such as a schema."""
    _printed.set("all")
    typer.echo(json.dumps(document, indent=2, ensure_ascii=_is_narrow()))


def print_json_list(items: Iterable[object], troubles: Iterable[str] = ()) -> None:
    """Print items one after the other, each in a line of its own, as the one document of a command."""
    before, encode = '{\n"items": [\n  ', json.JSONEncoder(ensure_ascii=_is_narrow()).encode
    for item in items:
        sys.stdout.write(before + encode(item))
        before = ",\n  "
        _printed.set("a part")
    if before[0] == "{":
        print_json({"items": []}, troubles)
    else:
        _end_list(troubles)


def _end_list(troubles: Iterable[str]) -> None:
    _printed.set("all")
    typer.echo(f'\n],\n"troubles": {json.dumps([*troubles], ensure_ascii=_is_narrow())}\n}}')


# So many rows has a table at most: nobody reads more, and each takes as long as a hundred lines of JSON.
MOST_ROWS = 500


def report_rest(more: int, what: str, how: str) -> None:
    """Say how many are not in the table, and how to see them."""
    if more > 0:
        say(f"and {count(more, what)} more. {how}, --json prints all.")


# Columns that stay on one line, by their heading: ids and numbers; those of the demo are cut, too.
_WHOLE = {"ID", "Event", "Age", "User", "Newsletter", "City", "Error", "By"}
_CUT = {"Address": 25, "Name": 16}


def lay_out(title: str, *columns: str) -> "Table":
    """Return an empty table; what a column may do for lack of space depends on its heading."""
    from rich import box
    from rich.table import Table

    table = Table(title=title, box=box.SIMPLE_HEAD, show_edge=False, title_justify="left", title_style="bold")
    for name in columns:
        table.add_column(
            name,
            justify="right" if name == "Age" else "left",
            no_wrap=name in _WHOLE | _CUT.keys(),
            overflow="ellipsis" if name in _CUT else "fold",
            max_width=_CUT.get(name),
        )
    return table


def print_table(table: "Table") -> None:
    """Print a table, set off from what was printed before; if it is too wide, print each row line by line."""
    console = open_console()
    console.print()
    console.print(table if fit_columns(table, console) or not table.show_header else unfold(table))


def suggest(step: str) -> None:
    """Print what to do next."""
    say(f"[dim]→[/] {step}")


def escaped(text: object) -> str:
    """Return a text from elsewhere so that a terminal shows it as it is: no styles, no control sequences."""
    from rich.markup import escape

    return escape(_UNPRINTABLE.sub("\ufffd", str(text)))


def age_of(moment: datetime) -> float:
    """Return how many seconds ago a moment was."""
    return max((datetime.now(UTC) - moment).total_seconds(), 0.0)


def parse_age(text: str) -> timedelta:
    """Return how long ``90s``, ``30m``, ``2h`` or ``7d`` is.

    Raises:
        typer.BadParameter: it is none of these.
    """
    found = re.fullmatch(r"(\d{1,6})\s*([smhd])", text.strip())
    if not found:
        raise typer.BadParameter("a number and s, m, h or d, such as 2h")
    unit = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}[found[2]]
    return timedelta(**{unit: int(found[1])})
