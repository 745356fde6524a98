"""What differs between the portal's wish and what a page shows of a contact. Pure."""

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Any, Literal, TypeVar, get_args

from sync_tasks.domain.batching import BatchKind, repair_kind_of
from sync_tasks.domain.contact import Contact, EventKey, RemoteContact, RemoteState
from sync_tasks.domain.diff import (
    ERASED,
    FOREIGNERS,
    Change,
    DesiredContact,
    describe_drift,
    desired_of,
    difference,
    differing,
    differs,
    essential,
)
from sync_tasks.domain.identity import is_stranger
from sync_tasks.domain.mapping import AccountMapping
from sync_tasks.domain.registers import ADDRESS, both_clocks
from sync_tasks.domain.remote_state import recall_ext_id, remote_state_of
from sync_tasks.state.records import RemoteRecord

Kind = Literal[
    "missing contact",
    "missing on list",
    "extra on list",
    "on a former list",
    "attribute",
    "address",
    "duplicate contact",
    "unknown contact",
    "foreign contact",
    "stranger",
    "blocklisted",
    "no longer blocklisted",
    "unsubscribed at Brevo",
    "erased person",
    "erased at Brevo",
    "unfinished erasure",
    "dead letter",
    "waiting",
    "unreadable",
]
# Who was not compared, because a page shows no more than who it is.
UNREADABLE: Kind = "unreadable"
# What a comparison only reports: a person must look at a dead letter, at what has waited for long, and at what Brevo
# shows otherwise than it should.
LEFT_ALONE: frozenset[Kind] = frozenset({"dead letter", "waiting", UNREADABLE})
# What a page does not show enough of: the push looks first.
NEWS: frozenset[Kind] = frozenset({"blocklisted", "no longer blocklisted", "unsubscribed at Brevo"})
LOOKED_AT: frozenset[Kind] = NEWS | {"erased at Brevo", "unfinished erasure", "stranger"}
# What shows that a contact is another's.
ANOTHERS: frozenset[Kind] = frozenset({"erased at Brevo", "foreign contact", "stranger"})
# What a look by the id cannot show as a page does: it needs no page, or has no user.
_NOT_SHOWN = LEFT_ALONE | {"duplicate contact", "unknown contact", "erased person", "unfinished erasure"}
SHOWN: tuple[Kind, ...] = (*sorted(NEWS), *(kind for kind in get_args(Kind) if kind not in _NOT_SHOWN | NEWS))
Same = TypeVar("Same", bound=Hashable)
_EMPTY: Mapping[Any, str] = MappingProxyType({})
# What rules compute anew for each contact, and is mostly empty: a set takes more room than the other fields.
_SETS = tuple(one.name for one in fields(RemoteState) if isinstance(getattr(RemoteState(), one.name), frozenset))


@dataclass(frozen=True, slots=True, repr=False)
class Drift:
    """One contact that is not as the portal wants it, what differs, and what Brevo was seen to hold.

    ``lists`` are those it must join or leave; ``loses``: repairing it ends a subscription or erases somebody;
    ``regains``: repairing it puts somebody on a list, creates a contact or lifts a block; ``renames``: it has another
    address or ``ext_id``, as another account's contacts would.
    ``was_known``: the state knew what Brevo held before. ``why``: what differs, in names and numbers, for the history.
    """

    kinds: tuple[Kind, ...]
    user_id: str = ""
    contact_id: int | None = None
    rev: str = ""
    seen: RemoteState | None = None
    lists: frozenset[int] = frozenset()
    loses: bool = False
    regains: bool = False
    renames: bool = False
    was_known: bool = True
    why: str = ""

    @property
    def holdable(self) -> bool:
        """Whether nothing differs but what waits while the state is on hold."""
        return set(self.kinds) - LEFT_ALONE <= {"missing contact", "missing on list", "address"} and bool(self.rev)

    @property
    def name(self) -> str:
        """By which id a report names it."""
        return self.user_id or f"contact {self.contact_id}"

    @property
    def moves(self) -> bool:
        """Whether repairing it takes somebody off a list that a newsletter had before."""
        return "on a former list" in self.kinds

    def record(self, account: str) -> RemoteRecord:
        """Return what is written to the state of it."""
        gone = "missing contact" in self.kinds and self.contact_id is not None
        seen = self.seen or RemoteState()
        found = f"contact {self.contact_id} is gone" if gone else f"compared: {self.why}" if self.why else ""
        line = f"{EventKey('brevo', account, seen.read_at)} {found}" if found else ""
        batch_kind = self._shape()
        kind = repair_kind_of(batch_kind, account) if batch_kind else ""
        return RemoteRecord(self.user_id, self.rev, account, seen, "differs", kind, line)

    def _shape(self) -> BatchKind | None:
        """Return what its repair has in common with others that one request can serve."""
        match self.kinds:
            case ("missing contact",):
                return BatchKind("create", self.lists)
            case ("missing on list",) if len(self.lists) == 1:
                return BatchKind("join", self.lists)
            case ("extra on list",) if len(self.lists) == 1:
                return BatchKind("leave", self.lists)
            case _:
                return None


