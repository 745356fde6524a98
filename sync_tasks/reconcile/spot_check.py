"""A few of many differences of one kind are looked at alone before anything is done about them.

Pages that show everybody otherwise would cost requests for each of them. The portal would hear what is not so.
"""

from functools import partial

from sync_tasks.errors import GatewayUnavailableError
from sync_tasks.rate_limits.patience import ask_patiently
from sync_tasks.reconcile.comparison import Comparison
from sync_tasks.reconcile.drift import SHOWN, Drift, Kind
from sync_tasks.reconcile.ownership import read_contacts
from sync_tasks.reconcile.pages import refuse_pause

# From more than so many of one kind on, so many are looked at.
MANY, LOOKS = 50, 3


def check_pages(comparison: Comparison) -> None:
    """Return if looks at a few show what pages showed of many.

    Raises:
        GatewayUnavailableError: most of the looks show something else; the comparison is no use, nor is its memory.
        SyncError: Brevo cannot be asked.
    """
    kinds = comparison.kinds
    for kind in SHOWN:
        if kinds[kind] > MANY:
            _check_kind(comparison, kind)


def _check_kind(comparison: Comparison, kind: Kind) -> None:
    drifts = [one for one in comparison.drifts if kind in one.kinds and one.contact_id and one.user_id]
    some = [drifts[place * (len(drifts) - 1) // (LOOKS - 1)] for place in range(LOOKS)] if len(drifts) >= LOOKS else []
    wrong = sum(not _is_confirmed(comparison, kind, drift) for drift in some)
    if wrong > LOOKS // 2:
        comparison.memory.forget()
        raise GatewayUnavailableError(f"of {LOOKS} contacts looked at alone, {wrong} do not show what pages do: {kind}")


def _is_confirmed(comparison: Comparison, kind: Kind, drift: Drift) -> bool:
    """Return whether a look shows the same; nobody knows while somebody handles the contact, or if it is gone."""
    context, read_at = comparison.context, comparison.context.store.now()
    look = partial(context.gateways[comparison.account].read, drift.contact_id or 0)
    remote = ask_patiently(look, context.limiter, refuse_pause)
    contact = read_contacts([drift.user_id], context.store).get(drift.user_id)
    if remote is None or contact is None:
        return True
    found = comparison.look_at(remote, contact, read_at)
    return isinstance(found, Drift) and kind in found.kinds
