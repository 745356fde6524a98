"""Dead letters by cause: how many, since when, one of them, and what to do."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sync_tasks.cli.output import age_of, escaped, lay_out, print_table, say, suggest
from sync_tasks.domain.timestamps import show_age
from sync_tasks.texts import count

if TYPE_CHECKING:
    from sync_tasks.cli.filters import Filter
    from sync_tasks.state.dead_letters import DeadLetter
    from sync_tasks.state.store import Store

# What an operator does about an error; each error that ends in a dead letter stands here.
ADVICE = {
    "InvalidEventError": "map the attribute and replay; or send the event again, correctly, and discard",
    "UnknownTaskError": "mend its producer, let it send one of the four events, and discard",
    "UnknownNewsletterError": "add the newsletter to the configuration, restart the workers, replay",
    "RetiredNewsletterError": "discard; or take `retired` away, restart the workers, replay",
    "UnknownContactError": "send the event again with `email`: the letter closes when it is reflected",
    "RejectedContactError": "send a corrected `update_contact`, or mend the list; replay",
    "RejectedNumberError": "send a corrected `update_contact`, or clear the number at the other contact and replay",
    "RejectedAddressError": "send an `update_contact` with an address that exists: that closes the letter",
    "RejectedPartError": "send a corrected `update_contact`, or correct the value at Brevo; replay",
    "DuplicateContactError": "clear the identifier at Brevo or in the portal; replay",
    "MissingContactError": "replay: the contact is looked for and created anew",
    "MissingListError": "create the list at Brevo, or mend `list_id` and restart the workers; replay",
    "AddressTakenError": "decide in the portal who has the address, send that; replay",
    "ErasedAtBrevoError": "send `anonymize_contact` for the user; nothing else may touch that contact",
    "ForeignContactError": "find out at Brevo whose contact it is, settle it there; replay",
    "PoisonedContactError": "find out in the log why the workers ended; replay",
    "UnfinishedErasureError": "replay: an erasure cannot be given up",
    "UnexpectedError": "a bug: the log has class and place; update, then replay",
}
_OTHERWISE = "see one of them: `sync-tasks failed show ID`"
# What differs from letter to letter of one cause: numbers and ids.
_DIGITS = re.compile(r"\d+")


@dataclass(slots=True)
class Cause:
    """Letters with one error whose texts differ in numbers alone; ``sample`` is the oldest of them."""

    sample: "DeadLetter"
    letters: int = 0
    tasks: set[str] = field(default_factory=set)
    last: str = ""

    @property
    def advice(self) -> str:
        """What to do about it."""
        return ADVICE.get(self.sample.error, _OTHERWISE)


def find_causes(store: "Store", which: "Filter") -> list[Cause]:
    """Return the causes of the letters meant, the one with most letters first."""
    from sync_tasks.cli.views.letters import find_ids
    from sync_tasks.state.dead_letters import fetch_letters

    return group_letters(fetch_letters(store, find_ids(store, which)))


def group_letters(letters: "Iterable[DeadLetter]") -> list[Cause]:
    """Return the causes of letters, the one with most letters first."""
    found: dict[tuple[str, str], Cause] = {}
    for letter in sorted(letters, key=lambda one: one.failed):
        cause = found.setdefault((letter.error, _DIGITS.sub("#", letter.message)), Cause(letter))
        cause.letters += 1
        cause.tasks.add(letter.task)
        cause.last = letter.failed
    return sorted(found.values(), key=lambda cause: -cause.letters)


def dump_cause(cause: Cause) -> dict[str, Any]:
    """Return a cause as programs get it."""
    from sync_tasks.domain.timestamps import moment_of

    return {
        "error": cause.sample.error,
        "message": cause.sample.message,
        "letters": cause.letters,
        "tasks": sorted(cause.tasks),
        "first_failed_at": cause.sample.failed_at.isoformat(),
        "last_failed_at": moment_of(cause.last).isoformat(),
        "sample": cause.sample.id,
        "advice": cause.advice,
    }


def print_causes(causes: list[Cause]) -> None:
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
