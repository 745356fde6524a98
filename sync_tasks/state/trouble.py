"""The errors of Redis that pass by themselves: only those send a message back to the queue."""

import re
from collections.abc import Iterator

_TROUBLE = re.compile(r"\b(?:MISCONF|OOM|READONLY|LOADING|MASTERDOWN|NOREPLICAS|BUSY)\b")
# As a script's error says it that lacks a right (Redis 6.2; 7.0 and later).
_RIGHTS = re.compile(r"can't (?:run this command|access)|ACL failure in script")
_RIGHT = re.compile(r"no permissions to run the '(\S+)' command")

# By the class of an error of redis-py, or by what came before it; {} is the variable that holds the URL.
_ADVICE = {
    "AuthenticationError": "it refuses the user or the password: correct {}",
    "BusyLoadingError": "wait until it has loaded its data",
    "MasterDownError": "it is a replica without its primary: start that, or name another server in {}",
    "NoPermissionError": "grant its user the right, see docker/users.conf",
    "OutOfMemoryError": "raise its maxmemory",
    "ReadOnlyError": "it is a replica: name its primary in {}, or its sentinels",
    "TimeoutError": "it hangs: look at its machine and its disk",
    "handshake": "it hangs, or speaks no TLS: then write redis:// in {}",
    "reset": "start it, or correct {}: a server with TLS is written rediss://",
}


def is_trouble(error: Exception) -> bool:
    """Return whether an error is Redis' own passing trouble: the connection, loading, read-only, memory, disk.

    Any other error comes again at every try. A script's error names its cause in its text only (Redis 7 docs,
    "Scripting with Lua").
    """
    from redis import exceptions as of_redis

    passing = (of_redis.ConnectionError, of_redis.TimeoutError, of_redis.ReadOnlyError, of_redis.OutOfMemoryError)
    known = isinstance(error, of_redis.ResponseError) and _TROUBLE.search(str(error)) is not None
    return known or isinstance(error, (*passing, of_redis.MasterDownError))


def concerns_all(error: Exception) -> bool:
    """Return whether any other event would meet this error too: trouble of Redis, or a right that is lacking."""
    return is_trouble(error) or _lacks_right(error)


def _lacks_right(error: Exception) -> bool:
    from redis.exceptions import NoPermissionError

    return isinstance(error, NoPermissionError) or _RIGHTS.search(str(error)) is not None


def lacks_disk(error: Exception) -> bool:
    """Return whether a server refuses to write since it cannot write to its disk."""
    return "MISCONF" in str(error)


def show_trouble(error: Exception) -> str:
    """Return an error of Redis in a few words that show nothing of what was sent."""
    return f"{type(error).__name__}{', it cannot write to its disk' if lacks_disk(error) else ''}"


def advise_on(error: Exception, variable: str) -> str:
    """Return what to do about a server that the URL of a variable leads to."""
    if lacks_disk(error):
        return "make room on its disk"
    name = type(error).__name__
    if denied := _RIGHT.search(str(error)):
        return f"grant its user the right to {denied[1].upper()}, see docker/users.conf"
    if _lacks_right(error):
        name = "NoPermissionError"
    if "handshake" in str(error.__context__):
        name = "handshake"
    elif isinstance(error.__context__, ConnectionResetError):
        name = "reset"
    return _ADVICE.get(name, "start it, or correct {}").format(variable)


def find_refusal(error: BaseException) -> Exception | None:
    """Return the answer of a Redis that is there and refuses us, out of an error and its causes; or ``None``."""
    return next((one for one in _causes(error) if isinstance(one, Exception) and _is_refusal(one)), None)


def _is_refusal(error: Exception) -> bool:
    from redis import exceptions as of_redis

    if isinstance(error, of_redis.ResponseError):
        return concerns_all(error)
    return isinstance(error, (of_redis.AuthenticationError, of_redis.BusyLoadingError))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def describe_refusal(error: Exception, variable: str) -> str:
    """Return one line for people about a Redis that refuses us, with what to do."""
    return f"Redis refuses ({show_trouble(error)}): {advise_on(error, variable)}"
