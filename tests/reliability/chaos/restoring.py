"""Redis gets a backup of the middle of the run back under running workers: whoever left must not come back."""

import time
from collections.abc import Iterator
from typing import Any, cast

from sync_tasks.state.holds import read_hold
from tests.reliability.chaos.run import READY_WITHIN, Run
from tests.support.processes import wait_until

# So long the workers may do what they like with the restored state, and as long again after a comparison.
WATCHED = 8.0


def find_undone(run: Run) -> Iterator[str]:
    """Restore the backup, have everything compared, and yield who came back onto a list or is no longer anonymized."""
    if run.backup is None:
        yield "no backup was made"
        return
    world, before = run.world, _read(run)
    run.backup.restore(world.store.redis)
    try:
        wait_until(lambda: read_hold(world.store), "the state is on hold", READY_WITHIN)
    except AssertionError as error:
        yield str(error)
        return
    time.sleep(WATCHED)
    world.reconcile().process.wait(READY_WITHIN)
    time.sleep(WATCHED)
    for number, (lists, anonymized) in _read(run).items():
        had, was_anonymized = before.get(number, (frozenset[int](), False))
        if lists - had:
            yield f"contact {number} is on lists {sorted(lists - had)} again"
        if was_anonymized and not anonymized:
            yield f"contact {number} is no longer anonymized"


def _read(run: Run) -> dict[int, tuple[frozenset[int], bool]]:
    held = cast("list[dict[str, Any]]", run.world.brevo.contacts())
    return {one["id"]: (frozenset(one["listIds"]), str(one["email"]).startswith("deleted-")) for one in held}
