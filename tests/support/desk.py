"""What an operator types, and a pipeline that gives them something to see."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from sync_tasks.cli import app
from sync_tasks.state.dead_letters import DeadLetter
from tests.support.pipeline import Pipeline

KEY = "xkeysib-a-secret"
# Whatever holds this is personal.
MARK = "zzmarked"
CONFIGURATION = """
[newsletters.daily]
list_id = 3
unsubscribed_attribute = "DAILY_UNSUBSCRIBED"
[newsletters.weekly]
list_id = 5
[attributes]
first_name = "FIRSTNAME"
"""


def run(*words: str, typed: str | bytes | None = None) -> Result:
    """Run one command to its end."""
    return CliRunner().invoke(app, list(words), input=typed)


@dataclass
class Desk:
    """Runs commands for a pipeline whose worker the test itself is."""

    pipeline: Pipeline
    configuration: Path

    def run(self, *words: str, typed: str | bytes | None = None, exits: int = 0) -> str:
        """Return what a command printed; it must end with this exit status and show neither person nor key."""
        done = run(*words, typed=typed)
        assert done.exit_code == exits, f"exit {done.exit_code}: {done.output}"
        assert "Traceback" not in done.output
        assert KEY not in done.output
        assert MARK not in done.output or "--show-personal-data" in words
        return done.output

    def read(self, *words: str, exits: int = 0) -> Any:  # noqa: ANN401 - whatever JSON holds
        """Return what a command printed for programs: the items of a list, else its document."""
        document = json.loads(self.run(*words, "--json", exits=exits))
        assert isinstance(document["troubles"], list)
        if "items" in document:
            assert set(document) == {"items", "troubles"}
            return document["items"]
        return document

    def fail(self, user_id: str, task: str = "unsubscribe") -> DeadLetter:
        """Let an event of a user nobody knows become a dead letter, and return it."""
        said = {"first_name": MARK} if task == "update" else {"newsletter": "daily"}
        getattr(self.pipeline, task)(user_id, **said)
        self.pipeline.work()
        (letter,) = (letter for letter in self.pipeline.letters() if letter.user_id == user_id)
        return letter
