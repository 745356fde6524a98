"""``sync-tasks contact``: one user, what the portal wants and what Brevo holds side by side."""

import getpass
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sync_tasks.cli.opening import open_store
from sync_tasks.cli.showing import AsJson, ShowPersonal, complain, escaped, lay_out, print_json, print_table, say
from sync_tasks.cli.users import Address, pick_user

if TYPE_CHECKING:
    from sync_tasks.cli.sides import Happening, Masks, Sides
    from sync_tasks.contacts import Contact, RemoteContact, Seen
    from sync_tasks.dead_letters import DeadLetter
    from sync_tasks.differences import Layout
    from sync_tasks.gateway import Gateway
    from sync_tasks.settings import Settings
    from sync_tasks.store import Store

UserId = Annotated[str | None, typer.Argument(metavar="[USER_ID]")]
Offline = Annotated[bool, typer.Option("--offline", help="Do not ask Brevo: show what the pipeline remembers of it.")]
Manual = Annotated[
    bool | None,
    typer.Option("--manual/--automatic", help="Whatever lists an editor puts this user on, they stay; or no longer."),
]
Who = Annotated[str | None, typer.Option("--by", help="Who decides: named in the history.", metavar="WHO")]


@dataclass(frozen=True, slots=True)
class Portrait:
    """All that is known of one user."""

    user_id: str
    erased_at: str | None
    waiting: list[str]
    accounts: "Mapping[str, Sides]"
    history: "list[Happening]"
    letters: "list[DeadLetter]"


def show_contact(
    user_id: UserId = None,
    *,
    address: Address = None,
    offline: Offline = False,
    manual: Manual = None,
    who: Who = None,
    show_personal_data: ShowPersonal = False,
    as_json: AsJson = False,
) -> None:
    """Show what the portal wants of a user and what Brevo holds, and what happened lately.

    Exit 1 where nothing is known of the user, or Brevo could not be asked.
    """
    from sync_tasks.cli.sides import IN_FULL, Masks
    from sync_tasks.settings import load_settings

    settings = load_settings()
    with open_store() as store:
        user = pick_user(store, user_id, address)
        if user is not None and manual is not None:
            _mark(store, user, who or getpass.getuser(), manual=manual)
        masks = IN_FULL if show_personal_data else Masks()
        portrait = _paint(store, settings, user, masks, offline=offline) if user is not None else None
    if portrait is None:
        complain("nothing is known of this user" if user is not None else "nobody has this address")
        raise typer.Exit(1)
    if as_json:
        print_json(_dump(portrait))
    else:
        say(f"[bold]user[/] {escaped(portrait.user_id)}")
        _print(portrait)
    raise typer.Exit(1 if any(sides.error for sides in portrait.accounts.values()) else 0)


def _mark(store: "Store", user_id: str, who: str, *, manual: bool) -> None:
    """Mark a user as managed by hand, or no longer; one of whom nothing is known stays so."""
    store.run_all("mark", [(user_id, "1" if manual else "", "".join(who.split()))])


def _paint(store: "Store", settings: "Settings", user_id: str, masks: "Masks", *, offline: bool) -> Portrait | None:
    from sync_tasks.cli import sides
    from sync_tasks.dead_letters import read_letters

    contact = store.peek(user_id)
    erased_at = sides.erased_at(store, user_id)
    history = sides.read_history(store, user_id)
    letters = [letter for letter in read_letters(store) if letter.user_id == user_id]
    if contact is None and not (erased_at or history or letters):
        return None
    accounts = _look_at_all(store, settings, contact, masks, offline=offline) if contact else {}
    waiting = sorted(f"{key.task} {key.newsletter}".strip() for key in contact.pending) if contact else []
    return Portrait(user_id, erased_at, waiting, accounts, history, letters)


