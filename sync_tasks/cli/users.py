"""Which user an operator means: by the id, or by the address that somebody gave on the telephone."""

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from sync_tasks.texts import normal_address

if TYPE_CHECKING:
    from sync_tasks.state.store import Store

STDIN = "-"
Address = Annotated[
    str | None,
    typer.Option("--address", help="Instead of an id, the user who has this address; `-` reads it.", metavar="ADDRESS"),
]


def pick_user(store: "Store", user_id: str | None, address: str | None) -> str | None:
    """Return the user who is meant; nothing if nobody has the address.

    The address is looked up by its keyed hash. It is neither shown nor logged, also not if it is none.

    Raises:
        typer.BadParameter: neither is given, or both are, or the address is none.
    """
    from sync_tasks.monitoring.people import find_owner, find_user

    if (user_id is None) == (address is None):
        raise typer.BadParameter("a user's id, or --address, and not both")
    return find_user(store, user_id) if user_id is not None else find_owner(store, read_address(address or ""))


def read_address(address: str) -> str:
    """Return an address as the state has it; ``-`` is the first line of standard input, to keep it out of the history.

    Raises:
        typer.BadParameter: it is none.
    """
    try:
        return normal_address(sys.stdin.readline() if address == STDIN else address)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--address") from None


def find_wanting(store: "Store", address: str, users: Iterable[str]) -> frozenset[str]:
    """Return who has an address, and who of these users wants it or had it."""
    from sync_tasks.monitoring.people import find_owner

    wanted = read_address(address)
    contacts = ((user, store.peek(user)) for user in set(users))
    found = {user for user, contact in contacts if contact and wanted in contact.addresses}
    return frozenset(found | {owner for owner in (find_owner(store, wanted),) if owner})
