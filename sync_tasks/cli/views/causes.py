"""Dead letters by cause, as a table."""

from typing import TYPE_CHECKING

from sync_tasks.cli.output import age_of, escaped, lay_out, print_table, say, suggest
from sync_tasks.domain.timestamps import show_age
from sync_tasks.texts import count

if TYPE_CHECKING:
    from sync_tasks.monitoring.causes import Cause


def print_causes(causes: "list[Cause]") -> None:
    """Print each cause with one of its letters, and what to do."""
    if not causes:
        say("no dead letters")
        return
    letters = sum(cause.letters for cause in causes)
    table = lay_out(f"{count(letters, 'dead letter')}, {count(len(causes), 'cause')}", "Letters", "Since", "What to do")
    for cause in causes:
        text = f"{cause.sample.error}: {cause.sample.message}\n→ {cause.advice}\n  such as {cause.sample.id}"
        lines = "\n".join(map(escaped, text.split("\n")))
        table.add_row(f"{cause.letters:,}", show_age(age_of(cause.sample.failed_at)), lines)
    print_table(table)
    suggest("once mended: [bold]sync-tasks failed replay --error CLASS[/]")
