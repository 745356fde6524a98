"""A user's state as fields of a hash in Redis, read and written. Pure."""

import json
from collections.abc import Mapping

from sync_tasks.domain.contact import KEPT_WHEN_ERASED, TOLERANCE, Block, Contact, EventKey, RemoteState
from sync_tasks.domain.events import Json

# Fields that are no register: whose lease it is, since when an outcome is unknown, what a load brought, the revision.
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
    """Return the contact that lies in these fields."""
    groups: dict[str, dict[str, str]] = {"g": {}, "p": {}, "d": {}, "s": {}, "l": {}, "b": {}, "k": {}}
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
        looked={account: _still_holds(text, stored) for account, text in groups["k"].items()},
    )


def dump_look(until: str, rev: str) -> str:
    """Return the field that keeps a look for the next push: until when, and while nothing new is heard of the user."""
    return f"{until} {rev}"


def _still_holds(text: str, stored: Mapping[str, str]) -> bool:
    """Tell whether a look that was kept holds for as long as the lease, if there is one."""
    until, _, rev = text.partition(" ")
    return rev == stored.get(REV, "0") and stored.get(LEASE, "")[: len(until)] <= until


def is_loads_own(stored: Mapping[str, str]) -> bool:
    """Tell whether a contact belongs to a running load: nothing was said of it since. So do the scripts."""
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
    """Return the fields that hold this in Redis; an empty text means that the field is not needed."""
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
    """Return in one text what is there for few."""
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
