"""Which dead letters an operator means, by what they have in common."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from sync_tasks.cli.output import parse_age

if TYPE_CHECKING:
    from sync_tasks.state.dead_letters import DeadLetter


@dataclass(frozen=True, slots=True)
class Filter:
    """What letters must have in common; what is not given does not matter."""

    task: Annotated[str | None, typer.Option(help="Only of this task, such as subscribe_contact.")] = None
    error: Annotated[str | None, typer.Option(help="Only of this error class.", metavar="CLASS")] = None
    newsletter: Annotated[str | None, typer.Option(help="Only about this newsletter.", metavar="SLUG")] = None
    older_than: Annotated[
        timedelta | None,
        typer.Option(parser=parse_age, help="Only what failed before that, such as 7d.", metavar="AGE"),
    ] = None
    newer_than: Annotated[
        timedelta | None, typer.Option(parser=parse_age, help="Only what failed since, such as 2h.", metavar="AGE")
    ] = None
    users: frozenset[str] | None = None

    def __bool__(self) -> bool:
        return self != Filter()

    def matches(self, letter: "DeadLetter") -> bool:
        """Return whether this is one of the letters meant; ``subscribe`` will do for ``subscribe_contact``."""
        age = datetime.now(UTC) - letter.failed_at
        return (
            (self.task is None or letter.task in _spellings(self.task, "_contact"))
            and (self.error is None or letter.error in _spellings(self.error, "Error"))
            and (self.newsletter is None or letter.newsletter == self.newsletter)
            and (self.users is None or letter.user_id in self.users)
            and (self.older_than is None or age >= self.older_than)
            and (self.newer_than is None or age <= self.newer_than)
        )


def _spellings(name: str, ending: str) -> set[str]:
    plain = name.removeprefix("sync_tasks.")
    return {plain, plain + ending}
