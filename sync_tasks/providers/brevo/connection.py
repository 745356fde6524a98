"""The settings of a connection to an account: its URL, a usable key, and the time-outs. Pure."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_result,
    stop_after_attempt,
    stop_after_delay,
    wait_random_exponential,
)

from sync_tasks.errors import ConfigurationError

# So many times as long as Brevo may be silent may a whole answer take.
WHOLE = 1.5
_KEY = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class Patience:
    """The time that one call may take, in seconds.

    ``connect`` bounds the beginning of each try, ``read`` each silence after that, and ``WHOLE`` times as much the
    answer. No further try begins after ``within`` seconds or ``tries`` tries. Between two tries lies up to one
    ``pause``, then up to two, then up to four, by chance.
    """

    connect: float = 3.0
    read: float = 10.0
    tries: int = 3
    pause: float = 0.25
    within: float = 3.0

    @property
    def longest(self) -> float:
        """The longest time of one call, without the wait for its permits; a lease must be longer."""
        return self.within + 4 * self.pause + self.connect + WHOLE * self.read

    def retrying(self, brief: Callable[[Any], bool]) -> Retrying:
        """Return a caller that repeats a function while its result is ``brief`` trouble: over in a moment, perhaps."""
        return Retrying(
            retry=retry_if_result(brief),
            wait=wait_random_exponential(multiplier=self.pause, max=4 * self.pause),
            stop=stop_after_attempt(self.tries) | stop_after_delay(self.within),
            retry_error_callback=_last_result,
        )


def _last_result(state: RetryCallState) -> Any:  # noqa: ANN401 - whatever the function returned
    return state.outcome.result() if state.outcome else None


def clean_key(key: str) -> str:
    """Return the key without the white space around it, such as the line break at the end of a file.

    With a line break inside, Python's HTTP library raises an error that quotes the key (tried with the SDK 7.6.0).

    Raises:
        ConfigurationError: the text cannot be a key; the message does not show it.
    """
    stripped = key.strip()
    if not stripped:
        raise ConfigurationError("the API key is empty")
    if not _KEY.fullmatch(stripped):
        raise ConfigurationError("the API key holds white space, a line break or an odd character")
    return stripped
