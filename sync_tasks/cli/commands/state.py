"""``sync-tasks state``: whether the state may be older than the world, and a person's decision about it."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sync_tasks.cli.connections import open_store
from sync_tasks.cli.options import AsJson, By, Yes
from sync_tasks.cli.output import ask, escaped, give_up, lay_out, print_json, print_json_list, print_table, say, suggest

if TYPE_CHECKING:
    from sync_tasks.domain.events import Event
    from sync_tasks.state.holds import Hold

app = typer.Typer(
    help="Whether the state may be older than the world, after a restore or a failover.", no_args_is_help=True
)

Trusted = Literal["state", "brevo"]
Trust = Annotated[
    Trusted,
    typer.Option(
        help="Whom to believe if they differ: `brevo` ends the subscriptions that Brevo does not show, `state` lets "
        "them be repaired."
    ),
]
Reason = Annotated[str, typer.Option(help="Why: kept with the hold.")]


@app.command("show")
def show_state(*, as_json: AsJson = False) -> None:
    """Show whether subscriptions wait for a person, and how the last holds ended. Exit 1 while they wait."""
    from sync_tasks.domain.timestamps import moment_of
    from sync_tasks.state.holds import read_decisions, read_hold

    with open_store() as store:
        hold, decisions = read_hold(store), read_decisions(store)
    if as_json:
        document = {"since": hold.since.isoformat(), "reason": hold.reason} if hold else None
        print_json({"hold": document, "decisions": [asdict(one) for one in decisions]})
    else:
        say(escaped(hold.shown) if hold else "the state is not on hold")
        if hold and not hold.examining:
            suggest("what to do: docs/how-to/restore.md; then [bold]sync-tasks state accept --trust brevo|state[/]")
        if decisions:
            table = lay_out("earlier holds", "Since", "Why", "Trusted", "By", "Ended")
            for one in decisions:
                moments = (f"{moment_of(stamp):%Y-%m-%d %H:%M}" for stamp in (one.moment, one.at))
                since, ended = moments
                table.add_row(since, escaped(one.reason), one.trusted, escaped(one.by), ended)
            print_table(table)
    raise typer.Exit(1 if hold and not hold.examining else 0)


@app.command("hold")
def hold_state(*, reason: Reason = "by hand", by: By) -> None:
    """Let subscriptions wait from now on, before the workers start over a restored state."""
    from sync_tasks.state.holds import place_hold

    with open_store() as store:
        hold = place_hold(store, f"{' '.join(reason.split())}, by {by}")
    say(escaped(hold.shown))


@app.command("accept")
def accept_state(*, trust: Trust, by: By, yes: Yes = False, as_json: AsJson = False) -> None:
    """End a hold: from now on the state counts again.

    `--trust brevo` first ends the subscriptions from before the hold that Brevo does not show. They count as ended by
    the portal. It also erases contacts that Brevo holds anonymized. Exit 1 if nothing was on hold, or Brevo could not
    be read.
    """
    from sync_tasks.state.holds import read_hold

    with open_store() as store:
        hold = read_hold(store)
        if hold is None:
            give_up("the state is not on hold")
        if not yes:
            _ask(trust, hold)
    events = _end(hold, trust, by)
    if as_json:
        print_json_list([{"user_id": one.user_id, "task": one.task, "newsletter": one.about or ""} for one in events])
    else:
        _report(events)


def _ask(trust: Trusted, hold: "Hold") -> None:
    what = {"brevo": "end all subscriptions that Brevo does not show", "state": "repair all that Brevo does not show"}
    ask(f"{what[trust]}, as far as they are from before {hold.since:%Y-%m-%d %H:%M}?")


def _end(hold: "Hold", trust: Trusted, who: str) -> "list[Event]":
    """End the hold; return which events were accepted for that."""
    from sync_tasks.config.settings import load_settings
    from sync_tasks.errors import SyncError
    from sync_tasks.reconcile.concession import concede
    from sync_tasks.reconcile.lock import standing_alone
    from sync_tasks.state.holds import end_hold
    from sync_tasks.tasks.bootstrap import build_resources, open_patiently

    settings, conceded = load_settings(), list["Event"]()
    with (
        open_store() as store,
        standing_alone(store) as alone,
        open_patiently(build_resources(settings, store)) as context,
    ):
        if not alone:
            give_up("a comparison is under way: try again when it is done")
        try:
            conceded += concede(context, hold) if trust == "brevo" else []
        except SyncError as error:
            give_up(f"nothing was changed, an account cannot be read: {type(error).__name__}: {error}")
        end_hold(store, hold, trusted=trust, by=who)
    return conceded


def _report(events: "list[Event]") -> None:
    if events:
        table = lay_out("accepted, as Brevo shows it", "User", "Task", "Newsletter")
        for event in events:
            table.add_row(escaped(event.user_id), event.task, escaped(event.about or ""))
        print_table(table)
    say("the state is no longer on hold")
    suggest("what still differs is repaired by the next comparison: [bold]sync-tasks reconcile[/]")
