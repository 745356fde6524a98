"""The remote state of a user on an account: after a read, before a write, and after a write. Pure."""

from collections.abc import Iterator
from dataclasses import replace

from sync_tasks.domain.contact import Block, Contact, RemoteContact, RemoteState
from sync_tasks.domain.diff import (
    ERASED,
    FOREIGN,
    TAKEN,
    Change,
    DesiredContact,
    desired_of,
    difference,
    differs,
    digest,
    held_value,
)
from sync_tasks.domain.erasure import is_anonymized
from sync_tasks.domain.mapping import AccountMapping
from sync_tasks.domain.opt_outs import block_of, notice_end, settle_block, standing


def remote_state_of(
    remote: RemoteContact,
    contact: Contact,
    mapping: AccountMapping,
    before: RemoteState | None,
    now: str,
    *,
    guarded: Block | None = None,
) -> RemoteState:
    """Return the remote state of a contact just read; ``guarded``: a request of ours may have lifted that block."""
    before = before or RemoteState()
    here = replace(before, address=remote.address or "", lists=remote.lists & mapping.lists)
    wanted = desired_of(contact, mapping, here)
    lists = remote.lists & mapping.watched
    former = remote.lists & (before.lists | before.absent_lists | before.former) - mapping.watched
    seen = RemoteState(
        id=remote.id,
        address=remote.address or "",
        lists=lists,
        digest=_mark_of(remote, contact, mapping, before) or _digest_of(remote, wanted, before),
        block=block_of(remote.block, before, contact.opt_outs(mapping.account)),
        ended_up_to=before.ended_up_to,
        extra_contact_ids=before.extra_contact_ids,
        foreign_lists=_foreign_lists_of(lists, before, remote.id)
        - set(wanted.subscribed)
        - wanted.unsubscribed
        - wanted.kept,
        absent_lists=mapping.watched - lists,
        read_at=now,
        unblocked=before.unblocked,
        over=before.over,
        bounced=before.bounced,
        ended=ended_of(remote, contact, mapping, before),
        skipped=before.skipped if remote.opted_out is None else mapping.watched & remote.opted_out.keys(),
        former=former,
        foreign=remote.lists - mapping.watched - former if remote.block else frozenset(),
        otherwise=before.otherwise if before.id == remote.id else (),
    )
    if guarded is None and not contact.unknown_since:
        seen = replace(notice_end(seen, before), edited=before.edited | _edits(wanted, before, seen, remote))
    return settle_block(seen, wanted.address, wanted.address_since)


def _mark_of(remote: RemoteContact, contact: Contact, mapping: AccountMapping, before: RemoteState) -> str:
    """Return what stands in place of a digest for a contact that we must not write to; empty for all others."""
    if is_erased_unknown(remote, contact, mapping, before):
        return ERASED
    if not mapping.ext_ids.is_foreign(remote.ext_id):
        return ""
    return TAKEN if before.id == remote.id and before.digest not in {"", FOREIGN} else FOREIGN


def _digest_of(remote: RemoteContact, wanted: DesiredContact, before: RemoteState) -> str:
    """Return the digest of what was read; that of what is wanted if Brevo made the same of it before."""
    known = {name: held_value(remote, name, value) for name, value in wanted.attributes.items()}
    held = digest(known, remote.ext_id)
    return wanted.digest if before.otherwise == (wanted.digest, held) else held


def recall_ext_id(remote: RemoteContact, contact: Contact, mapping: AccountMapping) -> RemoteContact:
    """Return the contact with the ``ext_id`` that we gave it, if the account shows none.

    Brevo shows it as a field, as ``attributes.EXT_ID`` or nowhere (seen by other projects until November 2026, not
    measured). If all accounts show it one day, this function goes.
    """
    before = contact.seen.get(mapping.account)
    if remote.ext_id is not None or before is None or before.id != remote.id:
        return remote
    wanted = desired_of(contact, mapping, before)
    return replace(remote, ext_id=wanted.ext_id) if before.digest == wanted.digest else remote


def name_created(remote: RemoteContact, ext_id: str, since: str, *, shown: bool) -> RemoteContact:
    """Return a contact with the ``ext_id`` that an import of ours gave it, if the account shows none.

    It is ours if it was created after the import began (``since``): we sent its address. ``shown``: the account was
    seen to show an ``ext_id``, so a contact without one has none.
    """
    is_ours = not shown and remote.ext_id is None and remote.created >= since
    return replace(remote, ext_id=ext_id) if is_ours else remote


