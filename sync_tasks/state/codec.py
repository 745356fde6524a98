"""A user's state as fields of a hash in Redis, read and written. Pure.

Nobody else on Python's side knows what the fields are called and how a value lies in one; ``docs/architecture.md``
lists them. Personal texts pass ``seal`` on the way to Redis and ``unseal`` on the way back. So a codec that encrypts
them is a change of these two functions. The scripts compare sealed texts and never look inside: what is equal
must be equal when sealed.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from sync_tasks.domain import registers as names
from sync_tasks.domain.contact import TOLERANCE, Block, Contact, EventKey, RemoteState
from sync_tasks.domain.events import Json
from sync_tasks.domain.priority import Priority, rank
from sync_tasks.domain.registers import ADDRESS, ERASURE, STAMP

_LEASE, _UNKNOWN, _STEPPED, _LOADED, _REV, _LATEST = "lease", "unsure", "stepped", "filling", "rev", "latest"
_CRASHES, _TRIES, _FAILING, _MANUAL, _WISHES = "crashes", "tries", "failing", "manual", "wishes"
_PENDING, _DEAD, _SEEN, _LOOK, _REPORTED, _GIVEN_UP, _KEPT_LOOK = "p:", "d:", "s:", "l:", "b:", "g:", "k:"
_RARE_SETS = ("skipped", "edited", "former", "foreign")
_PERSONAL_SEEN = ("address", "digest")


def seal(text: str) -> str:
    """Return what lies in Redis for an address or the value of an attribute: so far the same."""
    return text


def unseal(text: str) -> str:
    """Return what ``seal`` made this text of."""
    return text


def field_of(register: str) -> str:
    """Return the name of the field in which a register lies."""
    (address,) = names.hinted((register,)) or ("",)
    return names.hint(seal(address)) if address else register


def dump_values(values: Mapping[str, str]) -> dict[str, str]:
    """Return what an event says as scripts take it: values by field, without the moment."""
    return {field_of(name): seal(value) if names.is_personal(name) else value for name, value in values.items()}


def load_contact(
    user_id: str,
    stored: Mapping[str, str],
    *,
    address_taken: bool = False,
    tolerance: int = TOLERANCE,
    held: str = "",
) -> Contact:
    """Return the contact that lies in these fields."""
    registers, groups = _group_fields(stored)
    return Contact(
        user_id=user_id,
        registers=registers,
        given_up=groups[_GIVEN_UP],
        pending={EventKey.parse(key): text for key, text in groups[_PENDING].items()},
        dead={EventKey.parse(key): text for key, text in groups[_DEAD].items()},
        seen=_load_seen(groups[_SEEN]),
        looks=groups[_LOOK],
        reported=groups[_REPORTED],
        rev=stored.get(_REV, "0"),
        unknown_since=stored.get(_UNKNOWN, ""),
        stepped=stored.get(_STEPPED, ""),
        failing=stored.get(_FAILING, ""),
        tries=int(stored.get(_TRIES, 0)),
        crashes=int(stored.get(_CRASHES, 0)),
        address_taken=address_taken,
        tolerance=tolerance,
        held=held,
        manual=_MANUAL in stored,
        wishes=stored.get(_WISHES, ""),
        looked={account: _still_holds(text, stored) for account, text in groups[_KEPT_LOOK].items()},
    )


def dump_looks(until: str, rev: str, *, kept: Iterable[str], over: Iterable[str]) -> dict[str, str]:
    """Return the fields that keep looks for the next push: until when, and while nothing new is heard of the user."""
    return {f"{_KEPT_LOOK}{account}": f"{until} {rev}" for account in kept} | dict.fromkeys(
        (f"{_KEPT_LOOK}{account}" for account in over), ""
    )


def _still_holds(text: str, stored: Mapping[str, str]) -> bool:
    """Return whether a look that was kept holds for as long as the lease, if there is one."""
    until, _, rev = text.partition(" ")
    return rev == stored.get(_REV, "0") and stored.get(_LEASE, "")[:STAMP] <= until


def _group_fields(stored: Mapping[str, str]) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """Return the registers, and the other fields by what their names begin with."""
    groups: dict[str, dict[str, str]] = {
        group: {} for group in (_GIVEN_UP, _PENDING, _DEAD, _SEEN, _LOOK, _REPORTED, _KEPT_LOOK)
    }
    registers = dict[str, str]()
    for name, text in stored.items():
        if name[:2] in groups:
            groups[name[:2]][name[2:]] = text
        elif names.is_register(name):
            registers |= _load_register(name, text)
    return registers, groups


def _load_register(name: str, text: str) -> dict[str, str]:
    if names.is_personal(name):
        return {name: text[:STAMP] + unseal(text[STAMP:])}
    (sealed,) = names.hinted((name,)) or ("",)
    return {names.hint(unseal(sealed)) if sealed else name: text}


def load_leased(user_id: str, stored: Mapping[str, str], tolerance: int) -> Contact:
    """Return the contact; if a worker is pushing it, what Brevo holds is unknown."""
    contact = load_contact(user_id, stored, tolerance=tolerance)
    in_hand = stored.get(_LEASE, "")
    return replace(contact, unknown_since=contact.unknown_since or in_hand)


def is_known(stored: Mapping[str, str]) -> bool:
    """Return whether anything was ever said of the user of these fields."""
    return _REV in stored


def is_loads_own(stored: Mapping[str, str]) -> bool:
    """Return whether a contact belongs to a running load: nothing was said of it since. So do the scripts."""
    return stored.get(_LOADED) == stored.get(_REV)


def is_leased(stored: Mapping[str, str]) -> bool:
    """Return whether a worker is pushing the contact."""
    return _LEASE in stored


def is_unknown(stored: Mapping[str, str]) -> bool:
    """Return whether Brevo may still apply a request about the contact without our knowledge."""
    return _UNKNOWN in stored


def lease_end(stored: Mapping[str, str]) -> int | None:
    """Return until when a worker has leased the contact (microseconds), or nothing."""
    return int(stored[_LEASE][:STAMP]) if _LEASE in stored else None


def is_newer(stored: Mapping[str, str], stamp: str) -> bool:
    """Return whether the user was erased, or anything newer than that moment was reported."""
    return ERASURE in stored or stored.get(_LATEST, "") > stamp


def priority_of_fields(fields: Collection[str]) -> Priority:
    """Return a contact's priority by the names of all its fields."""
    pending = [EventKey.parse(name[2:]) for name in fields if name.startswith(_PENDING)]
    changed = any(name.startswith(_LOOK) for name in fields)
    return rank(pending, unfinished=_UNKNOWN in fields or ERASURE in fields, changed=changed)


