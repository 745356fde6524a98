"""What keeps events from reaching Brevo, line by line, and each number that monitoring makes of the state."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from sync_tasks.config.settings import Settings
from sync_tasks.domain.pauses import remedy_of
from sync_tasks.monitoring import metrics
from sync_tasks.monitoring.status import SWEPT_WITHIN, Overview, PausedAccount, PausedPart
from sync_tasks.reconcile.history import Run

SETTINGS = Settings.model_validate(
    {
        "accounts": {name: {"api_key": "key"} for name in ("default", "sports")},
        "newsletters": {"goals": {"list_id": 3, "account": "sports"}},
    }
)
STORE: Any = None
PAUSE = PausedAccount("UnauthorizedError", "GET /contacts: 401", 7200.0)
PART = PausedPart("sports", "list 3", "newsletter goals waits", "MissingListError", "no list 3", 120.0, 1, "create it")
WELL = Overview(
    dirty=0,
    due=0,
    oldest_unsynced_seconds=None,
    swept_seconds_ago=SWEPT_WITHIN,
    dead_letters=0,
    unfinished_erasures=0,
    hold_seconds=None,
    paused={},
    paused_parts=[],
    scarcity=[],
    posts_waiting=0,
    posts_given_up=0,
    queues={},
    unacknowledged=None,
    workers=["one@here"],
    in_flight=0,
    accounts=["default", "sports"],
    webhooks={},
    outbox=None,
    reconciled=[],
    unknown=[],
    alarms=[],
)
NO_WORKER = "no worker answers: start one with `celery -A sync_tasks worker`"


def test_the_time_after_which_a_sweep_is_missed() -> None:
    assert SWEPT_WITHIN == 60.0


@pytest.mark.parametrize(
    ("said", "troubles"),
    [
        ({}, []),
        ({"workers": []}, [NO_WORKER]),
        ({"swept_seconds_ago": 60.1}, ["no beat has swept for 1 min: start `celery -A sync_tasks beat`"]),
        ({"swept_seconds_ago": None}, ["no beat has swept for a day: start `celery -A sync_tasks beat`"]),
        ({"swept_seconds_ago": 0.0}, []),
        (
            {"paused": {"sports": PAUSE}, "paused_parts": [PART], "alarms": ["a hold"], "workers": []},
            [
                "account sports is paused (UnauthorizedError): GET /contacts: 401; " + remedy_of("UnauthorizedError"),
                "newsletter goals waits for 2 min, 1 contact waiting (MissingListError): create it",
                "a hold",
                NO_WORKER,
            ],
        ),
    ],
    ids=range(6),
)
def test_what_is_in_trouble_is_one_line_each(said: dict[str, Any], troubles: list[str]) -> None:
    assert replace(WELL, **said).troubles == troubles


@pytest.mark.parametrize(
    ("said", "numbers"),
    [
        ({}, (0, 0.0, 0, 0, 0.0, 60.0)),
        (
            {
                "dirty": 1,
                "oldest_unsynced_seconds": 2.5,
                "dead_letters": 3,
                "unfinished_erasures": 4,
                "hold_seconds": 5.0,
                "swept_seconds_ago": 6.0,
            },
            (1, 2.5, 3, 4, 5.0, 6.0),
        ),
        ({"hold_seconds": 0.0, "swept_seconds_ago": None}, (0, 0.0, 0, 0, 0.001)),
    ],
    ids=["well", "each", "just now"],
)
def test_each_number_of_the_state_has_its_name(said: dict[str, Any], numbers: tuple[float, ...]) -> None:
    names = ("unsynced_contacts", "oldest_event_seconds", "dead_letters", "unfinished_erasures")
    expected = zip((*names, "hold_seconds", "sweep_seconds"), numbers, strict=False)
    assert [*metrics._contacts(replace(WELL, **said))] == [
        (f"sync_tasks_{name}", {}, value) for name, value in expected
    ]


def test_each_number_of_an_account_has_its_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    scarcity: Any = SimpleNamespace(account="sports", share=0.5)
    monkeypatch.setattr(metrics, "read_budget", lambda _, one: 99 if one is scarcity else 0)
    now = replace(PAUSE, seconds=0.0)
    parts = [PART, replace(PART, part="list 4", seconds=0.0)]
    state = replace(WELL, paused={"sports": PAUSE, "default": now}, paused_parts=parts, scarcity=[scarcity])
    assert [*metrics._accounts(STORE, state, SETTINGS)] == [
        ("sync_tasks_pause_seconds", {"account": "default"}, 0.001),
        ("sync_tasks_pause_seconds", {"account": "sports"}, 7200.0),
        ("sync_tasks_part_pause_seconds", {"account": "sports", "part": "list 3"}, 120.0),
        ("sync_tasks_part_pause_seconds", {"account": "sports", "part": "list 4"}, 0.001),
        ("sync_tasks_granted_ratio", {"account": "sports"}, 0.5),
        ("sync_tasks_budget_requests", {"account": "sports"}, 99),
    ]
    well = [("sync_tasks_pause_seconds", {"account": name}, 0.0) for name in ("default", "sports")]
    assert [*metrics._accounts(STORE, WELL, SETTINGS)] == well


def test_letters_and_comparisons_are_numbers_too(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = {("opened", "RejectedContactError"): 3, ("closed", "discarded"): 2, ("indexed", "x"): 1}
    monkeypatch.setattr(metrics, "read_letter_counts", lambda _: counts)
    assert [*metrics._letters(STORE)] == [
        ("sync_tasks_dead_letters_opened_total", {"error": "RejectedContactError"}, 3),
        ("sync_tasks_dead_letters_closed_total", {"why": "discarded"}, 2),
    ]
    run = Run("default", "1700000000500000", 1.0, dry_run=False, compared=1, alone=0, losing=0, repaired=0)
    monkeypatch.setattr(metrics, "last_runs", lambda _: {"default": run, "sports": replace(run, refused="too many")})
    assert [*metrics._comparisons(STORE)] == [
        (f"sync_tasks_comparison_{name}", {"account": account}, value)
        for account, refused in (("default", 0.0), ("sports", 1.0))
        for name, value in (("timestamp_seconds", 1_700_000_000.5), ("refused", refused))
    ]


def test_a_name_that_ends_in_total_is_a_counter() -> None:
    samples: list[metrics.Sample] = [
        ("sync_tasks_webhook_events_total", {"account": "a", "result": "r"}, 1),
        ("sync_tasks_state_reachable", {}, 1),
        ("sync_tasks_webhook_events_total", {"account": "b", "result": "r"}, 2),
    ]
    events, state = metrics._families(samples)
    assert (events.type, state.type) == ("counter", "gauge")
    assert [(one.labels, one.value) for one in events.samples] == [
        ({"account": "a", "result": "r"}, 1),
        ({"account": "b", "result": "r"}, 2),
    ]
    assert events.documentation == metrics.METRICS["sync_tasks_webhook_events_total"]
