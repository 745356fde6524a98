"""A person by id: what the portal wishes, what Brevo is known to hold, and what happened; masked unless asked for."""

from sync_tasks.monitoring.people import find_owner, find_user
from sync_tasks.monitoring.portrait import paint
from sync_tasks.monitoring.sides import IN_FULL, Masks
from sync_tasks.monitoring.timeline import read_timeline
from sync_tasks.operate.pages import HtmlPage, Move
from sync_tasks.operate.visit import Visit, link_to_user
from sync_tasks.state.audit import UNMASKED, note_deed
from sync_tasks.texts import normal_address

_NOBODY = "Nothing is known of this user."


def show_person(visit: Visit) -> HtmlPage:
    """Show the person of an id, or ask whom to show."""
    user_id = visit.query.get("user", "")
    return _show(visit, find_user(visit.store, user_id), Masks()) if user_id else _ask("")


def find_person(visit: Visit) -> HtmlPage | Move:
    """Lead to the person of an id or an address; an address stands in the form alone, never in a URL."""
    given = visit.value("who")
    if not given:
        return _ask("Whom? Give an id or an address.")
    if "@" not in given:
        # What was typed may be a name or a number: only the id of somebody who is known stands in a URL.
        user_id = find_user(visit.store, given)
        known = paint(visit.store, visit.settings, user_id, Masks(), None) is not None
        return Move(link_to_user(user_id)) if known else _ask(_NOBODY, 404)
    try:
        owner = find_owner(visit.store, normal_address(given))
    except ValueError:
        return _ask("This is no address.")
    return Move(link_to_user(owner)) if owner else _ask("Nobody has this address.")


def unmask_person(visit: Visit) -> HtmlPage:
    """Show a person in full, once, and note who saw them."""
    user_id = find_user(visit.store, visit.value("user"))
    if not user_id or visit.store.peek(user_id) is None:
        return _ask(_NOBODY, 404)
    note_deed(visit.store, visit.operator.name, UNMASKED, user_id)
    return _show(visit, user_id, IN_FULL)


def _show(visit: Visit, user_id: str, masks: Masks) -> HtmlPage:
    portrait = paint(visit.store, visit.settings, user_id, masks, None)
    if portrait is None:
        return _ask(_NOBODY, 404)
    timeline = read_timeline(visit.store, user_id)
    return HtmlPage("person.html", {"portrait": portrait, "timeline": timeline, "unmasked": masks is IN_FULL})


def _ask(trouble: str, status: int = 200) -> HtmlPage:
    return HtmlPage("people.html", {"trouble": trouble}, status)