# The fields that the functions above read.
LEASE_FIELDS = (_LEASE,)
LOAD_FIELDS = (_REV, _LOADED)
NEWS_FIELDS = (_LATEST, ERASURE)


def fields_of(registers: Iterable[str], accounts: Iterable[str]) -> list[str]:
    """Return the fields from which ``load_contact`` reads these registers, and the blocks at these accounts."""
    return [_REV, *map(field_of, registers), *(f"{_SEEN}{account}:block" for account in accounts)]


def _load_seen(stored: Mapping[str, str]) -> dict[str, RemoteState]:
    accounts: dict[str, dict[str, str]] = {}
    for name, text in stored.items():
        account, _, what = name.partition(":")
        accounts.setdefault(account, {})[what] = text
    return {account: _parse_seen(fields) for account, fields in accounts.items()}


def _parse_seen(fields: Mapping[str, str]) -> RemoteState:
    """Return what these fields of one account say."""
    kind, _, since = fields.get("block", "").partition(":")
    more = json.loads(fields.get("more") or "{}")
    return RemoteState(
        id=int(fields["id"]) if fields.get("id", "-") != "-" else None,
        address=unseal(fields.get("address", "")),
        lists=_numbers(fields.get("lists", "")),
        digest=fields.get("digest", ""),
        block=Block(kind, since, tuple(more.get("under", {}).items())) if kind else None,
        ended_up_to=fields.get("floor", ""),
        extra_contact_ids=_numbers(fields.get("spares", "")),
        foreign_lists=_numbers(fields.get("strange", "")),
        absent_lists=_absent_lists(fields),
        read_at=fields.get("looked", ""),
        unblocked=more.get("unblocked", ""),
        over=more.get("over", {}),
        bounced=more.get("bounced", {}),
        ended={int(number): moment for number, moment in more.get("ended", {}).items()},
        otherwise=tuple(more.get("otherwise", ())),
        **{name: frozenset(more.get(name, ())) for name in _RARE_SETS},
    )


