"""A clock that stands still until a test moves it."""


class Clock:
    """Seconds since the epoch, as reported; it begins at a full hour, where every rate window begins too."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def pass_seconds(self, seconds: float) -> None:
        self.now += seconds
