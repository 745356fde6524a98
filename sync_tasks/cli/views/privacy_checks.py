"""What ``sync-tasks doctor`` looks at for privacy: the secret of hashes, files, connections."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sync_tasks.cli.views.doctor_checks import Check

if TYPE_CHECKING:
    from sync_tasks.state.store import Store

# After so many seconds a night has passed without a rewrite.
LATE = 30 * 3600


def check_privacy(store: "Store") -> Iterator[Check]:
    """Say what would tell more of people than it must."""
    yield _check_secret(store)
    yield from _check_files(store)


def _check_files(store: "Store") -> Iterator[Check]:
    from sync_tasks.domain.timestamps import seconds_since, show_age
    from sync_tasks.state.disk import owed_since, read_snapshots

    snapshots, owed = read_snapshots(store), owed_since(store)
    if snapshots:
        advice = 'set save "": an old snapshot holds people who were erased since'
        yield Check("redis snapshots", "warn", f"save {snapshots}", advice)
    else:
        yield Check(
            "redis snapshots", "ok", "none" if snapshots is not None else "Redis does not tell: see SECURITY.md"
        )
    age = seconds_since(owed, store.now()) if owed else 0.0
    if age > LATE:
        advice = "beat asks for it each night: is it running, may the user BGREWRITEAOF? See SECURITY.md, Files"
        yield Check("redis files", "warn", f"hold people erased {show_age(age)} ago", advice)
    else:
        yield Check("redis files", "ok", f"rewritten tonight: {show_age(age)} owed" if owed else "hold nobody erased")


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
