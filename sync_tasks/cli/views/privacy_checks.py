"""What ``sync-tasks doctor`` looks at for privacy: the secret of hashes, files, connections."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sync_tasks.cli.views.doctor_checks import Check

if TYPE_CHECKING:
    from sync_tasks.state.store import Store


def check_privacy(store: "Store") -> Iterator[Check]:
    """Say what would tell more of people than it must."""
    yield _check_secret(store)


def _check_secret(store: "Store") -> Check:
    from sync_tasks.errors import ConfigurationError
    from sync_tasks.state.secret import check_secret, is_newest_in_force

    try:
        check_secret(store)
    except ConfigurationError as error:
        return Check("hash secret", "fail", "another one is in force", str(error))
    if not store.tombstones.hashes:
        advice = "whoever has a dump can guess who was erased: `sync-tasks secret new FILE`, SYNC_STATE_SECRET_FILE"
        return Check("hash secret", "warn", "lies in Redis", advice)
    if not is_newest_in_force(store):
        advice = "once every part has it: `sync-tasks secret use`"
        return Check("hash secret", "warn", "the newest is not in force", advice)
    return Check("hash secret", "ok", "outside Redis")
