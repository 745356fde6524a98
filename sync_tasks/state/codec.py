"""A user's state as fields of a hash in Redis, read and written. Pure."""

import json
from collections.abc import Mapping

from sync_tasks.domain.contact import KEPT_WHEN_ERASED, TOLERANCE, Block, Contact, EventKey, RemoteState
from sync_tasks.domain.events import Json

# Fields that are no register: the lease, since when an outcome is unknown, the revision of a load, the revision.
LEASE, UNKNOWN, LOADED, REV = "lease", "unsure", "filling", "rev"
_RARE_SETS = ("skipped", "edited", "former", "foreign")


def load_contact(
    user_id: str,
    stored: Mapping[str, str],
    *,
    address_taken: bool = False,
    tolerance: int = TOLERANCE,
    held: str = "",
) -> Contact:
    """Return the contact of these fields; ``tolerance`` is in microseconds (see ``resolve``)."""
    groups: dict[str, dict[str, str]] = {"g": {}, "p": {}, "d": {}, "s": {}, "l": {}, "b": {}}
    registers = {}
    for name, text in stored.items():
        group, _, rest = name.partition(":")
        if group in groups:
            groups[group][rest] = text
        elif group in {"a", "n", "t", "h", *KEPT_WHEN_ERASED}:
            registers[name] = text
    return Contact(
        user_id=user_id,
        registers=registers,
        given_up=groups["g"],
        pending={EventKey.parse(key): text for key, text in groups["p"].items()},
        dead={EventKey.parse(key): text for key, text in groups["d"].items()},
        seen=_load_seen(groups["s"]),
        looks=groups["l"],
        told=groups["b"],
        rev=stored.get(REV, "0"),
        unknown_since=stored.get(UNKNOWN, ""),
        failing=stored.get("failing", ""),
        tries=int(stored.get("tries", 0)),
        crashes=int(stored.get("crashes", 0)),
        address_taken=address_taken,
        tolerance=tolerance,
        held=held,
        manual="manual" in stored,
    )


def is_loads_own(stored: Mapping[str, str]) -> bool:
    """Tell whether a contact is a running load's own: no event came since. ``prelude.lua`` decides the same."""
    return stored.get(LOADED) == stored.get(REV)


def _load_seen(stored: Mapping[str, str]) -> dict[str, RemoteState]:
    accounts: dict[str, dict[str, str]] = {}
    for name, text in stored.items():
        account, _, what = name.partition(":")
        accounts.setdefault(account, {})[what] = text
    return {account: _parse_seen(told) for account, told in accounts.items()}


def _parse_seen(told: Mapping[str, str]) -> RemoteState:
    kind, _, since = told.get("block", "").partition(":")
    more = json.loads(told.get("more") or "{}")
    return RemoteState(
        id=int(told["id"]) if told.get("id", "-") != "-" else None,
        address=told.get("address", ""),
        lists=_numbers(told.get("lists", "")),
        digest=told.get("digest", ""),
        block=Block(kind, since, tuple(more.get("under", {}).items())) if kind else None,
        ended_up_to=told.get("floor", ""),
        extra_contact_ids=_numbers(told.get("spares", "")),
        foreign_lists=_numbers(told.get("strange", "")),
        absent_lists=_numbers(told.get("off", "")),
        read_at=told.get("looked", ""),
        unblocked=more.get("unblocked", ""),
        over=more.get("over", {}),
        bounced=more.get("bounced", {}),
        ended={int(number): moment for number, moment in more.get("ended", {}).items()},
        **{name: frozenset(more.get(name, ())) for name in _RARE_SETS},
    )


def _numbers(text: str) -> frozenset[int]:
    return frozenset(int(number) for number in text.split(",") if number)


def dump_seen(account: str, seen: RemoteState) -> dict[str, str]:
    """Return the fields of a remote state in Redis; an empty text means that the field goes."""
    told = {
        "id": str(seen.id) if seen.id is not None else "-",
        "address": seen.address,
        "lists": ",".join(map(str, sorted(seen.lists))),
        "digest": seen.digest,
        "block": f"{seen.block.kind}:{seen.block.since}" if seen.block else "",
        "floor": seen.ended_up_to,
        "spares": ",".join(map(str, sorted(seen.extra_contact_ids))),
        "strange": ",".join(map(str, sorted(seen.foreign_lists))),
        "off": ",".join(map(str, sorted(seen.absent_lists))),
        "looked": seen.read_at,
        "more": _dump_more(seen),
    }
    return {f"s:{account}:{what}": text for what, text in told.items()}


def _dump_more(seen: RemoteState) -> str:
    """Return the rare parts of a remote state as one text."""
    told: dict[str, Json] = {
        "under": dict(seen.block.others) if seen.block else {},
        "unblocked": seen.unblocked,
        "over": dict(seen.over),
        "bounced": dict(seen.bounced),
        "ended": {str(number): moment for number, moment in seen.ended.items()},
        **{name: sorted(getattr(seen, name)) for name in _RARE_SETS},
    }
    more = {name: value for name, value in told.items() if value}
    return json.dumps(more, separators=(",", ":"), sort_keys=True) if more else ""
