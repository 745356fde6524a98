"""Failed tries as our own errors. Pure.

A message names method, path template, ids, status and Brevo's code. It never holds Brevo's own message, which may quote
a value.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from sync_tasks.domain.pauses import CREATING
from sync_tasks.errors import (
    AccountError,
    DuplicateContactError,
    ForbiddenError,
    GatewayUnavailableError,
    LimitReachedError,
    MissingContactError,
    OutOfCreditsError,
    RejectedContactError,
    SyncError,
    UnauthorizedError,
)
from sync_tasks.providers.brevo.requests import Call
from sync_tasks.providers.brevo.responses import Answer

_ACCOUNT: Mapping[str, type[AccountError]] = {
    "not_enough_credits": OutOfCreditsError,
    "permission_denied": ForbiddenError,
    "unauthorized": UnauthorizedError,
}


@dataclass(frozen=True, slots=True, repr=False)
class FailedTry:
    """A failed try; ``brief``: it may be over in a moment.

    ``instead``: what it was if a request without personal data gets through, and the account is well. ``quota``: what
    the answer says is left of a limit.
    """

    error: SyncError
    brief: bool = False
    instead: SyncError | None = None
    quota: tuple[int, int] | None = None

    @property
    def outcome_unknown(self) -> bool:
        """Whether Brevo may still apply what we asked for."""
        return isinstance(self.error, GatewayUnavailableError) and self.error.outcome_unknown


def describe(call: Call, answer: Answer) -> str:
    """Return the call and its answer in words fit for a log."""
    return f"{call}: {answer.status} {answer.code}".rstrip()


def refused(call: Call, answer: Answer) -> SyncError:
    """Return the error of a refused request: another contact has the identifier, or Brevo dislikes a value.

    Brevo's codes are unstable: ``duplicate_parameter`` became ``invalid_parameter`` in May 2026 (seen by other
    projects). So a code is believed only if it names the account, since that saves the event.
    """
    message = describe(call, answer)
    if answer.duplicates:
        return DuplicateContactError(f"{message} (duplicate {', '.join(answer.duplicates)})", answer.duplicates)
    if call.part == CREATING and answer.has_limit:
        return LimitReachedError(message)
    return _ACCOUNT.get(answer.code, AccountError)(message) if answer.names_account else RejectedContactError(message)


def unheard_of(message: str) -> FailedTry:
    """Return the failure of a 4xx that nobody documents: of the request alone if an impersonal one gets through."""
    error = AccountError(f"{message}: an unknown status; check the base URL and what lies between")
    return FailedTry(error, brief=True, instead=RejectedContactError(message))


def forbidden(call: Call, answer: Answer) -> FailedTry:
    """Return the failure of a 403: with a page of HTML it may be the firewall's dislike of a person's data.

    Other projects saw that; it is not measured.
    """
    message = describe(call, answer)
    walled = call.personal and not answer.is_json
    instead = RejectedContactError(f"{message}: refused by the firewall") if walled else None
    return FailedTry(ForbiddenError(message), instead=instead)


def missing(call: Call, answer: Answer) -> FailedTry:
    """Return the failure of a 404: ``document_not_found`` is a missing contact, anything else a wrong path.

    Brevo's codes are unstable, and it knows no route for some texts in a path. So if the base URL turns out to be
    right, another code is a missing contact, too; ``not_found`` and a page are this request's own trouble.
    """
    message = describe(call, answer)
    if answer.code == "document_not_found":
        return FailedTry(MissingContactError(message) if call.parts else RejectedContactError(message))
    error = AccountError(f"{message}: no such route; check the base URL")
    if not call.parts:
        return FailedTry(error)
    is_missing = answer.is_json and answer.code != "not_found"
    return FailedTry(error, instead=(MissingContactError if is_missing else RejectedContactError)(message))


def unanswered(call: Call, error: HTTPError) -> FailedTry:
    """Return the failure of a request without an answer; its outcome is unknown unless no connection was made."""
    message = f"{call}: no answer ({type(error).__name__})"
    outcome_unknown = call.writes and not isinstance(error, ConnectTimeoutError)
    return FailedTry(
        GatewayUnavailableError(message, outcome_unknown=outcome_unknown), brief=isinstance(error, NewConnectionError)
    )


def unreadable(call: Call) -> GatewayUnavailableError:
    """Return the error of a good status with an unreadable body, such as a proxy's page."""
    return GatewayUnavailableError(f"{call}: the answer cannot be read", outcome_unknown=call.writes)
