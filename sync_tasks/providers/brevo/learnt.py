"""What the gateways of one account have seen of it so far."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from sync_tasks.domain.blanks import Blanks


@dataclass(slots=True)
class Learnt:
    """Facts learnt of an account, shared by all its gateways.

    ``types`` and ``choices`` of attributes hold up to ``until``, in seconds of the monotonic clock. ``listed`` are all
    that the account named then, ``unlisted`` those that a contact held and the account did not name. ``filter_finds``:
    its filter has found somebody by address. ``look_finds``: so has a look. ``ids_ignored``: a look by several
    ids has shown others. ``ext_id_seen``: a contact has shown its ``ext_id``. ``blanks``: what clears an attribute.
    ``total``: how many contacts it had, by the last page of all.
    """

    filter_finds: bool = False
    look_finds: bool = False
    ids_ignored: bool = False
    ext_id_seen: bool = False
    types: dict[str, str] = field(default_factory=dict)
    listed: frozenset[str] = frozenset()
    unlisted: frozenset[str] = frozenset()
    choices: Mapping[str, frozenset[str]] = field(default_factory=dict)
    until: float = -math.inf
    blanks: Blanks = field(default_factory=Blanks)
    total: int = 0
