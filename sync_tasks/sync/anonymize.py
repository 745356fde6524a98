"""One contact is anonymized, and looked at until nothing personal is left."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

from sync_tasks.chunks import chunks
from sync_tasks.domain.blanks import Blanks
from sync_tasks.domain.contact import Contact, RemoteContact, RemoteState
from sync_tasks.domain.diff import ERASED, FOREIGNERS, Change, describe_left
from sync_tasks.domain.erasure import blind_erasure, erasure, inheritance, is_anonymized
from sync_tasks.domain.mapping import AccountMapping
from sync_tasks.domain.planning import Erase, SyncView
from sync_tasks.domain.refused_parts import without_parts
from sync_tasks.errors import MissingListError, RejectedContactError, RejectedPartError
from sync_tasks.ext_ids import make_token
from sync_tasks.providers import Gateway
from sync_tasks.state.store import Store
from sync_tasks.sync.ownership import is_somebodys
from sync_tasks.sync.parts import send_in_parts
from sync_tasks.sync.push import Push

ROUNDS = 4


def erase(push: Push, contact_id: int) -> None:
    """Anonymize one contact of a deleted user, and remember that it is.

    Raises:
        RejectedContactError: Brevo keeps something after all.
    """
    called = _find_ext_id(push, contact_id) if push.view.outcome_unknown else []
    sent = _write_first(push, contact_id) if _is_sure_of(push, contact_id) else frozenset()
    confirmed = bool(sent) or (contact_id == push.known().id and push.known().digest == ERASED)

    def read() -> RemoteContact | None:
        remote = _read_own(push, contact_id, called)
        if confirmed and remote and not is_anonymized(remote):
            _wait_for_look(push, contact_id)
        return remote

    def send(change: Change) -> None:
        nonlocal confirmed
        push.send(contact_id, change)
        confirmed |= change.address is not None

    erase_contact(contact_id, push.mapping, push.gateway, read=read, send=send, sent=sent)
    seen = push.known()
    if push.view.seen is None or (contact_id == seen.id and seen.digest in FOREIGNERS):
        return
    if contact_id in seen.extra_contact_ids:
        push.view = replace(push.view, seen=replace(seen, extra_contact_ids=seen.extra_contact_ids - {contact_id}))
    else:
        push.view = SyncView(_erased(push, contact_id), fresh=True)


def _write_first(push: Push, contact_id: int) -> frozenset[str]:
    """Anonymize a contact that is known well before it is looked at; return the attributes that Brevo has taken."""
    sent, blanks = frozenset[str](), push.gateway.blanks
    # The first of a process looks what became of its block. Until then the less pleasant answer counts.
    push.explores, blanks.lifts_blocks = blanks.lifts_blocks is None, blanks.lifts_blocks is not False
    with suppress(RejectedContactError):
        change = blind_erasure(push.known(), push.mapping, push.gateway.attribute_types(), make_token())
        push.send(contact_id, change)
        sent = frozenset(change.attributes)
        if blanks.lifts_blocks and not push.explores:
            push.send(contact_id, Change(blocklisted=True))
        if not push.explores:
            _leave_look_to_others(push, contact_id)
    return sent


def _erased(push: Push, contact_id: int) -> RemoteState:
    return RemoteState(id=contact_id, digest=ERASED, extra_contact_ids=push.known().extra_contact_ids)


def _leave_look_to_others(push: Push, contact_id: int) -> None:
    """Of many who wait, one request looks at twenty, later; whoever is alone goes on at once.

    Raises:
        TakenAlongError: the look is left to others.
    """
    before, push.view = push.view, SyncView(_erased(push, contact_id), outcome_unknown=True)
    push.send_together(push, Erase(contact_id, written=True))
    push.view = before


def _wait_for_look(push: Push, contact_id: int) -> None:
    """Brevo has confirmed the erasure and shows the contact as before: within the quiet period that proves nothing.

    Raises:
        TooEarlyError: it is to be looked at again.
    """
    before = push.view
    if contact_id == push.known().id:
        push.view = SyncView(_erased(push, contact_id), outcome_unknown=True)
    push.refuse_late_look(push.lease.contact.unknown_since or push.store.now())
    push.view = before


def is_erased(push: Push, remote: RemoteContact | None) -> bool:
    """Return whether a look in company shows the user's contact, with its ``ext_id``, and nothing left of it."""
    if remote is None or remote.ext_id is None:
        return False
    return not _left_of(remote, push.mapping, push.gateway) and _is_own(push, remote)


def _find_ext_id(push: Push, contact_id: int) -> list[str]:
    """Return the ``ext_id`` by which Brevo still finds this contact, or nothing: a look at it may not show that.

    A slow old request may have written it again. A slow creation may have made a contact of its own: that is kept.
    """
    found = push.ownership.find_by_ext_id()
    if found and found.id != contact_id:
        push.remember_extra_contacts([found.id])
    return [push.mapping.ext_ids.of(push.lease.contact.user_id)] if found and found.id == contact_id else []


def _is_sure_of(push: Push, contact_id: int) -> bool:
    seen, view = push.known(), push.view
    known_well = not (view.outcome_unknown or view.fresh or push.mapping.ext_ids.shared)
    return contact_id == seen.id and known_well and seen.digest not in {"", ERASED, *FOREIGNERS}


def _read_own(push: Push, contact_id: int, called: list[str]) -> RemoteContact | None:
    """Return the contact if it is the user's; the first time with the ``ext_id`` by which it was ``called``."""
    push.renew_lease()
    remote = push.gateway.read(contact_id)
    if remote is None and contact_id == push.known().id and push.known().digest != ERASED:
        push.lose()
    found = remote is not None and _is_own(push, remote)
    if remote and found and push.explores:
        push.explores = False
        push.gateway.blanks.lifts_blocks = remote.block is None if is_anonymized(remote) else None
    push.met = found or bool(push.met)
    if remote and found and called and remote.ext_id is None:
        return replace(remote, ext_id=called.pop())
    return remote if found else None


