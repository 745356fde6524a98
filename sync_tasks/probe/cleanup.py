"""Removing what a probe made, and nothing else: each thing is looked at before it is deleted."""

from collections.abc import Callable, Iterable, Iterator

from sync_tasks.errors import RejectedContactError
from sync_tasks.probe.journal import KINDS, Made, MadeJournal
from sync_tasks.providers.brevo.probe_desk import ProbeDesk, Row

# How long the end of an import is waited for, in seconds between two looks.
IMPORT_GAPS = (1.0, 2.0, 5.0, 10.0, 20.0)
# An import whose process nobody knows is over by then: Brevo says "usually within a minute".
IMPORT_OVER = 600.0


def clean_up(
    desk: ProbeDesk, journal: MadeJournal, made: Made, *, now: float, rest: Callable[[float], None]
) -> list[str]:
    """Remove all that a run made, and forget it; return what is left, without anything personal.

    ``now`` in seconds since 1970, by the clock that wrote ``made.imported``.
    """
    if made.imported and not _import_is_over(desk, made, now, rest):
        return ["an import that Brevo has not ended, and all that the run made: run the probe again in ten minutes"]
    left = [*_remove_contacts(desk, made), *_remove_list(desk, made), *_remove_attributes(desk, made)]
    if not left:
        journal.end()
    return left


def _import_is_over(desk: ProbeDesk, made: Made, now: float, rest: Callable[[float], None]) -> bool:
    """What an import creates after the clean-up, nobody would ever remove."""
    process = made.process
    if process is None:
        return now > made.imported + IMPORT_OVER
    return wait_for(lambda: desk.is_over(process), IMPORT_GAPS, rest)


def wait_for(look: Callable[[], bool], gaps: Iterable[float], rest: Callable[[float], None]) -> bool:
    """Return whether a look finds what is waited for, now or after one of these gaps."""
    for gap in gaps:
        if look():
            return True
        rest(gap)
    return look()


def _remove_contacts(desk: ProbeDesk, made: Made) -> Iterator[str]:
    for contact in list(_find_contacts(desk, made)):
        contact_id = contact["id"]
        try:
            desk.remove_contact(contact_id)
        except RejectedContactError:
            yield f"contact {contact_id}, which Brevo does not delete"


def _find_contacts(desk: ProbeDesk, made: Made) -> Iterator[Row]:
    """Yield the contacts of the run that are there, each once; whose marks are not the run's is nobody's to delete."""
    seen: set[int] = set()
    for look in _looks(desk, made):
        found = look()
        if found and found.get("id") not in seen and is_ours(found, made):
            seen.add(found["id"])
            yield found
        if len(seen) >= made.expected:
            return


def _looks(desk: ProbeDesk, made: Made) -> Iterator[Callable[[], Row | None]]:
    yield from (lambda contact_id=contact_id: desk.show(contact_id) for contact_id in made.ids)
    if len(made.ids) < made.expected:
        yield from (lambda address=address: desk.show_address(address) for address in made.addresses)
        yield from (lambda number=number: desk.show_ext_id(made.ext_id(number)) for number in (1, 2))


def is_ours(contact: Row, made: Made) -> bool:
    """Return whether a contact carries the marks of the run: another person may have the address by now."""
    attributes = contact.get("attributes") or {}
    ext_ids = {contact.get("ext_id"), attributes.get("EXT_ID")}
    return attributes.get(made.attribute("run")) == made.token or bool(ext_ids & {made.ext_id(1), made.ext_id(2)})


def _remove_list(desk: ProbeDesk, made: Made) -> Iterator[str]:
    found = made.list_id if made.list_id is not None else desk.list_named(made.list_name)
    if found is None:
        return
    name = desk.name_of_list(found)
    if name == made.list_name:
        desk.remove_list(found)
    elif name is not None:
        yield f"list {found}, which has another name by now"


def _remove_attributes(desk: ProbeDesk, made: Made) -> Iterator[str]:
    there = desk.names_of_attributes()
    for name in filter(there.__contains__, map(made.attribute, KINDS)):
        try:
            desk.remove_attribute(name)
        except RejectedContactError:
            yield f"attribute {name}, which Brevo does not delete"
