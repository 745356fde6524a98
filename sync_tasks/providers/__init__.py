"""What we ask of a provider, in our own words; ``brevo/client.py`` is the only file that knows the SDK."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sync_tasks.domain.contact import RemoteContact
from sync_tasks.domain.diff import Change, NewContact
from sync_tasks.errors import SyncError


@dataclass(frozen=True, slots=True)
class Capabilities:
    """A provider's numbers: ids of one list call, contacts of one page, bytes of one import."""

    list_call_ids: int
    page: int
    import_bytes: int


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a write: the contact's numeric id.

    ``outcome_unknown`` means that an earlier try of the same call was never answered: Brevo may still apply it *again*,
    later.
    """

    contact_id: int
    outcome_unknown: bool = False


@dataclass(frozen=True, slots=True)
class Moved:
    """Which contacts a list call surely moved; ``outcome_unknown`` as above."""

    ids: frozenset[int]
    outcome_unknown: bool = False


@dataclass(frozen=True, slots=True)
class Permit:
    """A request may go out: in which bucket of the account's limits, and whether it probes a paused account.

    ``part`` is what the request needs beside the account; ``probes_part``: that is paused, and this is its probe.
    ``granted`` is a moment of the monotonic clock.
    """

    bucket: str
    part: str = ""
    probes: bool = False
    probes_part: bool = False
    granted: float = 0.0


class Gate(Protocol):
    """What a gateway asks before each request of its account, and reports to after it."""

    def acquire(self, bucket: str, part: str = "") -> Permit:
        """Return a permit once a request that counts in this bucket of the account's limits may go out.

        ``part`` is what it needs beside the account itself (see ``pauses``).

        Raises:
            RateLimitedError: that would take too long to wait for.
            AccountPausedError: the account is paused, or that part of it.
        """

    def report(self, permit: Permit, error: SyncError | None) -> None:
        """Take note of how the request of a permit went."""

    def record_usage(self, permit: Permit, limit: int, remaining: int) -> None:
        """Take note of what is left of a limit by Brevo's own count."""


class OwnerCheck(Protocol):
    """What a gateway asks before the first request of a process: is it the account that the state knows?"""

    def confirm(self, ask: Callable[[], str]) -> None:
        """Return if it is; ``ask`` asks the provider, which is done for an unknown key alone.

        Raises:
            WrongAccountError: it is another one.
        """

    def doubt(self, *, surely: bool = False) -> bool:
        """Have the provider asked anew at the next ``confirm``, unless that was done lately; tell whether it will."""


class KnownAnswers(Protocol):
    """What a probe has found out of an account."""

    def read(self) -> Mapping[str, str]:
        """Return the answers to open questions by their names; nothing where nobody asked this very account."""


class NothingKnown:
    """What is known of an account that nobody has probed."""

    def read(self) -> Mapping[str, str]:
        """Return nothing."""
        return {}


class OpenGate:
    """A gate that is always open."""

    def acquire(self, bucket: str, part: str = "") -> Permit:
        """Let the request go."""
        return Permit(bucket, part)

    def report(self, permit: Permit, error: SyncError | None) -> None:
        """Forget it."""

    def record_usage(self, permit: Permit, limit: int, remaining: int) -> None:
        """Forget it."""


class Gateway(Protocol):
    """One account of the provider.

    Every method raises ``TransientError``, ``AccountError`` or ``PermanentError`` and nothing else. A
    ``GatewayUnavailableError`` that is ``outcome_unknown`` says that the call may still take effect.
    """

    @property
    def capabilities(self) -> Capabilities:
        """The numbers of this provider."""

    def through(self, gate: Gate) -> "Gateway":
        """Return the same way to the account, through another gate; the sockets are shared."""

    def owner(self) -> str:
        """Return what stands for the owner of the account that the key opens; one request of the scarce kind."""

    def confirm_owner(self) -> None:
        """Ask whose account this is, unless that is known; otherwise the first request does so.

        Raises:
            WrongAccountError: another one than the state knows.
        """

    def check_owner(self) -> None:
        """Ask again whose account this is.

        Raises:
            WrongAccountError: another one than the state knows.
        """

    def create(self, contact: NewContact) -> Written:
        """Create a contact that does not exist yet; an existing one is never touched.

        Raises:
            MissingListError: Brevo lacks one of the lists.
            DuplicateContactError: another contact has the address or the ``ext_id``.
        """

    def change(self, contact_id: int, change: Change) -> Written:
        """Change an existing contact in one request.

        Raises:
            MissingContactError: there is no such contact.
            MissingListError: Brevo lacks one of the lists.
            DuplicateContactError: another contact has the new address or the new ``ext_id``.
        """

    def read(self, contact_id: int) -> RemoteContact | None:
        """Return the contact, or nothing where Brevo has none of that id."""

    def find_address(self, address: str) -> RemoteContact | None:
        """Return the contact that has this address, searched without putting the address in a path."""

    def find_ext_id(self, ext_id: str) -> RemoteContact | None:
        """Return the contact whose ``ext_id`` this is."""

    def join_list(self, list_id: int, ids: Collection[int]) -> Moved:
        """Put contacts on a list, see ``Capabilities`` for how many; the unconfirmed may be on it, or missing."""

    def leave_list(self, list_id: int, ids: Collection[int]) -> Moved:
        """Take contacts off a list, see ``Capabilities`` for how many; the unconfirmed may be off it, or missing."""

    def start_import(self, lists: Collection[int], contacts: Iterable[NewContact]) -> bool:
        """Let Brevo create many contacts, soon and on the same lists; contacts it has keep their values.

        Return whether that is doubtful: an earlier try was never answered, so it may happen *again*, later.

        Raises:
            RejectedContactError: nothing will be imported.
        """

    def modified_since(self, moment: datetime) -> Iterator[RemoteContact]:
        """Yield the contacts changed since then, by Brevo's clock, the last created first."""

    def read_page(self, offset: int) -> list[RemoteContact]:
        """Return a page of contacts from this place on, the first created first."""

    def attribute_types(self) -> Mapping[str, str]:
        """Return the account's contact attributes that can be written, name to type (``text``, ``boolean``, …)."""

    def attribute_choices(self) -> Mapping[str, frozenset[str]]:
        """Return the values that attributes with fixed choices take, by name; Brevo ignores any other in silence."""

    def has_list(self, list_id: int) -> bool:
        """Tell whether the account has this list."""

    def list_names(self) -> Mapping[int, str]:
        """Return all lists of the account, id to name."""

    def doubt_owner(self) -> None:
        """Ask before the next request whose account this is, unless that was asked lately: a contact is not ours."""

    def close(self) -> None:
        """Give the sockets back."""
