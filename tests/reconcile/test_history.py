"""A run that is remembered: what a release before did not write is none, and nobody's id is kept."""

import json
from typing import Any

import pytest

from sync_tasks.reconcile.drift import LEFT_ALONE
from sync_tasks.reconcile.history import (
    BROKEN_OFF,
    KEPT,
    Run,
    describe_resumed,
    describe_run,
    find_alarms,
    last_runs,
    read_runs,
    remember,
)
from sync_tasks.state.store import Store

PLAIN: dict[str, Any] = {"account": "default", "started": "1700000000000000", "seconds": 1.5, "dry_run": False}
COUNTS = {"compared": 3, "alone": 0, "losing": 0, "repaired": 0}


def test_what_was_not_written_is_none_and_what_is_not_known_is_ignored(store: Store) -> None:
    store.redis.lpush(store.key("reconciles"), json.dumps({**PLAIN, **COUNTS, "of_later": 1}))
    (run,) = read_runs(store)
    assert (run.found, run.lists, run.refused, run.resumed, run.held, run.users, run.grave) == (
        {},
        {},
        "",
        0,
        0,
        {},
        {},
    )
    assert (run.left, run.left_alone, run.broken_off) == (0, "", False)


def test_ids_are_not_kept(store: Store) -> None:
    remember(store, Run(**PLAIN, **COUNTS, users={"waiting": ["anna"]}))  # type: ignore[arg-type]
    (run,) = read_runs(store)
    assert run.users == {}


def run_of(account: str = "default", **said: Any) -> Run:
    return Run(**({**PLAIN, **COUNTS, "account": account} | said))


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ({"found": {"attribute": 4}}, 0),
        ({"found": {"attribute": 4}, "dry_run": True}, 4),
        ({"found": {"attribute": 4, "waiting": 1}, "refused": "too many", "held": 2}, 5),
        ({"found": {"attribute": 4, "erased at Brevo": 3}, "held": 2}, 5),
        *(({"found": {kind: 2}, "held": 1}, 3) for kind in sorted(LEFT_ALONE)),
    ],
)
def test_what_nothing_was_done_about_is_left(said: dict[str, Any], left: int) -> None:
    assert run_of(**said).left == left


def test_what_was_left_alone_is_said_in_the_order_of_its_names() -> None:
    first, *_, last = sorted(LEFT_ALONE)
    run = run_of(found={last: 1_200, first: 1, "attribute": 9})
    assert run.left_alone == f"1 {first}, 1,200 {last}"
    assert run_of(found={first: 0}).left_alone == ""


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ({}, "default 2023-11-14 22:13 UTC, 3 compared, 0 found, 0 repaired"),
        ({"found": {"attribute": 4}, "refused": "x"}, "default 2023-11-14 22:13 UTC, 3 compared, 4 found, refused"),
        (
            {"found": {"attribute": 1_000, "address": 1, "waiting": 2}, "compared": 5_000, "repaired": 1_001},
            "default 2023-11-14 22:13 UTC, 5,000 compared, 1,003 found, 1,001 repaired (2 waiting left alone)",
        ),
    ],
)
def test_a_run_is_one_line(said: dict[str, Any], line: str) -> None:
    assert describe_run(run_of(**said)) == line


def test_where_a_run_went_on_is_the_contact_after_the_last_one() -> None:
    said = "went on at contact 1,000 of the comparison that began 2023-11-14 22:13 UTC"
    assert describe_resumed(run_of(resumed=999)) == said


def test_the_last_run_of_each_account_is_no_mere_look(store: Store) -> None:
    one, two = run_of("one", compared=1), run_of("two", refused=f"{BROKEN_OFF}away")
    for run in (run_of("one"), run_of("two", compared=4), one, two, run_of("one", dry_run=True)):
        remember(store, run)
    assert last_runs(store) == {"one": one, "two": two}
    assert (one.broken_off, two.broken_off) == (False, True)
    assert last_runs(store, broken_off=False) == {"one": one, "two": run_of("two", compared=4)}


def test_what_keeps_the_last_runs_from_repairing_is_an_alarm(store: Store) -> None:
    remember(store, run_of("one", refused="too many"))
    remember(store, run_of("two", found={"erased at Brevo": 3, "attribute": 1}))
    remember(store, run_of("three", found={"attribute": 1}))
    refused, erased = find_alarms(store)
    assert refused == "reconcile of account one: too many"
    assert erased.startswith("account two: 3 contacts anonymized at Brevo by us")


def test_so_many_runs_are_kept_and_no_more(store: Store) -> None:
    for number in range(KEPT + 2):
        remember(store, run_of(compared=number))
    assert [run.compared for run in read_runs(store)] == [*range(KEPT + 1, 1, -1)]
    assert KEPT == 30
