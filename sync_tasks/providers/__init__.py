"""The interface of a provider, in our own words; ``brevo/client.py`` is the only file that knows the SDK."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from sync_tasks.domain.blanks import Blanks
from sync_tasks.domain.contact import RemoteContact, UnreadContact
from sync_tasks.domain.diff import Change, NewContact
from sync_tasks.domain.events import Json
from sync_tasks.errors import SyncError

# Whom a page shows, be it no more than who it is.
ShownContact = RemoteContact | UnreadContact


@dataclass(frozen=True, slots=True)
class Capabilities:
    """A provider's numbers: ids of one list call, contacts of one page, ids of one look, bytes of one import.

    ``contacts_per_second``, ``contacts_per_hour`` and ``other_per_hour``: requests that every account may send.
    ``attribute_kinds``: the types that attributes may have.
    """

    list_call_ids: int
    page: int
    ids: int
    import_bytes: int
    contacts_per_second: float
    contacts_per_hour: int
    other_per_hour: int
    attribute_kinds: frozenset[str]


@dataclass(frozen=True, slots=True)
class Written:
    """The result of a write: the contact's numeric id.

    ``outcome_unknown``: an earlier try of the same call was never answered, so Brevo may still apply it *again*, later.
    """

    contact_id: int
    outcome_unknown: bool = False


@dataclass(frozen=True, slots=True)
class Moved:
    """The contacts that a list call surely moved; ``outcome_unknown`` as in ``Written``."""

    ids: frozenset[int]
    outcome_unknown: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class RemotePage:
    """A page of contacts, and the few of whom it does not show what must be known: nothing follows for them.

    ``total``: how many there are on all pages together, if the provider says it.
    """

    contacts: list[RemoteContact]
    unread: list[UnreadContact] = field(default_factory=list)
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Permit:
    """The permission for one request: its bucket of the account's limits, and whether it probes a paused account.

    ``part``: the part of the account that the request needs, if any. ``probes_part``: that part is paused, and this
    request is its probe. ``granted``: the moment of the grant, in seconds of the monotonic clock.
    """

    bucket: str
    part: str = ""
    probes: bool = False
    probes_part: bool = False
    granted: float = 0.0


class Gate(Protocol):
    """The limiter of an account, as a gateway sees it: asked before each request, informed after it."""

    def acquire(self, bucket: str, part: str = "") -> Permit:
        """Wait until a request of this bucket may go out, and return its permit.

        ``part`` is the part of the account that it needs, if any (see ``pauses``).

        Raises:
            RateLimitedError: the wait would be too long.
            AccountPausedError: the account, or that part of it, is paused.
        """

    def report(self, permit: Permit, error: SyncError | None) -> None:
        """Record the result of a permit's request; ``error`` is ``None`` if it went well."""

    def record_usage(self, permit: Permit, limit: int, remaining: int) -> None:
        """Record a limit and the requests left of it, by Brevo's own count."""


class OwnerCheck(Protocol):
    """The check before the first request of a process: does the key open the account that the state knows?"""

    def confirm(self, ask: Callable[[], str]) -> None:
        """Return if it does; ``ask`` asks the provider, and is called for an unknown key only.

        Raises:
            WrongAccountError: the key opens another account.
        """

    def ask_anew(self, *, surely: bool = False) -> bool:
        """Make the next ``confirm`` ask the provider anew, unless it did so lately; return whether it will."""


# What a probe has found out of an account: answers to open questions by their names; nothing if nobody has asked it.
KnownAnswers = Callable[[], Mapping[str, str]]


class OpenGate:
    """A gate that is always open."""

    def acquire(self, bucket: str, part: str = "") -> Permit:
        """Return a permit at once."""
        return Permit(bucket, part)

    def report(self, permit: Permit, error: SyncError | None) -> None:
        """Ignore the result."""

    def record_usage(self, permit: Permit, limit: int, remaining: int) -> None:
        """Ignore the count."""


