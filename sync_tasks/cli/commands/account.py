"""``sync-tasks account``: whose account is behind each key, and the move to another one."""

from typing import TYPE_CHECKING, Annotated

import typer

from sync_tasks.cli.connections import open_store
from sync_tasks.cli.options import AsJson, By, Yes
from sync_tasks.cli.output import ask, escaped, give_up, lay_out, open_console, print_json_list, print_table, say
from sync_tasks.texts import count

if TYPE_CHECKING:
    from sync_tasks.config.settings import Settings
    from sync_tasks.state.store import Store

app = typer.Typer(help="Whose account is behind each key.", no_args_is_help=True)


@app.command("list")
def list_accounts(*, as_json: AsJson = False) -> None:
    """Show whether each key opens the account whose contacts the state knows; exit 1 if one does not."""
    from sync_tasks.config.settings import load_settings

    settings = load_settings()
    with open_store() as store:
        found = {name: _state_of(store, settings, name) for name in settings.accounts}
    if as_json:
        print_json_list([{"account": name, "owner": state} for name, state in found.items()])
    else:
        table = lay_out("Accounts", "Account", "Its key opens")
        for name, state in found.items():
            table.add_row(escaped(name), escaped(state))
        print_table(table)
    raise typer.Exit(0 if set(found.values()) <= {_RIGHT} else 1)


_RIGHT = "the account whose contacts the state knows"


def _state_of(store: "Store", settings: "Settings", name: str) -> str:
    from sync_tasks.cli.connections import open_gateways
    from sync_tasks.errors import SyncError, WrongAccountError

    with open_gateways(store, settings) as gateways:
        try:
            gateways[name].check_owner()
        except WrongAccountError:
            return "another account"
        except SyncError as error:
            return f"not known: {error}"
    return _RIGHT


@app.command("accept")
def accept(
    name: Annotated[str, typer.Argument(help="The account's name in the configuration.")],
    *,
    yes: Yes = False,
    by: By,
) -> None:
    """Accept that an account moved: its key opens another one from now on.

    What the old account was known to hold is forgotten: numeric ids, addresses, lists. Subscriptions and opt-outs stay.
    Everybody is looked for in the new account by address. Nothing is changed in the old one.
    """
    from sync_tasks.config.settings import load_settings
    from sync_tasks.sync.accounts import read_owner

    settings = load_settings()
    if name not in settings.accounts:
        give_up(f"there is no account {name!r} in the configuration; it has {', '.join(settings.accounts)}", code=2)
    with open_store() as store:
        opened = _ask(store, settings, name)
        if read_owner(store, name) == opened:
            say(f"account {escaped(name)}: the key opens {_RIGHT}; there is nothing to accept")
            return
        if not yes:
            said = "its numeric ids are forgotten and everybody is looked for in the new account by address"
            ask(f"account {name} is another account from now on: {said}. Go on?")
        _accept(store, settings, name, opened, by)


@app.command("forget")
def forget(
    name: Annotated[str, typer.Argument(help="The account's name in the former configuration.")],
    *,
    yes: Yes = False,
    by: By,
) -> None:
    """Say that an account that left the configuration is gone: nobody can anonymize anything there.

    What the state knew of its contacts is forgotten, and erasures that waited for it come to their end. Exit 1 if it
    knew nothing.
    """
    from sync_tasks.config.settings import load_settings
    from sync_tasks.log import log
    from sync_tasks.state.audit import note_deed
    from sync_tasks.sync.accounts import find_left, forget_gone

    accounts = load_settings().accounts
    if name in accounts:
        give_up(f"account {name!r} is in the configuration: take it out first", code=2)
    if not yes:
        ask(f"account {name} is gone, with everybody's data that it held?")
    with open_store() as store:
        left = find_left(store, accounts)
        users = 0
        for seen_to in forget_gone(store, name):
            users = seen_to
        if not users and name not in left:
            known = f"accounts that left: {', '.join(left)}" if left else "no account left the configuration"
            give_up(f"the state knew nothing of an account {name!r}; {known}")
        note_deed(store, by, "forget account", about=name)
    log.warning("account %s is gone, said %s", name, by)
    say(f"account {escaped(name)}: {count(users, 'contact')} forgotten")


def _ask(store: "Store", settings: "Settings", name: str) -> str:
    from sync_tasks.cli.connections import open_gateways
    from sync_tasks.errors import SyncError

    with open_gateways(store, settings) as gateways:
        try:
            return gateways[name].owner()
        except SyncError as error:
            give_up(f"account {name}: whose account it is cannot be asked now: {error}")


def _accept(store: "Store", settings: "Settings", name: str, owner: str, by: str) -> None:
    from sync_tasks.log import log
    from sync_tasks.rate_limits.limiter import Limiter
    from sync_tasks.state.audit import note_deed
    from sync_tasks.sync.accounts import accept_owner

    note_deed(store, by, "accept account", about=name)
    users = 0
    with open_console().status("forgetting what the old account held") as status:
        for users in accept_owner(store, name, owner):
            status.update(f"{count(users, 'user')} done")
    Limiter(store, settings.accounts).resume(name)
    log.warning("account %s is another account from now on, accepted by %s", name, by)
    say(f"account {escaped(name)}: {count(users, 'user')} will be looked for in the new account")
