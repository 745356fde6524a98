"""Dead letters by cause: how many, since when, one of them, and what to do."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from sync_tasks.domain.timestamps import moment_of
from sync_tasks.state.dead_letters import DeadLetter

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
# Trouble that may pass has lasted for too long, or an older release knew the error.
_OTHERWISE = "replay once the trouble is over: that is safe at any time"
# What differs from letter to letter of one cause: numbers, ids, and who has an address.
_VARIES = re.compile(r"(?<=another living user, )[^;]+|(?<![^\s()])[^\s()]*\d[^\s()]*")


@dataclass(slots=True)
class Cause:
    """Letters with one error whose texts differ in numbers and ids alone; ``sample`` is the oldest of them.

    ``failed``: the id of each to when it failed (a stamp).
    """

    sample: DeadLetter
    failed: dict[str, str] = field(default_factory=dict)
    tasks: set[str] = field(default_factory=set)

    def add(self, letter: DeadLetter) -> None:
        """Count one more of them, unless it came before."""
        self.failed[letter.id] = letter.failed
        self.tasks.add(letter.task)
        if letter.failed < self.sample.failed:
            self.sample = letter

    @property
    def letters(self) -> int:
        """How many there are."""
        return len(self.failed)

    @property
    def last(self) -> str:
        """When the newest of them failed (a stamp)."""
        return max(self.failed.values())

    @property
    def ids(self) -> list[str]:
        """The ids of all, the oldest first."""
        return sorted(self.failed, key=self.failed.__getitem__)

    @property
    def name(self) -> str:
        """What stands for it in a link."""
        return name_cause(self.sample)

    @property
    def advice(self) -> str:
        """What to do about it."""
        return ADVICE.get(self.sample.error, _OTHERWISE)


def name_cause(letter: DeadLetter) -> str:
    """Return what stands for the cause of a letter; letters of one cause have the same."""
    return sha256(f"{letter.error}|{_VARIES.sub('#', letter.message)}".encode()).hexdigest()[:12]


def group_letters(letters: Iterable[DeadLetter]) -> list[Cause]:
    """Return the causes of letters, the one with most letters first."""
    found: dict[str, Cause] = {}
    for letter in letters:
        found.setdefault(name_cause(letter), Cause(letter)).add(letter)
    return sorted(found.values(), key=lambda cause: -cause.letters)


def dump_cause(cause: Cause) -> dict[str, Any]:
    """Return a cause as programs get it."""
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
