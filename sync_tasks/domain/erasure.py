"""The values left to anonymize in a contact, or to clear in one that another person gets; what came of it. Pure."""

from collections.abc import Mapping

from sync_tasks.domain.contact import Contact, RemoteContact, RemoteState
from sync_tasks.domain.diff import FOREIGNERS, NUMBERS, Change, desired_of, differs
from sync_tasks.domain.events import Json
from sync_tasks.domain.mapping import AccountMapping
from sync_tasks.domain.registers import ERASURE, moment, value
from sync_tasks.ext_ids import carries_token, erased_ext_id, is_erased_ext_id

_UNKNOWN = "?"


def erasure(remote: RemoteContact, mapping: AccountMapping, types: Mapping[str, str], token: str) -> Change:
    """Return the change that anonymizes a contact just read; an empty one once it is done.

    Every text becomes the configured word, everything else is emptied, unsubscriptions are recorded. ``types`` names
    the attributes that can be written.
    """
    values = {name: _erased_value(name, value, mapping, types) for name, value in remote.attributes.items()}
    values |= dict.fromkeys(mapping.flags, True)
    gone = is_anonymized(remote)
    # An account may show no ext_id (seen by other projects until November 2026, not measured): send it with the
    # address.
    left = not gone if remote.ext_id is None else not is_erased_ext_id(remote.ext_id)
    return Change(
        address=None if gone else mapping.erased_address.format(token=token),
        ext_id=erased_ext_id(token) if left else None,
        attributes={name: value for name, value in values.items() if name in types and differs(remote, name, value)},
        leave=remote.lists,
        blocklisted=None if remote.block and gone else True,
    )


def inheritance(remote: RemoteContact, heir: Contact, mapping: AccountMapping, types: Mapping[str, str]) -> Change:
    """Return the change that clears whatever the present user of a deleted user's contact never set.

    Values that the portal sent for the heir stay. The flags stay too: they only record opt-outs.
    """
    own = {mapping.attributes[name] for name in heir.attributes() if name in mapping.attributes} | mapping.flags
    wanted = desired_of(heir, mapping, heir.seen.get(mapping.account))
    own |= {name for name in mapping.links.attributes if remote.attributes.get(name) == wanted.attributes.get(name)}
    left = (name for name, value in remote.attributes.items() if value not in ("", None) and name not in own)
    return Change(
        attributes={name: "" for name in left if name in types},
        leave=remote.lists - frozenset(wanted.subscribed) - (wanted.kept if heir.manual else frozenset()),
    )


def is_anonymized(remote: RemoteContact) -> bool:
    """Return whether a contact carries the address of an erased one, by the pattern of any time."""
    return carries_token(remote.address, remote.ext_id)


def blind_erasure(seen: RemoteState, mapping: AccountMapping, types: Mapping[str, str], token: str) -> Change:
    """Return the change that anonymizes an unread contact: everything that we may have written."""
    unknown = dict.fromkeys(mapping.written, _UNKNOWN)
    return erasure(
        RemoteContact(seen.id or 0, seen.address, _UNKNOWN, seen.lists, unknown, None), mapping, types, token
    )


def erasure_record(contact: Contact, seen: Mapping[str, RemoteState], now: str) -> dict[str, object]:
    """Return what an erasure came to on each account, and when a look at Brevo last showed it; nothing personal."""
    came_to = {account: _came_to(one) for account, one in seen.items()}
    erased = contact.registers[ERASURE]
    record: dict[str, object] = {"erased": moment(erased), "verified": now, "accounts": came_to}
    return record | ({"requested_by": value(erased)} if value(erased) else {})


def _came_to(seen: RemoteState) -> str:
    if seen.id is None:
        return "no contact found"
    return "lists left, contact of another system" if seen.digest in FOREIGNERS else "contact anonymized and read back"


def _erased_value(name: str, value: Json, mapping: AccountMapping, types: Mapping[str, str]) -> Json:
    if value in ("", None) or name in NUMBERS or types.get(name) != "text":
        return ""
    return mapping.erased_text
