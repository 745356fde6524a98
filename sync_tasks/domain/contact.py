"""The state of one user: registers that merge, and what Brevo is known to hold. Pure.

``registers`` says what a register is, ``state.codec`` how all of this lies in Redis.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from sync_tasks.config.environment import CLOCK_TOLERANCE
from sync_tasks.domain import registers as names
from sync_tasks.domain.events import Json
from sync_tasks.domain.registers import ADDRESS, ERASURE, SUBSCRIBED, UNSUBSCRIBED, moment, resolve, value
from sync_tasks.domain.timestamps import moment_of, seconds_since
from sync_tasks.texts import known_address

_WISHES = {"subscribe_contact": SUBSCRIBED, "unsubscribe_contact": UNSUBSCRIBED}
TOLERANCE = int(CLOCK_TOLERANCE * 1_000_000)
# The kind of an opt-out from one list: ``list.<id>``.
_OF_LIST = "list."
# An edit of a whole contact at Brevo (see ``RemoteState.edited``).
DELETED = "deleted"


# The reasons for which Brevo blocklists a contact, the mildest first. A newer subscription lifts the first only. The
# second is a block for which Brevo shows no reason: it may be one of the last two.
UNEXPLAINED = "unknown"
KINDS = ("unsubscribed", UNEXPLAINED, "complaint", "hard_bounce")
HARD_BOUNCE = KINDS[-1]


@dataclass(frozen=True, slots=True)
class Block:
    """A blocklisting at Brevo: its gravest reason, one of ``KINDS``, and since when (a stamp).

    ``others``: less grave reasons and their moments; they stay if the gravest ends. ``guessed``: Brevo gave no reason.
    ``clicked``: when the person last used Brevo's link, as far as Brevo says.
    """

    kind: str
    since: str
    others: tuple[tuple[str, str], ...] = ()
    guessed: bool = field(default=False, compare=False)
    clicked: str = field(default="", compare=False)

    @property
    def reasons(self) -> dict[str, str]:
        """Every reason and its moment."""
        return {self.kind: self.since, **dict(self.others)}

    @property
    def began(self) -> str:
        """The moment of the first reason."""
        return min(self.reasons.values())

    @property
    def latest(self) -> str:
        """The moment of the latest reason: subscriptions up to it are held back."""
        return max(self.reasons.values())

    @property
    def opted_out(self) -> str:
        """The latest moment at which the person wanted no more mail; empty for a bounce alone."""
        return max((moment for kind, moment in self.reasons.items() if kind != HARD_BOUNCE), default="")


@dataclass(frozen=True, slots=True)
class RemoteContact:
    """A contact as the provider holds it.

    ``opted_out``: the lists it opted out of one by one, and since when; ``None`` if the provider does not say.
    ``created``: the stamp of its creation by the provider's clock; empty if the provider does not show it.
    """

    id: int
    address: str | None
    ext_id: str | None
    lists: frozenset[int]
    attributes: Mapping[str, Json]
    block: Block | None
    opted_out: Mapping[int, str] | None = None
    created: str = field(default="", compare=False)

    def __repr__(self) -> str:
        return f"<RemoteContact {self.id}>"


@dataclass(frozen=True, slots=True, repr=False)
class UnreadContact:
    """A contact that the provider shows, but not so that it can be read: no more than who it is, if as much."""

    id: int
    address: str | None
    ext_id: str | None


@dataclass(frozen=True, slots=True, repr=False)
class RemoteState:
    """What one account is known to hold of a user; without an ``id`` it holds no contact of this user.

    ``digest`` stands for the attributes and the ``ext_id``. ``ended_up_to``: subscriptions up to this moment were ended
    by an opt-out at Brevo. ``extra_contact_ids``: further contacts of the same person that must be anonymized.
    ``foreign_lists``: lists that the portal never named and on which somebody at Brevo has put it since.
    ``absent_lists``: lists of the pipeline that it was not on. Lists that became the pipeline's later are not in it.
    ``read_at``: when we last saw it all.

    Few contacts have the rest. ``unblocked``: somebody at Brevo lifted the block of an opt-out of this moment by hand.
    ``over``: reasons of blocks that ended. ``bounced``: marks of addresses that bounced. ``ended``: lists the person
    opted out of at Brevo one by one, and when. ``skipped``: those of them that Brevo still skips. ``edited``: in what
    somebody changed it at Brevo, until that is put right. ``former``: lists that the pipeline managed once and it is
    still on. ``foreign``: other lists that a blocklisted contact is on. ``otherwise``: the digest of what we sent,
    and of what Brevo was seen to make of it.
    """

    id: int | None = None
    address: str = ""
    lists: frozenset[int] = frozenset()
    digest: str = ""
    block: Block | None = None
    ended_up_to: str = ""
    extra_contact_ids: frozenset[int] = frozenset()
    read_at: str = ""
    foreign_lists: frozenset[int] = frozenset()
    absent_lists: frozenset[int] = frozenset()
    unblocked: str = ""
    over: Mapping[str, str] = field(default_factory=dict)
    bounced: Mapping[str, str] = field(default_factory=dict)
    ended: Mapping[int, str] = field(default_factory=dict)
    skipped: frozenset[int] = frozenset()
    edited: frozenset[str] = frozenset()
    former: frozenset[int] = frozenset()
    foreign: frozenset[int] = frozenset()
    otherwise: tuple[str, ...] = ()

    @property
    def forgotten(self) -> "RemoteState":
        """The state that is left if Brevo has no such contact (any more).

        Brevo forgets an opt-out together with its contact, so our record must hold (help.brevo.com, article 208732189).
        """
        return RemoteState(
            ended_up_to=max(self.ended_up_to, self.unblocked, self.block.latest if self.block else ""),
            extra_contact_ids=self.extra_contact_ids,
            over=self.over,
            bounced=self.bounced,
            ended=self.ended,
            edited=frozenset({DELETED}) if self.id is not None else self.edited,
        )

    def list_ended_up_to(self, list_id: int) -> str:
        """Return the moment up to which subscriptions of a list were ended by an opt-out at Brevo."""
        return max(self.ended_up_to, self.ended.get(list_id, ""))


@dataclass(frozen=True, slots=True, order=True)
class EventKey:
    """The name of one accepted event, without its content."""

    task: str
    newsletter: str
    stamp: str

    def __str__(self) -> str:
        return f"{self.task}:{self.newsletter}:{self.stamp}"

    @property
    def shown(self) -> dict[str, str]:
        """The fields by which messages and logs name the event."""
        shown = {"newsletter": self.newsletter, "occurred_at": moment_of(self.stamp).isoformat()}
        return {name: value for name, value in shown.items() if value}

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the key of a text that ``str`` made."""
        return cls(*text.split(":"))


