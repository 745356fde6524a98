"""What replicas confirm: an event may count as accepted once so many of them have it."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from redis import Redis

# So many milliseconds may they take.
CONFIRMED_WITHIN = 1000


def run_confirmed(run: "Callable[..., object]", redis: "Redis", replicas: int) -> object:
    """Return what a script returns, once so many replicas have what it wrote.

    Raises:
        redis.TimeoutError: too few have it in time; it may get lost.
    """
    if not replicas:
        return run()
    from redis import TimeoutError as LateError

    # WAIT is about what was written on its own connection.
    with redis.client() as one:  # type: ignore[no-untyped-call]
        answer = run(client=one)
        confirmed = int(one.wait(replicas, CONFIRMED_WITHIN))
    if confirmed < replicas:
        raise LateError(f"{confirmed} of {replicas} replicas have the event; it may get lost, so call again")
    return answer
