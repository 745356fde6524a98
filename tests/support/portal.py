"""A portal in a process of its own: it reads calls from its standard input and prints what came of each."""

import json
import subprocess
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sync_tasks.local.leash import leash
from tests.support.processes import wait_until

ANSWERS_WITHIN = 30


def main() -> None:
    """Call the tasks as asked, one JSON object a line, and answer in kind."""
    for line in sys.stdin:
        print(json.dumps(_call(**json.loads(line))), flush=True)  # noqa: T201 - the answer


def _call(task: str, said: dict[str, Any], options: dict[str, Any]) -> dict[str, str]:
    import sync_tasks

    try:
        accepted = getattr(sync_tasks, task).apply_async(kwargs=said, **options)
    except Exception as error:  # noqa: BLE001 - what a portal gets to see of it
        reported = {"error": type(error).__name__, "message": str(error)}
        return reported | {"kinds": repr(type(error).__mro__), "everything": traceback.format_exc()}
    return {"id": accepted.id}


class Portal:
    """Hands events to the tasks of another process, as ``delay`` does, and returns what that process got."""

    def __init__(self, process: subprocess.Popen[bytes], answers: Path) -> None:
        self._process = process
        self._answers = answers
        self._asked = 0

    def call(self, task: str, options: Mapping[str, Any] | None = None, /, **said: object) -> dict[str, str]:
        """Return the message's ``id``, or the ``error`` that the call raised and its ``message``."""
        call = {"task": f"{task}_contact", "said": said, "options": dict(options or {})}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(call).encode() + b"\n")
        self._process.stdin.flush()
        self._asked += 1
        wait_until(lambda: self.output.count("\n") >= self._asked, "an answer of the portal", ANSWERS_WITHIN)
        answer: dict[str, str] = json.loads(self.output.splitlines()[self._asked - 1])
        return answer

    def accept(self, task: str, /, **said: object) -> str:
        """Hand in an event that must be accepted, and return the id of its message."""
        answer = self.call(task, **said)
        assert "id" in answer, f"refused: {answer}"
        return answer["id"]

    @property
    def output(self) -> str:
        """Everything the portal has printed."""
        return self._answers.read_text()


@contextmanager
def running(env: Mapping[str, str], cwd: Path, answers: Path) -> Iterator[Portal]:
    """Start a portal and end it with the block."""
    command = leash([sys.executable, "-m", "tests.support.portal"])
    with answers.open("wb") as out:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=out, env=dict(env), cwd=cwd)
    with process:
        yield Portal(process, answers)


if __name__ == "__main__":
    main()
