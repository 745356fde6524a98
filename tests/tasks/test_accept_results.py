"""What `.delay()` answers."""

import pytest

from sync_tasks.tasks.accept import Accepted
from sync_tasks.tasks.app import app


@pytest.mark.parametrize("ask", ["get", "wait", "ready", "successful", "failed", "state", "status", "result"])
def test_there_are_no_results_and_whoever_asks_hears_so(ask: str) -> None:
    accepted = Accepted("one", app=app)
    with pytest.raises(NotImplementedError, match=r"there are no results: .*'sync-tasks contact'"):
        getattr(accepted, ask)()
    assert accepted.id == "one"
