"""How a contact should be on one account, and what differs from how it is. Pure."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from sync_tasks.domain.contact import Block, Contact, RemoteContact, RemoteState
from sync_tasks.domain.events import Json
from sync_tasks.domain.opt_outs import standing
from sync_tasks.ext_ids import ExtIds
from sync_tasks.tokens import carries_token, erased_ext_id, is_erased_ext_id

# Telephone numbers are attributes too, but Brevo refuses any text there that is no number.
NUMBERS = frozenset({"SMS", "WHATSAPP", "LANDLINE_NUMBER"})
# Digests of contacts that are not to be written to: anonymized by us; another system's, always or since lately.
ERASED, FOREIGN, TAKEN = "erased", "foreign", "taken"
FOREIGNERS = frozenset({FOREIGN, TAKEN})
_UNKNOWN = "?"


@dataclass(frozen=True, slots=True)
class Subscribable:
    """A newsletter as its account knows it; ``had`` tells account and number of each list it had before."""

    list_id: int
    unsubscribed_attribute: str | None = None
    retired: bool = False
    manual: bool = False
    had: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class AccountMapping:
    """How the portal's words map to one ``account``'s: newsletters by slug, attributes by portal field.

    ``renamed`` tells the present slug of each earlier one, ``earlier`` the lists that a newsletter had here before, by
    each of its slugs.
    ``absent`` are lists of newsletters which the account lacks.
    """

    newsletters: Mapping[str, Subscribable]
    attributes: Mapping[str, str]
    erased_address: str = "deleted-{token}@deleted.example.com"
    erased_text: str = "DELETED"
    account: str = ""
    renamed: Mapping[str, str] = field(default_factory=dict)
    earlier: Mapping[str, frozenset[int]] = field(default_factory=dict)
    absent: frozenset[int] = frozenset()
    ext_ids: ExtIds = field(default_factory=ExtIds)

    def find(self, slug: str) -> Subscribable | None:
        """Return the newsletter of a slug, present or earlier, if it is one of this account."""
        return self.newsletters.get(self.renamed.get(slug, slug))

    def shows(self, slug: str, lists: Iterable[int]) -> bool:
        """Tell whether one of these lists is that of a newsletter, or one that it had here before."""
        newsletter = self.find(slug)
        known = self.earlier.get(slug, frozenset()) | ({newsletter.list_id} if newsletter else set())
        return not known.isdisjoint(lists)

    def takes_nobody(self, slug: str) -> bool:
        """Tell whether a slug names a newsletter of this account that takes no sign-ups."""
        return (found := self.find(slug)) is None or found.retired

    def subscriptions(self, contact: Contact) -> dict[str, tuple[str, bool]]:
        """Return what a user wishes of this account's newsletters; of two slugs of one the newest wish counts."""
        told: dict[str, list[str]] = {}
        for slug in contact.newsletters:
            if self.find(slug):
                told.setdefault(self.renamed.get(slug, slug), []).append(slug)
        wishes = {slug: contact.subscription(slugs) for slug, slugs in told.items()}
        return {slug: wish for slug, wish in wishes.items() if wish}

    @property
    def former(self) -> frozenset[int]:
        """The lists that newsletters had before, and on which nobody stays."""
        return frozenset().union(*self.earlier.values())

    @property
    def departed(self) -> frozenset[str]:
        """The slugs of newsletters that moved to another account."""
        return frozenset(slug for slug in self.earlier if self.find(slug) is None)

    @property
    def watched(self) -> frozenset[int]:
        """The lists the pipeline manages, and those it managed before."""
        return self.lists | self.former

    @property
    def manual(self) -> frozenset[int]:
        """The lists on which an editor may put anybody."""
        return frozenset(newsletter.list_id for newsletter in self.newsletters.values() if newsletter.manual)

    @property
    def lists(self) -> frozenset[int]:
        """The lists the pipeline manages, as far as they exist."""
        return frozenset(newsletter.list_id for newsletter in self.newsletters.values()) - self.absent

    def without(self, lists: frozenset[int]) -> "AccountMapping":
        """Return the same for an account that lacks these lists: nobody can be on them."""
        return replace(self, absent=self.absent | lists) if lists else self

    @property
    def flags(self) -> frozenset[str]:
        """The attributes that record an unsubscription."""
        return frozenset(filter(None, (newsletter.unsubscribed_attribute for newsletter in self.newsletters.values())))


