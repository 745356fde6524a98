"""Why a try failed, and which of our errors that is. Pure.

A message names method, path template, ids, status and Brevo's code; never Brevo's own message, which may quote a value.
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

_BLAMED: Mapping[str, type[AccountError]] = {
    "not_enough_credits": OutOfCreditsError,
    "permission_denied": ForbiddenError,
    "unauthorized": UnauthorizedError,
}


@dataclass(frozen=True, slots=True, repr=False)
class FailedTry:
    """What a failed try comes to; ``brief`` may be over in a moment, ``walled`` is a firewall's page for an answer."""

    error: SyncError
    brief: bool = False
    walled: bool = False

    @property
    def outcome_unknown(self) -> bool:
        """Whether Brevo may still apply what we asked for."""
        return isinstance(self.error, GatewayUnavailableError) and self.error.outcome_unknown


def tell(call: Call, answer: Answer) -> str:
    """Return what happened, fit for a log."""
    return f"{call}: {answer.status} {answer.code}".rstrip()


def refused(call: Call, answer: Answer) -> SyncError:
    """Return the error of a refused request: another contact has the identifier, or else the values do not please.

    A code that speaks of the account is believed, since that saves the event.
    """
    told = tell(call, answer)
    if answer.duplicates:
        return DuplicateContactError(f"{told} (duplicate {', '.join(answer.duplicates)})", answer.duplicates)
    if call.part == CREATING and answer.tells_limit:
        return LimitReachedError(told)
    return _BLAMED.get(answer.code, AccountError)(told) if answer.blames_account else RejectedContactError(told)


def missing(call: Call, answer: Answer) -> SyncError:
    """Return the error of a 404: a contact is missing only if Brevo says that a document is, else the path is wrong."""
    told = tell(call, answer)
    if answer.code != "document_not_found":
        return AccountError(f"{told}: no such route; check the base URL")
    return MissingContactError(told) if call.parts else RejectedContactError(told)


def unanswered(call: Call, error: HTTPError) -> FailedTry:
    """Return the fault of a request without an answer; it is doubtful unless no connection was ever made."""
    told = f"{call}: no answer ({type(error).__name__})"
    outcome_unknown = call.writes and not isinstance(error, ConnectTimeoutError)
    return FailedTry(
        GatewayUnavailableError(told, outcome_unknown=outcome_unknown), brief=isinstance(error, NewConnectionError)
    )


def unreadable(call: Call) -> GatewayUnavailableError:
    """Return the error of a good status with a body that tells nothing, such as a proxy's page."""
    return GatewayUnavailableError(f"{call}: the answer cannot be read", outcome_unknown=call.writes)
