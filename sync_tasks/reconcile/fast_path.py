"""Which contacts of a page agree with the portal by a fast comparison, as nearly all do. Pure.

Whoever agrees by it agrees when compared in full (``drift``), at a tenth of the cost; tests hold the two
together. Nothing is concluded of the others.
"""

import json
from collections.abc import Mapping

from sync_tasks.domain.contact import TOLERANCE, RemoteContact
from sync_tasks.domain.diff import NUMBERS, is_same
from sync_tasks.domain.events import Json
from sync_tasks.domain.mapping import AccountMapping, Subscribable
from sync_tasks.state.codec import Glimpse

_EMPTY = frozenset({'""', "null"})
# As the registers hold values.
_encode = json.JSONEncoder(ensure_ascii=False).encode


class FastComparison:
    """What a contact must be like on one account, made ready for comparing very many."""

    def __init__(self, mapping: AccountMapping, tolerance: int = TOLERANCE, night: int = 0) -> None:
        self._lists, self._former, self._manual = mapping.lists, mapping.former, mapping.manual
        self._ext_ids, self._attributes, self._newsletters = mapping.ext_ids, mapping.attributes, mapping.newsletters
        self._links, self._night = mapping.links, night
        slugs = {slug: slug for slug in mapping.newsletters} | dict(mapping.renamed)
        # What may be known of opt-outs where a newsletter was before.
        had = {account for newsletter in mapping.newsletters.values() for account, _ in newsletter.had}
        self._state = Glimpse(mapping.account, mapping.attributes, slugs, had, tolerance=tolerance)

    def agrees(self, remote: RemoteContact, user_id: str, fields: Mapping[str, str]) -> bool:
        """Return whether a contact surely is ours and as its user's fields in the state want it."""
        if remote.block or remote.opted_out or not self._state.is_plain(fields):
            return False
        if remote.ext_id != self._ext_ids.of(user_id) or self._state.contact_id(fields) != str(remote.id):
            return False
        if self._state.address(fields) not in {None, remote.address or ""}:
            return False
        attributes = self._state.attributes(fields)
        if not all(self._has(remote, field, value) for field, value in attributes):
            return False
        if not self._has_links(remote, user_id):
            return False
        return self._former.isdisjoint(remote.lists) and self._is_on_its_lists(remote, fields)

    def _has(self, remote: RemoteContact, field: str, wished: str) -> bool:
        name = self._attributes[field]
        held = remote.attributes.get(name)
        return _same(held, wished) or (
            isinstance(held, str) and is_same(held, json.loads(wished), phone=name in NUMBERS)
        )

    def _has_links(self, remote: RemoteContact, user_id: str) -> bool:
        links = self._links.values(user_id).items()
        lacking = {name for name, token in links if remote.attributes.get(name, "") != token}
        return not lacking or lacking <= self._links.left_for_later(user_id, remote.attributes, self._night).keys()

    def _is_on_its_lists(self, remote: RemoteContact, fields: Mapping[str, str]) -> bool:
        ended_up_to = self._state.ended_up_to(fields)
        wishes = [
            (self._newsletters[slug], subscribed and since > ended_up_to)
            for slug, since, subscribed in self._state.subscriptions(fields)
        ]
        wished = {newsletter.list_id for newsletter, _ in wishes}
        foreign_lists = remote.lists & self._lists - wished - self._manual
        return (not foreign_lists or self._state.may_have_brought(foreign_lists, fields)) and all(
            _is_settled(remote, newsletter, alive=alive) for newsletter, alive in wishes
        )


def _is_settled(remote: RemoteContact, newsletter: Subscribable, *, alive: bool) -> bool:
    there = newsletter.list_id in remote.lists or (newsletter.retired and alive)
    return there is alive and newsletter.attributes(alive=alive).items() <= remote.attributes.items()


def _same(held: Json, wished: str) -> bool:
    """Return whether a value is surely the one that a register holds as text; what is empty counts as not there."""
    return _encode(held) == wished or (held in ("", None) and wished in _EMPTY)
