"""A change that Brevo refuses as a whole is sent in part: one bad value holds nothing else back."""

from collections.abc import Callable

from sync_tasks.domain.diff import NUMBERS, Change
from sync_tasks.domain.refused_parts import rejected, sound_rests, without_number
from sync_tasks.errors import DuplicateContactError, MissingContactError, MissingListError, RejectedContactError


def send_in_parts(
    send: Callable[[Change], object], change: Change, *, sure: bool, with_address: frozenset[int] = frozenset()
) -> tuple[Change, RejectedContactError | None]:
    """Send a change; if Brevo refuses it, send ever less. Return what Brevo has taken, and why not all of it.

    The error is a ``RejectedPartError`` if Brevo has taken all but the named parts; ``sure`` and ``with_address`` as in
    ``sound_rests``.

    Raises:
        MissingContactError: there is no such contact.
        MissingListError: Brevo lacks one of the lists; without it the change may be sound.
    """
    try:
        send(change)
    except (MissingContactError, MissingListError):
        raise
    except RejectedContactError as error:
        return _send_less(send, change, error, sure=sure, with_address=with_address)
    return change, None


def _send_less(
    send: Callable[[Change], object],
    change: Change,
    error: RejectedContactError,
    *,
    sure: bool,
    with_address: frozenset[int],
) -> tuple[Change, RejectedContactError | None]:
    identifiers = error.identifiers if isinstance(error, DuplicateContactError) else ()
    for rest in sound_rests(change, identifiers, sure=sure, with_address=with_address):
        try:
            if rest.change:
                send(rest.change)
        except (MissingContactError, MissingListError):
            raise
        except DuplicateContactError as other:
            if NUMBERS.isdisjoint(rest.change.attributes):
                return Change(), without_number(other)
        except RejectedContactError:
            continue
        else:
            return rest.change, rejected(rest.left_out, change) if rest.left_out else None
    return Change(), error
