"""Which contacts of a page agree with the portal at a glance, as nearly all do. Pure.

Whoever agrees at a glance agrees when compared in full (``comparing``), at a tenth of the cost; tests hold the two
together. Nothing is concluded of the others.
"""

import json
from collections.abc import Mapping

from sync_tasks.domain.contact import OWN, STAMP, SUBSCRIBED, TOLD, TOLERANCE, RemoteContact, resolve
from sync_tasks.domain.events import Json
from sync_tasks.domain.mapping import AccountMapping, Subscribable
from sync_tasks.state.codec import LEASE, UNKNOWN

# What is under way or waits for a person is to be looked at in full.
_TROUBLE = frozenset({"p:", "d:", "l:"})
_STATES = (LEASE, UNKNOWN, "erased")
_EMPTY = frozenset({'""', "null"})
# As the registers hold values.
_encode = json.JSONEncoder(ensure_ascii=False).encode


class Glance:
    """What a contact must be like on one account, made ready for comparing very many."""

    def __init__(self, mapping: AccountMapping, tolerance: int = TOLERANCE) -> None:
        self._id, self._floor = f"s:{mapping.account}:id", f"s:{mapping.account}:floor"
        self._remembered = (f"s:{mapping.account}:block", f"s:{mapping.account}:more")
        self._off, self._strange = f"s:{mapping.account}:off", f"s:{mapping.account}:strange"
        self._lists, self._former = mapping.lists, mapping.former
        self._manual = mapping.manual
        self._ext_ids = mapping.ext_ids
        self._names = {f"a:{field}": name for field, name in mapping.attributes.items()}
        slugs = {slug: slug for slug in mapping.newsletters} | dict(mapping.renamed)
        self._newsletters = {clock + told: slug for told, slug in slugs.items() for clock in (OWN, TOLD)}
        self._by_slug = mapping.newsletters
        self._tolerance = tolerance
        # What may be known of opt-outs where a newsletter was before.
        had = {account for newsletter in mapping.newsletters.values() for account, _ in newsletter.had}
        elsewhere = had - {mapping.account}
        self._elsewhere = tuple(f"s:{account}:{what}" for account in elsewhere for what in ("block", "floor"))
        self._elsewhere += tuple(f"s:{account}:more" for account in had)
        self._told = tuple(f"b:{account}:" for account in elsewhere)

    def agrees(self, remote: RemoteContact, user_id: str, fields: Mapping[str, str]) -> bool:
        """Tell whether a contact surely is as its user's fields in the state want it, and as we knew it to be ours."""
        if remote.block or remote.opted_out or any(name in fields for name in self._remembered):
            return False
        if remote.ext_id != self._ext_ids.of(user_id) or fields.get(self._id) != str(remote.id):
            return False
        if not _TROUBLE.isdisjoint({name[:2] for name in fields}) or any(state in fields for state in _STATES):
            return False
        address = fields.get("address")
        if address is not None and address[STAMP:] != (remote.address or ""):
            return False
        attributes = self._names.keys() & fields.keys()
        if not all(_same(remote.attributes.get(self._names[name]), fields[name][STAMP:]) for name in attributes):
            return False
        return not self._is_moving(remote, fields) and self._is_on_its_lists(remote, fields)

    def _is_moving(self, remote: RemoteContact, fields: Mapping[str, str]) -> bool:
        """Tell whether a newsletter that changed lists, or an editor's hand, asks for a closer look."""
        return (
            "manual" in fields
            or not self._former.isdisjoint(remote.lists)
            or any(name in fields for name in self._elsewhere)
            or (bool(self._told) and any(name.startswith(self._told) for name in fields))
        )

    def _is_on_its_lists(self, remote: RemoteContact, fields: Mapping[str, str]) -> bool:
        ended_up_to = fields.get(self._floor, "")
        wishes: dict[str, dict[str, str]] = {}
        for name in self._newsletters.keys() & fields.keys():
            clocks = wishes.setdefault(self._newsletters[name], {})
            clocks[name[:2]] = max(clocks.get(name[:2], ""), fields[name])
        newsletters = [(self._by_slug[slug], clocks) for slug, clocks in wishes.items()]
        foreign_lists = (
            remote.lists & self._lists - {newsletter.list_id for newsletter, _ in newsletters} - self._manual
        )
        return (not foreign_lists or self._brought_along(foreign_lists, fields)) and all(
            _is_settled(remote, newsletter, self._wish(clocks), ended_up_to) for newsletter, clocks in newsletters
        )

    def _wish(self, clocks: Mapping[str, str]) -> str:
        return resolve(clocks.get(OWN, ""), clocks.get(TOLD, ""), self._tolerance)

    def _brought_along(self, lists: frozenset[int], fields: Mapping[str, str]) -> bool:
        """Tell whether a contact was on lists of which the portal never spoke when we met it."""
        return self._strange not in fields and lists.isdisjoint(
            map(int, filter(None, fields.get(self._off, "").split(",")))
        )


def _is_settled(remote: RemoteContact, newsletter: Subscribable, text: str, ended_up_to: str) -> bool:
    alive = text[STAMP:] == SUBSCRIBED and text[:STAMP] > ended_up_to
    flag = newsletter.unsubscribed_attribute
    there = newsletter.list_id in remote.lists or (newsletter.retired and alive)
    return there is alive and (not flag or remote.attributes.get(flag) is (not alive))


def _same(held: Json, wished: str) -> bool:
    """Tell whether a value is surely the one that a register holds as text; what is empty counts as not there."""
    return _encode(held) == wished or (held in ("", None) and wished in _EMPTY)
