"""What the tests themselves stand on: waiting that fails, programs that end, servers that are not silently missing."""

import sys

import pytest

from sync_tasks.local import redis_server
from tests.support.processes import StartProgram, require_redis_server, wait_until


def test_waiting_in_vain_fails_and_says_for_what() -> None:
    with pytest.raises(AssertionError, match="rain"):
        wait_until(lambda: False, "rain", timeout=0.05)


def test_waiting_returns_what_came() -> None:
    answers = iter(["", "", "rain"])
    assert wait_until(lambda: next(answers), "rain") == "rain"


def test_a_missing_redis_server_skips_on_a_laptop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_server, "OLDEST_VERSION", (99, 0))
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="redis-server"):
        require_redis_server()


def test_a_missing_redis_server_fails_where_ci_promises_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_server, "OLDEST_VERSION", (99, 0))
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="redis-server"):
        require_redis_server()


def test_a_program_that_ends_before_it_is_ready_shows_what_it_said(start_program: StartProgram) -> None:
    with pytest.raises(AssertionError, match="no such luck"):
        start_program([sys.executable, "-c", "print('no such luck')"], ready="ready")


def test_a_stopped_program_returns_its_exit_status(start_program: StartProgram) -> None:
    program = start_program([sys.executable, "-c", "print('ready', flush=True); exit(3)"], ready="ready")
    program.process.wait(10)
    assert program.stop() == 3
