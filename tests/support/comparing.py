"""A comparison, and the workers that repair what it found."""

from sync_tasks.reconcile.history import Run
from sync_tasks.reconcile.run import Scope, reconcile
from tests.support.pipeline import Pipeline

CALM = Scope(max_changes=1000)


def compare(pipeline: Pipeline, scope: Scope = CALM) -> list[Run]:
    runs = reconcile(pipeline.resources, scope)
    pipeline.work()
    return runs


def found(pipeline: Pipeline, scope: Scope = CALM) -> dict[str, int]:
    """Return what a comparison of the only account finds, and let the workers repair it."""
    (run,) = compare(pipeline, scope)
    return run.found
