"""What an account grants less than is configured, and how many requests are left of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from sync_tasks.domain.timestamps import MICROSECONDS_PER_SECOND, show_age
from sync_tasks.state.store import Store
from sync_tasks.texts import count

# Others use most of an account of which we get less than a third.
_MOST = 1 / 3
_AN_HOUR = 3600
# A shorter wait is that of the limit of a second.
_A_MOMENT = 10.0


@dataclass(frozen=True, slots=True)
class Scarcity:
    """How many requests an account lets through in each window.

    ``windows``: how many are configured, in how many microseconds. Then how many Brevo grants if that is less, and how
    many go out now. ``held``: for so many seconds nothing goes out, for Brevo refused a request for its limit.
    """

    account: str
    windows: tuple[tuple[int, int, int | None, int], ...]
    held: float = 0.0

    @property
    def share(self) -> float:
        """Which share of the configured rate goes out now."""
        return min(now / most for most, _, _, now in self.windows)

    @property
    def pace(self) -> str:
        """What to say after an account that runs, if less than the configured rate goes out."""
        return f", at {max(int(self.share * 100), 1)} % of its rate" if self.share < 1 else ""

    @property
    def alarms(self) -> Iterator[str]:
        """Yield what an operator should know, one line each."""
        if self.held > _A_MOMENT:
            yield (
                f"account {self.account}: Brevo says that the hour's requests are used up: all wait, and one is tried "
                f"in {show_age(self.held)}; see at Brevo who else uses the account"
            )
        for most, length, reported, now in self.windows:
            unit = "hour" if length >= _AN_HOUR * MICROSECONDS_PER_SECOND else "second"
            each = f"{'an' if unit == 'hour' else 'a'} {unit}"
            if reported is not None:
                yield (
                    f"account {self.account}: Brevo grants {count(reported, 'request')} {each}, "
                    f"and {most:,} are configured: "
                    f"set its requests_per_{unit} to {reported}, or ask Brevo for more"
                )
            elif now < most * _MOST:
                yield (
                    f"account {self.account}: others use most of it: {now:,} of {most:,} requests {each} "
                    f"{'gets' if now == 1 else 'get'} through: "
                    f"give them an account of their own, or lower its requests_per_{unit}"
                )


def read_budget(store: Store, scarcity: Scarcity) -> int:
    """Return how many requests are left; a window is a list of the moments of its requests, the newest first."""
    _, length, _, allowed = scarcity.windows[-1]
    name = store.key(f"granted:{scarcity.account}:contacts:{length}")
    since, low, high = int(store.now()) - length, 0, int(store.redis.llen(name))
    while low < high:
        middle = (low + high) // 2
        moment = cast("str | None", store.redis.lindex(name, middle))
        low, high = (middle + 1, high) if moment and int(moment) > since else (low, middle)
    return max(allowed - low, 0)
