"""Errors, named after the situation: the class decides the outcome of the event.

Every error hands all its arguments to ``Exception`` so that it survives pickling. No message holds an address or any
other value of a person.
"""

from copy import copy
from typing import Self


class SyncError(Exception):
    """Any error of this package; if ``outcome_unknown``, Brevo may still apply the request."""

    outcome_unknown = False

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""

    def naming(self, letter_id: str) -> Self:
        """Return the same error with the id of the dead letter that it led to."""
        named = copy(self)
        named.args = (f"{self}; dead letter {letter_id}", *self.args[1:])
        return named


class ConfigurationError(SyncError):
    """The configuration is wrong; each argument is one fault in one line."""

    def __str__(self) -> str:
        return "\n".join(str(fault) for fault in self.args)


class TransientError(SyncError):
    """Trouble that may pass: the event is tried again."""


class RateLimitedError(TransientError):
    """Brevo answered 429; ``retry_after`` is the wait in seconds, ``None`` if Brevo named none."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message, retry_after)
        self.retry_after = retry_after


class ImportUnderWayError(RateLimitedError):
    """Another import of the account is under way; the contact may go with the next one."""


class TakenAlongError(RateLimitedError):
    """The contact was taken along in a request of others; its own comes next."""


class GatewayUnavailableError(TransientError):
    """Brevo could not be reached or broke down; if ``outcome_unknown``, it may still apply the request."""

    def __init__(self, message: str, *, outcome_unknown: bool = False) -> None:
        super().__init__(message)
        self.outcome_unknown = outcome_unknown


class TooEarlyError(TransientError):
    """Brevo answered 425, or does not show yet what it has confirmed: the same request is to be made a little later.

    Brevo documents the status without its cause (https://developers.brevo.com/reference/create-contact).
    """


class AddressBusyError(TransientError):
    """Another user gives the address up, but that change is still on its way."""


class LeaseLostError(TransientError):
    """The push took longer than its lease: another worker may be pushing the contact by now."""


class StateHeldError(TransientError):
    """The state is on hold, for it may be too old: a sign-up waits until a person decides."""


class PermanentError(SyncError):
    """Trying again would end the same way: the event is a dead letter at once."""


class InvalidEventError(PermanentError, ValueError):
    """The event is malformed; the message names the fields."""


class InvalidLinkError(SyncError, ValueError):
    """The token of an unsubscribe link is malformed, or signed with no secret that is valid now."""


class UnknownTaskError(PermanentError):
    """A message asks for a task that the pipeline does not have; what it said is not kept."""


class UnknownNewsletterError(PermanentError):
    """The newsletter is not in the configuration."""


class RetiredNewsletterError(PermanentError):
    """The newsletter takes no sign-ups any more."""


class UnknownContactError(PermanentError):
    """The contact cannot be found: the user was never seen, and the event brings no address."""


class RejectedContactError(PermanentError):
    """Brevo refuses this contact as it is."""


class RejectedPartError(RejectedContactError):
    """Brevo refuses some parts of this contact and has taken all others; ``parts`` are attributes of Brevo's."""

    def __init__(self, message: str, parts: tuple[str, ...]) -> None:
        super().__init__(message, parts)
        self.parts = parts


class RejectedNumberError(RejectedPartError):
    """Brevo refuses a telephone number of this contact and has taken all other values."""


class RejectedAddressError(RejectedPartError):
    """Brevo refuses the new address of this contact and has taken all other values."""


class AddressTakenError(PermanentError):
    """The pipeline knows the address as another living user's."""


class ErasedAtBrevoError(PermanentError):
    """Brevo holds a contact that we anonymized, and the state believes its user alive: a person must decide."""


class ForeignContactError(PermanentError):
    """Brevo's contact may be somebody else's, by its ``ext_id`` or an address that the portal never sent."""


class PoisonedContactError(PermanentError):
    """Handling this contact has killed its worker process again and again."""


class DuplicateContactError(RejectedContactError):
    """Another Brevo contact has one of the identifiers; ``identifiers`` names the kinds, e.g. ``email``."""

    def __init__(self, message: str, identifiers: tuple[str, ...]) -> None:
        super().__init__(message, identifiers)
        self.identifiers = identifiers


class MissingContactError(RejectedContactError):
    """Brevo has no contact of that id (any more)."""


class MissingListError(RejectedContactError):
    """Brevo accepts the contact's data, but lacks some of its lists; ``lists`` are their ids."""

    def __init__(self, message: str, lists: tuple[int, ...]) -> None:
        super().__init__(message, lists)
        self.lists = lists


class AccountError(SyncError):
    """The account is in trouble, not the contact: the account is paused and the event waits."""


class UnauthorizedError(AccountError):
    """401: the key is wrong or expired, or this machine's address is not allowed."""


class ForbiddenError(AccountError):
    """403 in JSON: the account may not do this."""


class OutOfCreditsError(AccountError):
    """402: the account's plan does not cover this."""


class LimitReachedError(AccountError):
    """400 for a contact to be created: the account may hold no more of them."""


class WrongAccountError(AccountError):
    """The key opens another account than the state knows: nothing is sent."""


class AccountPausedError(AccountError):
    """The account is paused; try again in ``seconds``."""

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message, seconds)
        self.seconds = seconds


class PartPausedError(AccountPausedError):
    """A part of the account is paused, such as creating contacts; its end wakes the waiting contacts."""

    def __init__(self, message: str, seconds: float, part: str) -> None:
        super().__init__(message, seconds)
        self.args = (message, seconds, part)
        self.part = part


class ProbeBudgetError(SyncError):
    """A probe of the account has used up the requests that it may make."""


class UnfinishedErasureError(PermanentError):
    """An erasure is not complete: it cannot be given up."""


class UnconfiguredAccountError(AccountError):
    """The state knows a contact of an account that is not in the configuration: nobody can reach it."""


class UnexpectedError(SyncError):
    """A bug; the message names class and place, but not the text, which may hold anything."""
