"""What was sent is read back if Brevo may keep it otherwise: new attributes, cleared ones, and repaired ones."""

import logging
from dataclasses import replace

from sync_tasks.domain.contact import RemoteContact
from sync_tasks.domain.diff import Change, desired_of, differs, digest, held_value
from sync_tasks.errors import RejectedContactError, RejectedPartError, SyncError
from sync_tasks.sync.push import Push

log = logging.getLogger("sync_tasks.sync.read_back")


def check_values(push: Push, new: frozenset[str]) -> None:
    """Read back ``new`` attributes, sent for the first time, and cleared ones until it is known what clears them.

    Repaired ones are read back, too. What Brevo makes of them is no difference from then on.

    Raises:
        RejectedPartError: Brevo keeps values that should be empty.
    """
    unproven = push.gateway.blanks.to_read_back(push.cleared)
    seen = push.view.seen
    if not (new or unproven or push.repaired) or seen is None or seen.id is None or push.lease.contact.erased:
        return
    try:
        remote = push.read(seen.id)
        if remote:
            _warn_of_ignored(push, remote, new)
            _settle(push, _clear(push, remote, unproven))
    except RejectedPartError:
        raise
    except SyncError:
        # Whether Brevo has the values is not known: they are sent and read back again.
        push.view = replace(push.view, seen=replace(push.known(), digest=""))
        raise


def _warn_of_ignored(push: Push, remote: RemoteContact, names: frozenset[str]) -> None:
    wanted = desired_of(push.lease.contact, push.mapping, push.view.seen).attributes
    for name in sorted(names):
        if wanted.get(name) not in {"", None, False} and _is_empty(remote, name):
            log.warning(
                "account %s: Brevo ignores the attribute %s: it does not exist there or has another type",
                push.account,
                name,
            )


def _settle(push: Push, remote: RemoteContact) -> None:
    """Remember what Brevo makes of values that it did not keep as they were sent a moment ago."""
    seen = push.known()
    wanted = desired_of(push.lease.contact, push.mapping, seen)
    names = [name for name, value in wanted.attributes.items() if differs(remote, name, value)]
    if not (push.repaired and names) or remote.ext_id not in (None, wanted.ext_id):
        return
    held = digest({name: held_value(remote, name, value) for name, value in wanted.attributes.items()}, wanted.ext_id)
    settled = replace(seen, otherwise=(wanted.digest, held), edited=seen.edited - {"attributes"})
    push.view = replace(push.view, seen=settled)
    push.notes.append(f"Brevo keeps otherwise than sent: {', '.join(sorted(names))}")


def _clear(push: Push, remote: RemoteContact, names: frozenset[str]) -> RemoteContact:
    """Clear by ``null`` what an empty text did not clear, and learn from it; return the contact after that."""
    blanks, kept = push.gateway.blanks, frozenset(name for name in names if not _is_empty(remote, name))
    blanks.note_empty(names - kept, push.differing or ())
    if not kept:
        return remote
    try:
        push.send(remote.id, Change(attributes=dict.fromkeys(kept, ""), nulls=kept))
    except RejectedContactError:
        after, left = remote, kept
    else:
        found = push.read(remote.id)
        if found is None:
            # A contact that is gone shows nothing of what cleared its values.
            return remote
        after, left = found, frozenset(name for name in kept if not _is_empty(found, name))
    blanks.note_null(kept - left)
    if left and push.lease.contact.pending:
        push.refuse_late_look(push.lease.contact.unknown_since or push.store.now())
        names_left = ", ".join(sorted(left))
        raise RejectedPartError(f"Brevo keeps {names_left}: neither an empty text nor null clears it", tuple(left))
    return after


def _is_empty(remote: RemoteContact, name: str) -> bool:
    return remote.attributes.get(name) in ("", None)
