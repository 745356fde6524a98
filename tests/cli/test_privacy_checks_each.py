"""Each check of privacy and of webhooks that ``sync-tasks doctor`` makes, in full."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, Self

import pytest

from sync_tasks.cli.views import privacy_checks, webhook_checks
from sync_tasks.cli.views.doctor_checks import Check
from sync_tasks.config.settings import Settings
from sync_tasks.domain.timestamps import stamp_of
from sync_tasks.errors import ConfigurationError
from sync_tasks.state import disk, secret

SETTINGS = Settings.model_validate({"newsletters": {"daily": {"list_id": 3}}})
STORE: Any = None


def shown(checks: Iterable[Check]) -> list[tuple[str, str, str, str]]:
    return [(check.what, check.state, check.found, check.advice) for check in checks]


GUESSED = "whoever has a dump can guess who was erased: `sync-tasks secret new FILE`, SYNC_STATE_SECRET_FILE"


@pytest.mark.parametrize(
    ("fault", "hashes", "newest", "verdict"),
    [
        ("lacks it", True, True, ("fail", "another one is in force", "lacks it")),
        ("", False, True, ("warn", "lies in Redis", GUESSED)),
        ("", True, False, ("warn", "the newest is not in force", "once every part has it: `sync-tasks secret use`")),
        ("", True, True, ("ok", "outside Redis", "")),
    ],
)
def test_the_secret_of_hashes_is_looked_at(
    monkeypatch: pytest.MonkeyPatch, *, fault: str, hashes: bool, newest: bool, verdict: tuple[str, ...]
) -> None:
    def check(_store: object) -> None:
        if fault:
            raise ConfigurationError(fault)

    monkeypatch.setattr(secret, "check_secret", check)
    monkeypatch.setattr(secret, "is_newest_in_force", lambda _: newest)
    store: Any = SimpleNamespace(tombstones=SimpleNamespace(hashes=hashes))
    assert shown([privacy_checks._check_secret(store)]) == [("hash secret", *verdict)]


UNSAID = "Redis does not say: see SECURITY.md"
LATE = stamp_of(datetime(2026, 3, 2, 13, 29, 59, tzinfo=UTC))
IN_TIME = stamp_of(datetime(2026, 3, 2, 13, 30, tzinfo=UTC))


@pytest.mark.parametrize(
    ("snapshots", "slow", "owed", "checks"),
    [
        (
            "",
            "",
            None,
            [("ok", "none", ""), ("ok", "none", ""), ("ok", "hold nobody erased", "")],
        ),
        (None, None, IN_TIME, [("ok", UNSAID, ""), ("ok", UNSAID, ""), ("ok", "rewritten tonight: 1 d owed", "")]),
        (
            "3600 1",
            "10000",
            LATE,
            [
                ("warn", "save 3600 1", 'set save "": an old snapshot holds people who were erased since'),
                (
                    "warn",
                    "keeps commands of 10000 µs and more",
                    "slowlog-log-slower-than -1: it holds the arguments of slow commands, addresses among them",
                ),
                (
                    "warn",
                    "hold people erased 1 d ago",
                    "beat asks for it each night: is it running, may the user BGREWRITEAOF? See SECURITY.md, Files",
                ),
            ],
        ),
    ],
    ids=["none", "unsaid", "kept"],
)
def test_the_files_of_redis_are_looked_at(
    monkeypatch: pytest.MonkeyPatch,
    snapshots: str | None,
    slow: str | None,
    owed: str | None,
    checks: list[tuple[str, ...]],
) -> None:
    monkeypatch.setattr(disk, "read_snapshots", lambda _: snapshots)
    monkeypatch.setattr(disk, "read_slow_log", lambda _: slow)
    monkeypatch.setattr(disk, "owed_since", lambda _: owed)
    now = stamp_of(datetime(2026, 3, 3, 19, 30, tzinfo=UTC))
    store: Any = SimpleNamespace(now=lambda: now)
    names = ("redis snapshots", "redis slow log", "redis files")
    assert shown(privacy_checks._check_files(store)) == [
        (name, *check) for name, check in zip(names, checks, strict=True)
    ]


INSTALL = "run `sync-tasks webhooks install --url URL`"


@pytest.mark.parametrize(
    ("token", "checks"),
    [
        ("short", [("webhook token", "fail", "of no use", "SYNC_WEBHOOK_TOKEN")]),
        ("a-token-of-sixteen-or-more", [("default: webhook", "warn", "not installed at Brevo", INSTALL)]),
        ("", [("default: webhook", "ok", "none: what changes at Brevo is found at night", "")]),
    ],
    ids=["short", "token", "none"],
)
def test_a_webhook_that_is_not_installed_is_missed_by_those_who_have_a_token(
    monkeypatch: pytest.MonkeyPatch, token: str, checks: list[tuple[str, ...]]
) -> None:
    monkeypatch.setenv("SYNC_WEBHOOK_TOKEN", token)
    monkeypatch.setattr("sync_tasks.providers.brevo.webhook_setup.find_webhook", lambda *_: None)
    monkeypatch.setattr(webhook_checks, "open_desks", lambda *_: _Opened({"default": None}))
    found = list(webhook_checks.check_webhooks(STORE, SETTINGS))
    found = [replace(one, advice=one.advice.partition(":")[0]) if one.what == "webhook token" else one for one in found]
    assert shown(found) == checks


class _Opened(dict[str, None]):
    """Ways to accounts that need not be closed."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to close."""
