"""The experiments: what is done to the probe's own two contacts, and which answer that gives to which question.

Each goes on from where the one before left: the first contact is on no list and not blocked until ``change_address``.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from sync_tasks.domain.events import Json
from sync_tasks.errors import ProbeBudgetError, RejectedContactError
from sync_tasks.probe.cleanup import attributes_of, is_ours, wait_for
from sync_tasks.probe.journal import Made, MadeJournal
from sync_tasks.providers.brevo.probe_desk import ProbeDesk, Row
from sync_tasks.providers.brevo.questions import (
    ACCEPTED,
    AS_SENT,
    BY_EMPTY_TEXT,
    BY_NULL,
    DROPPED,
    KEPT,
    LIFTED,
    NO,
    NOT_AT_ALL,
    OTHERWISE,
    REFUSED,
    YES,
)
from sync_tasks.rate_limits.import_lock import ImportLock

# Seconds between two looks for an import: as long in all as the pipeline waits, and a little longer. Each look is one
# of the few requests of a probe, and "usually within a minute" an import has ended, by Brevo's help.
GAPS = (1.0, 3.0, 8.0, 18.0, 30.0, 40.0, 45.0)
# So many seconds later a look that found nothing is made again: an index may lag.
AGAIN = 3.0
_NOTHING = (None, "")
# A number that Ofcom keeps for fiction: it is nobody's. https://www.ofcom.org.uk/phones-and-broadband/phone-numbers
PHONE = "+447700900123"
VALUES: Mapping[str, Json] = {"text": "  Probe ", "number": 3.5, "date": "2020-02-29", "boolean": True}


@dataclass(frozen=True, slots=True)
class FoundAnswer:
    """An answer, and what was seen; nothing of a person."""

    answer: str
    seen: str = ""


@dataclass(slots=True, repr=False)
class Bench:
    """What the experiments work with, and what they have found.

    ``outcome_unknown``: of the last request. ``stored``: the kinds of values that the first contact got.
    ``import_gaps``: after how many gaps the first import was shown; the second one is looked for no earlier.
    """

    desk: ProbeDesk
    journal: MadeJournal
    made: Made
    erased_address: str
    imports: ImportLock
    rest: Callable[[float], None]
    now: Callable[[], float]
    found: dict[str, FoundAnswer] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    stored: list[str] = field(default_factory=list)
    outcome_unknown: bool = False
    import_gaps: int = 1

    @property
    def first(self) -> int:
        """The id of the first contact."""
        return self.made.ids[0]

    def note(self, question: str, answer: str, seen: str = "") -> None:
        """Take down an answer."""
        self.found[question] = FoundAnswer(answer, seen)

    def shown(self) -> Row:
        """Return the first contact as Brevo shows it; one that was just created may take a moment.

        Raises:
            RejectedContactError: Brevo does not show it; then no answer is known.
        """
        shown: list[Row] = []

        def look() -> bool:
            found = self.desk.show(self.first) or {}
            shown.append(found)
            whole = isinstance(found.get("attributes"), dict) and isinstance(found.get("emailBlacklisted"), bool)
            return whole and found.get("id") == self.first and is_ours(found, self.made)

        if not wait_for(look, GAPS[:2], self.rest):
            raise RejectedContactError(f"contact {self.first}: Brevo does not show it")
        return shown[-1]

    def values(self) -> Mapping[str, Json]:
        """Return the attributes of the first contact."""
        return attributes_of(self.shown())

    def twice(self, look: Callable[[], bool]) -> str:
        """Return whether a look finds something, at once or a little later."""
        if look():
            return YES
        self.rest(AGAIN)
        return YES if look() else NO


def create(bench: Bench) -> None:
    """Create the first contact: how are values kept, what is shown?"""
    made = bench.made
    made.expected = 1
    bench.journal.note(made)
    attributes = {made.attribute(kind): value for kind, value in VALUES.items()}
    marked = {**attributes, made.attribute("run"): made.token}
    made.ids.append(bench.desk.make_contact(made.addresses[0], made.ext_id(1), marked))
    bench.journal.note(made)
    shown = bench.shown()
    held = attributes_of(shown)
    bench.stored = [kind for kind in VALUES if held.get(made.attribute(kind)) not in _NOTHING]
    for kind in ("text", "number", "date"):
        if kind in bench.stored:
            _note_stored(bench, f"stored_{kind}", VALUES[kind], held.get(made.attribute(kind)))
    if "ext_id" in shown:
        bench.note("ext_id_shown", "field")
    else:
        bench.note("ext_id_shown", "attribute" if "EXT_ID" in held else "nowhere")
    bench.note("list_opt_outs", YES if isinstance(shown.get("listUnsubscribed"), list) else NO)


def _note_stored(bench: Bench, question: str, sent: Json, held: Json) -> None:
    same = type(held) is type(sent) and held == sent
    bench.note(question, AS_SENT if same else OTHERWISE, "" if same else f"{sent!r} became {held!r}"[:60])


def clear(bench: Bench) -> None:
    """Clear a value of each type by an empty text, and what is left by null."""
    names = {kind: bench.made.attribute(kind) for kind in bench.stored}
    left = _clear_by(bench, names, "", BY_EMPTY_TEXT)
    left = _clear_by(bench, left, None, BY_NULL)
    for kind in left:
        bench.note(f"clear_{kind}", NOT_AT_ALL)


def _clear_by(bench: Bench, names: Mapping[str, str], empty: Json, answer: str) -> Mapping[str, str]:
    """Clear attributes, together or else each alone, and return those that still hold something."""
    if not names:
        return names
    if not bench.desk.write(bench.first, attributes=dict.fromkeys(names.values(), empty)):
        for name in names.values() if len(names) > 1 else ():
            bench.desk.write(bench.first, attributes={name: empty})
    held = bench.values()
    left = {kind: name for kind, name in names.items() if held.get(name) not in _NOTHING}
    for kind in names.keys() - left.keys():
        bench.note(f"clear_{kind}", answer)
    return left


def phone(bench: Bench) -> None:
    """Set a phone number that is nobody's, and clear it."""
    if not bench.desk.write(bench.first, attributes={"SMS": PHONE}):
        return
    held = bench.values().get("SMS")
    if held in _NOTHING:
        return
    _note_stored(bench, "stored_phone", PHONE, held)
    left = _clear_by(bench, {"phone": "SMS"}, "", BY_EMPTY_TEXT)
    if _clear_by(bench, left, None, BY_NULL):
        bench.note("clear_phone", NOT_AT_ALL)


