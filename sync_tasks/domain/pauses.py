"""Pauses of an account: all of it, or a part in trouble while the rest goes on. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from sync_tasks.errors import ForbiddenError, LimitReachedError, OutOfCreditsError, SyncError

# The part that creates contacts. A plan that covers no more contacts stops sign-ups, and nothing else
# (https://developers.brevo.com/docs/platform-quotas).
CREATING = "creating"
# The part that is one list, followed by its id: an account that lacks it goes on with all others.
_LIST = "list "
_OF_CREATING = (OutOfCreditsError, ForbiddenError, LimitReachedError)


# What an operator does about a paused account, by the error that paused it.
_REMEDIES = {
    "UnauthorizedError": "mend the key at Brevo (SMTP & API), or allow this machine there (Security, Authorised IPs); "
    "restart the workers after a new key",
    "ForbiddenError": "settle with Brevo what the account may do",
    "OutOfCreditsError": "settle the plan with Brevo",
    "LimitReachedError": "upgrade the plan at Brevo, or delete contacts there",
    "WrongAccountError": "give the workers the key of the account that the state knows, or accept the move: "
    "`sync-tasks account accept`",
    "AccountError": "correct `base_url` or the proxy in Brevo's place; restart the workers",
    "GatewayUnavailableError": "look at Brevo's status page, at DNS, proxy and firewall of this machine; else wait",
}


@dataclass(frozen=True, slots=True)
class Pause:
    """Why an account, or a part of it, gets no requests, and since when (a stamp)."""

    error: str
    message: str
    since: str


def name_of(account: str, part: str = "") -> str:
    """Return the name of a pause in Redis: the account's, then the part."""
    return f"{account} {part}".strip()


def parts_of(names: Iterable[str], account: str) -> frozenset[str]:
    """Return the parts of one account among such names."""
    found = (name.partition(" ") for name in names)
    return frozenset(part for owner, _, part in found if owner == account and part)


def list_part(list_id: int) -> str:
    """Return the part that is one list."""
    return f"{_LIST}{list_id}"


def list_of(part: str) -> int | None:
    """Return the id of the list that a part is; ``None`` for another part."""
    return int(part.removeprefix(_LIST)) if part.startswith(_LIST) else None


def absent_lists(names: Iterable[str], account: str) -> frozenset[int]:
    """Return the lists that an account lacks, from the names of paused parts."""
    lists = map(list_of, parts_of(names, account))
    return frozenset(list_id for list_id in lists if list_id is not None)


def part_in_trouble(error: SyncError, part: str) -> str:
    """Return the part that an error pauses; an empty text for the whole account.

    402, 403 and a reached limit may concern creating alone. Brevo documents no difference, so the next request shows
    it.
    """
    return part if isinstance(error, _OF_CREATING) else ""


def describe(account: str, part: str, newsletter: str = "") -> str:
    """Return a pause in the words of log, status and doctor; ``newsletter`` is the one of that list."""
    if part == CREATING:
        return f"account {account} creates no contacts"
    if list_of(part) is not None:
        return f"newsletter {newsletter or '?'} waits: account {account} has no {part}"
    return f"account {account} is paused"


def advise(part: str, newsletter: str = "") -> str:
    """Return the advice to an operator about a pause of this part."""
    if part == CREATING:
        return "upgrade the plan at Brevo, or delete contacts there: sign-ups wait, all else goes on"
    if list_of(part) is not None:
        return f"create the list at Brevo, or name another one in newsletters.{newsletter or '?'}.list_id"
    return ""


def remedy_of(error: str) -> str:
    """Return the advice to an operator about an account that this error paused."""
    return _REMEDIES.get(error, "see the log of the workers and `sync-tasks doctor`")
