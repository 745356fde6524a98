"""Opt-outs: why Brevo may not mail a contact, as a whole or for one list, and what ends that. Pure.

Brevo sets ``emailBlacklisted`` for the whole account. Reasons are the unsubscribe link, a spam complaint, a hard
bounce, and a block by hand or by API. Source: help.brevo.com, article 209458705, November 2026. So one opt-out ends
every newsletter of the account.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import replace

from sync_tasks.domain.contact import HARD_BOUNCE, KINDS, UNEXPLAINED, Block, RemoteState

# An hour in microseconds: a reported block may show that much later, and an event's clock may be that wrong. The `ts`
# of a webhook may be an hour off, and its `date` is CET or CEST. Seen by other projects until November 2026, not
# measured.
_SHOWN_WITHIN = 3_600_000_000


def block_of(held: Block | None, before: RemoteState | None, reported: Mapping[str, str]) -> Block | None:
    """Return the block of a contact just read, with every reason that belongs to it.

    ``reported``: the opt-outs of events. A read alone shows the reason only as long as Brevo's statistics do.
    A reason counts only near the beginning of the block or later. A reason that ended with an earlier block does not
    count again. The first known moment of a reason is kept. An event with a later moment, or a later click of the
    person, replaces it. Any other later moment at Brevo may be our own request. A block without a reason is explained
    by the first reason that belongs to its beginning.
    """
    if held is None:
        return None
    before = before or RemoteState()
    read = {} if held.guessed else _unless_over(before.over, held.reasons)
    reported = _unless_over(before.over, reported)
    if known := before.block:
        new = {kind: moment for kind, moment in read.items() if kind not in known.reasons}
        if held.clicked:
            new |= _unless_over(before.over, {"unsubscribed": held.clicked})
        return make_block(_explained(_latest(known.reasons, _from(known.began, _latest(new, reported)))))
    began = min((moment for moment in held.reasons.values() if moment > before.read_at), default=held.latest)
    reasons = _from(began, _latest(read, reported))
    if held.guessed:  # late rather than early: older subscriptions stay ended, and events have whole seconds
        reasons = {kind: max(moment, held.since) for kind, moment in reasons.items()}
    return make_block(reasons) if reasons else held


def make_block(reasons: Mapping[str, str]) -> Block:
    """Return a block with these reasons and their moments."""
    first, *others = sorted(reasons.items(), key=lambda one: _gravity(one[0]), reverse=True)
    return Block(*first, others=tuple(others))


def _explained(reasons: dict[str, str]) -> dict[str, str]:
    """Return the reasons without the unknown one, if another is from the block's beginning; else both count."""
    unknown = reasons.get(UNEXPLAINED)
    if unknown is None:
        return reasons
    others = {kind: moment for kind, moment in reasons.items() if kind != UNEXPLAINED}
    return others if any(int(moment) <= int(unknown) + _SHOWN_WITHIN for moment in others.values()) else reasons


def _gravity(kind: str) -> int:
    return KINDS.index(kind) if kind in KINDS else 0


def _latest(*all_reasons: Mapping[str, str]) -> dict[str, str]:
    merged: dict[str, str] = {}
    for reasons in all_reasons:
        for kind, moment in reasons.items():
            merged[kind] = max(moment, merged.get(kind, ""))
    return merged


def _from(began: str, reasons: Mapping[str, str]) -> dict[str, str]:
    """Return the reasons without those from well before a block began."""
    return {kind: moment for kind, moment in reasons.items() if int(moment) + _SHOWN_WITHIN > int(began)}


def _unless_over(over: Mapping[str, str], reasons: Mapping[str, str]) -> dict[str, str]:
    """Return the reasons without those that ended with an earlier block; two sources may differ in the moment."""
    return {
        kind: moment
        for kind, moment in reasons.items()
        if kind not in over or int(moment) > int(over[kind]) + _SHOWN_WITHIN
    }


def end_block(seen: RemoteState) -> RemoteState:
    """Return the remote state once a block is gone; its reasons do not count for a later block."""
    if seen.block is None:
        return seen
    return replace(seen, block=None, over=_latest(seen.over, seen.block.reasons))


def mark_of(address: str) -> str:
    """Return the mark of an address in a record of bounces."""
    return hashlib.sha1(address.encode(), usedforsecurity=False).hexdigest()[:12]


def note_bounce(seen: RemoteState) -> RemoteState:
    """Note which address a hard bounce is of: the one the contact had when the bounce was first seen."""
    bounce = seen.block.reasons.get(HARD_BOUNCE) if seen.block else None
    if bounce is None or bounce in seen.bounced.values():
        return seen
    return replace(seen, bounced={**seen.bounced, mark_of(seen.address): bounce})


def standing(block: Block | None, address: str | None, since: str, bounced: Mapping[str, str]) -> Block | None:
    """Return the part of a block that stays at an address confirmed at the moment ``since``.

    A hard bounce belongs to an address. It ends once the contact has another address, confirmed later, that did not
    bounce itself. Every other reason stays.
    """
    bounce = block.reasons.get(HARD_BOUNCE) if block else None
    if block is None or bounce is None or not address:
        return block
    if not bounced or mark_of(address) in bounced or since <= bounce:
        return block
    rest = {kind: moment for kind, moment in block.reasons.items() if kind != HARD_BOUNCE}
    return make_block(rest) if rest else None


def settle_block(seen: RemoteState, address: str | None, since: str) -> RemoteState:
    """Return the same with the block that counts once the contact has the address confirmed at ``since``."""
    seen = note_bounce(seen)
    left = standing(seen.block, address, since, seen.bounced)
    if left is None or left == seen.block or seen.address != address:
        return seen
    bounce = {HARD_BOUNCE: max(seen.bounced.values())}
    return replace(seen, block=left, over=_latest(seen.over, bounce))


def notice_end(seen: RemoteState, before: RemoteState) -> RemoteState:
    """Return the remote state of a contact just read if somebody at Brevo lifted its remembered block.

    The block's reasons are over. Lists of subscriptions older than an opt-out are neither joined nor left.
    """
    if before.block is None or seen.block or before.id != seen.id:
        return seen
    ended = end_block(replace(seen, block=before.block))
    return replace(ended, unblocked=max(seen.unblocked, before.block.opted_out))
