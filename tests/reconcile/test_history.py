"""A run that is remembered: what a release before did not write is none, and nobody's id is kept."""

import json

from sync_tasks.reconcile.history import Run, read_runs, remember
from sync_tasks.state.store import Store

PLAIN = {"account": "default", "started": "1700000000000000", "seconds": 1.5, "dry_run": False}
COUNTS = {"compared": 3, "alone": 0, "losing": 0, "repaired": 0}


def test_what_was_not_written_is_none_and_what_is_not_known_is_ignored(store: Store) -> None:
    store.redis.lpush(store.key("reconciles"), json.dumps({**PLAIN, **COUNTS, "of_later": 1}))
    (run,) = read_runs(store)
    assert (run.found, run.lists, run.refused, run.resumed, run.held, run.users, run.grave) == (
        {},
        {},
        "",
        0,
        0,
        {},
        {},
    )
    assert (run.left, run.left_alone, run.broken_off) == (0, "", False)


def test_ids_are_not_kept(store: Store) -> None:
    remember(store, Run(**PLAIN, **COUNTS, users={"waiting": ["anna"]}))  # type: ignore[arg-type]
    (run,) = read_runs(store)
    assert run.users == {}