def unlink(bench: Bench) -> None:
    """Leave a list that the contact is not on."""
    done = bench.desk.write(bench.first, unlinkListIds=[bench.made.list_id])
    bench.note("unlink", YES if done else NO)


def look(bench: Bench) -> None:
    """Look for the first contact in each way."""
    desk, address, ext_id = bench.desk, bench.made.addresses[0], bench.made.ext_id(1)
    bench.note("address_look", bench.twice(lambda: (desk.show_address(address) or {}).get("id") == bench.first))
    bench.note("ext_id_look", bench.twice(lambda: (desk.show_ext_id(ext_id) or {}).get("id") == bench.first))
    # Brevo may ignore a filter that it does not know, and show everybody.
    found = bench.twice(lambda: [one.get("id") for one in desk.filter_by_address(address)] == [bench.first])
    bench.note("address_filter", found)


def change_address(bench: Bench) -> None:
    """Block the contact, and change its address with the block and without it."""
    one, other = bench.made.addresses[:2]
    blocked = _block(bench)
    changed = blocked and bench.desk.write(bench.first, attributes={"EMAIL": other}, emailBlacklisted=True)
    blocked = changed and (_note_block(bench, "block_sent_along", bench.shown()) or _block(bench))
    # Without a change before it this one would be none.
    changed = bench.desk.write(bench.first, attributes={"EMAIL": one})
    if changed and blocked and not _note_block(bench, "block_left_alone", bench.shown()):
        _block(bench)


def _block(bench: Bench) -> bool:
    return bench.desk.write(bench.first, emailBlacklisted=True)


def _note_block(bench: Bench, question: str, shown: Row) -> bool:
    """Note whether the first contact is still blocked, and return it."""
    kept = shown.get("emailBlacklisted") is True
    bench.note(question, KEPT if kept else LIFTED)
    return kept


def import_new(bench: Bench) -> None:
    """Import the second contact as the pipeline does, along with the first, which is there already and blocked."""
    made = bench.made
    blocked = _expect_address(bench)
    second = _import(bench, _rows_of_both(made), partial(_find_second, bench), updating=False)
    if second is None:
        return
    made.ids.append(second["id"])
    bench.journal.note(made)
    kept = attributes_of(second).get(made.attribute("boolean")) is True
    bench.note("import_booleans", KEPT if kept else DROPPED)
    if made.imported:
        return
    first = bench.shown()
    if isinstance(lists := first.get("listIds"), list):
        bench.note("import_joins", YES if made.list_id in lists else NO)
    if blocked and not _note_block(bench, "import_block", first):
        _block(bench)


def import_again(bench: Bench) -> None:
    """Import the first contact as the pipeline never does: with new values."""
    if "text" not in bench.stored:
        return
    blocked = _expect_address(bench)
    name = bench.made.attribute("text")
    rows: list[Json] = [{"email": bench.made.addresses[0], "attributes": {name: "imported"}}]

    def find() -> Row | None:
        shown = bench.shown()
        return shown if attributes_of(shown).get(name) == "imported" else None

    if _import(bench, rows, find, updating=True) is not None and blocked:
        _note_block(bench, "updating_import_block", bench.shown())


