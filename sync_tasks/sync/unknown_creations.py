"""Finds on pages whom a request with an unknown outcome has created, many at once."""

from collections.abc import Collection, Iterator, Mapping
from enum import Enum
from itertools import islice

from sync_tasks.domain.batching import found_since
from sync_tasks.domain.contact import Contact, RemoteContact
from sync_tasks.domain.timestamps import CLOCK_SKEW, moment_of, seconds_since
from sync_tasks.errors import GatewayUnavailableError
from sync_tasks.providers import Gateway


class Finding(Enum):
    """What a look on pages shows of somebody: to be looked for alone, to wait for, or surely not created."""

    ALONE = "alone"
    WAITS = "waits"
    NOBODY = "nobody"


def changed_since(stamp: str | int, gateway: Gateway, people: int) -> list[RemoteContact] | None:
    """Return the contacts changed since a moment; ``None`` if these are more pages than half as many as people."""
    most = gateway.capabilities.page * max(people // 2, 1)
    changed = list(islice(gateway.modified_since(moment_of(stamp) - CLOCK_SKEW), most + 1))
    return changed if len(changed) <= most else None


def find_created(
    contacts: Collection[Contact], gateway: Gateway, now: str, quiet_seconds: float
) -> Iterator[RemoteContact | Finding]:
    """Yield for each contact, in order, who has its address by now, or what that nobody is shown means."""
    since = [moment for contact in contacts if (moment := found_since(contact)) is not None]
    changed = changed_since(min(since), gateway, len(contacts)) if len(since) == len(contacts) else None
    shown = {remote.address: remote for remote in changed or ()}
    for contact in contacts:
        quiet = seconds_since(contact.unknown_since, now) >= quiet_seconds
        absent = Finding.NOBODY if quiet else Finding.WAITS
        yield Finding.ALONE if changed is None else _unblocked(shown, contact) or absent


def _unblocked(shown: Mapping[str | None, RemoteContact], contact: Contact) -> RemoteContact | Finding | None:
    """A page does not show why a contact is blocklisted."""
    remote = shown.get(contact.address)
    return Finding.ALONE if remote and remote.block else remote


def goes_on_alone() -> GatewayUnavailableError:
    """Return the error of somebody of whom a look on pages is not enough."""
    return GatewayUnavailableError("the outcome of the creation is unknown, and a page does not show it; looking alone")
