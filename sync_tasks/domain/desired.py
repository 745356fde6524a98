"""The contact that the portal wants on one account. Pure."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from sync_tasks.domain.contact import Contact, RemoteState
from sync_tasks.domain.events import Json
from sync_tasks.domain.mapping import AccountMapping, Subscribable


@dataclass(frozen=True, slots=True, repr=False)
class DesiredContact:
    """A contact as the portal wants it on one account; ``subscribed`` holds for each list since when.

    ``held``: subscriptions up to this moment lift no block. ``address_since``: when the portal last confirmed the
    address. ``kept``: lists that it neither joins nor leaves, because somebody at Brevo manages them by hand.
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
        """A short text that stands for the attributes and the ``ext_id``."""
        return digest(self.attributes, self.ext_id)


def digest(attributes: Mapping[str, Json], ext_id: str | None) -> str:
    """Return a short text that differs if any of these differ; an empty value counts as absent."""
    filled = {name: value for name, value in attributes.items() if value not in ("", None)}
    text = json.dumps([ext_id, {name: _plain(value) for name, value in filled.items()}], sort_keys=True)
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()[:12]


def _plain(value: Json) -> Json:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def desired_of(contact: Contact, mapping: AccountMapping, seen: RemoteState | None = None) -> DesiredContact:
    """Return how a living user's contact should be, without the subscriptions that were ended at Brevo.

    If the state is on hold, nothing is wanted that would subscribe anybody anew, nor an address from before.
    """
    seen = seen or RemoteState()
    subscribed: dict[int, str] = {}
    unsubscribed, kept = _left_lists(contact, mapping), set[int]()
    attributes = {
        mapping.attributes[name]: "" if value is None else value
        for name, value in contact.attributes().items()
        if name in mapping.attributes
    }
    attributes |= mapping.links.values(contact.user_id)
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
    address_since, address = contact.wish("address") or ("", None)
    held_back = address_since <= contact.held and address != seen.address
    wanted, off = None if held_back else address, frozenset(unsubscribed)
    since = address_since if address_since > contact.held else ""
    ext_id = mapping.ext_ids.of(contact.user_id)
    return DesiredContact(wanted, ext_id, attributes, subscribed, off, contact.held, since, frozenset(kept))


def _left_lists(contact: Contact, mapping: AccountMapping) -> set[int]:
    """Return the lists on which nobody stays; while the state is on hold, a waiting subscriber is not taken off."""
    wishes = contact.subscriptions().items() if contact.held and mapping.earlier else ()
    waiting = (mapping.earlier.get(slug, frozenset()) for slug, (since, on) in wishes if on and since <= contact.held)
    return set(mapping.former.difference(*waiting))


def _ended_before(contact: Contact, newsletter: Subscribable, here: RemoteState, mapping: AccountMapping) -> str:
    """Return up to when subscriptions were ended on a newsletter's earlier lists: an opt-out moves along."""
    return max((_ended_at(contact, *former, here, mapping) for former in newsletter.had), default="")


def _ended_at(contact: Contact, account: str, list_id: int, here: RemoteState, mapping: AccountMapping) -> str:
    if account == mapping.account:
        return here.list_ended_up_to(list_id)
    moments = [*contact.opt_outs(account).values(), contact.list_opt_outs(account).get(list_id, "")]
    seen = contact.seen.get(account, RemoteState())
    return max(*moments, seen.list_ended_up_to(list_id), seen.unblocked, seen.block.latest if seen.block else "")
