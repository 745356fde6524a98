"""What importing the tasks costs a portal, in fresh interpreters.

Celery and pydantic load their parts when these are first used, so ``import celery, pydantic`` alone loads next to
nothing: beside it, only ``import sync_tasks``, which does the same, can be compared. What a portal pays that *uses*
them is a task and a model.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator

from benchmarks.measuring import Comparison, compare

TIMES = 15
TARGET = 1.25
NOTHING = "import sync_tasks"
TASK = "import sync_tasks; from sync_tasks import subscribe_contact"
LIBRARIES = "import celery, pydantic"
PLAIN_TASK = """
from celery import Celery
from pydantic import BaseModel
class Subscribe(BaseModel):
    user_id: str
    newsletter: str
    email: str
app = Celery("plain", broker="redis://localhost")
@app.task
def subscribe(**wire): pass
subscribe.name
"""
_TIMED = "import time; start = time.perf_counter()\n{code}\nprint(time.perf_counter() - start)"
_LOADED = "{code}\nimport sys; print('sib_api_v3_sdk' in sys.modules)"


def measure_imports(times: int = TIMES) -> Iterator[Comparison]:
    """Yield what both take, nothing used, then one task used."""
    pairs: list[tuple[str, str, str, str, float | None]] = [
        ("`import sync_tasks`", NOTHING, "`import celery, pydantic`", LIBRARIES, TARGET),
        ("importing a task", TASK, "a plain task and a model", PLAIN_TASK, TARGET),
        ("importing a task", TASK, "`import celery, pydantic`", LIBRARIES, None),
    ]
    for what, ours, against, naive, target in pairs:
        yield compare(
            what, against, target=target, ours=_importing(ours), naive=_importing(naive), times=times, warm_up=1
        )


def loads_the_sdk() -> bool:
    """Return whether importing a task loads Brevo's SDK, which it must not."""
    return _run(_LOADED.format(code=TASK)) == "True"


def _importing(code: str) -> Callable[[int], float]:
    return lambda _: float(_run(_TIMED.format(code=code)))


def _run(code: str) -> str:
    # Installed packages come with their bytecode; without it only ours would be compiled anew each time.
    env = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=env).stdout.strip()
