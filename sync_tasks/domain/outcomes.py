"""The outcome of each event after a push: reflected, a dead letter, or waiting for the next try. Pure."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Self

from sync_tasks.domain.contact import Contact, EventKey, RemoteState
from sync_tasks.domain.mapping import PortalMapping
from sync_tasks.domain.refused_parts import concerns_part
from sync_tasks.errors import (
    InvalidEventError,
    LeaseLostError,
    PartPausedError,
    PermanentError,
    RateLimitedError,
    RejectedPartError,
    RetiredNewsletterError,
    StateHeldError,
    SyncError,
    TakenAlongError,
    TransientError,
    UnknownNewsletterError,
)


class Outcome(StrEnum):
    """The outcome of an event: one word for log, history, command line, Flower and documentation.

    ``sentence`` says when an event gets it.
    """

    sentence: str

    def __new__(cls, word: str, sentence: str) -> Self:
        """Return the member of this word."""
        member = str.__new__(cls, word)
        member._value_, member.sentence = word, sentence
        return member

    SYNCED = "synced", "Brevo agrees with everything that the event says"
    NOT_FOUND = (
        "not found",
        "there is no contact that the event could change: the user never had one, or it is gone at Brevo",
    )
    JOINED = "joined", "another worker is pushing this contact at the moment and handles this event, too"
    SUPERSEDED = "superseded", "newer events left nothing of this one; nothing was sent"
    UNCHANGED = "unchanged", "there was nothing to do (any more)"
    DEFERRED = (
        "deferred",
        "not now: the state remembers when to try again; in Flower the task is in retry, with the reason",
    )
    DEAD_LETTER = "dead letter", "a permanent error: a person must look; in Flower the task has failed"
    TRIED_AGAIN = (
        "tried again",
        "trouble that may pass; the log says in how many seconds, in Flower the task is in retry",
    )

    @classmethod
    def parse(cls, text: str) -> str:
        """Return the present word of a stored line; up to release 0.1 ``synced`` was stored as ``done``."""
        return cls.SYNCED.value if text == "done" else text


@dataclass(frozen=True, slots=True)
class Outcomes:
    """The result of a push: every event that had no outcome, and what comes next.

    ``done``: events that are over, each with its outcome. ``resolved``: the dead letters that the push resolved.
    ``retry_in``: seconds until the next try, if there is one. ``users_to_nudge``: users to look at.
    ``users_with_rest``: those of them who have left a list, so that what is left is not urgent. ``busy``: another
    worker is pushing the contact and handles everything accepted so far.
    """

    done: Mapping[EventKey, Outcome] = field(default_factory=dict)
    dead: Mapping[EventKey, SyncError] = field(default_factory=dict)
    waiting: Mapping[EventKey, SyncError] = field(default_factory=dict)
    resolved: frozenset[EventKey] = frozenset()
    retry_in: float | None = None
    users_to_nudge: frozenset[str] = frozenset()
    users_with_rest: frozenset[str] = frozenset()
    busy: bool = False

    def then(self, later: Self) -> Self:
        """Return these outcomes and those of a later push of the same contact, which has the last word."""
        news = later.done.keys() | later.dead.keys() | later.waiting.keys()
        return replace(
            later,
            done={key: outcome for key, outcome in self.done.items() if key not in news} | dict(later.done),
            dead={key: error for key, error in self.dead.items() if key not in news} | dict(later.dead),
            resolved=self.resolved | later.resolved,
            users_to_nudge=self.users_to_nudge | later.users_to_nudge,
            users_with_rest=self.users_with_rest | later.users_with_rest,
        )


def decide_outcomes(
    contact: Contact,
    mapping: PortalMapping,
    seen: Mapping[str, RemoteState],
    errors: Mapping[str, SyncError],
    *,
    expired: bool,
    lacking: Mapping[str, str] = MappingProxyType({}),
    nobody: Collection[str] = (),
    unflagged: Collection[str] = (),
) -> Outcomes:
    """Return the outcomes of the contact's events; ``expired``: trouble of this contact has lasted too long.

    ``lacking``: the newsletters whose lists do not exist, each with the name of its pause. ``nobody``: the accounts at
    which no contact of the user was found. ``unflagged``: the newsletters whose attribute at Brevo does not yet say
    that the user left them.
    """
    done, dead, waiting = dict[EventKey, Outcome](), {}, {}
    held_back = {
        key: PartPausedError(f"newsletter {key.newsletter!r} waits: its list does not exist", 0.0, "list")
        for key in (*contact.pending, *contact.dead)
        if _holds_back(key, contact, lacking)
    }
    for key in contact.pending:
        error = held_back.get(key) or find_error(key, contact, mapping, seen, errors, unflagged=unflagged)
        if error is None:
            found = Outcome.NOT_FOUND if _finds_nobody(key, mapping, seen, nobody) else Outcome.SYNCED
            done[key] = Outcome.SUPERSEDED if contact.contradicted(key) else found
        elif isinstance(error, PermanentError) or (expired and is_own(error)):
            dead[key] = error
        else:
            waiting[key] = error
    letters = contact.dead.keys() - contact.pending.keys() - held_back.keys()
    resolved = {key for key in letters if find_error(key, contact, mapping, seen, errors, unflagged=unflagged) is None}
    return Outcomes(done, dead, waiting, frozenset(resolved))


def _finds_nobody(key: EventKey, mapping: PortalMapping, seen: Iterable[str], nobody: Collection[str]) -> bool:
    """Return whether an event found no contact to change, on the account of its newsletter or on any."""
    account = mapping.account_of(key.newsletter) if key.newsletter else None
    return account in nobody if account else bool(nobody) and set(seen) <= set(nobody)


def _holds_back(key: EventKey, contact: Contact, lacking: Mapping[str, str]) -> bool:
    """Return whether an event waits for a list that does not exist; only sign-ups wait, as nobody need leave it."""
    if key.task != "subscribe_contact" or key.newsletter not in lacking or contact.erased:
        return False
    wish = contact.subscription([key.newsletter])
    return wish is not None and wish[1]


def is_own(error: SyncError) -> bool:
    """Return whether trouble is the contact's own: not its account's, and not a used-up limit."""
    others = RateLimitedError | LeaseLostError | StateHeldError
    return isinstance(error, TransientError) and not isinstance(error, others)


def find_error(
    key: EventKey,
    contact: Contact,
    mapping: PortalMapping,
    seen: Mapping[str, RemoteState],
    errors: Mapping[str, SyncError],
    *,
    unflagged: Collection[str] = (),
) -> SyncError | None:
    """Return the error that keeps this event from being reflected; ``None`` if it is reflected."""
    if contact.erased and key.task != "anonymize_contact":
        return None
    account = mapping.account_of(key.newsletter) if key.newsletter else None
    if key.newsletter and account is None:
        return UnknownNewsletterError(f"newsletter {key.newsletter!r} is not in the configuration")
    if key.task == "unsubscribe_contact" and account:
        if isinstance(owed := errors.get(account), TakenAlongError):
            return owed
        flag = errors.get(account) if key.newsletter in unflagged else None
        left = () if contact.contradicted(key) else (*_unended(key, account, mapping, seen, errors), flag)
        return next(filter(None, left), None)
    if key.task == "subscribe_contact" and (found := mapping.find_newsletter(key.newsletter)) and found.retired:
        return RetiredNewsletterError(f"newsletter {key.newsletter!r} is retired: it takes no sign-ups any more")
    return _worst(_errors_of(key, contact, mapping, errors)) or _unmapped(key, contact, mapping)


def _unended(
    key: EventKey,
    account: str,
    mapping: PortalMapping,
    seen: Mapping[str, RemoteState],
    errors: Mapping[str, SyncError],
) -> Iterator[SyncError | None]:
    """Yield the errors that keep an opt-out from the newsletter's list and from its earlier lists."""
    newsletter = mapping.find_newsletter(key.newsletter)
    lists = ((account, newsletter.list_id), *mapping.former_lists(key.newsletter)) if newsletter else ()
    for where, number in lists:
        known = seen.get(where)
        if known is None or number in known.lists:
            yield errors.get(where)


def _errors_of(
    key: EventKey, contact: Contact, mapping: PortalMapping, errors: Mapping[str, SyncError]
) -> Iterator[SyncError]:
    """Yield the errors that concern an event: a refused part only concerns the event that brought it."""
    for error in errors.values():
        if not isinstance(error, RejectedPartError) or concerns_part(key, contact, mapping, error):
            yield error


def _worst(errors: Iterable[SyncError]) -> SyncError | None:
    """Return the error that decides: a transient one first, for nothing is final while one account waits."""
    return min(errors, key=lambda error: isinstance(error, PermanentError), default=None)


def _unmapped(key: EventKey, contact: Contact, mapping: PortalMapping) -> InvalidEventError | None:
    unmapped = sorted(contact.attributes_of(key) - set(mapping.attributes))
    if not unmapped or key.task == "unsubscribe_contact":
        return None
    return InvalidEventError(f"attributes.{', attributes.'.join(unmapped)}: mapped to no Brevo attribute")
