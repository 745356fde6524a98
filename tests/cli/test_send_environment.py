"""Commands that let events in refuse what a portal would refuse, even while there is no event yet."""

from pathlib import Path

import pytest

from tests.support.desk import Desk

COMMANDS = {"send": ("send", "-"), "relay": ("outbox", "relay", "--until-empty")}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
@pytest.mark.parametrize(
    ("name", "value"),
    [("SYNC_STATE_SECRETS", "s" * 32), ("SYNC_BROKER_URL", "nonsense")],
    ids=["misspelt", "wrong"],
)
def test_an_environment_that_a_portal_refuses_is_refused(
    monkeypatch: pytest.MonkeyPatch, database: Desk, command: tuple[str, ...], name: str, value: str
) -> None:
    database.run(*command, typed=b"")
    monkeypatch.setenv(name, value)
    assert name in database.run(*command, typed=b"", exits=2)


@pytest.fixture
def database(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A desk at which the database of a portal is known, and its outbox empty."""
    monkeypatch.setenv("SYNC_DATABASE_URL", f"sqlite:///{tmp_path / 'portal.db'}")
    desk.run("outbox", "create")
    return desk
