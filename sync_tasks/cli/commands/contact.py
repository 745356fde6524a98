"""``sync-tasks contact``: one user, what the portal wants and what Brevo holds side by side."""

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sync_tasks.cli.connections import open_gateways, open_store
from sync_tasks.cli.options import AsJson, By, ShowPersonal, UserId
from sync_tasks.cli.output import complain, escaped, give_up, lay_out, print_json, print_table, say
from sync_tasks.cli.users import Address, pick_user

if TYPE_CHECKING:
    from sync_tasks.monitoring.portrait import Portrait
    from sync_tasks.monitoring.sides import Happening, Sides
    from sync_tasks.state.consents import ConsentRecord

Offline = Annotated[bool, typer.Option("--offline", help="Do not ask Brevo: show what the pipeline remembers of it.")]
Manual = Annotated[
    bool | None,
    typer.Option("--manual/--automatic", help="Whatever lists an editor puts this user on, they stay; or no longer."),
]


def show_contact(
    user_id: UserId = None,
    *,
    address: Address = None,
    offline: Offline = False,
    manual: Manual = None,
    by: By,
    show_personal_data: ShowPersonal = False,
    as_json: AsJson = False,
) -> None:
    """Show what the portal wants of a user and what Brevo holds, and what happened lately.

    Exit 1 if nothing is known of the user, or Brevo could not be asked.
    """
    from sync_tasks.config.settings import load_settings
    from sync_tasks.monitoring.portrait import paint
    from sync_tasks.monitoring.sides import IN_FULL, Masks
    from sync_tasks.state.audit import UNMASKED, note_deed
    from sync_tasks.state.bulk import mark_manual

    settings = load_settings()
    with open_store() as store:
        user = pick_user(store, user_id, address)
        if user is not None and manual is not None:
            mark_manual(store, user, by, manual=manual)
        masks = IN_FULL if show_personal_data else Masks()
        ask = None if offline else partial(open_gateways, store, settings)
        portrait = paint(store, settings, user, masks, ask) if user is not None else None
        if portrait and user and show_personal_data:
            note_deed(store, by, UNMASKED, user)
    if portrait is None:
        give_up("nothing is known of this user" if user is not None else "nobody has this address")
    if as_json:
        print_json(_dump(portrait))
    else:
        typer.echo(f"user {portrait.user_id}: {portrait.verdict}")
        _print(portrait)
    raise typer.Exit(1 if any(sides.error for sides in portrait.accounts.values()) else 0)


def _dump(portrait: "Portrait") -> dict[str, Any]:
    from sync_tasks.cli.views.letters import dump_letter

    document = asdict(portrait)
    return document | {"letters": [dump_letter(letter) for letter in portrait.letters]}


def _print(portrait: "Portrait") -> None:
    if portrait.erased_at:
        say(f"erased: deleted by the portal as of {portrait.erased_at}; no address, name or attribute is kept")
    for name, sides in portrait.accounts.items():
        _print_sides(name, sides)
    if portrait.waiting:
        say(f"[yellow]on its way:[/] {escaped(', '.join(portrait.waiting))}")
    if portrait.consents:
        _print_consents(portrait.consents)
    if portrait.history:
        _print_history(portrait.history)
    if portrait.letters:
        from sync_tasks.cli.views.dead_letters import print_letters

        print_letters(portrait.letters)


def _print_sides(account: str, sides: "Sides") -> None:
    marks = {True: "[green]=[/]", False: "[red]≠[/]", None: ""}
    where = f"contact {sides.contact_id} of account {account}" if sides.contact_id else f"no contact, account {account}"
    table = lay_out(escaped(where), "Field", "Portal wants", "Same", "Brevo holds" if sides.asked else "Brevo held")
    for line in sides.lines:
        table.add_row(*map(escaped, (line.what, line.wanted)), marks[line.agrees], escaped(line.held))
    print_table(table)
    if sides.error:
        complain(f"Brevo could not be asked: {sides.error}")


def _print_consents(consents: "list[ConsentRecord]") -> None:
    table = lay_out("proofs of consent", "Newsletter", "Source", "Version", "Given", "Ended")
    for one in consents:
        table.add_row(*map(escaped, (one.newsletter, one.source, one.version, one.at[:19], (one.ended or "")[:19])))
    print_table(table)


def _print_history(history: "list[Happening]") -> None:
    table = lay_out("what happened lately", "When", "Event", "Newsletter", "As of", "Outcome")
    for happening in history:
        times = [moment.replace("T", " ")[:19] for moment in (happening.at, happening.occurred_at)]
        row = (times[0], happening.task.removesuffix("_contact"), happening.newsletter, times[1], happening.outcome)
        table.add_row(*map(escaped, row))
    print_table(table)
