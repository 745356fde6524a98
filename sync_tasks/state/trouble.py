"""Which errors of Redis pass by themselves: only those send a message back to the queue."""

import re

_TROUBLE = re.compile(r"\b(?:MISCONF|OOM|READONLY|LOADING|MASTERDOWN|NOREPLICAS|BUSY)\b")


def is_trouble(error: Exception) -> bool:
    """Tell whether an error is Redis' own trouble, which passes: the connection, loading, read-only, memory, disk.

    Any other answer comes again however often it is asked for. A script's error names its cause in its text.
    """
    from redis import exceptions as of_redis

    passing = (of_redis.ConnectionError, of_redis.TimeoutError, of_redis.ReadOnlyError, of_redis.OutOfMemoryError)
    told = isinstance(error, of_redis.ResponseError) and _TROUBLE.search(str(error)) is not None
    return told or isinstance(error, (*passing, of_redis.MasterDownError))
