"""What the portal wants of one user and what Brevo holds, line by line."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from sync_tasks.domain.contact import Block, Contact, EventKey, RemoteContact, RemoteState
from sync_tasks.domain.diff import ERASED, DesiredContact, desired_of
from sync_tasks.domain.events import Json
from sync_tasks.domain.mapping import AccountMapping
from sync_tasks.domain.opt_outs import block_of
from sync_tasks.domain.outcomes import Outcome
from sync_tasks.domain.timestamps import moment_of
from sync_tasks.monitoring.verdict import Standing
from sync_tasks.state.store import Store

Show = Callable[[Json], str]
# Of a shorter text its first letter shows too much.
SHORTEST_SHOWN = 4


@dataclass(frozen=True, slots=True)
class ComparedLine:
    """One thing on both sides; ``agrees`` is nothing if the portal does not say or Brevo was not asked."""

    what: str
    wanted: str
    held: str
    agrees: bool | None


@dataclass(frozen=True, slots=True)
class Sides:
    """One account's two sides; ``error`` says why Brevo could not be asked.

    ``standings`` show of which newsletters the user gets mail, as far as Brevo was asked or as it is remembered.
    """

    contact_id: int | None
    lines: list[ComparedLine]
    asked: bool
    error: str = ""
    standings: list[Standing] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of a user's history."""

    at: str
    task: str
    newsletter: str
    occurred_at: str
    outcome: str


def mask_address(address: str) -> str:
    """Return what may be seen of an address: ``anna@mail.example.com`` is ``a***@m***.com``.

    Of what is shorter than four characters nothing may.
    """
    name, _, host = address.rpartition("@")
    domain, _, top = host.rpartition(".")
    return f"{_begin(name)}***@{_begin(domain)}***.{top}"


def mask_value(value: Json) -> str:
    """Return what may be seen of an attribute: whether there is one. How ``female`` begins would say too much."""
    return "" if value is None or value == "" else "***"


def _begin(text: str) -> str:
    return text[:1] if len(text) >= SHORTEST_SHOWN else ""


def show_value(value: Json) -> str:
    """Return an attribute's value in full."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


@dataclass(frozen=True, slots=True)
class Masks:
    """How addresses and other personal values are shown."""

    address: Show = field(default=lambda value: mask_address(str(value)) if value else "")
    value: Show = mask_value
    plain: Show = show_value


IN_FULL = Masks(address=show_value, value=show_value)


def erased_at(store: Store, user_id: str) -> str | None:
    """Return when a user whose erasure is complete was deleted, or nothing."""
    stamp = store.tombstones.erased_at(user_id)
    return moment_of(stamp).isoformat() if stamp else None


def read_history(store: Store, user_id: str) -> list[Happening]:
    """Return what happened to a user lately, the newest first."""
    lines = (line.split(" ", 2) for line in store.history(user_id))
    return [_happening(at, EventKey.parse(key), outcome) for at, key, outcome in lines]


def _happening(at: str, key: EventKey, outcome: str) -> Happening:
    occurred_at = moment_of(key.stamp).isoformat()
    return Happening(moment_of(at).isoformat(), key.task, key.newsletter, occurred_at, Outcome.parse(outcome))


def compare(
    contact: Contact, mapping: AccountMapping, seen: RemoteState, remote: RemoteContact | None, masks: Masks
) -> list[ComparedLine]:
    """Return the two sides of an account that was asked just now."""
    return list(_lines_of_erased(remote, seen) if contact.erased else _lines(contact, mapping, seen, remote, masks))


def recall(contact: Contact, mapping: AccountMapping, seen: RemoteState, masks: Masks) -> list[ComparedLine]:
    """Return the two sides as far as the pipeline remembers Brevo's, which is all but the values of attributes."""
    if contact.erased:
        return [ComparedLine("contact", "erased", "erased" if seen.digest == ERASED else "not yet erased", None)]
    wanted = desired_of(contact, mapping, seen)
    held = RemoteContact(seen.id or 0, seen.address, None, seen.lists, {}, seen.block) if seen.id else None
    digest = wanted.digest == seen.digest if held else None
    return [
        _line("address", wanted.address, held.address if held else None, masks.address),
        *(ComparedLine(name, masks.value(value), "", digest) for name, value in sorted(wanted.attributes.items())),
        *_newsletter_lines(contact, wanted, mapping, held),
        *_block_lines(held, contact, mapping, seen),
    ]


