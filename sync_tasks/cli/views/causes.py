"""Dead letters by cause, as a table."""

from typing import TYPE_CHECKING

from sync_tasks.cli.output import age_of, escaped, lay_out, print_table, say, suggest
from sync_tasks.domain.timestamps import show_age
from sync_tasks.texts import count

if TYPE_CHECKING:
    from sync_tasks.cli.filters import Filter
    from sync_tasks.monitoring.causes import Cause
    from sync_tasks.state.store import Store


def find_causes(store: "Store", which: "Filter") -> "list[Cause]":
    """Return the causes of the letters meant, the one with most letters first."""
    from sync_tasks.cli.views.letters import find_ids
    from sync_tasks.monitoring.causes import group_letters
    from sync_tasks.state.dead_letters import fetch_letters

    return group_letters(fetch_letters(store, find_ids(store, which)))


def print_causes(causes: "list[Cause]") -> None:
    """Print each cause with one of its letters, and what to do."""
    if not causes:
        say("no dead letters")
        return
    letters = sum(cause.letters for cause in causes)
    table = lay_out(f"{count(letters, 'dead letter')}, {count(len(causes), 'cause')}", "Letters", "Since", "What to do")
    for cause in causes:
        text = f"{cause.sample.error}: {cause.sample.message}\n→ {cause.advice}\n  such as {cause.sample.id}"
        table.add_row(f"{cause.letters:,}", show_age(age_of(cause.sample.failed_at)), escaped_lines(text))
    print_table(table)
    suggest("once mended: [bold]sync-tasks failed replay --error CLASS[/]")


def escaped_lines(text: str) -> str:
    """Return lines so that a terminal shows them as they are."""
    return "\n".join(map(escaped, text.split("\n")))
