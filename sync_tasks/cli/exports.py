"""A complete export of the portal, for ``sync-tasks reconcile --from``."""

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from sync_tasks.cli.backfill import moment_of_file, tell_bad_rows
from sync_tasks.cli.showing import complain, count

if TYPE_CHECKING:
    from sync_tasks.backfill.rows import Source
    from sync_tasks.reconciling.account import Tell
    from sync_tasks.reconciling.exporting import Weighed
    from sync_tasks.reconciling.remembering import Run
    from sync_tasks.reconciling.running import Scope
    from sync_tasks.settings import Settings
    from sync_tasks.work import Resources


@dataclass(frozen=True, slots=True)
class Export:
    """The rows of an export, of how many of them nothing can be made, when it was true, and whether it is complete.

    ``delete``: users whom it lacks are deleted.
    """

    source: "Source"
    bad: int
    as_of: datetime
    delete: bool = False

    def reconcile(self, using: "Resources", scope: "Scope", tell: "Tell") -> "list[Run]":
        """Compare it with the state, then both with Brevo; only what the safety catch allows is done and stays."""
        from sync_tasks.reconciling import exporting
        from sync_tasks.reconciling.running import reconcile

        weighed = exporting.weigh(self.source, self.as_of, using.store)
        self._tell(weighed)
        held = self._find_excess(weighed, using, scope)
        if held and not scope.dry_run:
            complain(f"nothing was changed: {held}")
            raise typer.Exit(1)
        exporting.bring_in(self.source, self.as_of, using.store, on_trial=scope.dry_run)
        allowed = False
        try:
            runs = reconcile(using, scope, tell)
            allowed = not scope.dry_run and not any(run.refused for run in runs)
        finally:
            if not allowed:
                exporting.take_back(self.source, using.store)
        if allowed:
            self._finish(weighed, using)
        return [replace(run, refused=run.refused or held) for run in runs]

    def _tell(self, weighed: "Weighed") -> None:
        complain(
            f"the export and the state: {count(weighed.new, 'user')} new, {weighed.changed:,} with newer wishes, "
            f"{weighed.losing:,} of them lose a subscription"
        )
        if weighed.missing:
            complain(f"{count(len(weighed.missing), 'user')} of the state missing in the export")

    def _find_excess(self, weighed: "Weighed", using: "Resources", scope: "Scope") -> str:
        """Return why the safety catch holds before anything is changed, or nothing."""
        from sync_tasks.reconciling.catching import most_changes

        told = scope.max_changes if scope.max_changes is not None else using.settings.reconcile.max_changes
        losing = weighed.losing + (len(weighed.missing) if self.delete else 0)
        most = most_changes(weighed.users, told)
        if losing <= most:
            return ""
        return (
            f"{losing} users would lose a subscription or be erased by the export, and {most} may without asking; look "
            f"at it with --dry-run, then allow it with --max-changes {losing}"
        )

    def _finish(self, weighed: "Weighed", using: "Resources") -> None:
        """Create whom Brevo does not have, and delete whom the export lacks where that is wished."""
        from sync_tasks.backfill.importing import Importing
        from sync_tasks.reconciling.exporting import delete_users

        Importing(using).run()
        if self.delete:
            delete_users(weighed.missing, self.as_of, using.store)


def open_export(path: Path, settings: "Settings", *, as_of: str | None, skip_bad_rows: bool, delete: bool) -> Export:
    """Return a checked export; every fault is told with its line, and one is enough to change nothing."""
    from sync_tasks.backfill.rows import Source, Words, check

    moment = moment_of_file(path, as_of)
    source = Source(path, Words(frozenset(settings.newsletters), frozenset(settings.attributes)))
    checked = check(source)
    tell_bad_rows(checked)
    if checked.bad and not skip_bad_rows:
        complain("nothing was changed: mend the bad rows, or leave them out with --skip-bad-rows")
        raise typer.Exit(1)
    if checked.bad and delete:
        complain("a user whose row is bad would count as deleted: mend the bad rows first")
        raise typer.Exit(2)
    if not checked.rows:
        complain("nothing was changed: there is no row in it; is it the complete export?")
        raise typer.Exit(1)
    return Export(source, checked.bad, moment, delete)