class Sharing:
    """Keeps one copy of what many drifts have in common. So most of an account may differ and fit into memory."""

    def __init__(self) -> None:
        self._known: dict[Hashable, Any] = {}

    def share(self, drift: Drift) -> Drift:
        """Return an equal drift, with the copies that are known."""
        one, seen = self._one, drift.seen
        if seen:
            shared: dict[str, Any] = {name: _EMPTY for name in ("over", "bounced", "ended") if not getattr(seen, name)}
            shared |= {name: one(frozenset(getattr(seen, name))) for name in _SETS}
            seen = replace(seen, read_at=one(seen.read_at), **shared)
        rev, lists = one(drift.rev), one(drift.lists)
        return replace(drift, kinds=one(drift.kinds), rev=rev, lists=lists, why=one(drift.why), seen=seen)

    def _one(self, value: Same) -> Same:
        known: Same = self._known.setdefault(value, value)
        return known


def find_drift(remote: RemoteContact, contact: Contact, mapping: AccountMapping, read_at: str) -> Drift | RemoteState:
    """Return what differs in a user's contact, or what was seen of it if nothing does."""
    before, remote = contact.seen.get(mapping.account), recall_ext_id(remote, contact, mapping)
    seen = remote_state_of(remote, contact, mapping, before, read_at)
    if anothers := _find_anothers(remote, contact, mapping, seen):
        return anothers
    wanted = desired_of(contact, mapping, seen)
    change, opted_out = difference(wanted, seen), frozenset(_opted_out(seen, before))
    if seen.digest in FOREIGNERS:
        change = essential(change, mapping)
        if wanted.subscribed and not change.leave:
            known = before is not None and before.digest in FOREIGNERS
            return Drift(("foreign contact",), contact.user_id, remote.id, was_known=known)
    change, waits = subject_of(contact, mapping).leave_out(change, wanted, remote) if contact.dead else (change, False)
    plain = _kinds(replace(change, leave=change.leave - opted_out), seen, before, mapping)
    first: tuple[Kind, ...] = ("unsubscribed at Brevo",) if opted_out else ()
    last: tuple[Kind, ...] = ("dead letter",) if waits else ()
    kinds = (*first, *plain, *last)
    if not kinds:
        return seen
    if kinds == ("dead letter",):
        return Drift(kinds, contact.user_id, remote.id)
    return Drift(
        kinds,
        contact.user_id,
        remote.id,
        contact.rev,
        seen,
        change.join | change.leave,
        loses=bool(change.leave - mapping.former - opted_out),
        regains=bool(change.join) or change.blocklisted is False,
        renames=change.address is not None or _is_renamed(remote, contact, mapping),
        was_known=before is not None and before.id is not None,
        why=describe_drift(change, differing(remote, wanted) if change.ext_id or change.attributes else ()),
    )


def _find_anothers(remote: RemoteContact, contact: Contact, mapping: AccountMapping, seen: RemoteState) -> Drift | None:
    """Return that an erased person or a stranger is found in place of the user, if that is so."""
    before = contact.seen.get(mapping.account)
    if seen.digest == ERASED:
        known = before is not None and before.digest == ERASED
        return Drift(("erased at Brevo",), contact.user_id, remote.id, contact.rev, seen, was_known=known)
    if before and is_stranger(remote, contact, mapping, before):
        return Drift(("stranger",), contact.user_id, remote.id, contact.rev, seen, renames=True)
    return None


