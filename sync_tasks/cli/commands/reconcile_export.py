"""A complete export of the portal, for ``sync-tasks reconcile --from``."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sync_tasks.cli.files import (
    CHANGED,
    Form,
    find_excess,
    find_fault,
    find_losses,
    former_slugs,
    moment_of_file,
    report_bad_rows,
    report_weighed,
    types_at_brevo,
)
from sync_tasks.cli.output import complain, give_up
from sync_tasks.texts import count

if TYPE_CHECKING:
    from sync_tasks.backfill.preview import Extent, Weighed
    from sync_tasks.backfill.rows import Source
    from sync_tasks.reconcile.comparison import Progress
    from sync_tasks.reconcile.history import Run
    from sync_tasks.reconcile.run import Scope
    from sync_tasks.sync.context import Resources


@dataclass(frozen=True, slots=True)
class Wish:
    """What an operator wants of an export; ``delete``: users whom it lacks are deleted."""

    path: Path
    form: Form
    delete: bool


@dataclass(slots=True)
class Export:
    """The rows of an export that were checked, and when it was true.

    ``sound``: no row was bad, so that what it does not name is indeed not there.
    """

    wish: Wish
    source: "Source"
    as_of: datetime
    sound: bool
    weighed: "Weighed" = field(init=False)

    def reconcile(self, context: "Resources", scope: "Scope", report: "Progress") -> "list[Run]":
        """Compare it with the state, then both with Brevo; only what the safety catch allows is done and stays."""
        from sync_tasks.backfill import export as exporting
        from sync_tasks.backfill.preview import weigh
        from sync_tasks.reconcile.run import reconcile

        self.weighed = weigh(self.source, self.as_of, context.store, self._extent(context, scope))
        self._report()
        held = CHANGED if self.source.changed else self._find_fault(context, scope)
        if held and not scope.dry_run:
            give_up(f"nothing was changed: {held}")
        allowed = False
        try:
            exporting.bring_in(self.source, self.as_of, context.store, on_trial=scope.dry_run)
            if self.source.changed:
                give_up(f"stopped: {CHANGED}")
            runs = reconcile(context, scope, report)
            allowed = not scope.dry_run and not any(run.refused for run in runs)
        finally:
            if not allowed:
                exporting.take_back(self.source, context.store)
        if allowed:
            self._finish(context)
        return [replace(run, refused=run.refused or held) for run in runs]

    def _extent(self, context: "Resources", scope: "Scope") -> "Extent":
        """Return what the export lists completely: all that the comparison is about."""
        from sync_tasks.backfill.preview import Extent

        accounts = frozenset(context.settings.accounts)
        newsletters = {
            slug
            for slug in context.settings.newsletters
            if scope.newsletter in {"", slug} and scope.account in {"", context.settings.account_of(slug)}
        }
        return Extent(
            frozenset(newsletters) if self.sound else frozenset(),
            accounts,
            whole=True,
            was=former_slugs(context.settings),
        )

    def _report(self) -> None:
        weighed = self.weighed
        complain(
            f"the export and the state: {count(weighed.new, 'user')} new, {weighed.changed:,} with newer wishes, "
            f"{weighed.losing:,} lose a subscription"
        )
        report_weighed(weighed)
        if not self.sound:
            complain("some rows are bad: subscriptions that the export lacks are not ended")
        if weighed.missing:
            complain(f"{count(len(weighed.missing), 'user')} of the state missing in the export")

    def _find_fault(self, context: "Resources", scope: "Scope") -> str:
        """Return why the safety catch holds before anything is changed, or nothing."""
        from sync_tasks.reconcile.safety_catch import most_changes

        limit = scope.max_changes if scope.max_changes is not None else context.settings.reconcile.max_changes
        losing = self.weighed.losing + (len(self.weighed.missing) if self.wish.delete else 0)
        most = most_changes(self.weighed.users, limit)
        held = find_losses(losing, most, "lose a subscription or be erased by the export")
        return held or find_excess(self.weighed, self.wish.form.max_resubscribed, most)

    def _finish(self, context: "Resources") -> None:
        """Create whom Brevo does not have, end what the export lacks, and delete whom it lacks if that is wished."""
        from sync_tasks.backfill.export import delete_users
        from sync_tasks.backfill.import_contacts import Importing
        from sync_tasks.backfill.preview import end_lacking

        end_lacking(self.weighed.lacking, self.as_of, context.store)
        Importing(context).run()
        if self.wish.delete:
            delete_users(self.weighed.missing, self.as_of, context.store)


def open_export(wish: Wish, context: "Resources") -> Export:
    """Return a checked export; every fault is reported with its line, and one is enough to change nothing."""
    from sync_tasks.backfill.rows import check

    moment = moment_of_file(wish.path, wish.form)
    source = wish.form.open(wish.path, context.settings, types_at_brevo(lambda: context))
    checked = check(source)
    report_bad_rows(checked)
    if fault := find_fault(checked, source, wish.form, complete=wish.delete):
        give_up(f"nothing was changed: {fault}")
    return Export(wish, source, moment, not checked.bad)