def ended_of(remote: RemoteContact, contact: Contact, mapping: AccountMapping, before: RemoteState) -> dict[int, str]:
    """Return the lists that the person opted out of one by one, and when.

    An event may name lists although the opt-out was of everything. Only the read shows whether a block is there.
    Without an event, the opt-out of a list that Brevo skips happened when the contact last changed, at the latest.
    """
    opt_outs = contact.list_opt_outs(mapping.account)
    shown = remote.opted_out or {}
    ended = dict(before.ended)
    for number in mapping.watched & (opt_outs.keys() | shown.keys()):
        news = number in shown and number not in before.skipped
        moment = opt_outs.get(number) or (shown[number] if news else "")
        if news or (moment and remote.block is None):
            ended[number] = max(moment, ended.get(number, ""))
    for number, moment in _flagged(remote, contact, mapping, before):
        ended[number] = max(moment, ended.get(number, ""))
    return {number: moment for number, moment in ended.items() if not _is_overtaken(number, moment, contact, mapping)}


def _flagged(
    remote: RemoteContact, contact: Contact, mapping: AccountMapping, before: RemoteState
) -> Iterator[tuple[int, str]]:
    """Yield the lists flagged unsubscribed although the state believes the contact there, and since when.

    We set a flag only as the contact leaves its list. So the state lost an opt-out, or somebody at Brevo recorded one.
    """
    if contact.unknown_since or before.id != remote.id:
        return
    for slug, (since, wished) in mapping.subscriptions(contact).items():
        newsletter = mapping.newsletters[slug]
        flag, was_there = newsletter.unsubscribed_attribute, newsletter.list_id in before.lists
        if wished and was_there and since <= before.read_at and flag and remote.attributes.get(flag) is True:
            yield newsletter.list_id, since


def _is_overtaken(list_id: int, moment: str, contact: Contact, mapping: AccountMapping) -> bool:
    """Return whether the portal itself has ended that subscription since."""
    wishes = mapping.subscriptions(contact).items()
    return any(since > moment and not wished and mapping.shows(slug, {list_id}) for slug, (since, wished) in wishes)


def _edits(wanted: DesiredContact, before: RemoteState, now: RemoteState, remote: RemoteContact) -> frozenset[str]:
    """Return the names of the values that somebody changed at Brevo in a contact that agreed with the portal.

    An empty attribute does not count: Brevo ignores a value of the wrong type in silence
    (https://developers.brevo.com/reference/create-contact).
    """
    same = (before.address, before.digest, before.lists) == (now.address, now.digest, now.lists)
    if same or before.id != now.id:
        return frozenset()
    was, is_now = difference(wanted, before), difference(wanted, replace(now, block=before.block))
    values = (name for name in is_now.attributes if remote.attributes.get(name) not in ("", None))
    overwritten = any(differs(remote, name, is_now.attributes[name]) for name in values)
    edits = {
        "address": is_now.address is not None and was.address is None,
        "attributes": was.ext_id is None and overwritten,
        "lists": bool(is_now.join - was.join or is_now.leave - was.leave - now.skipped),
    }
    return frozenset(name for name, edited in edits.items() if edited)


def is_erased_unknown(
    remote: RemoteContact, contact: Contact, mapping: AccountMapping, before: RemoteState | None
) -> bool:
    """Return whether a contact proves an erasure of its user that the state does not know.

    A placeholder that frees the address for another user is known, or carries the user's own ``ext_id``.
    """
    if contact.erased or remote.ext_id in mapping.ext_ids.all_of(contact.user_id) or not is_anonymized(remote):
        return False
    return before is None or before.digest == ERASED or before.address != remote.address


def still_guarded(seen: RemoteState, contact: Contact, guarded: Block | None) -> Block | None:
    """Return the rest of a block that our request may have lifted and that a read does not show."""
    address, since = (contact.wish("address") or ("", ""))[::-1]
    return None if seen.block else standing(guarded, address, since, seen.bounced)


def _foreign_lists_of(lists: frozenset[int], before: RemoteState, contact_id: int) -> frozenset[int]:
    """Return the lists it was not on before; lists that it had when we first met it are its own."""
    if before.id != contact_id:
        return frozenset()
    return lists & (before.foreign_lists | before.absent_lists)


def before_write(seen: RemoteState, change: Change) -> RemoteState:
    """Return the state to remember before the request goes out, in case its answer never comes."""
    if change.blocklisted is False and seen.block:
        return replace(seen, ended_up_to=max(seen.ended_up_to, seen.block.opted_out))
    return seen


def after_move(seen: RemoteState, change: Change) -> RemoteState:
    """Return the state after the contact joined and left the change's lists."""
    lists, absent_lists = (seen.lists | change.join) - change.leave, (seen.absent_lists - change.join) | change.leave
    ended = {number: moment for number, moment in seen.ended.items() if number not in change.join}
    return replace(
        seen,
        lists=lists,
        absent_lists=absent_lists,
        foreign_lists=seen.foreign_lists - change.leave,
        former=seen.former - change.leave,
        ended=ended if seen.ended else seen.ended,
        skipped=seen.skipped - change.join,
    )