def _numbers(text: str) -> frozenset[int]:
    runs = (part.partition("-") for part in text.split(",") if part)
    return frozenset(number for first, _, last in runs for number in range(int(first), int(last or first) + 1))


def _runs(numbers: Iterable[int]) -> str:
    """Return numbers as a text in which those that follow each other are one part: ``3-7,9``."""
    runs = list[list[int]]()
    for number in sorted(numbers):
        if runs and runs[-1][-1] == number - 1:
            runs[-1][1:] = [number]
        else:
            runs.append([number])
    return ",".join("-".join(map(str, run)) for run in runs)


def _absent_lists(fields: Mapping[str, str]) -> frozenset[int]:
    """Return the lists that a contact was not on.

    Release 0.1 names each in ``off``, which this one removes as it writes ``unlisted``. If it is there, an older worker
    has written it since. Who was on all lists then has no ``off``: what the older worker knows of lists goes first.
    """
    return _numbers(fields.get("off") or fields.get("unlisted", "")) - _numbers(fields.get("lists", ""))


def dump_seen(account: str, seen: RemoteState) -> dict[str, str]:
    """Return the fields that hold this in Redis; an empty text means that the field is not needed."""
    return {f"{_SEEN}{account}:{what}": text for what, text in _dump_seen(seen).items()}


def _dump_seen(seen: RemoteState) -> dict[str, str]:
    return {
        "id": str(seen.id) if seen.id is not None else "-",
        "address": seal(seen.address),
        "lists": ",".join(map(str, sorted(seen.lists))),
        "digest": seen.digest,
        "block": f"{seen.block.kind}:{seen.block.since}" if seen.block else "",
        "floor": seen.ended_up_to,
        "spares": ",".join(map(str, sorted(seen.extra_contact_ids))),
        "strange": ",".join(map(str, sorted(seen.foreign_lists))),
        "off": "",
        "unlisted": _runs(seen.absent_lists),
        "looked": seen.read_at,
        "more": _dump_more(seen),
    }


def _dump_more(seen: RemoteState) -> str:
    """Return the rare parts of a remote state as one text."""
    parts: dict[str, Json] = {
        "under": dict(seen.block.others) if seen.block else {},
        "unblocked": seen.unblocked,
        "over": dict(seen.over),
        "bounced": dict(seen.bounced),
        "ended": {str(number): moment for number, moment in seen.ended.items()},
        "otherwise": list(seen.otherwise),
        **{name: sorted(getattr(seen, name)) for name in _RARE_SETS},
    }
    more = {name: value for name, value in parts.items() if value}
    return json.dumps(more, separators=(",", ":"), sort_keys=True) if more else ""


def dump_impersonal(seen: RemoteState) -> dict[str, str]:
    """Return the same without anything personal or what stands for it, for ``load_impersonal``."""
    fields = _dump_seen(replace(seen, bounced={}, otherwise=()))
    return {what: text for what, text in fields.items() if text and what not in _PERSONAL_SEEN}


def load_impersonal(fields: Mapping[str, str]) -> RemoteState | None:
    """Return what ``dump_impersonal`` made this of; nothing of nothing."""
    return _parse_seen(fields) if fields else None


def dump_outcome(
    seen: Mapping[str, RemoteState],
    done: Iterable[EventKey],
    contact: Contact,
    *,
    forget_hints: bool,
    forget_address: bool,
) -> dict[str, str]:
    """Return the fields that a push changes: what accounts hold, which events are done, and its own count of trouble.

    Of ``contact`` that is ``unknown_since``, ``stepped``, ``crashes``, ``tries`` and ``failing``. ``forget_hints``: the
    hints at its addresses are not needed any more. ``forget_address``: nor is the address itself.
    """
    fields = {
        _UNKNOWN: contact.unknown_since,
        _STEPPED: contact.stepped,
        _CRASHES: str(contact.crashes or ""),
        _TRIES: str(contact.tries or ""),
        _FAILING: contact.failing,
    }
    for account, known in seen.items():
        fields |= dump_seen(account, known)
    forgotten = [field_of(names.hint(one)) for one in (contact.hints if forget_hints else ())]
    forgotten += [ADDRESS] if forget_address else []
    return fields | {f"{_PENDING}{key}": "" for key in done} | dict.fromkeys(forgotten, "")


