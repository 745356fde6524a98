"""The safety catch: what would do more to people than one expects of a night waits for somebody to look. Pure."""

from collections.abc import Iterable, Mapping

from sync_tasks.reconcile.drift import Drift

LEAST = 50
SHARE = 0.02


def most_changes(compared: int, limit: int | None) -> int:
    """Return to how many people each grave thing may be done without anybody asking."""
    return limit if limit is not None else max(LEAST, int(compared * SHARE))


def count_grave(drifts: Iterable[Drift]) -> dict[str, int]:
    """Return how many contacts a repair would do each grave thing to."""
    drifts = list(drifts)
    return {
        "lose a subscription or be erased": sum(drift.loses for drift in drifts),
        "leave a list that a newsletter had before": sum(drift.moves for drift in drifts),
        "have another address or ext_id": sum(drift.renames for drift in drifts),
        "be subscribed again, created again or no longer blocklisted": sum(drift.regains for drift in drifts),
    }


def find_excess(grave: Mapping[str, int], most: int) -> str:
    """Return why nothing may be changed, or nothing; each grave thing counts by itself."""
    excess = [f"{number} contacts would {what}" for what, number in grave.items() if number > most]
    if not excess:
        return ""
    return (
        f"{' and '.join(excess)}, and {most} may without asking: look at `sync-tasks reconcile --dry-run`, then allow "
        f"it with --max-changes {max(grave.values())}"
    )
