"""Repairs by the ordinary path: what was seen is written down, and the contact is dirty."""

from collections.abc import Iterable

from sync_tasks.chunks import chunks
from sync_tasks.domain.diff import Change
from sync_tasks.reconcile.comparison import Comparison
from sync_tasks.reconcile.drift import ANOTHERS, LOOKED_AT, NEWS, Drift
from sync_tasks.state.erasures import find_idle
from sync_tasks.state.store import Sighting
from sync_tasks.sync.anonymize import erase_many
from sync_tasks.sync.ownership import is_somebodys

REPAIR_CHUNK = 500


def repair(comparison: Comparison, drifts: Iterable[Drift], *, remove_unknown: bool = False) -> int:
    """Let the workers make these differences right, and return for how many contacts that is under way."""
    plain = (drift for drift in drifts if drift.rev and LOOKED_AT.isdisjoint(drift.kinds))
    repaired = keep_blocks(comparison) + look_at_erased(comparison)
    for chunk in chunks(plain, REPAIR_CHUNK):
        repaired += comparison.context.store.record_remote(drift.record(comparison.account) for drift in chunk)
    return repaired + _erase_all(comparison) + (_remove_unknown(comparison) if remove_unknown else 0)


def keep_blocks(comparison: Comparison) -> int:
    """Let the workers look at every block and every opt-out that is news, or that ended; return how many those are.

    If nothing is known of the time before (the state was lost), no subscription that we know of is newer.
    """
    news = (drift for drift in comparison.drifts if not NEWS.isdisjoint(drift.kinds))
    sightings = [Sighting(user_id=drift.user_id, kind=_kind_of(drift)) for drift in news]
    return len(comparison.context.store.mark_changed(comparison.account, sightings))


def _kind_of(drift: Drift) -> str:
    return "unsubscribed" if "blocklisted" in drift.kinds and not drift.was_known else ""


def split_held(comparison: Comparison) -> tuple[list[Drift], int]:
    """Return what may be repaired now, and how many contacts wait for the end of a hold."""
    if not comparison.context.store.held_until():
        return comparison.drifts, 0
    free = [drift for drift in comparison.drifts if not drift.holdable]
    return free, len(comparison.drifts) - len(free)


def look_at_erased(comparison: Comparison) -> int:
    """Let the workers go on with unfinished erasures, and look once at contacts that are another's."""
    unfinished = {drift.user_id for drift in comparison.drifts if "unfinished erasure" in drift.kinds}
    unfinished.update(find_idle(comparison.context.store))
    unknown = (one for one in comparison.drifts if not ANOTHERS.isdisjoint(one.kinds) and not _is_reported(one))
    sightings = [Sighting(user_id=user) for user in sorted(unfinished.union(drift.user_id for drift in unknown))]
    return len(comparison.context.store.mark_changed(comparison.account, sightings))


def _is_reported(drift: Drift) -> bool:
    return "stranger" not in drift.kinds and drift.was_known


def _erase_all(comparison: Comparison) -> int:
    gateway = comparison.context.gateways[comparison.account]
    erased = [drift.contact_id for drift in comparison.drifts if "erased person" in drift.kinds and drift.contact_id]
    if erased:
        erase_many(erased, comparison.mapping, gateway, comparison.context.store)
    return len(erased)


def _remove_unknown(comparison: Comparison) -> int:
    """Take contacts that no user of the portal stands behind, not even by now, off the managed lists."""
    gateway, store, removed = comparison.context.gateways[comparison.account], comparison.context.store, 0
    for drift in comparison.drifts:
        if "unknown contact" not in drift.kinds or not drift.contact_id:
            continue
        remote = gateway.read(drift.contact_id)
        if remote and not is_somebodys(remote, comparison.mapping, store):
            gateway.change(remote.id, Change(leave=drift.lists))
            removed += 1
    return removed
