"""Options that several commands share: who is at the keyboard, and groups that are unfolded into options."""

import getpass
import inspect
import os
import socket
from dataclasses import dataclass
from typing import Annotated

import pytest
import typer

from sync_tasks.cli.options import name_operator, with_groups


@pytest.mark.parametrize(
    ("variables", "login", "name"),
    [
        ({"SUDO_USER": "olga", "USER": "root"}, "x", "olga"),
        ({"USER": "otto"}, "x", "otto"),
        ({}, "lena", "lena"),
        ({}, KeyError(), f"uid {os.getuid()}"),
        ({}, OSError(), f"uid {os.getuid()}"),
    ],
)
def test_who_is_at_the_keyboard_is_as_this_machine_knows(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], login: str | Exception, name: str
) -> None:
    for variable in ("SUDO_USER", "USER"):
        monkeypatch.delenv(variable, raising=False)
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)

    def find() -> str:
        if isinstance(login, Exception):
            raise login
        return login

    monkeypatch.setattr(getpass, "getuser", find)
    assert name_operator() == f"{name}@{socket.gethostname()}"


@dataclass
class Chosen:
    """A group of two options, and a field that is none."""

    most: Annotated[int, typer.Option(help="How many.")]
    by: Annotated[str, typer.Option(help="Who.")] = "nobody"
    seen: int = 0


def test_a_group_is_unfolded_in_its_place_and_comes_back_whole() -> None:
    def command(first: str, chosen: Chosen, *, last: bool = False) -> tuple[str, Chosen, bool]:
        return first, chosen, last

    unfolded = with_groups(command)
    parameters = inspect.signature(unfolded).parameters
    assert list(parameters) == ["first", "most", "by", "last"]
    assert {parameters[name].kind for name in ("most", "by")} == {inspect.Parameter.KEYWORD_ONLY}
    assert unfolded.__name__ == "command"
    assert unfolded(first="a", most=3, by="olga", last=True) == ("a", Chosen(3, "olga"), True)
