"""Why somebody gets mail of a newsletter or none, one rule at a time, as the state and Brevo show it."""

from dataclasses import replace
from typing import Any

import pytest

from sync_tasks.domain.contact import Block, RemoteContact, RemoteState
from sync_tasks.domain.mapping import AccountMapping, Subscribable
from sync_tasks.monitoring.verdict import Case, HeldAtBrevo, Trouble, find_standings, held_of, remembered, sum_up
from sync_tasks.state.dead_letters import DeadLetter
from tests.support.saying import ADA, MAPPING, blocked, contact_of, stamp, subscribe, unsubscribe

SEEN = RemoteState(7, ADA, frozenset({3}), read_at=stamp(6))
ON_LIST = HeldAtBrevo(exists=True, lists=frozenset({3}))
NOWHERE = HeldAtBrevo(exists=True)
RETIRED = replace(MAPPING, newsletters={"daily": Subscribable(3, retired=True)})
HELPS, NO_HELP = " (a new confirmed subscription would help)", " (a new subscription would not help)"
NONE = "gets none of daily because "


def case(*events: Any, mapping: AccountMapping = MAPPING, seen: RemoteState = SEEN, **known: Any) -> Case:
    trouble = known.pop("trouble", Trouble())
    said = events or (subscribe(1),)
    return Case(contact_of(*said, **{"pending": {}, **known}), mapping, seen, trouble)


def pending(*events: Any, **known: Any) -> Case:
    said = events or (subscribe(1),)
    return Case(contact_of(*said), MAPPING, known.pop("seen", SEEN), known.pop("trouble", Trouble()))


CASES: dict[str, tuple[Case, HeldAtBrevo, str]] = {
    "on the list": (case(), ON_LIST, "gets mail of daily (since 2026-03-01)"),
    "not on the list": (case(), NOWHERE, f"{NONE}not on list 3 at Brevo; a comparison mends it"),
    "no contact": (case(), HeldAtBrevo(exists=False), f"{NONE}Brevo holds no contact"),
    "no such list": (
        case(trouble=Trouble(lacking=frozenset({3}))),
        ON_LIST,
        f"{NONE}account default has no list 3{NO_HELP}",
    ),
    "a list that the account lacks": (
        case(mapping=replace(MAPPING, absent=frozenset({3}))),
        NOWHERE,
        f"{NONE}account default has no list 3{NO_HELP}",
    ),
    "on hold": (
        case(trouble=Trouble(held=stamp(1))),
        NOWHERE,
        f"{NONE}the state is on hold: see `sync-tasks state show`{HELPS}",
    ),
    "on hold, and there already": (
        case(trouble=Trouble(held=stamp(1))),
        ON_LIST,
        "gets mail of daily (since 2026-03-01)",
    ),
    "on hold before": (
        case(trouble=Trouble(held=stamp(0))),
        NOWHERE,
        f"{NONE}not on list 3 at Brevo; a comparison mends it",
    ),
    "retired": (case(mapping=RETIRED), NOWHERE, f"{NONE}the newsletter is retired{NO_HELP}"),
    "retired, and on the list": (case(mapping=RETIRED), ON_LIST, "gets mail of daily (since 2026-03-01)"),
    "blocked": (
        case(),
        replace(ON_LIST, block=blocked(5)),
        f"{NONE}blocklisted at Brevo (unsubscribed since 2026-03-01 00:05 UTC){HELPS}",
    ),
    "a complaint": (
        case(),
        replace(ON_LIST, block=blocked(5, "complaint")),
        f"{NONE}blocklisted at Brevo (complaint since 2026-03-01 00:05 UTC){NO_HELP}",
    ),
    "a bounce": (
        case(),
        replace(ON_LIST, block=blocked(5, "hard_bounce")),
        f"{NONE}blocklisted at Brevo (hard_bounce since 2026-03-01 00:05 UTC); another address would help{NO_HELP}",
    ),
    "a newer wish, not under way": (
        case(subscribe(9)),
        replace(ON_LIST, block=blocked(5)),
        f"{NONE}blocklisted at Brevo (unsubscribed since 2026-03-01 00:05 UTC){HELPS}",
    ),
    "a newer wish that lifts the block": (
        pending(subscribe(9)),
        replace(ON_LIST, block=blocked(5)),
        f"{NONE}it is on its way",
    ),
    "under way": (pending(), NOWHERE, f"{NONE}it is on its way"),
    "under way to a paused account": (
        pending(trouble=Trouble(paused="UnauthorizedError")),
        NOWHERE,
        f"{NONE}it is on its way, account default is paused",
    ),
    "left one list at Brevo": (
        case(),
        replace(ON_LIST, skipped=frozenset({3})),
        f"{NONE}unsubscribed from list 3 alone, at Brevo{HELPS}",
    ),
    "unsubscribed": (
        case(subscribe(1), unsubscribe(2)),
        NOWHERE,
        f"{NONE}unsubscribed on 2026-03-01 00:02 UTC by the portal{HELPS}",
    ),
    "unsubscribed, and still on the list": (
        case(subscribe(1), unsubscribe(2)),
        ON_LIST,
        "gets mail of daily (unsubscribed on 2026-03-01 00:02 UTC by the portal, still on list 3)",
    ),
    "unsubscribed, still on the list and blocked": (
        case(subscribe(1), unsubscribe(2)),
        replace(ON_LIST, block=blocked(3)),
        f"{NONE}unsubscribed on 2026-03-01 00:02 UTC by the portal{HELPS}",
    ),
}


