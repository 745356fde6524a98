"""``sync-tasks contact``: one user, what the portal wants and what Brevo holds side by side."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sync_tasks.cli.connections import open_store
from sync_tasks.cli.options import AsJson, By, ShowPersonal
from sync_tasks.cli.output import complain, escaped, lay_out, print_json, print_table, say
from sync_tasks.cli.users import Address, pick_user

if TYPE_CHECKING:
    from sync_tasks.cli.views.sides import Happening, Masks, Sides
    from sync_tasks.cli.views.verdict import Case, Trouble
    from sync_tasks.config.settings import Settings
    from sync_tasks.domain.contact import Contact, RemoteContact, RemoteState
    from sync_tasks.domain.mapping import AccountMapping
    from sync_tasks.providers import Gateway
    from sync_tasks.state.consents import ConsentRecord
    from sync_tasks.state.dead_letters import DeadLetter
    from sync_tasks.state.store import Store

UserId = Annotated[str | None, typer.Argument(metavar="[USER_ID]")]
Offline = Annotated[bool, typer.Option("--offline", help="Do not ask Brevo: show what the pipeline remembers of it.")]
Manual = Annotated[
    bool | None,
    typer.Option("--manual/--automatic", help="Whatever lists an editor puts this user on, they stay; or no longer."),
]


@dataclass(frozen=True, slots=True)
class Portrait:
    """All that is known of one user."""

    user_id: str
    verdict: str
    erased_at: str | None
    waiting: list[str]
    accounts: "Mapping[str, Sides]"
    history: "list[Happening]"
    letters: "list[DeadLetter]"
    consents: "list[ConsentRecord]"


@dataclass(frozen=True, slots=True)
class ShownParts:
    """How a user is shown; ``offline``: as the pipeline remembers."""

    masks: "Masks"
    offline: bool


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
    from sync_tasks.cli.views.sides import IN_FULL, Masks
    from sync_tasks.config.settings import load_settings

    settings = load_settings()
    with open_store() as store:
        user = pick_user(store, user_id, address)
        if user is not None and manual is not None:
            _mark(store, user, by, manual=manual)
        masks = IN_FULL if show_personal_data else Masks()
        portrait = _paint(store, settings, user, ShownParts(masks, offline)) if user is not None else None
    if portrait is None:
        complain("nothing is known of this user" if user is not None else "nobody has this address")
        raise typer.Exit(1)
    if as_json:
        print_json(_dump(portrait))
    else:
        typer.echo(f"user {portrait.user_id}: {portrait.verdict}")
        _print(portrait)
    raise typer.Exit(1 if any(sides.error for sides in portrait.accounts.values()) else 0)


def _mark(store: "Store", user_id: str, who: str, *, manual: bool) -> None:
    """Mark a user as managed by hand, or no longer; one of whom nothing is known stays so."""
    from sync_tasks.state.bulk import mark_manual

    mark_manual(store, user_id, who, manual=manual)


def _paint(store: "Store", settings: "Settings", user_id: str, shown: "ShownParts") -> Portrait | None:
    from sync_tasks.cli.views import sides
    from sync_tasks.state.consents import read_consents
    from sync_tasks.state.dead_letters import read_letters_of

    contact = store.peek(user_id)
    erased_at = sides.erased_at(store, user_id)
    history = sides.read_history(store, user_id)
    letters = read_letters_of(store, user_id)
    consents = read_consents(store, user_id, contact)
    if contact is None and not (erased_at or history or letters):
        return None
    if contact and contact.address and store.claimant(contact.address) not in {None, user_id}:
        contact = replace(contact, address_taken=True)
    accounts = _look_at_all(store, settings, contact, letters, shown) if contact else {}
    verdict = _find_verdict(contact, settings, accounts, erased_at)
    waiting = sorted(f"{key.task} {key.newsletter}".strip() for key in contact.pending) if contact else []
    return Portrait(user_id, verdict, erased_at, waiting, accounts, history, letters, consents)


def _find_verdict(
    contact: "Contact | None", settings: "Settings", accounts: "Mapping[str, Sides]", erased_at: str | None
) -> str:
    """Return in one line what the user gets, and why not."""
    from sync_tasks.cli.views.verdict import Standing, sum_up

    if contact is None or contact.erased:
        note = f" as of {erased_at}" if erased_at else ", the erasure is on its way" if contact else ""
        return (
            f"gets no mail: deleted by the portal{note}" if erased_at or contact else "gets no mail: nothing is known"
        )
    lost = "the configuration lacks it"
    unknown = [slug for slug, (_, on) in contact.subscriptions().items() if on and not settings.find_newsletter(slug)]
    standings = [standing for sides in accounts.values() for standing in sides.standings]
    verdict = sum_up([*standings, *(Standing(slug, mail=False, because=lost, helps=False) for slug in unknown)])
    asked = all(sides.asked for sides in accounts.values())
    return verdict if asked else f"{verdict} (as remembered: Brevo was not asked)"


def _trouble(store: "Store", settings: "Settings", letters: "list[DeadLetter]", account: str) -> "Trouble":
    from sync_tasks.cli.views.verdict import Trouble
    from sync_tasks.domain.pauses import list_of
    from sync_tasks.rate_limits.limiter import Limiter

    limiter = Limiter(store, settings.accounts)
    pause = limiter.paused(account)
    lists = frozenset(number for part in limiter.paused_parts(account) if (number := list_of(part)) is not None)
    return Trouble(tuple(letters), pause.error if pause else "", lists)


def _look_at_all(
    store: "Store", settings: "Settings", contact: "Contact", letters: "list[DeadLetter]", shown: "ShownParts"
) -> "dict[str, Sides]":
    from sync_tasks.cli.connections import open_gateways
    from sync_tasks.cli.views.sides import is_concerned
    from sync_tasks.cli.views.verdict import Case
    from sync_tasks.domain.contact import RemoteState
    from sync_tasks.tasks.bootstrap import account_mappings_of

    mappings = account_mappings_of(settings)
    seen = {
        name: contact.seen.get(name) or RemoteState()
        for name in mappings
        if is_concerned(contact, name, mappings[name])
    }
    cases = [
        Case(contact, mappings[name], known, _trouble(store, settings, letters, name)) for name, known in seen.items()
    ]
    if shown.offline:
        return {case.mapping.account: _recall(case, shown.masks) for case in cases}
    with open_gateways(store, settings) as gateways:
        return {case.mapping.account: _look(case, gateways[case.mapping.account], shown.masks) for case in cases}


def _recall(case: "Case", masks: "Masks", error: str = "") -> "Sides":
    from sync_tasks.cli.views.sides import Sides, recall
    from sync_tasks.cli.views.verdict import find_standings, remembered

    lines, standings = recall(case.contact, case.mapping, case.seen, masks), find_standings(case, remembered(case.seen))
    return Sides(case.seen.id, lines, asked=False, error=error, standings=standings)


def _look(case: "Case", gateway: "Gateway", masks: "Masks") -> "Sides":
    from sync_tasks.cli.views.sides import Sides, compare
    from sync_tasks.cli.views.verdict import find_standings, held_of
    from sync_tasks.errors import SyncError

    try:
        remote = _find(case.contact, case.seen, gateway, case.mapping)
    except SyncError as error:
        return _recall(case, masks, f"{type(error).__name__}: {error}")
    lines = compare(case.contact, case.mapping, case.seen, remote, masks)
    standings = find_standings(case, held_of(remote, case))
    return Sides(remote.id if remote else None, lines, asked=True, standings=standings)


def _find(
    contact: "Contact", seen: "RemoteState", gateway: "Gateway", mapping: "AccountMapping"
) -> "RemoteContact | None":
    """Return the user's contact at Brevo: the one we know, else the one with the address, or an ``ext_id`` of ours."""
    from sync_tasks.domain.identity import is_stranger

    if seen.id is not None and (remote := gateway.read(seen.id)) and not is_stranger(remote, contact, mapping, seen):
        return remote
    if contact.address and not contact.address_taken and (found := gateway.find_address(contact.address)):
        return found
    called = filter(None, map(gateway.find_ext_id, mapping.ext_ids.all_of(contact.user_id)))
    return next((remote for remote in called if mapping.ext_ids.proves(remote.ext_id, contact.user_id)), None)


def _dump(portrait: Portrait) -> dict[str, Any]:
    from sync_tasks.cli.views.letters import dump_letter

    document = asdict(portrait)
    return document | {"letters": [dump_letter(letter) for letter in portrait.letters]}


def _print(portrait: Portrait) -> None:
    if portrait.erased_at:
        say(f"erased: deleted by the portal as of {portrait.erased_at}; nothing personal is kept")
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
    table = lay_out(escaped(where), "Field", "Portal wants", "", "Brevo holds" if sides.asked else "Brevo held")
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
