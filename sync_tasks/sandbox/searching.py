"""Finding contacts: one by an identifier, many page by page."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import UTC, datetime

from sync_tasks.sandbox.account import SandboxAccount
from sync_tasks.sandbox.changes import ADDRESS
from sync_tasks.sandbox.contact import SandboxContact
from sync_tasks.sandbox.roll import Roll
from sync_tasks.sandbox.settings import Quirks
from sync_tasks.sandbox.wire import ApiCall, ApiRefusal, JsonObject, Reply, answer, invalid, not_found, read_number

# A number or a boolean needs no quotes.
FILTER = re.compile(r'^equals\((\w+),\s*(?:"(.*)"|([^"\s(),]+))\s*\)$', re.DOTALL)
MOST_IDS = 20
Test = Callable[[SandboxContact], bool]


def find_contact(account: SandboxAccount, call: ApiCall) -> SandboxContact:
    """Return the contact a path names, and note in the call that it is touched.

    Raises:
        Refusal: There is none, or Brevo dislikes the identifier.
    """
    contact = _look_up(account, call.params[0], call.param("identifierType"))
    if contact is None:
        raise not_found("Contact does not exist")
    call.contact_ids.append(contact.id)
    return contact


def _look_up(account: SandboxAccount, identifier: str, kind: str | None) -> SandboxContact | None:
    number = read_number(identifier)
    match kind or ("email_id" if number is None else "contact_id"):
        case "contact_id":
            return account.contacts.get(number or 0)
        case "ext_id":
            return account.ext_ids.get(identifier) if account.quirks.ext_id_look_finds else None
        case "phone_id":
            return account.phones.get(identifier.removeprefix("+").removeprefix("00"))
        case "email_id" if ADDRESS.match(identifier):
            return account.emails.get(identifier.lower()) if account.quirks.address_look_finds else None
        case "email_id":
            raise invalid("Invalid email address")
        case _:
            raise invalid("Invalid identifierType")


def show_page(account: SandboxAccount, call: ApiCall, roll: Roll, limit: int) -> JsonObject:
    """Return one page of the contacts on a roll, as the query asks for it."""
    offset, size, newest_first = read_page(call, default=50, limit=limit)
    tests, wanted = list(read_tests(call, account.quirks)), read_filter(call)
    if not tests and wanted is None:
        ids, count = roll.page(offset, size, newest_first=newest_first), len(roll)
        page = [account.contacts[number] for number in ids]
    else:
        candidates = find_candidates(account, roll, wanted)
        found = [contact for contact in candidates if all(test(contact) for test in tests)]
        page, count = found[:: -1 if newest_first else 1][offset : offset + size], len(found)
    return {"contacts": [account.show(contact) for contact in page], "count": count}


def read_page(call: ApiCall, *, default: int, limit: int) -> tuple[int, int, bool]:
    """Return offset, page size and whether the newest come first."""
    size, offset = _read_number(call, "limit", default), _read_number(call, "offset", 0)
    if size > limit:
        raise ApiRefusal(400, "out_of_range", "Limit exceeds max value")
    sort = call.param("sort") or "desc"
    if sort not in ("asc", "desc"):
        raise invalid("Invalid sort")
    return offset, size, sort == "desc"


def answer_page(call: ApiCall, name: str, numbers: Collection[int], show: Callable[[int], JsonObject]) -> Reply:
    """Return a page of what has these numbers, as the query asks for it, and how many there are."""
    offset, size, newest_first = read_page(call, default=10, limit=50)
    page = sorted(numbers, reverse=newest_first)[offset : offset + size]
    return answer(200, {name: [show(number) for number in page], "count": len(numbers)})


def read_filter(call: ApiCall) -> tuple[str, str] | None:
    """Return the attribute and the value of an ``equals`` filter."""
    text = call.param("filter")
    if text is None:
        return None
    found = FILTER.match(text)
    if found is None:
        raise invalid("Invalid filter passed")
    return found[1], found[3] if found[2] is None else found[2]


def read_tests(call: ApiCall, quirks: Quirks) -> Iterator[Test]:
    """Yield what a contact must fulfil to be listed, beside the filter."""
    if (modified := _read_time(call, "modifiedSince")) is not None:
        yield lambda contact: contact.modified > modified
    if (created := _read_time(call, "createdSince")) is not None:
        yield lambda contact: contact.created > created
    if list_ids := _read_ids(call, "listIds"):
        yield lambda contact: not list_ids.isdisjoint(contact.list_ids)
    if quirks.ids_look_finds and (ids := _read_ids(call, "ids")):
        if len(ids) > MOST_IDS:
            raise ApiRefusal(400, "out_of_range", f"At most {MOST_IDS} ids can be passed")
        yield lambda contact: contact.id in ids
    if call.param("segmentId"):
        raise invalid("Segment ID does not exist")  # the sandbox has no segments: better refused than all contacts


def find_candidates(account: SandboxAccount, roll: Roll, wanted: tuple[str, str] | None) -> Iterable[SandboxContact]:
    """Yield the contacts on a roll that a filter lets through, oldest first; by an index if there is one."""
    if wanted is None:
        return (account.contacts[number] for number in roll)
    name, value = wanted
    if name == "EMAIL" and not account.quirks.address_filter_finds:
        return []
    index = {"EMAIL": account.emails, "EXT_ID": account.ext_ids}.get(name)
    if index is not None:
        contact = index.get(value.lower() if name == "EMAIL" else value)
        return [contact] if contact and contact.id in roll else []
    contacts = (account.contacts[number] for number in roll)
    return (contact for contact in contacts if _as_text(contact.attributes.get(name)) == value)


def _as_text(value: object) -> str | None:
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def _read_number(call: ApiCall, name: str, default: int) -> int:
    text = call.param(name)
    if text is None:
        return default
    number = read_number(text)
    if number is None:
        raise invalid(f"{name} should be a positive integer")
    return number


def _read_time(call: ApiCall, name: str) -> float | None:
    text = call.param(name)
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        raise invalid(f"Invalid {name}") from None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


def _read_ids(call: ApiCall, name: str) -> frozenset[int]:
    parts = [part for value in call.query.get(name, []) for part in value.split(",")]
    numbers = frozenset(map(read_number, parts))
    if None in numbers:
        raise invalid(f"Invalid {name}")
    return frozenset(number for number in numbers if number is not None)