class Gateway(Protocol):
    """One account of the provider.

    Every method raises ``TransientError``, ``AccountError`` or ``PermanentError`` and nothing else. After a
    ``GatewayUnavailableError`` with ``outcome_unknown`` the call may still take effect.
    """

    @property
    def capabilities(self) -> Capabilities:
        """The limits of this provider."""

    def through(self, gate: Gate) -> "Gateway":
        """Return a gateway to the same account with another gate; the sockets are shared."""

    def owner(self) -> str:
        """Return a name for the owner of the account that the key opens; costs one scarce request (100 an hour)."""

    def confirm_owner(self) -> None:
        """Ask for the account's owner now, unless it is known; without this call the first request asks.

        Raises:
            WrongAccountError: another one than the state knows.
        """

    def check_owner(self) -> None:
        """Ask again for the account's owner, even if it is known.

        Raises:
            WrongAccountError: another one than the state knows.
        """

    def create(self, contact: NewContact) -> Written:
        """Create a contact and return its id; never change an existing one.

        Raises:
            MissingListError: Brevo lacks one of the lists.
            DuplicateContactError: another contact has the address or the ``ext_id``.
        """

    def change(self, contact_id: int, change: Change) -> Written:
        """Change an existing contact in one request, and return its id.

        Raises:
            MissingContactError: there is no such contact.
            MissingListError: Brevo lacks one of the lists.
            DuplicateContactError: another contact has the new address or the new ``ext_id``.
        """

    def read(self, contact_id: int) -> RemoteContact | None:
        """Return the contact, or ``None`` if Brevo has none of that id."""

    def export(self, contact_id: int) -> Mapping[str, Json] | None:
        """Return everything that the provider shows of a contact, in its own words; for the person, not for a plan."""

    @property
    def blanks(self) -> Blanks:
        """What clears an attribute of this account, as far as this process has seen."""

    @property
    def shows_ext_ids(self) -> bool:
        """Whether the provider was seen to show an ``ext_id``; a contact without one has none then."""

    @property
    def reads_several(self) -> bool:
        """Whether one look may read several contacts, as far as is known."""

    @property
    def imports_safely(self) -> bool:
        """Whether imports are taken, and leave the blocks of who was there before, as far as is known."""

    def read_several(self, ids: Collection[int]) -> Mapping[int, RemoteContact]:
        """Return those of up to ``capabilities.ids`` contacts that can be read, without reasons of blocks."""

    def find_address(self, address: str) -> RemoteContact | None:
        """Return the contact that has this address, or ``None``.

        Raises:
            RejectedContactError: the provider cannot search for this address, so nobody knows.
        """

    def finds_addresses(self) -> bool:
        """Return whether a look by address surely finds somebody who is there."""

    def find_ext_id(self, ext_id: str) -> RemoteContact | None:
        """Return the contact that has this ``ext_id``, or ``None``."""

    def join_list(self, list_id: int, ids: Collection[int]) -> Moved:
        """Put up to ``list_call_ids`` contacts on a list and return the moved ones; others may be on it, or missing."""

    def leave_list(self, list_id: int, ids: Collection[int]) -> Moved:
        """Take up to ``list_call_ids`` contacts off a list and return the moved ones; others may be off, or missing."""

    def start_import(self, lists: Collection[int], contacts: Iterable[NewContact]) -> bool:
        """Let Brevo create many contacts, soon and on the same lists; existing contacts keep their values.

        Return whether the outcome is unknown: an earlier try was never answered, so it may happen *again*, later.

        Raises:
            RejectedContactError: nothing will be imported.
        """

    def modified_since(self, moment: datetime) -> Iterator[ShownContact]:
        """Yield the contacts changed since a moment of Brevo's clock, the last created first."""

    def all_contacts(self, most: int) -> Iterator[ShownContact]:
        """Yield all contacts, the first created first; nobody if the account is known to have more than ``most``."""

    def read_page(self, offset: int) -> RemotePage:
        """Return a page of contacts from this offset on, the first created first; empty after the last."""

    def attribute_types(self, held: Collection[str] = ()) -> Mapping[str, str]:
        """Return the account's contact attributes that can be written, name to type (``text``, ``boolean``, …).

        ``held``: names that a contact was seen to hold. Those that the account does not list have no type.
        """

    def attribute_choices(self) -> Mapping[str, frozenset[str]]:
        """Return the allowed values of attributes with fixed choices, by name; Brevo ignores any other in silence."""

    def has_list(self, list_id: int) -> bool:
        """Return whether the account has this list."""

    def list_names(self) -> Mapping[int, str]:
        """Return all lists of the account, id to name."""

    def recheck_owner(self) -> None:
        """Let the next request first ask for the account's owner, unless that happened lately.

        Call it if a contact or list that the state knows is missing: the key may open another account.
        """

    def close(self) -> None:
        """Close the sockets."""