def _expect_address(bench: Bench) -> bool:
    """Return whether the first contact is blocked.

    Raises:
        RejectedContactError: it has another address than an import would name; that would create a third contact.
    """
    shown = bench.shown()
    if str(shown.get("email")).lower() != bench.made.addresses[0]:
        raise RejectedContactError(f"contact {bench.first}: it has another address")
    return shown.get("emailBlacklisted") is True


def _rows_of_both(made: Made) -> list[Json]:
    first: dict[str, Json] = {made.attribute("run"): made.token}
    second: dict[str, Json] = {**first, made.attribute("boolean"): True, "EXT_ID": made.ext_id(2)}
    return [
        {"email": address, "attributes": values}
        for address, values in zip(made.addresses, (first, second), strict=False)
    ]


def _find_second(bench: Bench) -> Row | None:
    members = bench.desk.show_members(bench.made.list_id or 0)
    others = (one for one in members if isinstance(one.get("id"), int) and one["id"] != bench.first)
    return next((one for one in others if is_ours(one, bench.made)), None)


def _import(bench: Bench, rows: list[Json], find: Callable[[], Row | None], *, updating: bool) -> Row | None:
    """Import, and return what it is known by once it is there; nothing while others import, or if it takes too long.

    ``made.imported`` stays set as long as it is not seen to be over.
    """
    if bench.made.imported or not wait_for(bench.imports.acquire, GAPS, bench.rest):
        return None
    made = bench.made
    known, made.expected = made.expected, 2
    made.imported, made.process = bench.now(), None
    bench.journal.note(made)
    try:
        made.process = bench.desk.import_rows(rows, made.list_id or 0, updating=updating)
        bench.journal.note(made)
        found = _await(bench, find)
        if found is not None and _is_over(bench):
            made.imported = 0.0
            bench.journal.note(made)
    except ProbeBudgetError:
        if made.process is None:
            # Nothing was sent.
            made.imported, made.expected = 0.0, known
            bench.journal.note(made)
        raise
    finally:
        bench.imports.release()
    return found


def _await(bench: Bench, find: Callable[[], Row | None]) -> Row | None:
    started = time.monotonic()
    known = bench.import_gaps
    for gaps, gap in enumerate((sum(GAPS[:known]), *GAPS[known:]), known):
        bench.rest(gap)
        if found := find():
            bench.import_gaps, seconds = gaps, time.monotonic() - started
            if "import_time" not in bench.found:
                bench.note("import_time", "in time", f"{seconds:.0f} s")
            return found
    bench.note("import_time", "longer", f"more than {time.monotonic() - started:.0f} s")
    return None


def _is_over(bench: Bench) -> bool:
    """Return whether the import has ended; the contacts it was to leave alone have had their turn then."""
    process = bench.made.process
    return process is not None and wait_for(lambda: bool(bench.desk.is_over(process)), GAPS[:2], bench.rest)


def send_elsewhere(bench: Bench) -> None:
    """Give the contact addresses that are nobody's: which does Brevo accept?"""
    name = f"probe-{bench.made.token}"
    ascii_domain, letters = f"{name}@xn--bcher-kva.example.com", f"{name}@b\u00fccher.example.com"
    # Brevo may take an address and answer otherwise.
    bench.made.addresses += [bench.erased_address, f"{name}@example.com", ascii_domain, letters]
    bench.journal.note(bench.made)
    _note_address(bench, "erased_address", bench.erased_address)
    _note_address(bench, "example_address", f"{name}@example.com")
    # If the same domain in ASCII is accepted, the letters are the reason.
    if bench.desk.write(bench.first, attributes={"EMAIL": ascii_domain}):
        _note_address(bench, "unicode_domain", letters)


def _note_address(bench: Bench, question: str, address: str) -> None:
    accepted = bench.desk.write(bench.first, attributes={"EMAIL": address})
    bench.note(question, ACCEPTED if accepted else REFUSED)


# In this order; ``questions`` says what each asks.
EXPERIMENTS: tuple[tuple[str, Callable[[Bench], None]], ...] = (
    ("creating a contact", create),
    ("a phone number", phone),
    ("clearing values", clear),
    ("leaving a list", unlink),
    ("looking for a contact", look),
    # An import that is under way would create a contact anew whose address has changed since.
    ("other addresses", send_elsewhere),
    ("changing an address", change_address),
    ("an import", import_new),
    ("a second import", import_again),
)


def run_experiments(bench: Bench) -> Iterator[str]:
    """Do all experiments; yield the name of each before it begins. Without a contact there is nothing to try."""
    for name, experiment in EXPERIMENTS:
        yield name
        try:
            experiment(bench)
        except RejectedContactError as error:
            if not bench.made.ids:
                raise
            bench.refused.append(f"{name}: {error}")
