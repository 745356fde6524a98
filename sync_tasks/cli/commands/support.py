"""``sync-tasks unsubscribe`` and ``erase``: what somebody asks for on the telephone, as ordinary events."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from sync_tasks.cli.connections import open_store
from sync_tasks.cli.options import By, UserId, Yes
from sync_tasks.cli.output import ask, complain, escaped, give_up, say, suggest
from sync_tasks.cli.users import Address, pick_user
from sync_tasks.errors import ConfigurationError
from sync_tasks.texts import escaped as one_line

if TYPE_CHECKING:
    from sync_tasks.config.settings import Settings
    from sync_tasks.domain.events import Event
    from sync_tasks.state.store import Store


Newsletters = Annotated[list[str] | None, typer.Argument(metavar="[NEWSLETTER]...")]
All = Annotated[bool, typer.Option("--all", help="All newsletters of the configuration.")]


def unsubscribe(
    user_id: UserId = None,
    newsletters: Newsletters = None,
    *,
    address: Address = None,
    every: All = False,
    yes: Yes = False,
    by: By,
) -> None:
    """Unsubscribe a user from newsletters, as the portal does: it holds whatever Brevo has.

    With `--address` all words are newsletters. Exit 1 if nothing is known of the user.
    """
    from sync_tasks.config.settings import load_settings

    settings = load_settings()
    words = [*([user_id] if user_id and address is not None else []), *(newsletters or [])]
    slugs = _choose(settings, words, every=every)
    with open_store() as store:
        user = _find(store, None if address is not None else user_id, address)
        if not yes:
            ask(f"unsubscribe user {user} from {', '.join(slugs)}?")
        _accept(store, user, by, _opt_outs(user, slugs))


def erase(user_id: UserId = None, *, address: Address = None, yes: Yes = False, by: By) -> None:
    """Have all personal data of a user anonymized, for good, as the portal does for a deleted user.

    Exit 1 if nothing is known of the user.
    """
    from sync_tasks.domain.events import Anonymize

    with open_store() as store:
        user = _find(store, user_id, address)
        if not yes:
            ask(f"anonymize user {user} everywhere, for good?")
        _accept(store, user, by, [Anonymize.model_construct(user_id=user)])


def _choose(settings: "Settings", words: list[str], *, every: bool) -> list[str]:
    if every == bool(words):
        raise typer.BadParameter("which newsletters? Name them, or --all, and not both")
    if unknown := [word for word in words if word not in settings.newsletters]:
        raise ConfigurationError(*(f"newsletter {word}: not in the configuration" for word in unknown))
    return list(dict.fromkeys(words)) or sorted(settings.newsletters)


def _find(store: "Store", user_id: str | None, address: str | None) -> str:
    user = pick_user(store, user_id, address)
    if user is None or store.peek(user) is None:
        erased = user is not None and store.is_erased(user)
        give_up("the user is erased already" if erased else "nothing is known of this user")
    return user


def _opt_outs(user_id: str, slugs: Iterable[str]) -> "list[Event]":
    """An id that an older release took is good enough to leave by."""
    from sync_tasks.domain.events import Unsubscribe

    return [Unsubscribe.model_construct(user_id=user_id, newsletter=slug) for slug in slugs]


def _accept(store: "Store", user_id: str, who: str, events: "list[Event]") -> None:
    """Accept each event as the portal's own, note who did it, and nudge the contact."""
    from sync_tasks.domain.contact import EventKey
    from sync_tasks.domain.priority import Priority
    from sync_tasks.operate.replays import nudge
    from sync_tasks.state.audit import note_deed
    from sync_tasks.state.bulk import note_line

    users_to_nudge, done = {user_id}, list[str]()
    for event in events:
        acceptance, about = store.accept(event), event.about or ""
        users_to_nudge |= set(acceptance.users_to_nudge)
        what, key = event.task.removesuffix("_contact"), EventKey(event.task, about, acceptance.stamp)
        note_deed(store, who, what, user_id, about)
        note_line(store, user_id, f"{key} sent by {one_line(who)}")
        done.append(f"{escaped(user_id)}: {what} {about}".rstrip() + " accepted")
    nudge(users_to_nudge, Priority.URGENT, complain)
    # Whoever reads this may be gone: all is done before.
    for line in done:
        say(line)
    suggest("see what comes of it: [bold]sync-tasks contact[/] " + escaped(user_id))