def _is_renamed(remote: RemoteContact, contact: Contact, mapping: AccountMapping) -> bool:
    return bool(remote.ext_id) and remote.ext_id not in mapping.ext_ids.all_of(contact.user_id)


def _kinds(change: Change, seen: RemoteState, before: RemoteState | None, mapping: AccountMapping) -> Iterator[Kind]:
    if seen.block and not (before and before.block):
        yield "blocklisted"
    if before and before.block and not seen.block:
        yield "no longer blocklisted"
    if change.join:
        yield "missing on list"
    if change.leave - mapping.former:
        yield "extra on list"
    if change.leave & mapping.former:
        yield "on a former list"
    if change.address is not None:
        yield "address"
    if change.ext_id is not None or change.attributes:
        yield "attribute"


def _opted_out(seen: RemoteState, before: RemoteState | None) -> Iterator[int]:
    """Yield the lists that the person has opted out of one by one since: that is news, not a change to be repaired."""
    for number, moment in seen.ended.items():
        if not before or before.ended.get(number) != moment:
            yield number


def find_missing(contact: Contact, mapping: AccountMapping, read_at: str) -> Drift | None:
    """Return that a contact is not (any more) at Brevo; nothing if it need not be there.

    Brevo forgets an opt-out with its contact: ours must hold.
    """
    before = contact.seen.get(mapping.account, RemoteState())
    seen = replace(before.forgotten, read_at=read_at)
    wanted = desired_of(contact, mapping, seen)
    if wanted.address is None or not wanted.subscribed:
        return None
    subject = subject_of(contact, mapping)
    lists = frozenset(wanted.subscribed) - subject.lists
    if not lists or (subject.address and wanted.address != before.address):
        return Drift(("dead letter",), contact.user_id, before.id)
    kinds: tuple[Kind, ...] = ("missing contact", *(("dead letter",) if subject != Subject() else ()))
    return Drift(kinds, contact.user_id, before.id, contact.rev, seen, lists, regains=True, why="no contact")


@dataclass(frozen=True, slots=True)
class Subject:
    """The lists, the attributes and whether the address that dead letters are about."""

    lists: frozenset[int] = frozenset()
    attributes: frozenset[str] = frozenset()
    address: bool = False

    def leave_out(self, change: Change, wanted: DesiredContact, remote: RemoteContact) -> tuple[Change, bool]:
        """Return a change without what waits for a person, and whether anything does.

        Of a contact that carries another ``ext_id`` everything waits but what it must leave: who it is, a person says.
        """
        if remote.ext_id != wanted.ext_id:
            rest = Change(leave=change.leave - self.lists)
            return rest, rest != change
        differing = {name for name, value in wanted.attributes.items() if differs(remote, name, value)}
        settled = differing <= self.attributes
        rest = replace(
            change,
            address=None if self.address else change.address,
            ext_id=None if settled else change.ext_id,
            attributes={} if settled else change.attributes,
            join=change.join - self.lists,
            leave=change.leave - self.lists,
        )
        return rest, rest != change or not differing.isdisjoint(self.attributes)


def subject_of(contact: Contact, mapping: AccountMapping) -> Subject:
    """Return what the user's dead letters are about; what newer events overtook is about nothing."""
    lists, names, address = frozenset[int](), frozenset[str](), False
    for key in contact.dead:
        names |= {mapping.attributes[field] for field in contact.attributes_of(key) if field in mapping.attributes}
        address |= ADDRESS in contact.registers_of(key)
        lists |= _list_of(key, contact, mapping)
    about = (one for one in mapping.newsletters.values() if one.list_id in lists)
    return Subject(lists, names.union(*(one.attributes(alive=False) for one in about)), address)


def _list_of(key: EventKey, contact: Contact, mapping: AccountMapping) -> frozenset[int]:
    is_last = not contact.registers_of(key).isdisjoint(both_clocks(key.newsletter))
    newsletter = mapping.find(key.newsletter) if is_last else None
    return frozenset({newsletter.list_id}) if newsletter else frozenset()
