"""A complete export of the portal, for ``sync-tasks reconcile --from``."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from sync_tasks.cli.showing import complain, count

if TYPE_CHECKING:
    from sync_tasks.backfill.rows import Source
    from sync_tasks.reconciling.remembering import Run
    from sync_tasks.reconciling.running import Scope
    from sync_tasks.settings import Settings
    from sync_tasks.store import Store
    from sync_tasks.work import Resources


@dataclass(frozen=True, slots=True)
class Export:
    """The rows of an export, of how many of them nothing can be made, and when it was true."""

    source: "Source"
    bad: int
    as_of: datetime

    def load(self, store: "Store") -> None:
        """Bring into the state what is newer than what it holds."""
        from sync_tasks.backfill.loading import load

        load(self.source.rows(), self.as_of, store)

    def finish(self, using: "Resources", scope: "Scope", runs: "list[Run]", *, delete: bool) -> None:
        """Create whom Brevo does not have, tell who is missing in the export, and delete them where that is wished."""
        from sync_tasks.backfill.importing import Importing
        from sync_tasks.reconciling.exporting import delete_users, find_missing_users

        missing = find_missing_users(self.source, self.as_of, using.store)
        if missing:
            complain(f"{count(len(missing), 'user')} of the state missing in the export")
        if scope.dry_run or any(run.refused for run in runs):
            return
        Importing(using).run()
        if delete and missing:
            _check(len(missing), using, scope, runs)
            delete_users(missing, using.store)


def _check(missing: int, using: "Resources", scope: "Scope", runs: "list[Run]") -> None:
    from sync_tasks.reconciling.catching import most_changes

    told = scope.max_changes if scope.max_changes is not None else using.settings.reconcile.max_changes
    most = most_changes(max((run.compared for run in runs), default=0), told)
    if missing > most:
        complain(f"nobody was deleted: {missing} are more than {most}; allow it with --max-changes {missing}")
        raise typer.Exit(1)


def open_export(path: Path, settings: "Settings", *, skip_bad_rows: bool) -> Export:
    """Return a checked export; every fault is told with its line, and one is enough to change nothing."""
    from sync_tasks.backfill.rows import Source, Words, check

    if not path.is_file():
        complain(f"{path}: there is no such file")
        raise typer.Exit(2)
    source = Source(path, Words(frozenset(settings.newsletters), frozenset(settings.attributes)))
    checked = check(source)
    for bad in checked.bad_rows:
        complain(f"line {bad.line}: {bad.reason}")
    if checked.bad and not skip_bad_rows:
        complain("nothing was changed: mend the bad rows, or leave them out with --skip-bad-rows")
        raise typer.Exit(1)
    return Export(source, checked.bad, datetime.fromtimestamp(path.stat().st_mtime, UTC))
