"""What happened to one user, from all places that know of it, the newest first."""

from collections.abc import Iterator
from dataclasses import dataclass

from sync_tasks.domain.contact import Contact
from sync_tasks.domain.timestamps import moment_of
from sync_tasks.monitoring.sides import read_history
from sync_tasks.state.audit import read_audit
from sync_tasks.state.dead_letters import read_letters_of
from sync_tasks.state.store import Store


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One thing that happened: when (ISO 8601), where it is known from, and what."""

    at: str
    source: str
    what: str


def read_timeline(store: Store, user_id: str) -> list[TimelineEntry]:
    """Return events, looks, opt-outs that webhooks reported, letters, and what operators did."""
    contact = store.peek(user_id)
    found = [*_history(store, user_id), *_letters(store, user_id), *_deeds(store, user_id)]
    found += [*_waiting(contact), *_at_brevo(contact)] if contact else []
    return sorted(found, key=lambda entry: entry.at, reverse=True)


def _history(store: Store, user_id: str) -> Iterator[TimelineEntry]:
    for line in read_history(store, user_id):
        what = f"{line.task} {line.newsletter}".strip()
        yield TimelineEntry(line.at, "pipeline", f"{what} as of {_short(line.occurred_at)}: {line.outcome}")


def _letters(store: Store, user_id: str) -> Iterator[TimelineEntry]:
    for letter in read_letters_of(store, user_id):
        what = f"{letter.task} {letter.newsletter}".strip()
        yield TimelineEntry(letter.failed_at.isoformat(), "dead letter", f"{letter.id}, {what}: {letter.error}")


def _deeds(store: Store, user_id: str) -> Iterator[TimelineEntry]:
    for deed in read_audit(store, user_id):
        what = f"{deed.what} {deed.about}".strip()
        yield TimelineEntry(moment_of(deed.at).isoformat(), "operator", f"{what}, by {deed.who}")


def _waiting(contact: Contact) -> Iterator[TimelineEntry]:
    for key in contact.pending:
        what = f"{key.task} {key.newsletter}".strip()
        yield TimelineEntry(moment_of(key.stamp).isoformat(), "portal", f"{what}: on its way")


def _at_brevo(contact: Contact) -> Iterator[TimelineEntry]:
    for account, seen in contact.seen.items():
        if seen.read_at:
            yield TimelineEntry(moment_of(seen.read_at).isoformat(), "Brevo", f"account {account}: the last look")
        for kind, stamp in (seen.block.reasons if seen.block else {}).items():
            yield TimelineEntry(moment_of(stamp).isoformat(), "Brevo", f"account {account}: blocklisted, {kind}")
        for kind, stamp in contact.opt_outs(account).items():
            yield TimelineEntry(moment_of(stamp).isoformat(), "webhook", f"account {account} reported: {kind}")
        for number, stamp in contact.list_opt_outs(account).items():
            what = f"account {account} reported: unsubscribed from list {number}"
            yield TimelineEntry(moment_of(stamp).isoformat(), "webhook", what)


def _short(moment: str) -> str:
    return moment.replace("T", " ")[:19]
