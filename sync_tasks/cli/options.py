"""Options that several commands have: each is said once, alone or as the field of a group."""

import getpass
import inspect
import os
import socket
from collections.abc import Callable
from dataclasses import is_dataclass
from functools import wraps
from typing import Annotated, Any, TypeVar, get_origin

import typer


def name_operator() -> str:
    """Return who is at the keyboard, as well as this machine knows."""
    user = os.environ.get("SUDO_USER") or os.environ.get("USER") or _login()
    return f"{user}@{socket.gethostname()}"


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
ShowPersonal = Annotated[
    bool, typer.Option("--show-personal-data", help="Show addresses, names and attributes in full.")
]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Where it listens; 0 takes a free one.")]
UserId = Annotated[str | None, typer.Argument(metavar="[USER_ID]")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
By = Annotated[
    str, typer.Option(default_factory=name_operator, show_default=False, help="Who does it: kept.", metavar="WHO")
]

T = TypeVar("T")


def with_groups(command: Callable[..., T]) -> Callable[..., T]:
    """Let a command take groups: dataclasses whose annotated fields are options on the command line."""
    signature = inspect.signature(command, eval_str=True)
    groups: dict[str, Callable[..., object]] = {
        name: one.annotation
        for name, one in signature.parameters.items()
        if isinstance(one.annotation, type) and is_dataclass(one.annotation)
    }
    fields = {name: _options_of(group) for name, group in groups.items()}

    @wraps(command)
    def run(**values: Any) -> T:
        for name, group in groups.items():
            values[name] = group(**{one.name: values.pop(one.name) for one in fields[name]})
        return command(**values)

    options = [one for name, parameter in signature.parameters.items() for one in fields.get(name, [parameter])]
    run.__signature__ = signature.replace(parameters=options)  # type: ignore[attr-defined]
    return run


def _options_of(group: Callable[..., object]) -> list[inspect.Parameter]:
    parameters = inspect.signature(group, eval_str=True).parameters.values()
    return [one.replace(kind=one.KEYWORD_ONLY) for one in parameters if get_origin(one.annotation) is Annotated]