def _look_at_all(
    store: "Store", settings: "Settings", contact: "Contact", masks: "Masks", *, offline: bool
) -> "dict[str, Sides]":
    from sync_tasks.cli.asking import open_gateways
    from sync_tasks.cli.sides import Sides, is_concerned, recall
    from sync_tasks.contacts import Seen
    from sync_tasks.resources import layout_of

    layouts = {name: layout_of(settings, name) for name in settings.accounts}
    seen = {name: contact.seen.get(name) or Seen() for name in layouts if is_concerned(contact, name, layouts[name])}
    if offline:
        return {
            name: Sides(known.id, recall(contact, layouts[name], known, masks), asked=False)
            for name, known in seen.items()
        }
    with open_gateways(store, settings) as gateways:
        return {name: _look(contact, layouts[name], known, gateways[name], masks) for name, known in seen.items()}


def _look(contact: "Contact", layout: "Layout", seen: "Seen", gateway: "Gateway", masks: "Masks") -> "Sides":
    from sync_tasks.cli.sides import Sides, compare, recall
    from sync_tasks.errors import SyncError

    try:
        remote = _find(contact, seen, gateway, layout)
    except SyncError as error:
        return Sides(
            seen.id, recall(contact, layout, seen, masks), asked=False, error=f"{type(error).__name__}: {error}"
        )
    return Sides(remote.id if remote else None, compare(contact, layout, seen, remote, masks), asked=True)


def _find(contact: "Contact", seen: "Seen", gateway: "Gateway", layout: "Layout") -> "RemoteContact | None":
    """Return the user's contact at Brevo: the one we know, else the one with the address, or an ``ext_id`` of ours."""
    from sync_tasks.identity import is_stranger

    if seen.id is not None and (remote := gateway.read(seen.id)) and not is_stranger(remote, contact, layout, seen):
        return remote
    if contact.address and (found := gateway.find_address(contact.address)):
        return found
    called = filter(None, map(gateway.find_ext_id, layout.ext_ids.all_of(contact.user_id)))
    return next((remote for remote in called if layout.ext_ids.proves(remote.ext_id, contact.user_id)), None)


def _dump(portrait: Portrait) -> dict[str, Any]:
    from sync_tasks.cli.letters import dump_letter

    told = asdict(portrait)
    return told | {"letters": [dump_letter(letter) for letter in portrait.letters]}


def _print(portrait: Portrait) -> None:
    if portrait.erased_at:
        say(f"erased: deleted by the portal as of {portrait.erased_at}; nothing personal is kept")
    for name, sides in portrait.accounts.items():
        _print_sides(name, sides)
    if portrait.waiting:
        say(f"[yellow]on its way:[/] {escaped(', '.join(portrait.waiting))}")
    if portrait.history:
        _print_history(portrait.history)
    if portrait.letters:
        from sync_tasks.cli.letter_tables import print_letters

        print_letters(portrait.letters)


def _print_sides(account: str, sides: "Sides") -> None:
    marks = {True: "[green]=[/]", False: "[red]≠[/]", None: ""}
    where = f"contact {sides.contact_id} of account {account}" if sides.contact_id else f"no contact, account {account}"
    table = lay_out(escaped(where), "Field", "Portal wants", "", "Brevo holds" if sides.asked else "Brevo held")
    for line in sides.lines:
        table.add_row(*map(escaped, (line.what, line.wanted)), marks[line.agrees], escaped(line.held))
    print_table(table)
    if sides.error:
        complain(f"Brevo could not be asked: {sides.error}")


def _print_history(history: "list[Happening]") -> None:
    table = lay_out("what happened lately", "When", "Event", "Newsletter", "As of", "Outcome")
    for happening in history:
        times = [moment.replace("T", " ")[:19] for moment in (happening.at, happening.occurred_at)]
        told = (times[0], happening.task.removesuffix("_contact"), happening.newsletter, times[1], happening.outcome)
        table.add_row(*map(escaped, told))
    print_table(table)
