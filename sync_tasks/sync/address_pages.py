"""Looks on the account's pages for the contacts of people of whom the state knows an address alone.

A page shows of a contact what a look by its address shows, but for the reason of a block.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from sync_tasks.domain.contact import RemoteContact, UnreadContact
from sync_tasks.domain.mapping import AccountMapping
from sync_tasks.errors import GatewayUnavailableError
from sync_tasks.providers import Gateway
from sync_tasks.sync.account import AccountPush

# Pages are read if they are at most one for so many people. Each who is looked for alone takes one request.
PEOPLE_A_PAGE = 10


def find_on_pages(
    addresses: Sequence[str], gateway: Gateway, mapping: AccountMapping, keep: Callable[[], None]
) -> Mapping[str, RemoteContact]:
    """Return the contacts that pages show at these addresses. Whoever is missing may exist all the same.

    Contacts move from page to page while these are read. An address that two people name is theirs to settle. Nobody
    is returned if the account has too many pages, or if they may hide what shows another owner. ``keep`` is called with
    each page, and keeps what must not run out.
    """
    page = gateway.capabilities.page
    wanted = {address for address, times in Counter(addresses).items() if times == 1}
    found, twice, shows_ext_ids = dict[str, RemoteContact](), set[str](), False
    try:
        for number, remote in enumerate(gateway.all_contacts(len(addresses) // PEOPLE_A_PAGE * page)):
            if number % page == 0:
                keep()
            if isinstance(remote, UnreadContact):
                twice.add(remote.address or "")
                continue
            shows_ext_ids |= remote.ext_id is not None
            if remote.address in wanted and found.setdefault(remote.address, remote).id != remote.id:
                # One contact gave up the address and another one took it meanwhile.
                twice.add(remote.address)
    except GatewayUnavailableError:
        # Brevo's proxy may run out of patience with pages each time: everybody is looked for alone.
        return {}
    if not shows_ext_ids and (gateway.shows_ext_ids or mapping.ext_ids.shared):
        return {}
    return {address: remote for address, remote in found.items() if address not in twice}


def take_over(push: AccountPush, remote: RemoteContact | None, read_at: str) -> bool:
    """Take a contact of a page for the user's if a look by its address would surely say the same; return whether."""
    mine = {None, *push.mapping.ext_ids.all_of(push.lease.user_id)}
    if remote is None or remote.block or remote.ext_id not in mine or push.ownership.is_disputed(remote):
        return False
    push.take_found(remote, read_at)
    return True
