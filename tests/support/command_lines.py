"""Reads a line of the command ``sync-tasks`` as the command line itself does, without running it."""

import shlex
from typing import Any

from typer.core import TyperGroup
from typer.main import get_command

from sync_tasks.cli import app

ROOT: Any = get_command(app)


def read_command(line: str) -> str:
    """Return the full name of the command that a line means, without ``sync-tasks``.

    Raises:
        KeyError: there is no such command.
        Exception: an option or an argument is wrong, in the words of the command line.
    """
    words = shlex.split(line, comments=True)
    found, name = ROOT, list[str]()
    while isinstance(found, TyperGroup) and words and not words[0].startswith("-"):
        name.append(words.pop(0))
        found = found.commands[name[-1]]
    if not isinstance(found, TyperGroup) and "--help" not in words:
        found.make_context(" ".join(name), words)
    return " ".join(name)
