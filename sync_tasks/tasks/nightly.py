"""The comparisons that beat asks for: every night, and once an operator approved one; the report of opt-outs.

Keys under ``<namespace>:``: ``nightly`` while tonight's comparison is owed, six hours at most: since when, and when it
is asked for again; then ``done``, for an hour.
"""

from collections.abc import Callable
from dataclasses import asdict

from celery.exceptions import Reject

from sync_tasks.config.settings import Portal, Settings
from sync_tasks.domain.news import SUPPRESSED, Notice
from sync_tasks.domain.timestamps import MICROSECONDS_PER_SECOND, moment_of
from sync_tasks.log import log
from sync_tasks.reconcile.approvals import read_approvals, take_approval
from sync_tasks.reconcile.lock import standing_alone
from sync_tasks.reconcile.run import Scope, reconcile
from sync_tasks.state.audit import forget_old
from sync_tasks.state.consents import forget_old_evidence
from sync_tasks.state.disk import rewrite
from sync_tasks.state.posts import put_post, read_due_posts
from sync_tasks.state.store import Store
from sync_tasks.state.suppressions import Suppressed, report_notices, report_suppressed
from sync_tasks.state.traces import forget_traces
from sync_tasks.tasks.app import app
from sync_tasks.tasks.bootstrap import open_patiently, worker_resources
from sync_tasks.tasks.config import NIGHT_EXPIRES

GIVEN_UP = 6 * 3600
AGAIN = 60
DONE = "done"
# So many seconds the night waits for the files of Redis.
FILES_WITHIN = 600.0


def compare_all() -> int:
    """Compare all accounts unless it is done or under way tonight; return how many are to be repaired.

    Raises:
        celery.exceptions.Reject: this worker must end; another one takes the message.
    """
    context = worker_resources()
    now = int(context.store.now())
    _write(context.store, now, now, nx=True, ex=GIVEN_UP)
    # A message that takes long is handed out again, and two beats send two: whoever comes second has nothing to do.
    with standing_alone(context.store) as alone, open_patiently(context) as patient:
        if not alone or not _is_owed(context.store):
            return 0
        forget_old(context.store, context.settings.pipeline.audit_days)
        forget_old_evidence(context.store, context.settings.pipeline.consent_days)
        clean_up(context.store, lambda: context.limiter.stopping)
        repaired = sum(run.repaired for run in reconcile(patient))
        if context.limiter.stopping:
            raise Reject("the worker is ending", requeue=True)
        # As long as another beat's message may still be on its way.
        context.store.redis.set(context.store.key("nightly"), DONE, ex=NIGHT_EXPIRES)
    return repaired


def clean_up(store: Store, is_stopping: Callable[[], bool]) -> None:
    """Remove what still names erased users, and have Redis write its files anew if they may hold any."""
    forget_traces(store)
    result = rewrite(store, FILES_WITHIN, is_stopping=is_stopping)
    if result == "refused":
        log.warning("Redis refuses to rewrite its files: they hold erased users still; see SECURITY.md, Files")


def ask_again() -> None:
    """Ask for tonight's comparison if nobody is doing it: its worker was killed, or an operator was comparing.

    Each time it waits as long as it is owed already: a comparison that kills its workers shall not kill all of them.
    """
    store = worker_resources().store
    if store.redis.exists(store.key("reconciling")) or not (owed := _is_owed(store)):
        return
    since, again = map(int, owed.split())
    now = int(store.now())
    # What is owed since a moment yet to come is from before Redis' clock was put back.
    if now >= again or since > now:
        _write(store, since, now, xx=True, keepttl=True)
        app.send_task("sync_tasks.reconcile", expires=AGAIN)


def _write(store: Store, since: int, now: int, **how: bool | int) -> None:
    again = now + max(AGAIN * MICROSECONDS_PER_SECOND, now - since)
    store.redis.set(store.key("nightly"), f"{since} {again}", **how)  # type: ignore[arg-type]


def _is_owed(store: Store) -> str:
    """Return since when and until when, or nothing."""
    last = str(store.redis.get(store.key("nightly")) or "")
    return "" if last == DONE else last


def report_to_portal() -> int:
    """Report to the portal what was not reported yet; if it wants no reports, opt-outs are only listed.

    What ended goes first: whatever is suppressed still, or again, is the newer news.
    """
    context = worker_resources()
    store, portal = context.store, context.settings.portal
    if not (portal.suppressed_task or portal.hears_all):
        return 0

    def report(one: Suppressed) -> None:
        if portal.suppressed_task and not one.list_id:
            fields = {name: value for name, value in asdict(one).items() if name != "list_id"}
            app.send_task(portal.suppressed_task, kwargs=fields, queue=portal.suppressed_queue)
        _send(store, suppression_arguments(one, context.settings), portal)

    notices = 0
    if portal.hears_all:
        notices = report_notices(store, lambda one: _send(store, notice_arguments(one, context.settings), portal))
    sent = notices + report_suppressed(store, report)
    if portal.suppressed_url and read_due_posts(store):
        app.send_task("sync_tasks.post_notices", expires=AGAIN)
    return sent


def _send(store: Store, arguments: dict[str, object], portal: Portal) -> None:
    """Send a notice to whatever of the portal gets all."""
    if portal.notice_task:
        app.send_task(portal.notice_task, kwargs=arguments, queue=portal.suppressed_queue)
    if portal.suppressed_url:
        what = str(arguments["what"]).replace(" ", "_")
        put_post(store, {"type": f"newsletter.{what}", "timestamp": arguments["time"], "data": arguments})


def suppression_arguments(one: Suppressed, settings: Settings) -> dict[str, object]:
    """Return the report of an opt-out for a portal that gets all."""
    return _arguments(one, SUPPRESSED, one.time, settings)


def notice_arguments(one: Notice, settings: Settings) -> dict[str, object]:
    """Return the report of what ended or was put back, for a portal that gets all."""
    arguments = _arguments(one, one.what, moment_of(one.since).isoformat(), settings)
    return arguments | {"why": one.why, "foreign_lists": list(one.foreign)}


def _arguments(one: Suppressed | Notice, what: str, time: str, settings: Settings) -> dict[str, object]:
    lists = settings.newsletters_by_account.get(one.account, {}).items()
    mine = [slug for slug, known in lists if known.list_id == one.list_id]
    arguments: dict[str, object] = {"user_id": one.user_id, "what": what, "kind": one.kind, "time": time}
    return arguments | {"account": one.account, "newsletters": mine, "why": "", "foreign_lists": []}


def compare_approved() -> int:
    """Compare each account of which an operator approved that, unless somebody compares; return how many are repaired.

    An approval ends as the comparison begins. If that breaks off, the same can be approved again.
    """
    context, repaired = worker_resources(), 0
    with standing_alone(context.store) as alone, open_patiently(context) as patient:
        for account in read_approvals(context.store) if alone else ():
            approval = take_approval(context.store, account)
            if approval is not None and account in context.mappings:
                log.info("account %s: compared anew, as %s approved", account, approval.by)
                runs = reconcile(patient, Scope(account=account, approved=approval.grave))
                repaired += sum(run.repaired for run in runs)
    return repaired


def ask_for_approved() -> None:
    """Have a worker compare what was approved, unless somebody compares."""
    store = worker_resources().store
    if read_approvals(store) and not store.redis.exists(store.key("reconciling")):
        app.send_task("sync_tasks.reconcile_approved", expires=AGAIN)