@dataclass(frozen=True, slots=True, repr=False)
class Contact:
    """Everything known of one user at one moment.

    ``held``: the state may be older than the world, and subscriptions up to this moment wait for a person. ``looked``:
    accounts that a push looked at which could not go on, and whether what it saw still holds. ``stepped``: since
    when an outcome is unknown by a clock of Redis' that was put back meanwhile. ``wishes``: what the pending events say
    of newsletters, the name under which others are found who wish the same.
    """

    user_id: str
    registers: Mapping[str, str] = field(default_factory=dict)
    given_up: Mapping[str, str] = field(default_factory=dict)
    pending: Mapping[EventKey, str] = field(default_factory=dict)
    dead: Mapping[EventKey, str] = field(default_factory=dict)
    seen: Mapping[str, RemoteState] = field(default_factory=dict)
    looks: Mapping[str, str] = field(default_factory=dict)
    reported: Mapping[str, str] = field(default_factory=dict)
    rev: str = "0"
    unknown_since: str = ""
    stepped: str = ""
    failing: str = ""
    tries: int = 0
    crashes: int = 0
    address_taken: bool = False
    tolerance: int = TOLERANCE
    held: str = ""
    manual: bool = False
    looked: Mapping[str, bool] = field(default_factory=dict)
    wishes: str = field(default="", compare=False)
    _by_moment: dict[str, set[str]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def wish(self, register: str) -> tuple[str, str] | None:
        """Return stamp and value of a register, or ``None`` if nothing is wished (any more)."""
        text = self.registers.get(register)
        if text is None or self.given_up.get(register, "") >= moment(text):
            return None
        return moment(text), value(text)

    @property
    def erased(self) -> bool:
        """Whether the user was deleted."""
        return ERASURE in self.registers

    @property
    def address(self) -> str | None:
        """The address the portal wants, if it ever named one."""
        wish = self.wish(ADDRESS)
        return known_address(wish[1]) if wish else None

    @property
    def wished_address(self) -> str:
        """The address the portal named last, given up or not; empty if it named none."""
        return value(self._text(ADDRESS))

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses under which Brevo may know the user, the wanted one first."""
        found = (self.wished_address, *self.hints) if self.wished_address else self.hints
        return tuple(dict.fromkeys(map(known_address, found)))

    @property
    def searched(self) -> Self:
        """The same contact once all its hints were looked for."""
        kept = {name: text for name, text in self.registers.items() if not names.is_hint(name)}
        return replace(self, registers=kept)

    def left(self, address: str) -> Self:
        """Return the same contact once it left this address at Brevo: nobody else can have had it there."""
        kept = {name: text for name, text in self.registers.items() if names.hinted((name,)) != (address,)}
        return replace(self, registers=kept)

    @property
    def hints(self) -> tuple[str, ...]:
        """Further addresses under which Brevo may know the user; nobody has looked for them yet."""
        return names.hinted(self.registers)

    def attributes(self) -> dict[str, Json]:
        """Return the wanted value of each portal field."""
        wishes = ((field, self.wish(name)) for name, field in names.attributes(self.registers))
        return {field: json.loads(wish[1]) for field, wish in wishes if wish}

    def subscriptions(self) -> dict[str, tuple[str, bool]]:
        """Return since when, and whether, each newsletter that the portal named is subscribed."""
        wishes = {slug: self.wish(self._counting(slug)) for slug in self.newsletters}
        return {slug: (wish[0], wish[1] == SUBSCRIBED) for slug, wish in wishes.items() if wish}

    def subscription(self, slugs: Iterable[str]) -> tuple[str, bool] | None:
        """Return the same for one newsletter that had several slugs, or ``None``."""
        wish = self.wish(self._counting(*slugs))
        return (wish[0], wish[1] == SUBSCRIBED) if wish else None

    @property
    def newsletters(self) -> tuple[str, ...]:
        """The slugs that the portal named."""
        return names.newsletters(self.registers)

    def said_last(self, newsletter: str) -> str:
        """Return the portal's last word on a newsletter, given up or not: ``s``, ``u`` or an empty text."""
        return value(self._text(self._counting(newsletter)))

    def _counting(self, *slugs: str) -> str:
        """Return which register of a newsletter counts."""
        both = [names.both_clocks(slug) for slug in slugs]
        own, reported = both[0]
        if len(both) > 1:
            own = max((own for own, _ in both), key=self._text)
            reported = max((reported for _, reported in both), key=self._text)
        stamped, said = self._text(own), self._text(reported)
        return own if resolve(stamped, said, self.tolerance) == stamped else reported

    def _text(self, register: str) -> str:
        return self.registers.get(register, "")

    def registers_of(self, key: EventKey) -> frozenset[str]:
        """Return the registers of which an event has the last word; events of one moment share them."""
        if not self._by_moment:
            for name, text in self.registers.items():
                self._by_moment.setdefault(moment(text), set()).add(name)
        return frozenset(self._by_moment.get(key.stamp, ()))

    def attributes_of(self, key: EventKey) -> frozenset[str]:
        """Return the portal fields of which an event has the last word."""
        return frozenset(field for _, field in names.attributes(self.registers_of(key)))

    def opt_outs(self, account: str) -> dict[str, str]:
        """Return the kinds of opt-outs that an account reported, and the last moment of each."""
        return {kind: stamp for kind, stamp in self._reported_by(account) if kind in KINDS}

    def list_opt_outs(self, account: str) -> dict[int, str]:
        """Return the lists that reported opt-outs of an account named, and the last moment of each."""
        opt_outs = ((kind.partition(_OF_LIST), stamp) for kind, stamp in self._reported_by(account))
        return {int(number): stamp for (before, _, number), stamp in opt_outs if not before and number.isdecimal()}

    def _reported_by(self, account: str) -> Iterator[tuple[str, str]]:
        reported = ((name.rpartition(":"), stamp) for name, stamp in self.reported.items())
        return ((kind, stamp) for (where, _, kind), stamp in reported if where == account)

    def accepted_at(self, key: EventKey) -> int | None:
        """Return when an event without an outcome was accepted, in microseconds by Redis' clock."""
        moment = self.pending.get(key, "").partition(":")[2]
        return int(moment) if moment.isdecimal() else None

    def not_known_since(self, stamp: str, now: str) -> Self:
        """Return the same contact with an outcome unknown since a moment; empty: every outcome is known."""
        ahead = self.unknown_since if self.unknown_since > now else ""
        return replace(self, unknown_since=stamp, stepped=max(self.stepped, ahead) if stamp else "")

    def quiet_left(self, now: str, seconds: float) -> float:
        """Return how much of a quiet period is left, until which a request of unknown outcome may still be applied.

        Redis' clock may be put back, and forth again: the period must be over by both.
        """
        began = (min(self.unknown_since, now) or now, self.stepped)
        return max(seconds - seconds_since(moment, now) for moment in began if moment and moment <= now)

    def overtaken(self, key: EventKey) -> bool:
        """Return whether newer events have replaced every wish of this one."""
        if key.task == "anonymize_contact":
            return False
        if self.erased:
            return True
        if key.task not in _WISHES:
            return not self.registers_of(key)
        return moment(self._text(self._counting(key.newsletter))) != key.stamp

    def contradicted(self, key: EventKey) -> bool:
        """Return whether the portal wants the opposite of what an event said of its newsletter."""
        return key.task in _WISHES and self.said_last(key.newsletter) not in {"", _WISHES[key.task]}