@dataclass(frozen=True, slots=True, repr=False)
class NewContact:
    """A contact to be created, with everything the portal wants of it."""

    address: str
    ext_id: str
    attributes: Mapping[str, Json]
    lists: frozenset[int]


@dataclass(frozen=True, slots=True, repr=False)
class Change:
    """What one request changes in a contact; what is left out stays as it is."""

    address: str | None = None
    ext_id: str | None = None
    attributes: Mapping[str, Json] = field(default_factory=dict)
    join: frozenset[int] = frozenset()
    leave: frozenset[int] = frozenset()
    blocklisted: bool | None = None

    def __bool__(self) -> bool:
        return self != Change()


@dataclass(frozen=True, slots=True, repr=False)
class DesiredContact:
    """How a contact should be on one account; ``subscribed`` tells for each list since when.

    ``held``: subscriptions up to this moment lift no block. ``address_since``: when the portal last
    confirmed the address.
    ``held``: subscriptions up to this moment lift no block.
    ``kept``: lists that it neither joins nor leaves, whoever put it there.
    """

    address: str | None
    ext_id: str
    attributes: Mapping[str, Json]
    subscribed: Mapping[int, str]
    unsubscribed: frozenset[int]
    held: str = ""
    address_since: str = ""
    kept: frozenset[int] = frozenset()

    @property
    def digest(self) -> str:
        """Stands for the attributes and the ``ext_id``."""
        return digest(self.attributes, self.ext_id)


def digest(attributes: Mapping[str, Json], ext_id: str | None) -> str:
    """Return a short text that differs where any of these differ; what is empty counts as not there."""
    told = {name: value for name, value in attributes.items() if value not in ("", None)}
    text = json.dumps([ext_id, {name: _plain(value) for name, value in told.items()}], sort_keys=True)
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()[:12]


def _plain(value: Json) -> Json:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def desired_of(contact: Contact, mapping: AccountMapping, seen: RemoteState | None = None) -> DesiredContact:
    """Return how a living user's contact should be, without the subscriptions that were ended at Brevo.

    Of a state on hold nothing is wanted that would subscribe anybody anew, nor an address from before.
    """
    seen = seen or RemoteState()
    subscribed: dict[int, str] = {}
    unsubscribed, kept = _left_lists(contact, mapping), set[int]()
    attributes = {
        mapping.attributes[name]: "" if value is None else value
        for name, value in contact.attributes().items()
        if name in mapping.attributes
    }
    for slug, (since, wished) in mapping.subscriptions(contact).items():
        newsletter = mapping.newsletters[slug]
        ended = max(seen.list_ended_up_to(newsletter.list_id), _ended_before(contact, newsletter, seen, mapping))
        alive = wished and since > ended
        if alive and since <= contact.held and newsletter.list_id not in seen.lists:
            continue
        if alive and newsletter.retired:
            kept.add(newsletter.list_id)
        elif newsletter.list_id in mapping.absent:
            pass  # nobody can join it, and nobody is on it
        elif alive:
            subscribed[newsletter.list_id] = since
        else:
            unsubscribed.add(newsletter.list_id)
        if newsletter.unsubscribed_attribute:
            attributes[newsletter.unsubscribed_attribute] = not alive
    kept |= mapping.lists if contact.manual else mapping.manual
    kept -= subscribed.keys() | unsubscribed
    told, address = contact.wish("address") or ("", None)
    held_back = told <= contact.held and address != seen.address
    wanted, off = None if held_back else address, frozenset(unsubscribed)
    since = told if told > contact.held else ""
    ext_id = mapping.ext_ids.of(contact.user_id)
    return DesiredContact(wanted, ext_id, attributes, subscribed, off, contact.held, since, frozenset(kept))


