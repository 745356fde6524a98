"""One user: what the portal wants and what Brevo holds, what happened lately, and what needs a person."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from sync_tasks.config.settings import Settings
from sync_tasks.domain.contact import Contact, RemoteContact, RemoteState
from sync_tasks.domain.identity import is_stranger
from sync_tasks.domain.mapping import AccountMapping
from sync_tasks.domain.pauses import list_of
from sync_tasks.domain.planning import concerns
from sync_tasks.errors import SyncError
from sync_tasks.monitoring import sides
from sync_tasks.monitoring.sides import Happening, Masks, Sides, compare, recall
from sync_tasks.monitoring.verdict import Case, Standing, Trouble, find_standings, held_of, remembered, sum_up
from sync_tasks.providers import Gateway
from sync_tasks.rate_limits.limiter import Limiter
from sync_tasks.state.consents import ConsentRecord, read_consents
from sync_tasks.state.dead_letters import DeadLetter, read_letters_of
from sync_tasks.state.holds import read_hold
from sync_tasks.state.store import Store
from sync_tasks.tasks.bootstrap import account_mappings_of

# Opens the way to each account.
Ask = Callable[[], AbstractContextManager[Mapping[str, Gateway]]]


@dataclass(frozen=True, slots=True)
class Portrait:
    """All that is known of one user."""

    user_id: str
    verdict: str
    erased_at: str | None
    waiting: list[str]
    accounts: Mapping[str, Sides]
    history: list[Happening]
    letters: list[DeadLetter]
    consents: list[ConsentRecord]


def paint(store: Store, settings: Settings, user_id: str, masks: Masks, ask: Ask | None) -> Portrait | None:
    """Return all that is known of a user, or nothing; without ``ask``, Brevo's side is what is remembered of it."""
    contact = store.peek(user_id)
    erased_at = sides.erased_at(store, user_id)
    history = sides.read_history(store, user_id)
    letters = read_letters_of(store, user_id)
    consents = read_consents(store, user_id, contact)
    if contact is None and not (erased_at or history or letters):
        return None
    contact = note_taken_address(store, contact) if contact else None
    accounts = _look_at_all(_cases(store, settings, contact, letters), masks, ask) if contact else {}
    verdict = _find_verdict(contact, settings, accounts, erased_at)
    waiting = sorted(f"{key.task} {key.newsletter}".strip() for key in contact.pending) if contact else []
    return Portrait(user_id, verdict, erased_at, waiting, accounts, history, letters, consents)


def note_taken_address(store: Store, contact: Contact) -> Contact:
    """Return the contact, marked if another user has its address: whoever is found by it is not this user."""
    taken = contact.address and store.claimant(contact.address) not in {None, contact.user_id}
    return replace(contact, address_taken=True) if taken else contact


def _find_verdict(
    contact: Contact | None, settings: Settings, accounts: Mapping[str, Sides], erased_at: str | None
) -> str:
    """Return in one line what the user gets, and why not."""
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


def _trouble(store: Store, settings: Settings, letters: list[DeadLetter], account: str) -> Trouble:
    limiter = Limiter(store, settings.accounts)
    pause = limiter.paused(account)
    lists = frozenset(number for part in limiter.paused_parts(account) if (number := list_of(part)) is not None)
    hold = read_hold(store)
    return Trouble(tuple(letters), pause.error if pause else "", lists, hold.moment if hold else "")


def _cases(store: Store, settings: Settings, contact: Contact, letters: list[DeadLetter]) -> list[Case]:
    mappings = account_mappings_of(settings)
    seen = {
        name: contact.seen.get(name) or RemoteState()
        for name, mapping in mappings.items()
        if name in contact.seen or concerns(contact, name, mapping)
    }
    return [
        Case(contact, mappings[name], known, _trouble(store, settings, letters, name)) for name, known in seen.items()
    ]


def _look_at_all(cases: list[Case], masks: Masks, ask: Ask | None) -> dict[str, Sides]:
    if ask is None:
        return {case.mapping.account: _recall(case, masks) for case in cases}
    with ask() as gateways:
        return {case.mapping.account: _look(case, gateways[case.mapping.account], masks) for case in cases}


def _recall(case: Case, masks: Masks, error: str = "") -> Sides:
    lines, standings = recall(case.contact, case.mapping, case.seen, masks), find_standings(case, remembered(case.seen))
    return Sides(case.seen.id, lines, asked=False, error=error, standings=standings)


def _look(case: Case, gateway: Gateway, masks: Masks) -> Sides:
    try:
        remote = find_remote(case.contact, case.seen, gateway, case.mapping)
    except SyncError as error:
        return _recall(case, masks, f"{type(error).__name__}: {error}")
    lines = compare(case.contact, case.mapping, case.seen, remote, masks)
    standings = find_standings(case, held_of(remote, case))
    return Sides(remote.id if remote else None, lines, asked=True, standings=standings)


def find_remote(contact: Contact, seen: RemoteState, gateway: Gateway, mapping: AccountMapping) -> RemoteContact | None:
    """Return the user's contact at Brevo: the one we know, else the one with the address, or an ``ext_id`` of ours."""
    if seen.id is not None and (remote := gateway.read(seen.id)) and not is_stranger(remote, contact, mapping, seen):
        return remote
    if contact.address and not contact.address_taken and (found := gateway.find_address(contact.address)):
        return found
    called = filter(None, map(gateway.find_ext_id, mapping.ext_ids.all_of(contact.user_id)))
    return next((remote for remote in called if mapping.ext_ids.proves(remote.ext_id, contact.user_id)), None)