def _lines_of_erased(remote: RemoteContact | None, seen: RemoteState) -> Iterator[ComparedLine]:
    gone = remote is None or (remote.block is not None and not remote.lists and seen.digest == ERASED)
    yield ComparedLine("contact", "erased", "erased" if gone else "not yet erased", gone)


def _lines(
    contact: Contact, mapping: AccountMapping, seen: RemoteState, remote: RemoteContact | None, masks: Masks
) -> Iterator[ComparedLine]:
    wanted = desired_of(contact, mapping, seen)
    held = remote.attributes if remote else {}
    yield _line("address", wanted.address, remote.address if remote else None, masks.address)
    yield _line("ext_id", wanted.ext_id, remote.ext_id if remote else None, masks.plain)
    for name, value in sorted(wanted.attributes.items()):
        yield _line(name, value, held.get(name), masks.value)
    yield from _newsletter_lines(contact, wanted, mapping, remote)
    yield from _other_lists(mapping, remote)
    yield from _block_lines(remote, contact, mapping, seen)


def _line(what: str, wanted: Json, held: Json, show: Show) -> ComparedLine:
    return ComparedLine(what, show(wanted), show(held), (wanted in ("", None) and held in ("", None)) or wanted == held)


def _other_lists(mapping: AccountMapping, remote: RemoteContact | None) -> Iterator[ComparedLine]:
    """Name the lists at Brevo that no newsletter has."""
    own = {newsletter.list_id for newsletter in mapping.newsletters.values()}
    for number in sorted((remote.lists if remote else frozenset()) - own):
        which = "which a newsletter had before" if number in mapping.former else "which is not ours"
        yield ComparedLine(f"list {number}", "", f"on list {number}, {which}", None)


def _newsletter_lines(
    contact: Contact, wanted: DesiredContact, mapping: AccountMapping, remote: RemoteContact | None
) -> Iterator[ComparedLine]:
    wishes = mapping.subscriptions(contact)
    lists = remote.lists if remote else frozenset()
    for slug, newsletter in sorted(mapping.newsletters.items()):
        number = newsletter.list_id
        on, off = number in wanted.subscribed, number in wanted.unsubscribed
        said = "subscribed" if on else "unsubscribed" if off else ""
        since = f" since {moment_of(wishes[slug][0]).date()}" if said and slug in wishes else ""
        if said or number in lists:
            held = f"on list {number}" if number in lists else f"not on list {number}"
            if remote and remote.opted_out and number in remote.opted_out:
                held += ", unsubscribed there"
            yield ComparedLine(slug, said + since, held, (number in lists) == on if said else None)


def _block_lines(
    remote: RemoteContact | None, contact: Contact, mapping: AccountMapping, seen: RemoteState
) -> Iterator[ComparedLine]:
    """Yield the block with the kind that decides, and of one that only the pipeline remembers."""
    held = block_of(remote.block, seen, contact.opt_outs(mapping.account)) if remote else None
    if held:
        yield ComparedLine("blocklisted", "", _describe_block(held), None)
    elif remote and seen.block:
        yield ComparedLine("blocklisted", "", f"no longer; remembered: {_describe_block(seen.block)}", None)


def _describe_block(block: Block) -> str:
    reasons = (f"{kind} since {moment_of(moment).date().isoformat()}" for kind, moment in block.reasons.items())
    return ", ".join(reasons)
