"""Dead letters by cause: look at them, replay and discard them, and see what comes of a replay."""

from collections import Counter
from collections.abc import Iterable

from sync_tasks.monitoring.causes import name_cause
from sync_tasks.operate.pages import HtmlPage, Move
from sync_tasks.operate.replays import discard_letter, recall_replays, replay_letters
from sync_tasks.operate.visit import Visit
from sync_tasks.state.dead_letters import DeadLetter, fetch_letters, read_letters

SHOWN = 200
# In so many seconds the page of a replay asks again, while the operator watches and something is on its way.
AGAIN = 2


def show_causes(visit: Visit) -> HtmlPage:
    """Show each cause with the number of its letters, the oldest of them, and what to do."""
    return HtmlPage("causes.html", {"causes": visit.board.read(visit.store)})


def show_cause(visit: Visit) -> HtmlPage:
    """Show the letters of one cause, the oldest first, some at a time."""
    return _show(visit, visit.query.get("cause", ""))


def deal_with(visit: Visit) -> HtmlPage | Move:
    """Replay or discard the chosen letters of a cause, or all of them; ask before letters are discarded."""
    store, who, what, cause = visit.store, visit.operator.name, visit.value("do"), visit.value("cause")
    chosen = _choose(visit, cause)
    if not chosen:
        return _show(visit, cause, trouble="Choose letters first: none was chosen, or others dealt with them.")
    if what == "replay":
        since = store.now()
        replay_letters(store, chosen, who)
        return Move(f"/letters/replayed?since={since}&watch=1")
    if what == "discard":
        whole = visit.value("scope") == "all"
        return HtmlPage("discard.html", {"letters": chosen, "cause": cause, "whole": whole, "shown": SHOWN})
    if what == "discard for good":
        outcomes = [(letter, discard_letter(store, letter, who)) for letter in chosen]
        return HtmlPage("discarded.html", {"outcomes": outcomes, "cause": cause, "shown": SHOWN})
    return _show(visit, cause, trouble="Choose what to do: replay or discard.")


def show_replays(visit: Visit) -> HtmlPage:
    """Show what became of the letters that the operator replayed since a moment."""
    since = visit.number("since")
    replays = recall_replays(visit.store, visit.operator.name, since)
    counts = Counter(one.outcome for one in replays)
    on_its_way, watching = counts["waiting"], visit.query.get("watch", "") == "1"
    facts = {
        "since": since,
        "counts": sorted(counts.items()),
        "total": len(replays),
        "on_its_way": on_its_way,
        "troubled": [one for one in replays if one.troubled and one.outcome != "waiting"][:SHOWN],
        "watching": watching,
    }
    return HtmlPage("replayed.html", facts, again=AGAIN if watching and on_its_way else 0)


def _show(visit: Visit, name: str, trouble: str = "") -> HtmlPage:
    cause = visit.board.find(visit.store, name)
    if cause is None:
        gone = "No dead letter has this cause any more."
        return HtmlPage("causes.html", {"causes": visit.board.read(visit.store), "trouble": gone})
    start = visit.start(cause.letters, SHOWN)
    letters = _of_cause(fetch_letters(visit.store, cause.ids[start : start + SHOWN]), name)
    facts: dict[str, object] = {"cause": cause, "letters": letters, "start": start}
    return HtmlPage("cause.html", facts | {"shown": SHOWN, "trouble": trouble})


def _choose(visit: Visit, cause: str) -> list[DeadLetter]:
    """Return the letters that a form means, as far as they are there and of this cause.

    All letters to discard for good are those that were shown before: none that failed later (``until``, a stamp).
    """
    if visit.value("scope") != "all":
        chosen = dict.fromkeys(visit.form.get("id", ()))
        return sorted(_of_cause(fetch_letters(visit.store, chosen), cause), key=lambda letter: letter.failed)
    until = visit.value("until")
    shown = visit.value("do") != "discard for good"
    return [letter for letter in _of_cause(read_letters(visit.store), cause) if shown or letter.failed <= until]


def _of_cause(letters: Iterable[DeadLetter], cause: str) -> list[DeadLetter]:
    return [letter for letter in letters if name_cause(letter) == cause]
