"""The safety catch: what would take more from people than one expects of a night waits for somebody to look. Pure."""

LEAST = 50
SHARE = 0.02


def most_changes(compared: int, told: int | None) -> int:
    """Return how many may lose a subscription or be erased without anybody asking."""
    return told if told is not None else max(LEAST, int(compared * SHARE))
