"""Each check of ``sync-tasks doctor`` in full: what was looked at, how it went, what was found, what to do."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from kombu.exceptions import OperationalError

from sync_tasks.cli.views import doctor_checks
from sync_tasks.cli.views.doctor_checks import Check
from sync_tasks.config.settings import Settings
from sync_tasks.errors import ConfigurationError, GatewayUnavailableError, UnauthorizedError, WrongAccountError
from sync_tasks.monitoring import status
from sync_tasks.monitoring.status import PausedAccount, PausedPart
from sync_tasks.state.fitness import Lack
from sync_tasks.state.holds import Hold
from sync_tasks.tasks import servers, startup

SETTINGS = Settings.model_validate(
    {
        "newsletters": {"daily": {"list_id": 3, "unsubscribed_attribute": "DAILY_OUT"}, "weekly": {"list_id": 5}},
        "attributes": {"city": "CITY"},
        "unsubscribe": {"attribute": "LINK"},
    }
)
SINCE = datetime(2026, 3, 1, 7, 30, tzinfo=UTC)
STORE: Any = None


def shown(checks: Iterable[Check]) -> list[tuple[str, str, str, str]]:
    return [(check.what, check.state, check.found, check.advice) for check in checks]


def failing(error: Exception) -> Callable[..., Any]:
    def fail(*_: object) -> Any:  # noqa: ANN401 - it returns nothing
        raise error

    return fail


def test_what_is_configured_is_counted() -> None:
    found = shown(doctor_checks.check_configuration(SETTINGS))
    assert found == [("configuration", "ok", "1 account, 2 newsletters, 1 attribute", "")]


def redis_of(**info: object) -> Any:  # noqa: ANN401 - as much of a client as is asked for
    return SimpleNamespace(info=lambda _: {"redis_version": "7.2.4", **info}, ping=lambda: True)


WELL = ("redis", "ok", "Redis 7.2.4 at localhost:1/0", "")
NO_FILE = ("redis persistence", "warn", "no append-only file", "set appendonly yes: a restart would lose events")


@pytest.mark.parametrize(
    ("lacks", "info", "checks"),
    [
        (
            [],
            {"aof_enabled": 1, "maxmemory_policy": "noeviction"},
            [WELL, ("redis eviction", "ok", "noeviction", ""), ("redis persistence", "ok", "append-only file", "")],
        ),
        ([], {"aof_enabled": 0}, [WELL, ("redis eviction", "ok", "noeviction", ""), NO_FILE]),
        ([Lack("eviction", "lru", "mend")], {}, [("redis eviction", "fail", "lru", "mend"), WELL, NO_FILE]),
        (
            [Lack("memory", "1 MB", "more"), Lack("eviction", "lru", "mend")],
            {},
            [("redis memory", "fail", "1 MB", "more"), ("redis eviction", "fail", "lru", "mend"), WELL, NO_FILE],
        ),
        (
            [Lack("memory", "1 MB", "more")],
            {},
            [("redis memory", "fail", "1 MB", "more"), WELL, ("redis eviction", "ok", "noeviction", ""), NO_FILE],
        ),
    ],
    ids=["well", "no file", "evicts", "evicts and is small", "small"],
)
def test_a_redis_is_looked_at(
    monkeypatch: pytest.MonkeyPatch, lacks: list[Lack], info: dict[str, object], checks: list[tuple[str, ...]]
) -> None:
    monkeypatch.setenv("SYNC_REDIS_URL", "redis://:a-password@localhost:1/0")
    monkeypatch.setattr(servers, "read_lacks", lambda _redis, use: lacks if use == "state" else [])
    monkeypatch.setattr(doctor_checks, "_time_ping", lambda _: 0.01996)
    latency = ("redis latency", "ok", "20.0 ms", "")
    assert shown(doctor_checks.check_redis(redis_of(**info))) == [*checks, latency]
    monkeypatch.setattr(doctor_checks, "_time_ping", lambda _: 0.02)
    advice = "bring Redis nearer: each event takes one round trip of the portal"
    assert shown(doctor_checks.check_redis(redis_of(**info)))[-1] == ("redis latency", "warn", "20.0 ms", advice)


def test_a_redis_that_grants_too_little_is_asked_for_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    lacks = [Lack("rights", "may not", "grant them")]
    monkeypatch.setattr(servers, "read_lacks", lambda *_: lacks)
    assert shown(doctor_checks.check_redis(STORE)) == [("redis rights", "fail", "may not", "grant them")]


START_ONE = "start `celery -A sync_tasks worker`"


@pytest.mark.parametrize(
    ("answers", "checks"),
    [
        (["one", "two"], [("workers", "ok", "2 answer", "")]),
        ([], [("workers", "fail", "none answers", START_ONE)]),
        (
            OperationalError("x"),
            [
                (
                    "queue",
                    "fail",
                    "the broker is away or in trouble: OperationalError",
                    "start it, or correct SYNC_BROKER_URL",
                )
            ],
        ),
    ],
    ids=["two", "none", "away"],
)
def test_workers_are_looked_for(
    monkeypatch: pytest.MonkeyPatch, answers: list[str] | Exception, checks: list[tuple[str, ...]]
) -> None:
    monkeypatch.setattr(startup, "check_queue", lambda _: None)
    ping = failing(answers) if isinstance(answers, Exception) else lambda: answers
    monkeypatch.setattr(status, "ping_workers", ping)
    assert shown(doctor_checks._check_workers()) == checks


def test_each_fault_of_a_queue_is_a_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(startup, "check_queue", failing(ConfigurationError("is old; take a new one; or two", "small")))
    assert shown(doctor_checks._check_workers()) == [
        ("queue", "fail", "is old", "take a new one; or two"),
        ("queue", "fail", "small", ""),
    ]


PAUSED = PausedAccount("UnauthorizedError", "the key is wrong", 120.0)
PART = PausedPart("default", "list 3", "default: list 3 is paused", "ListMissingError", "", 60.0, 2, "create it")
BEAT = "start `celery -A sync_tasks beat`, once: lost messages wait for it"


@pytest.mark.parametrize(
    ("said", "checks"),
    [
        ({}, [("beat", "ok", "swept 5 s ago", "")]),
        ({"swept": False, "swept_seconds_ago": 7200.0}, [("beat", "fail", "swept 2 h ago", BEAT)]),
        ({"swept": False, "swept_seconds_ago": None}, [("beat", "fail", "has not swept for a day", BEAT)]),
        (
            {"paused": {"default": PAUSED}, "paused_parts": [PART]},
            [
                ("beat", "ok", "swept 5 s ago", ""),
                ("default: pause", "fail", "UnauthorizedError for 2 min", "the key is wrong"),
                ("default: list 3", "fail", "ListMissingError for 1 min, 2 contacts waiting", "create it"),
            ],
        ),
    ],
    ids=["well", "long ago", "never", "paused"],
)
def test_beat_and_pauses_are_looked_at(
    monkeypatch: pytest.MonkeyPatch, said: dict[str, object], checks: list[tuple[str, ...]]
) -> None:
    usual = {"swept": True, "swept_seconds_ago": 5.0, "paused": {}, "paused_parts": []}
    monkeypatch.setattr(status, "read_state", lambda *_: SimpleNamespace(**usual | said))
    between = [Check(name, "ok", "") for name in ("workers", "state", "left")]
    monkeypatch.setattr(doctor_checks, "_check_workers", lambda: [between[0]])
    monkeypatch.setattr(doctor_checks, "_check_hold", lambda _: between[1])
    monkeypatch.setattr(doctor_checks, "_check_left", lambda *_: [between[2]])
    workers, *rest = shown(doctor_checks.check_pipeline(STORE, SETTINGS))
    beat, state, left, *pauses = rest
    assert [workers[0], state[0], left[0]] == ["workers", "state", "left"]
    assert [beat, *pauses] == checks


AS_NEW = ("state", "ok", "as new as the world, as far as is known", "")
DECIDE = "see docs/how-to/restore.md, then decide: `sync-tasks state accept`"


@pytest.mark.parametrize(
    ("held", "examining", "check"),
    [
        (False, False, AS_NEW),
        (True, True, AS_NEW),
        (True, False, ("state", "fail", "on hold since 2026-03-01 07:30 UTC: a backup", DECIDE)),
    ],
)
def test_a_hold_fails_once_a_person_must_decide(
    monkeypatch: pytest.MonkeyPatch, *, held: bool, examining: bool, check: tuple[str, ...]
) -> None:
    hold = SimpleNamespace(since=SINCE, reason="a backup", examining=examining) if held else None
    monkeypatch.setattr("sync_tasks.state.holds.read_hold", lambda _: hold)
    assert shown([doctor_checks._check_hold(STORE)]) == [check]
    assert {"since", "reason", "examining"} <= set(dir(Hold))


def test_an_account_that_left_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sync_tasks.sync.accounts.find_left", lambda *_: ["sports"])
    found = "not in the configuration, and the state may know its contacts"
    advice = "put it back; if the account is gone: `sync-tasks account forget sports`"
    assert shown(doctor_checks._check_left(STORE, SETTINGS)) == [("sports: account", "fail", found, advice)]


ACCEPTED = ("default: key", "ok", "accepted by https://api.brevo.com/v3", "")
ANOTHER = (
    "default: owner",
    "fail",
    "the key opens another account than the one whose contacts the state knows",
    "put the right key (and base_url) back; if the account moved: sync-tasks account accept default",
)
OWN = ("default: owner", "ok", "the account whose contacts the state knows", "")
ON_LISTS = [
    ("default: daily", "ok", "list 3, 'Daily'", ""),
    (
        "default: weekly",
        "fail",
        "list 5 does not exist",
        "create it at Brevo, or mend newsletters.weekly.list_id",
    ),
    ("default: city", "fail", "CITY does not exist", "create CITY at Brevo: it ignores what it does not know"),
    (
        "default: daily attribute",
        "fail",
        "DAILY_OUT is text",
        "make it boolean: Brevo ignores another type in silence",
    ),
    (
        "default: unsubscribe link",
        "fail",
        "LINK does not exist",
        "create LINK at Brevo as text: it ignores what it does not know",
    ),
]


@pytest.mark.parametrize(
    ("lists", "owner", "checks"),
    [
        (None, None, [ACCEPTED, OWN, *ON_LISTS]),
        (WrongAccountError("x"), None, [ANOTHER]),
        (
            UnauthorizedError("no such key"),
            None,
            [("default: key", "fail", "UnauthorizedError", "no such key; see Brevo: SMTP & API, authorised IPs")],
        ),
        (
            GatewayUnavailableError("is away"),
            None,
            [("default: brevo", "fail", "GatewayUnavailableError", "is away")],
        ),
        (None, WrongAccountError("x"), [ACCEPTED, ANOTHER, *ON_LISTS]),
        (
            None,
            GatewayUnavailableError("is away"),
            [ACCEPTED, ("default: owner", "warn", "not asked: GatewayUnavailableError", "is away"), *ON_LISTS],
        ),
    ],
    ids=["well", "another", "key", "away", "another at the second look", "away at the second look"],
)
def test_an_account_is_looked_at(
    lists: Exception | None, owner: Exception | None, checks: list[tuple[str, ...]]
) -> None:
    gateway: Any = SimpleNamespace(
        list_names=failing(lists) if lists else lambda: {3: "Daily"},
        attribute_types=lambda: {"DAILY_OUT": "text"},
        check_owner=failing(owner) if owner else lambda: None,
    )
    assert shown(doctor_checks.check_account("default", SETTINGS, gateway)) == checks


@pytest.mark.parametrize(
    ("types", "wanted", "check"),
    [
        ({"CITY": "text"}, None, ("x", "ok", "CITY, text", "")),
        ({"CITY": "text"}, "text", ("x", "ok", "CITY, text", "")),
        ({"CITY": "text"}, "boolean", ("x", "fail", "CITY is text", ON_LISTS[3][3])),
        ({}, None, ("x", "fail", "CITY does not exist", ON_LISTS[2][3])),
        ({}, "boolean", ("x", "fail", "CITY does not exist", ON_LISTS[2][3].replace("Brevo", "Brevo as boolean", 1))),
    ],
    ids=range(5),
)
def test_an_attribute_is_looked_at(types: dict[str, str], wanted: str | None, check: tuple[str, ...]) -> None:
    assert shown([doctor_checks._check_attribute("x", "CITY", types, wanted)]) == [check]


@pytest.mark.parametrize(
    ("writes", "secrets", "state", "found", "advice"),
    [
        (False, 0, "ok", "none: Brevo's own link is the only one", ""),
        (
            False,
            1,
            "warn",
            "no attribute",
            "set [unsubscribe] attribute, see docs/how-to/own-unsubscribe-link.md",
        ),
        (True, 1, "ok", "signed by one secret", ""),
        (
            True,
            2,
            "ok",
            "two secrets: the first one signs",
            "take the old one away once no mail with its links is of use: mails are read for months",
        ),
    ],
)
def test_links_are_looked_at(*, writes: bool, secrets: int, state: str, found: str, advice: str) -> None:
    settings: Any = SimpleNamespace(unsubscribe=SimpleNamespace(writes=writes, secrets=("s",) * secrets))
    assert shown(doctor_checks.check_links(settings)) == [("unsubscribe link", state, found, advice)]
