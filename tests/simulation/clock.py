"""Time as the simulation has it."""

from datetime import datetime

from sync_tasks.domain.timestamps import moment_of


class Clock:
    """Microseconds since 1970; they pass only where somebody says so."""

    def __init__(self, microseconds: int) -> None:
        self.microseconds = microseconds

    def now(self, skew: float = 0.0) -> datetime:
        """Return the time as a machine has it whose clock is so many seconds ahead."""
        return moment_of(self.microseconds + int(skew * 1_000_000))

    @property
    def seconds(self) -> float:
        return self.microseconds / 1_000_000
