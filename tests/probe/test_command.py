"""``sync-tasks doctor --probe``."""

import sys
from typing import Any

import pytest

from sync_tasks.cli.commands import probe
from sync_tasks.errors import ConfigurationError
from sync_tasks.probe import experiments
from tests.support.desk import MARK, Desk

AT = ("doctor", "--probe", "--at", f"{MARK}@portal.org")


@pytest.fixture(autouse=True)
def _hasty(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experiments, "GAPS", (0.01,) * 8)
    monkeypatch.setattr(experiments, "AGAIN", 0.01)
    desk.pipeline.brevo.settings.import_seconds = 0.0


def test_the_table_fits_a_terminal_and_says_what_the_pipeline_does(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    reported = desk.run(*AT)
    assert "27 of 28 questions answered, 0 worse than assumed" in " ".join(reported.split())
    assert max(map(len, reported.splitlines())) <= 80
    assert "What the pipeline" in reported
    assert MARK not in caplog.text


def test_a_worse_answer_is_exit_1(desk: Desk) -> None:
    desk.pipeline.brevo.quirks.example_addresses_refused = True
    (report,) = desk.read(*AT, exits=1)
    worse = [one["question"] for one in report["answers"] if one["worse"]]
    assert worse == ["erased_address"]


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("doctor", "--probe"), "--probe needs --at"),
        (("doctor", "--probe", "--at", f"{MARK}"), "not an e-mail address"),
        ((*AT, "--account", "gone"), "there is no account 'gone'"),
        (("doctor", "--at", f"{MARK}@portal.org"), "go with --probe"),
    ],
)
def test_wrong_use_is_reported_and_exit_2(desk: Desk, words: tuple[str, ...], what: str) -> None:
    assert what in desk.run(*words, exits=2)


def test_a_wrong_key_is_one_line(desk: Desk) -> None:
    desk.pipeline.brevo.add_fault("status", status=401)
    (line,) = [one for one in desk.run(*AT, exits=1).splitlines() if one.strip()]
    assert line.startswith("account default: GET /account: 401")


def test_addresses_may_come_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    class Typed:
        def read(self) -> str:
            return "One@portal.org\ntwo@portal.org\n"

    monkeypatch.setattr(sys, "stdin", Typed())
    assert probe.read_addresses(["-"]) == ("one@portal.org", "two@portal.org")


@pytest.mark.parametrize(
    ("reported", "taken"),
    [
        (["me@portal.org"], ("me+sync-probe-1@portal.org", "me+sync-probe-2@portal.org")),
        (["me+x@portal.org"], ("me+x-sync-probe-1@portal.org", "me+x-sync-probe-2@portal.org")),
        (["a@portal.org", "b@portal.org"], ("a@portal.org", "b@portal.org")),
    ],
)
def test_one_mailbox_lends_two_addresses(reported: list[str], taken: Any) -> None:  # noqa: ANN401 - two texts
    assert probe.read_addresses(reported) == taken


def test_the_same_address_twice_is_refused() -> None:
    with pytest.raises(ConfigurationError):
        probe.read_addresses(["a@portal.org", "A@portal.org"])