def _left_lists(contact: Contact, mapping: AccountMapping) -> set[int]:
    """Return the lists on which nobody stays; while the state is on hold, whoever waits to join is not taken off."""
    wishes = contact.subscriptions().items() if contact.held and mapping.earlier else ()
    waiting = (mapping.earlier.get(slug, frozenset()) for slug, (since, on) in wishes if on and since <= contact.held)
    return set(mapping.former.difference(*waiting))


def _ended_before(contact: Contact, newsletter: Subscribable, here: RemoteState, mapping: AccountMapping) -> str:
    """Return up to when subscriptions were ended where a newsletter was before: an opt-out moves along."""
    return max((_ended_at(contact, *told, here, mapping) for told in newsletter.had), default="")


def _ended_at(contact: Contact, account: str, list_id: int, here: RemoteState, mapping: AccountMapping) -> str:
    if account == mapping.account:
        return here.list_ended_up_to(list_id)
    told = [*contact.opt_outs(account).values(), contact.list_opt_outs(account).get(list_id, "")]
    seen = contact.seen.get(account, RemoteState())
    return max(*told, seen.list_ended_up_to(list_id), seen.unblocked, seen.block.latest if seen.block else "")


def difference(wanted: DesiredContact, seen: RemoteState, guarded: Block | None = None) -> Change:
    """Return the one change that makes an existing contact as it should be.

    Before a block is lifted the contact leaves every list that the lift must not reopen, in a request of its own:
    Brevo may mail in between.
    """
    block = standing(seen.block or guarded, wanted.address, wanted.address_since, seen.bounced)
    renewed = {list_id for list_id, since in wanted.subscribed.items() if block and since > block.latest}
    lifted = block is not None and block.kind == "unsubscribed" and _is_fresh(wanted, renewed)
    ended_up_to = max(block.latest if block else "", seen.unblocked)
    held_back = {list_id for list_id, since in wanted.subscribed.items() if since <= ended_up_to}
    address = wanted.address if wanted.address not in (None, seen.address) else None
    leave = _to_leave(wanted, seen) | ((seen.lists | seen.former) - renewed if lifted else set())
    blocklisted = _blocklisting(seen, guarded, block, lifted=lifted, moves=address is not None)
    if blocklisted is False and leave:
        return Change(leave=leave)
    same = wanted.digest == seen.digest
    return Change(
        address=address,
        ext_id=None if same else wanted.ext_id,
        attributes={} if same else wanted.attributes,
        join=frozenset(wanted.subscribed) - seen.lists - held_back,
        leave=leave,
        blocklisted=blocklisted,
    )


def _is_fresh(wanted: DesiredContact, renewed: Iterable[int]) -> bool:
    return any(wanted.subscribed[list_id] > wanted.held for list_id in renewed)


def _to_leave(wanted: DesiredContact, seen: RemoteState) -> frozenset[int]:
    """Return the lists it is on against the portal's word; one that Brevo skips takes it back only after it left."""
    return seen.lists & (
        wanted.unsubscribed | (seen.foreign_lists - set(wanted.subscribed) - wanted.kept) | seen.skipped
    )


def _blocklisting(
    seen: RemoteState, guarded: Block | None, block: Block | None, *, lifted: bool, moves: bool
) -> bool | None:
    """Only a confirmed subscription newer than an unsubscription lifts a block, or a new address that of a bounce."""
    if lifted or block is None:
        return False if seen.block else None
    if seen.block:
        return True if moves else None  # an e-mail change lifts the block unless it is sent along
    return True if guarded else None


def essential(change: Change, mapping: AccountMapping) -> Change:
    """Return only what ends something: an opt-out must reach Brevo even where the rest is refused."""
    flags = {name: value for name, value in change.attributes.items() if name in mapping.flags and value is True}
    return Change(attributes=flags if change.leave else {}, leave=change.leave, blocklisted=change.blocklisted or None)


def differing(remote: RemoteContact, wanted: DesiredContact) -> tuple[str, ...]:
    """Return the names of what a contact just read holds otherwise than wanted."""
    names = sorted(name for name, value in wanted.attributes.items() if differs(remote, name, value))
    return (*(["ext_id"] if remote.ext_id != wanted.ext_id else []), *names)