def _is_own(push: Push, remote: RemoteContact) -> bool:
    if push.ownership.owner(remote):
        return False
    if push.ownership.is_foreign(remote) or push.ownership.is_stranger(remote, push.known()):
        if remote.id not in push.known().extra_contact_ids:
            push.learn(remote)
        return False
    return True


def erase_contact(
    contact_id: int,
    mapping: AccountMapping,
    gateway: Gateway,
    *,
    read: Callable[[], RemoteContact | None],
    send: Callable[[Change], None],
    sent: frozenset[str] = frozenset(),
) -> None:
    """Read the contact and write what is left to anonymize, until nothing is; ``read`` nothing if it is not ours.

    ``sent``: the attributes that were written before.

    Raises:
        RejectedContactError: Brevo keeps something after all.
    """
    token = make_token()

    def find_left(remote: RemoteContact) -> Change:
        return erasure(remote, mapping, gateway.attribute_types(remote.attributes), token)

    _repeat(contact_id, find_left, read=read, send=send, blanks=gateway.blanks, sent=sent)


def erase_at_once(contact_id: int, mapping: AccountMapping, gateway: Gateway, store: Store) -> None:
    """Do so without a push: no worker has the contact of somebody who was erased before.

    If a user has taken the contact over since it was found, it is that user's, and is left alone.

    Raises:
        RejectedContactError: Brevo keeps something after all.
    """

    def send(change: Change) -> None:
        gateway.change(contact_id, change)

    def read() -> RemoteContact | None:
        remote = gateway.read(contact_id)
        return None if remote and is_somebodys(remote, mapping, store) else remote

    erase_contact(contact_id, mapping, gateway, read=read, send=send)


def erase_many(contact_ids: Sequence[int], mapping: AccountMapping, gateway: Gateway, store: Store) -> None:
    """Do so for many, as many as a look by ids shows at once; whom such a look is not enough for is erased alone.

    Raises:
        RejectedContactError: Brevo keeps something after all.
    """
    for some in chunks(contact_ids, gateway.capabilities.ids):
        for contact_id in sorted(set(some) - _erase_together(some, mapping, gateway, store)):
            erase_at_once(contact_id, mapping, gateway, store)


def _erase_together(contact_ids: Sequence[int], mapping: AccountMapping, gateway: Gateway, store: Store) -> set[int]:
    """Write what is left of each, and look again; return of whom a look showed that nothing is."""
    done, left = set[int](), dict.fromkeys(contact_ids, Change())
    for _ in range(ROUNDS):
        if not (left and gateway.reads_several and gateway.shows_ext_ids):
            break
        shown, before = gateway.read_several(left.keys()), left
        named = {number: remote for number, remote in shown.items() if remote.ext_id}
        nobodys = {number: remote for number, remote in named.items() if not is_somebodys(remote, mapping, store)}
        found = {number: _left_of(remote, mapping, gateway) for number, remote in nobodys.items()}
        done |= {number for number, change in found.items() if not change}
        # What was written in vain is for a push of its own, which tries other ways.
        left = {number: change for number, change in found.items() if change and change != before[number]}
        for number, change in [*left.items()]:
            try:
                gateway.change(number, change)
            except RejectedContactError:
                del left[number]
    return done


def _left_of(remote: RemoteContact, mapping: AccountMapping, gateway: Gateway) -> Change:
    return erasure(remote, mapping, gateway.attribute_types(remote.attributes), make_token())


def clear_inheritance(push: Push, contact_id: int, heir: Contact) -> None:
    """Clear what a deleted user left in the contact of another one, the heir, until nothing of it is there.

    Raises:
        RejectedContactError: Brevo keeps something after all.
    """

    def find_left(remote: RemoteContact) -> Change:
        return inheritance(remote, heir, push.mapping, push.gateway.attribute_types(remote.attributes))

    read, send = partial(push.read, contact_id), partial(push.send, contact_id)
    _repeat(contact_id, find_left, read=read, send=send, blanks=push.gateway.blanks)


def _repeat(
    contact_id: int,
    find_left: Callable[[RemoteContact], Change],
    *,
    read: Callable[[], RemoteContact | None],
    send: Callable[[Change], None],
    blanks: Blanks,
    sent: frozenset[str] = frozenset(),
) -> None:
    """Send what is left until nothing is, or nothing but what Brevo refuses."""
    refused, gone = frozenset[str](), frozenset[int]()
    left = last = Change()
    for _ in range(ROUNDS):
        remote = read()
        left = find_left(remote) if remote else Change()
        left = replace(left, leave=left.leave - gone)
        blanks.note_null(last.nulls - refused - left.attributes.keys() if remote else ())
        if not left:
            return
        empty = (name for name, value in left.attributes.items() if value == "" and name in sent)
        todo = without_parts(replace(left, nulls=frozenset(empty)), refused)
        if not todo or (refused and todo == last):
            break
        try:
            _, error = send_in_parts(send, todo, sure=True)
        except MissingListError as missing:
            # Nobody is on a list that does not exist.
            gone |= frozenset(missing.lists)
            continue
        if isinstance(error, RejectedPartError):
            refused |= frozenset(error.parts)
        elif error:
            raise error
        sent, last = sent | todo.attributes.keys(), todo
    raise RejectedContactError(f"Brevo keeps data of contact {contact_id} after its erasure: {describe_left(left)}")