@pytest.mark.parametrize(("about", "held", "line"), CASES.values(), ids=CASES)
def test_one_line_says_it(about: Case, held: HeldAtBrevo, line: str) -> None:
    assert sum_up(find_standings(about, held)) == line


def test_whoever_was_put_on_a_list_at_brevo_gets_its_mail() -> None:
    held = replace(ON_LIST, lists=frozenset({3, 5}))
    assert sum_up(find_standings(case(), held)).endswith("weekly (put on its list at Brevo)")
    assert sum_up([]) == "gets no mail: the portal never spoke of a newsletter"


def test_what_was_read_and_what_is_remembered_are_held() -> None:
    remote = RemoteContact(7, ADA, "u1", frozenset({3, 5}), {}, None, {5: stamp(3), 9: stamp(4)})
    held = held_of(remote, case())
    assert (held.exists, held.lists, held.skipped) == (True, frozenset({3, 5}), frozenset({5}))
    assert not held_of(None, case()).exists
    block = Block("complaint", stamp(1))
    kept = remembered(replace(SEEN, block=block, skipped=frozenset({3})))
    assert (kept.exists, kept.lists, kept.block, kept.skipped) == (True, SEEN.lists, block, frozenset({3}))
    assert not remembered(RemoteState()).exists


def letter(number: str, newsletter: str) -> DeadLetter:
    return DeadLetter(number, "u1", "subscribe_contact", newsletter, stamp(1), f"Error{number}", "", stamp(2))


DAILY, WEEKLY, OLD, NONE_NAMED = letter("1", "daily"), letter("2", "weekly"), letter("3", "old"), letter("4", "")


@pytest.mark.parametrize(
    ("letters", "named"),
    [
        ((WEEKLY, DAILY), "1"),
        ((WEEKLY, OLD), "3"),
        ((OLD, DAILY), "3"),
        ((NONE_NAMED, DAILY), "1"),
        ((WEEKLY, NONE_NAMED), "2"),
        ((NONE_NAMED,), "4"),
    ],
    ids=["own", "by an earlier slug", "the first", "own before any", "another's", "of no newsletter"],
)
def test_a_dead_letter_of_the_newsletter_is_named_before_any_other(letters: tuple[DeadLetter, ...], named: str) -> None:
    about = pending(trouble=Trouble(letters))
    about = replace(about, mapping=replace(MAPPING, renamed={"old": "daily"}))
    found = sum_up(find_standings(about, NOWHERE))
    assert found == f"{NONE}subscribe_contact is dead letter {named} (Error{named})"
