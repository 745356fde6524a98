"""Which user an operator means, by an id or an address."""

from sync_tasks.state.store import Store
from sync_tasks.texts import normal_id, unicode_address


def find_user(store: Store, given: str) -> str:
    """Return the id in its normal form; one that an older release took as it was stays as it is."""
    try:
        own = normal_id(given)
    except ValueError:
        return given
    return given if own != given and store.peek(own) is None and store.peek(given) else own


def find_owner(store: Store, wanted: str) -> str | None:
    """Return the user who has an address, written as the state has it; it is looked up by its keyed hash."""
    return store.claimant(wanted) or store.claimant(unicode_address(wanted))
