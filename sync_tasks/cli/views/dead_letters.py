"""Dead letters as tables, each with the next step named."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sync_tasks.cli.output import age_of, escaped, lay_out, print_table, report_rest, say, suggest
from sync_tasks.domain.timestamps import show_age
from sync_tasks.texts import count

if TYPE_CHECKING:
    from sync_tasks.operate.replays import Replay
    from sync_tasks.state.dead_letters import DeadLetter

_MEANING = {
    "replayed": "on its way again",
    "overtaken": "newer events leave nothing of it",
    "lost": "never accepted, only its producer can send it again",
    "gone": "dealt with already",
    "waiting": "still on its way",
}


def print_letters(letters: "Sequence[DeadLetter]", total: int | None = None) -> None:
    """Print dead letters, how many there are in all, and what to do next."""
    if not letters:
        say("no dead letters")
        return
    table = lay_out(count(total or len(letters), "dead letter"), "ID", "Age", "Event", "User", "Newsletter", "Error")
    for letter in letters:
        table.add_row(*_cells(letter), escaped(letter.error))
    print_table(table)
    report_rest((total or len(letters)) - len(letters), "dead letter", "A filter such as --error chooses")
    suggest("see why: [bold]sync-tasks failed show ID[/]; once mended: [bold]sync-tasks failed replay ID[/]")


def print_closed(letters: "Sequence[DeadLetter]") -> None:
    """Print letters that were dealt with, and by whom."""
    if not letters:
        say("no closed letters")
        return
    title = f"{count(len(letters), 'letter')} dealt with"
    table = lay_out(title, "ID", "Age", "Event", "User", "Newsletter", "Closed", "By")
    for letter in letters:
        note = letter.closed or {}
        table.add_row(*_cells(letter), escaped(note.get("why", "")), escaped(_operator(letter)))
    print_table(table)


def _operator(letter: "DeadLetter") -> str:
    """Return who closed a letter, or whose replay led to it."""
    return (letter.closed or {}).get("by") or (letter.replayed or {}).get("by", "")


def _cells(letter: "DeadLetter") -> list[str]:
    return [
        letter.id,
        show_age(age_of(letter.failed_at)),
        escaped(letter.task.removesuffix("_contact")),
        escaped(letter.user_id or "?"),
        escaped(letter.newsletter),
    ]


def print_letter(letter: "DeadLetter") -> None:
    """Print all that is known of one letter."""
    from sync_tasks.cli.views.letters import dump_letter

    table = lay_out(f"dead letter {letter.id}", "What", "Is")
    table.show_header = False
    for name, value in dump_letter(letter).items():
        if value and name != "id":
            table.add_row(name.replace("_", " "), escaped(_line(value)))
    print_table(table)
    if not letter.closed:
        suggest(f"once the cause is mended: [bold]sync-tasks failed replay {letter.id}[/]")


def _line(value: object) -> str:
    if not isinstance(value, dict):
        return str(value)
    return f"{value.get('why', '')} {value['at']} by {value['by'] or 'the pipeline'}".strip()


def print_replays(done: "Sequence[Replay]", title: str = "replayed") -> None:
    """Print what came of replaying letters."""
    if not done:
        say("no such dead letters")
        return
    table = lay_out(title, "ID", "Event", "User", "Newsletter", "Outcome")
    for one in done:
        meaning = _MEANING.get(one.outcome)
        text = escaped(f"{one.outcome}: {meaning}" if meaning else one.outcome)
        style = "red" if one.troubled else "green"
        table.add_row(one.letter.id, *_cells(one.letter)[2:], f"[{style}]{text}[/]")
    print_table(table)
