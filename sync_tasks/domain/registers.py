"""Registers: what the portal wishes, each value with its moment in one text. Pure.

A register is one text: 16 digits of microseconds, then the value. So the newest register is the greatest text. Of two
with the same moment the greater value wins everywhere alike. ``u`` (unsubscribed) is greater than ``s`` (subscribed):
a tie unsubscribes.

A subscription has two registers, one for each clock: ``n:<newsletter>`` holds what Redis' clock stamped,
``t:<newsletter>`` what came with a moment of its own. Each merges by itself; ``resolve`` says which one counts.

``address``, ``erased``, ``a:<portal field>``, ``c:<newsletter>``, ``n:<newsletter>`` and ``t:<newsletter>`` are
registers. ``erased`` holds who requested it, or nothing. ``c:`` holds the proof of consent to a subscription, or ``~``
since an unsubscription ended it.

``h:<address>`` is a hint: a further address under which Brevo may know the user, until it was looked for. Only this
module makes and takes apart their names and texts; ``state.codec`` knows how they lie in Redis.
"""

from collections.abc import Iterable, Iterator, Mapping

STAMP = 16
SUBSCRIBED, UNSUBSCRIBED = "s", "u"
ADDRESS, ERASURE = "address", "erased"
HINTED = "1"
# Greater than any proof, which is a JSON object: of a tie the consent is over.
ENDED = "~"
_ATTRIBUTE, _CONSENT, _HINT = "a:", "c:", "h:"
_OWN, _REPORTED = "n:", "t:"
CLOCKS = (_OWN, _REPORTED)


def moment(text: str) -> str:
    """Return the stamp of a register's text, or nothing of an empty one."""
    return text[:STAMP]


def value(text: str) -> str:
    """Return the value of a register's text, or nothing of an empty one."""
    return text[STAMP:]


def subscription(slug: str) -> str:
    """Return the register of a subscription that Redis' clock stamps."""
    return _OWN + slug


def both_clocks(slug: str) -> tuple[str, str]:
    """Return the two registers of a subscription, the one that Redis' clock stamps first."""
    return _OWN + slug, _REPORTED + slug


def by_clock(values: Mapping[str, str], *, reported: bool) -> dict[str, str]:
    """Return what an event says by the registers of the clock that stamped it; ``reported``: it had a moment."""
    return {
        _REPORTED + name[len(_OWN) :] if reported and name.startswith(_OWN) else name: text
        for name, text in values.items()
    }


def attribute(name: str) -> str:
    """Return the register of a portal field."""
    return _ATTRIBUTE + name


def consent(slug: str) -> str:
    """Return the register of the proof of consent to a newsletter."""
    return _CONSENT + slug


def is_consent(register: str) -> bool:
    """Return whether this is the register of a proof of consent."""
    return register.startswith(_CONSENT)


def consents(registers: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield newsletter and proof of each consent that no unsubscription has ended."""
    held = ((name[len(_CONSENT) :], value(text)) for name, text in registers.items() if is_consent(name))
    return ((slug, proof) for slug, proof in held if proof != ENDED)


def hint(address: str) -> str:
    """Return the name of a hint at an address."""
    return _HINT + address


def is_hint(register: str) -> bool:
    """Return whether this is the name of a hint."""
    return register.startswith(_HINT)


def is_subscription(register: str) -> bool:
    """Return whether this is a subscription, by either clock."""
    return register.startswith(CLOCKS)


def is_personal(register: str) -> bool:
    """Return whether the value of this register is about a person: an address or an attribute."""
    return register == ADDRESS or register.startswith(_ATTRIBUTE)


def is_kept_when_erased(register: str) -> bool:
    """Return whether an erasure leaves this register: it says who is to be looked for."""
    return register in {ADDRESS, ERASURE} or is_hint(register)


def is_register(name: str) -> bool:
    """Return whether a name is one of a register or a hint."""
    return name in {ADDRESS, ERASURE} or name.startswith((_ATTRIBUTE, _CONSENT, _HINT, *CLOCKS))


def hinted(names: Iterable[str]) -> tuple[str, ...]:
    """Return the addresses of the hints among these names, in order."""
    return tuple(sorted(name[len(_HINT) :] for name in names if is_hint(name)))


def newsletters(names: Iterable[str]) -> tuple[str, ...]:
    """Return the newsletters of the subscriptions among these names."""
    return tuple(dict.fromkeys(name[len(_OWN) :] for name in names if is_subscription(name)))


def attributes(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield register and portal field of the attributes among these names."""
    return ((name, name[len(_ATTRIBUTE) :]) for name in names if name.startswith(_ATTRIBUTE))


def resolve(own: str, reported: str, tolerance: int) -> str:
    """Return which of a subscription's two registers counts: the newer one, or of a tie the unsubscription.

    ``own`` was stamped by Redis' clock, ``reported`` by another: nobody knows which came first of two moments that lie
    closer than ``tolerance`` (microseconds). Either may be empty.
    """
    if own and reported and abs(int(moment(own)) - int(moment(reported))) < tolerance:
        return max(own, reported, key=lambda text: (value(text) == UNSUBSCRIBED, text))
    return max(own, reported)
