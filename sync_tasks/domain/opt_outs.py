"""Why Brevo may not mail a contact, or not for one list, and what ends that. Pure."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace

from sync_tasks.domain.contact import HARD_BOUNCE, KINDS, Block, RemoteState

# An hour in microseconds: so late may a block still show that an event told of, and so wrong may an event's clock be.
_SHOWN_WITHIN = 3_600_000_000


def block_of(held: Block | None, before: RemoteState | None, told: Mapping[str, str]) -> Block | None:
    """Return the block of a contact just read, with every reason that belongs to it.

    ``told`` are the opt-outs that events told of: a read alone knows why only while Brevo's statistics do. A reason
    counts only near the beginning of the block or later. One that ended with an earlier block does not count again.
    The first known moment of a reason is kept, unless an event tells of a later one, or Brevo of a later click of the
    person's: what else Brevo notes later may be our own request.
    """
    if held is None:
        return None
    before = before or RemoteState()
    read = {} if held.guessed else _unless_over(before.over, held.reasons)
    told = _unless_over(before.over, told)
    if known := before.block:
        new = {kind: moment for kind, moment in read.items() if kind not in known.reasons}
        if held.clicked:
            new |= _unless_over(before.over, {"unsubscribed": held.clicked})
        return make_block(_latest(known.reasons, _from(known.began, _latest(new, told))))
    began = min((moment for moment in held.reasons.values() if moment > before.read_at), default=held.latest)
    reasons = _from(began, _latest(read, told))
    if held.guessed:  # late rather than early: what was subscribed before stays ended, and events tell whole seconds
        reasons = {kind: max(moment, held.since) for kind, moment in reasons.items()}
    return make_block(reasons) if reasons else held


def make_block(reasons: Mapping[str, str]) -> Block:
    """Return a block with these reasons and their moments."""
    first, *others = sorted(reasons.items(), key=lambda one: _gravity(one[0]), reverse=True)
    return Block(*first, others=tuple(others))


def _gravity(kind: str) -> int:
    return KINDS.index(kind) if kind in KINDS else 0


def _latest(*all_reasons: Mapping[str, str]) -> dict[str, str]:
    merged: dict[str, str] = {}
    for reasons in all_reasons:
        for kind, moment in reasons.items():
            merged[kind] = max(moment, merged.get(kind, ""))
    return merged


def _from(began: str, reasons: Mapping[str, str]) -> dict[str, str]:
    """Return the reasons that are not from well before a block began."""
    return {kind: moment for kind, moment in reasons.items() if int(moment) + _SHOWN_WITHIN > int(began)}


def _unless_over(over: Mapping[str, str], reasons: Mapping[str, str]) -> dict[str, str]:
    """Leave out what ended with an earlier block; two sources may tell different moments of the same happening."""
    return {
        kind: moment
        for kind, moment in reasons.items()
        if kind not in over or int(moment) > int(over[kind]) + _SHOWN_WITHIN
    }


def end_block(seen: RemoteState) -> RemoteState:
    """Return what is known once a block is gone; its reasons do not count for a later one."""
    if seen.block is None:
        return seen
    return replace(seen, block=None, over=_latest(seen.over, seen.block.reasons))


def mark_of(address: str) -> str:
    """Return what stands for an address in a record of bounces."""
    return hashlib.sha1(address.encode(), usedforsecurity=False).hexdigest()[:12]


def note_bounce(seen: RemoteState) -> RemoteState:
    """Note which address a hard bounce is of: the one the contact had when the bounce was first seen."""
    bounce = seen.block.reasons.get(HARD_BOUNCE) if seen.block else None
    if bounce is None or bounce in seen.bounced.values():
        return seen
    return replace(seen, bounced={**seen.bounced, mark_of(seen.address): bounce})


def standing(block: Block | None, address: str | None, since: str, bounced: Mapping[str, str]) -> Block | None:
    """Return what is left of a block at an address that was confirmed at the moment ``since``.

    A hard bounce belongs to an address: it ends once the contact has another one that was confirmed later and that did
    not bounce itself. Every other reason stays.
    """
    bounce = block.reasons.get(HARD_BOUNCE) if block else None
    if block is None or bounce is None or not address:
        return block
    if not bounced or mark_of(address) in bounced or since <= bounce:
        return block
    rest = {kind: moment for kind, moment in block.reasons.items() if kind != HARD_BOUNCE}
    return make_block(rest) if rest else None


def settle_block(seen: RemoteState, address: str | None, since: str) -> RemoteState:
    """Return the same with the block that decides, once the contact has the address that was confirmed at ``since``."""
    seen = note_bounce(seen)
    left = standing(seen.block, address, since, seen.bounced)
    if left is None or left == seen.block or seen.address != address:
        return seen
    bounce = {HARD_BOUNCE: max(seen.bounced.values())}
    return replace(seen, block=left, over=_latest(seen.over, bounce))


def notice_end(seen: RemoteState, before: RemoteState) -> RemoteState:
    """Return what is known of a contact just read whose remembered block somebody at Brevo has lifted.

    Its reasons are over. Subscriptions older than an opt-out are left as they are there: neither joined nor left.
    """
    if before.block is None or seen.block or before.id != seen.id:
        return seen
    ended = end_block(replace(seen, block=before.block))
    return replace(ended, unblocked=max(seen.unblocked, before.block.opted_out))
