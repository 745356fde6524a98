"""``sync-tasks failed``: see, replay and discard dead letters."""

from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Annotated

import typer

from sync_tasks.cli.connections import open_store
from sync_tasks.cli.filters import Filter
from sync_tasks.cli.options import AsJson, By, Yes, with_groups
from sync_tasks.cli.output import MOST_ROWS, ask, complain, give_up, print_json, print_json_list, say
from sync_tasks.cli.users import Address, find_wanting
from sync_tasks.texts import count

if TYPE_CHECKING:
    from sync_tasks.state.dead_letters import DeadLetter
    from sync_tasks.state.store import Store

app = typer.Typer(
    help="The dead letters: events that ended in a permanent error and need a person.", no_args_is_help=True
)

Id = Annotated[str, typer.Argument(help="Its beginning will do.", metavar="ID")]
Ids = Annotated[list[str] | None, typer.Argument(help="Of each its beginning will do.", metavar="[ID]...")]
All = Annotated[bool, typer.Option("--all", help="All dead letters.")]
Wait = Annotated[float, typer.Option(min=0, max=86_400, help="Wait so long for what comes of it.", metavar="SECONDS")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, do nothing.")]
Group = Annotated[bool, typer.Option("--group", help="One line for each cause, and what to do about it.")]
Closed = Annotated[bool, typer.Option("--closed", help="Instead, those dealt with lately.")]


@app.command("list")
@with_groups
def list_letters(
    *,
    which: Filter,
    address: Address = None,
    closed: Closed = False,
    group: Group = False,
    as_json: AsJson = False,
) -> None:
    """List the dead letters, the oldest first; with `--group` one line for each cause, and what to do about it."""
    if group and closed:
        raise typer.BadParameter("--group is for letters that wait: without --closed")
    with open_store() as store:
        if address is not None:
            which = replace(which, users=_find_users(store, address))
        if group:
            _list_causes(store, which, as_json=as_json)
            return
        (_list_closed if closed else _list_open)(store, which, as_json=as_json)


def _list_open(store: "Store", which: Filter, *, as_json: bool) -> None:
    from sync_tasks.cli.views import dead_letters, letters
    from sync_tasks.state.dead_letters import fetch_letters

    ids = letters.find_ids(store, which)
    if as_json:
        print_json_list(map(letters.dump_letter, fetch_letters(store, ids)))
    else:
        dead_letters.print_letters(list(fetch_letters(store, ids[:MOST_ROWS])), len(ids))


def _list_causes(store: "Store", which: Filter, *, as_json: bool) -> None:
    from sync_tasks.cli.views import causes, letters
    from sync_tasks.monitoring.causes import dump_cause, group_letters
    from sync_tasks.state.dead_letters import fetch_letters

    found = group_letters(fetch_letters(store, letters.find_ids(store, which)))
    if as_json:
        print_json_list(map(dump_cause, found))
    else:
        causes.print_causes(found)


def _list_closed(store: "Store", which: "Filter", *, as_json: bool) -> None:
    from sync_tasks.cli.views import dead_letters, letters

    found = letters.find_closed(store, which)
    if as_json:
        print_json_list(map(letters.dump_letter, found))
    else:
        dead_letters.print_closed(found)


def _find_users(store: "Store", address: str) -> frozenset[str]:
    from sync_tasks.state.dead_letters import read_closed, scan_letters

    letters = chain(scan_letters(store), read_closed(store))
    users = find_wanting(store, address, (letter.user_id for letter in letters if letter.user_id))
    if not users:
        give_up("nobody has this address")
    return users


@app.command("show")
def show_letter(letter_id: Id, *, as_json: AsJson = False) -> None:
    """Show one dead letter, also one that was dealt with lately."""
    from sync_tasks.cli.views import dead_letters, letters

    with open_store() as store:
        letter = letters.pick_letters(store, [letter_id])[0]
    if as_json:
        print_json(letters.dump_letter(letter))
    else:
        dead_letters.print_letter(letter)


@app.command("replay")
@with_groups
def replay_letters(
    ids: Ids = None,
    *,
    all_letters: All = False,
    which: Filter,
    wait: Wait = 0.0,
    by: By,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Give dead letters another chance, once their cause is mended.

    Safe at any time: an event that newer ones overtook changes nothing. Exit 1 if a letter could not be replayed, or
    has failed again.
    """
    from sync_tasks.cli.views import dead_letters, letters
    from sync_tasks.operate import replays

    with open_store() as store:
        chosen = _choose(store, ids, which, all_letters=all_letters)
        done = replays.preview(store, chosen) if dry_run else replays.replay_letters(store, chosen, by, complain)
        if wait and not dry_run:
            done = replays.wait_for_outcomes(store, done, wait)
    if as_json:
        print_json_list([letters.dump_letter(one.letter) | {"outcome": one.outcome} for one in done])
    else:
        dead_letters.print_replays(done, "what a replay would do" if dry_run else "replayed")
    raise typer.Exit(1 if any(one.troubled for one in done) else 0)


def _choose(store: "Store", ids: list[str] | None, which: Filter, *, all_letters: bool) -> "list[DeadLetter]":
    from sync_tasks.cli.views.letters import find_letters, pick_letters

    if ids and (which or all_letters):
        raise typer.BadParameter("ids, or --all and filters, not both")
    if not (ids or which or all_letters):
        raise typer.BadParameter("which? Name ids, or --all, or a filter such as --error CLASS")
    return pick_letters(store, ids) if ids else find_letters(store, which)


@app.command("discard")
@with_groups
def discard_letters(
    ids: Ids = None,
    *,
    all_letters: All = False,
    which: Filter,
    by: By,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Give up the wish of dead letters, until a newer event arrives.

    Letters that were chosen by filters are discarded only after a question, or with `--yes`. An erasure cannot be
    discarded. Exit 1 if one was chosen, or somebody else dealt with one.
    """
    from sync_tasks.cli.views import letters
    from sync_tasks.operate.replays import discard_letter

    with open_store() as store:
        chosen = _choose(store, ids, which, all_letters=all_letters)
        if chosen and not (ids or yes or dry_run):
            ask(f"discard {count(len(chosen), 'dead letter')}?")
        outcomes = [discard_letter(store, letter, by, dry_run=dry_run) for letter in chosen]
    if as_json:
        results = zip(map(letters.dump_letter, chosen), outcomes, strict=True)
        print_json_list([letter | {"outcome": outcome} for letter, outcome in results])
    else:
        _report_discarded(chosen, outcomes)
    raise typer.Exit(0 if {"discarded", "would be discarded"}.issuperset(outcomes) else 1)


def _report_discarded(chosen: "list[DeadLetter]", outcomes: list[str]) -> None:
    for letter, outcome in zip(chosen, outcomes, strict=True):
        say(f"{letter.id} {outcome}")
    if not chosen:
        say("no such dead letters")
