"""Which contacts of a page agree with the portal at a glance, as nearly all do. Pure.

Whoever agrees at a glance agrees when compared in full (``comparing``), at a tenth of the cost; tests hold the two
together. Nothing is concluded of the others.
"""

import json
from collections.abc import Mapping

from sync_tasks.contacts import OWN, STAMP, SUBSCRIBED, TOLD, TOLERANCE, RemoteContact, resolve
from sync_tasks.differences import Layout, Subscribable
from sync_tasks.events import Json

# What is under way or waits for a person is to be looked at in full.
_TROUBLE = frozenset({"p:", "d:", "l:"})
_STATES = ("lease", "unsure", "erased")
_EMPTY = frozenset({'""', "null"})
# As the registers hold values.
_encode = json.JSONEncoder(ensure_ascii=False).encode


class Glance:
    """What a contact must be like on one account, made ready for comparing very many."""

    def __init__(self, layout: Layout, tolerance: int = TOLERANCE) -> None:
        self._id, self._floor = f"s:{layout.account}:id", f"s:{layout.account}:floor"
        self._off, self._strange = f"s:{layout.account}:off", f"s:{layout.account}:strange"
        self._lists = layout.lists
        self._names = {f"a:{field}": name for field, name in layout.attributes.items()}
        self._newsletters = {
            clock + slug: (slug, newsletter) for slug, newsletter in layout.newsletters.items() for clock in (OWN, TOLD)
        }
        self._tolerance = tolerance

    def agrees(self, remote: RemoteContact, user_id: str, fields: Mapping[str, str]) -> bool:
        """Tell whether a contact surely is as its user's fields in the state want it, and as we knew it to be ours."""
        if remote.block or remote.ext_id != user_id or fields.get(self._id) != str(remote.id):
            return False
        if not _TROUBLE.isdisjoint({name[:2] for name in fields}) or any(state in fields for state in _STATES):
            return False
        address = fields.get("address")
        if address is not None and address[STAMP:] != (remote.address or ""):
            return False
        attributes = self._names.keys() & fields.keys()
        if not all(_same(remote.attributes.get(self._names[name]), fields[name][STAMP:]) for name in attributes):
            return False
        floor = fields.get(self._floor, "")
        newsletters = dict(self._newsletters[name] for name in self._newsletters.keys() & fields.keys())
        strange = remote.lists & self._lists - {newsletter.list_id for newsletter in newsletters.values()}
        return (not strange or self._brought_along(strange, fields)) and all(
            _is_settled(remote, newsletter, self._wish(fields, slug), floor) for slug, newsletter in newsletters.items()
        )

    def _wish(self, fields: Mapping[str, str], slug: str) -> str:
        return resolve(fields.get(OWN + slug, ""), fields.get(TOLD + slug, ""), self._tolerance)

    def _brought_along(self, lists: frozenset[int], fields: Mapping[str, str]) -> bool:
        """Tell whether a contact was on lists of which the portal never spoke when we met it."""
        return self._strange not in fields and lists.isdisjoint(
            map(int, filter(None, fields.get(self._off, "").split(",")))
        )


def _is_settled(remote: RemoteContact, newsletter: Subscribable, text: str, floor: str) -> bool:
    alive = text[STAMP:] == SUBSCRIBED and text[:STAMP] > floor
    flag = newsletter.unsubscribed_attribute
    return (newsletter.list_id in remote.lists) is alive and (not flag or remote.attributes.get(flag) is (not alive))


def _same(held: Json, wished: str) -> bool:
    """Tell whether a value is surely the one that a register holds as text; what is empty counts as not there."""
    return _encode(held) == wished or (held in ("", None) and wished in _EMPTY)
