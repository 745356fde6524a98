"""``sync-tasks doctor --probe``: ask the real account what nobody can know from here."""

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from sync_tasks.cli.connections import open_store
from sync_tasks.cli.output import complain, open_console, print_json_list
from sync_tasks.cli.users import STDIN
from sync_tasks.errors import ConfigurationError, SyncError
from sync_tasks.local.processes import ending_on_signals
from sync_tasks.texts import normal_address

if TYPE_CHECKING:
    from sync_tasks.config.settings import Settings
    from sync_tasks.probe.run import ProbeReport
    from sync_tasks.state.store import Store

Probing = Annotated[
    bool, typer.Option("--probe", help="Ask Brevo open questions instead, with two contacts of its own.")
]
At = Annotated[
    list[str] | None,
    typer.Option(
        "--at",
        help="A mailbox of yours, of which plus-addresses are taken; given twice, these two; `-` reads them.",
        metavar="ADDRESS",
    ),
]
Only = Annotated[str | None, typer.Option("--account", help="Probe only this account.", metavar="NAME")]
_BOTH = 2


def run_probes(settings: "Settings", at: list[str] | None, account: str | None, *, as_json: bool) -> bool:
    """Probe the accounts, show what was found, and return whether all is as good as assumed."""
    from sync_tasks.cli.views.probe_answers import as_document, print_answers

    if account is not None and account not in settings.accounts:
        raise ConfigurationError(f"there is no account {account!r}")
    addresses = read_addresses(at or [])
    names = [account] if account is not None else list(settings.accounts)
    with open_store() as store, ending_on_signals():
        reports = list(_probe(store, settings, names, addresses))
    if as_json:
        print_json_list([as_document(report) for report in reports])
    else:
        for report in reports:
            print_answers(report)
    return len(reports) == len(names) and all(report.good for report in reports)


def read_addresses(given: list[str]) -> tuple[str, str]:
    """Return the two addresses to probe with.

    Raises:
        ConfigurationError: there are none, or the wrong ones; the message quotes none.
    """
    lines = [line for one in given for line in (sys.stdin.read().split() if one == STDIN else [one])]
    try:
        addresses = [normal_address(line) for line in lines]
    except ValueError:
        raise ConfigurationError("--at: not an e-mail address") from None
    if len(addresses) == 1:
        local, _, domain = addresses[0].rpartition("@")
        mark = "-" if "+" in local else "+"
        addresses = [f"{local}{mark}sync-probe-{number}@{domain}" for number in (1, _BOTH)]
    if len(addresses) != _BOTH or addresses[0] == addresses[1]:
        raise ConfigurationError("--probe needs --at with a mailbox of yours, or twice, with two addresses")
    return addresses[0], addresses[1]


def _probe(
    store: "Store", settings: "Settings", names: list[str], addresses: tuple[str, str]
) -> "Iterator[ProbeReport]":
    from sync_tasks.probe.run import Probe

    with open_console(stderr=True).status("") as status:
        for name in names:

            def report(what: str, name: str = name) -> None:
                status.update(f"{name}: {what}")

            try:
                yield Probe(store, settings, name, addresses, report).run()
            except ConfigurationError:
                raise
            except SyncError as error:
                complain(f"account {name}: {error}")