def describe_drift(change: Change, names: Iterable[str]) -> str:
    """Return what differs between a contact and the portal's wish, in names and numbers alone."""
    return ", ".join(
        [
            *(f"not on list {number}" for number in sorted(change.join)),
            *(f"on list {number}" for number in sorted(change.leave)),
            *(["the address"] if change.address else []),
            *names,
        ]
    )


def describe_left(change: Change) -> str:
    """Return what a change that did not go through would have cleared."""
    return ", ".join([*sorted(change.attributes), *(f"list {number}" for number in sorted(change.leave))])


def describe_change(change: Change) -> str:
    """Return what a change is about, in names and numbers alone."""
    parts = [
        *(f"joined list {number}" for number in sorted(change.join)),
        *(f"left list {number}" for number in sorted(change.leave)),
        *(["the address"] if change.address else []),
        *([", ".join(sorted(change.attributes))] if change.attributes else []),
        *(["blocklisted"] if change.blocklisted else ["no longer blocklisted"] if change.blocklisted is False else []),
    ]
    return ", ".join(parts)


def erasure(remote: RemoteContact, mapping: AccountMapping, types: Mapping[str, str], token: str) -> Change:
    """Return what is left to anonymize in a contact just read; nothing once it is done.

    Every text becomes the configured word, everything else is emptied, unsubscriptions are recorded. ``types`` are the
    attributes that can be written.
    """
    values = {name: _erased_value(name, value, mapping, types) for name, value in remote.attributes.items()}
    values |= dict.fromkeys(mapping.flags, True)
    gone = is_anonymized(remote)
    return Change(
        address=None if gone else mapping.erased_address.format(token=token),
        ext_id=erased_ext_id(token) if remote.ext_id and not is_erased_ext_id(remote.ext_id) else None,
        attributes={name: value for name, value in values.items() if name in types and differs(remote, name, value)},
        leave=remote.lists,
        blocklisted=None if remote.block and gone else True,
    )


def inheritance(remote: RemoteContact, heir: Contact, mapping: AccountMapping, types: Mapping[str, str]) -> Change:
    """Return what to clear in a user's contact that was a deleted user's before: whatever this user never set.

    What the portal said of the heir stays, and so do the flags: they only tell of opt-outs.
    """
    own = {mapping.attributes[name] for name in heir.attributes() if name in mapping.attributes} | mapping.flags
    wanted = desired_of(heir, mapping, heir.seen.get(mapping.account))
    left = (name for name, value in remote.attributes.items() if value not in ("", None) and name not in own)
    return Change(
        attributes={name: "" for name in left if name in types},
        leave=remote.lists - frozenset(wanted.subscribed) - (wanted.kept if heir.manual else frozenset()),
    )


def is_anonymized(remote: RemoteContact) -> bool:
    """Tell whether a contact carries the address of an erased one, whatever the pattern was then."""
    return carries_token(remote.address, remote.ext_id)


def blind_erasure(seen: RemoteState, mapping: AccountMapping, types: Mapping[str, str], token: str) -> Change:
    """Return what to anonymize in a contact that nobody has read yet: everything that we may have written."""
    unknown = dict.fromkeys(mapping.attributes.values(), _UNKNOWN)
    return erasure(
        RemoteContact(seen.id or 0, seen.address, _UNKNOWN, seen.lists, unknown, None), mapping, types, token
    )


def differs(remote: RemoteContact, name: str, value: Json) -> bool:
    """Tell whether an attribute was read with another value; empty and absent are the same."""
    held = held_value(remote, name, value)
    return ("" if held is None else held) != ("" if value is None else value)


def held_value(remote: RemoteContact, name: str, wanted: Json) -> Json:
    """Return what a contact holds of an attribute; if ``False`` is wanted, none counts as ``False``.

    Brevo drops booleans in imports (github.com/sendinblue/APIv3-python-library, issue 95; seen in November 2026), and
    an attribute that was never set is shown by no contact.
    """
    held = remote.attributes.get(name)
    return False if held is None and wanted is False else held


def _erased_value(name: str, value: Json, mapping: AccountMapping, types: Mapping[str, str]) -> Json:
    if value in ("", None) or name in NUMBERS or types.get(name) != "text":
        return ""
    return mapping.erased_text
