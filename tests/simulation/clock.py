"""Time as the simulation has it."""


class Clock:
    """Microseconds since 1970; they pass only where somebody says so."""

    def __init__(self, microseconds: int) -> None:
        self.microseconds = microseconds

    @property
    def seconds(self) -> float:
        return self.microseconds / 1_000_000