def dump_marks(looks: Mapping[str, str], reported: Mapping[str, str]) -> dict[str, str]:
    """Return the marks that asked for a look at accounts, and the opt-outs that events reported, as fields."""
    return {f"{_LOOK}{account}": rev for account, rev in looks.items()} | {
        f"{_REPORTED}{name}": moment for name, moment in reported.items()
    }


class Glimpse:
    """Reads single things of one account out of a user's fields, a tenth of the cost of ``load_contact``.

    ``had``: accounts where newsletters of this one were before.
    """

    def __init__(
        self, account: str, fields: Iterable[str], slugs: Mapping[str, str], had: Collection[str], *, tolerance: int
    ) -> None:
        """Prepare for the attributes of these portal fields, and for newsletters by each of their slugs."""
        self._id, self._ended_up_to = f"{_SEEN}{account}:id", f"{_SEEN}{account}:floor"
        self._absent = {what: f"{_SEEN}{account}:{what}" for what in ("off", "unlisted", "lists")}
        self._foreign = f"{_SEEN}{account}:strange"
        elsewhere = set(had) - {account}
        self._rare = [f"{_SEEN}{account}:block", f"{_SEEN}{account}:more", _LEASE, _UNKNOWN, _MANUAL, ERASURE]
        self._rare += (f"{_SEEN}{other}:{what}" for other in elsewhere for what in ("block", "floor"))
        self._rare += (f"{_SEEN}{other}:more" for other in had)
        self._reported = tuple(f"{_REPORTED}{other}:" for other in elsewhere)
        self._attributes = {names.attribute(field): field for field in fields}
        self._newsletters = {name: slug for said, slug in slugs.items() for name in names.both_clocks(said)}
        self._tolerance = tolerance

    def is_plain(self, fields: Mapping[str, str]) -> bool:
        """Return whether nothing is under way, waits for a person, or is known of a block or a former account."""
        kinds = {name[:2] for name in fields}
        return not (
            any(name in fields for name in self._rare)
            or _PENDING in kinds
            or _DEAD in kinds
            or _LOOK in kinds
            or (bool(self._reported) and any(name.startswith(self._reported) for name in fields))
        )

    def contact_id(self, fields: Mapping[str, str]) -> str | None:
        """Return the numeric id of the account's contact as text."""
        return fields.get(self._id)

    def address(self, fields: Mapping[str, str]) -> str | None:
        """Return the address that the portal wants."""
        text = fields.get(ADDRESS)
        return None if text is None else unseal(text[STAMP:])

    def attributes(self, fields: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        """Yield portal field and value, as JSON."""
        for name in self._attributes.keys() & fields.keys():
            yield self._attributes[name], unseal(fields[name][STAMP:])

    def subscriptions(self, fields: Mapping[str, str]) -> Iterator[tuple[str, str, bool]]:
        """Yield newsletter, since when, and whether it is subscribed."""
        wishes: dict[str, dict[str, str]] = {}
        for name in self._newsletters.keys() & fields.keys():
            clocks = wishes.setdefault(self._newsletters[name], {})
            clocks[name[:2]] = max(clocks.get(name[:2], ""), fields[name])
        for slug, clocks in wishes.items():
            own, reported = (clocks.get(clock, "") for clock in names.CLOCKS)
            text = names.resolve(own, reported, self._tolerance)
            yield slug, text[:STAMP], text[STAMP:] == names.SUBSCRIBED

    def ended_up_to(self, fields: Mapping[str, str]) -> str:
        """Return the moment up to which an opt-out at Brevo ended subscriptions, or nothing."""
        return fields.get(self._ended_up_to, "")

    def may_have_brought(self, lists: Collection[int], fields: Mapping[str, str]) -> bool:
        """Return whether a contact was on lists of which the portal never spoke when we met it."""
        lists_of = {what: fields[name] for what, name in self._absent.items() if name in fields}
        return self._foreign not in fields and _absent_lists(lists_of).isdisjoint(lists)
