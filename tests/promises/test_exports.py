"""The page of the exports: its very commands load its very files, and the right people are on the right lists."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from sync_tasks.sandbox import Sandbox
from tests.support.desk import Desk

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "how-to" / "load-exports.md").read_text()
SHELL = "\n".join(re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)).replace("\\\n", " ")
COMMANDS = re.findall(r"^sync-tasks (.*)\n# (.*)$", SHELL, re.MULTILINE)
DAILY, WEEKLY = 3, 5
EXPECTED: dict[str, dict[str, set[int]]] = {
    "brevo": {"b1": {DAILY, WEEKLY}, "b2": {DAILY}, "b3": set()},
    "mailchimp-subscribed": {"m1": {DAILY}, "m2": {DAILY}},
    "mailchimp-unsubscribed": {"m3": set()},
    "mailpoet": {"p1": {DAILY}, "p2": set(), "p3": set()},
    "hubspot": {"h1": {DAILY, WEEKLY}, "h2": {DAILY}, "h3": set()},
    "excel-english": {"1001": {DAILY, WEEKLY}, "1002": {DAILY}, "1003": set()},
    "excel-german": {"2001": {DAILY, WEEKLY}, "2002": {DAILY}, "2003": set()},
    "postgresql": {"q1": {DAILY, WEEKLY}, "q2": {DAILY}, "q3": set()},
}
OPTED_OUT = {"b3": 2, "m3": 1, "p1": 1, "p3": 1, "h2": 1, "h3": 2, "1002": 1, "1003": 2, "2002": 1, "2003": 2, "q3": 2}


def name_of(command: str) -> str:
    return Path(shlex.split(command)[1]).stem


def test_the_page_has_a_command_for_each_file_of_the_examples() -> None:
    files = {path.stem for path in (ROOT / "examples" / "exports").iterdir()}
    assert files == {name_of(command) for command, _ in COMMANDS} == set(EXPECTED)


@pytest.mark.parametrize(("command", "result"), COMMANDS, ids=[name_of(command) for command, _ in COMMANDS])
def test_an_export_is_loaded_as_the_page_says(
    desk: Desk, brevo: Sandbox, monkeypatch: pytest.MonkeyPatch, command: str, result: str
) -> None:
    brevo.settings.import_seconds = 0.0
    (configuration,) = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    desk.configuration.write_text(configuration)
    monkeypatch.chdir(ROOT)
    assert result in desk.run(*shlex.split(command), "--dry-run").splitlines()
    desk.run(*shlex.split(command))
    desk.pipeline.work()
    contacts: list[Any] = [*brevo.contacts()]
    lists = {contact["ext_id"]: set(contact["listIds"]) for contact in contacts}
    wanted = EXPECTED[name_of(command)]
    assert {user: lists.get(user, set()) for user in wanted} == wanted
    for user in wanted:
        wishes = desk.pipeline.state(user).subscriptions().values()
        assert sum(not wished for _, wished in wishes) == OPTED_OUT.get(user, 0), user
    assert not [letter for letter in desk.pipeline.letters() if letter.user_id not in OPTED_OUT]


def test_umlauts_and_moments_of_a_german_sheet_arrive_whole(
    desk: Desk, brevo: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    (command,) = (command for command, _ in COMMANDS if name_of(command) == "excel-german")
    desk.configuration.write_text(re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)[0])
    monkeypatch.chdir(ROOT)
    brevo.settings.import_seconds = 0.0
    desk.run(*shlex.split(command))
    desk.pipeline.work()
    assert desk.pipeline.state("2002").attributes() == {"first_name": "Jürgen", "last_name": "Müller"}
    assert desk.pipeline.held("2001")["attributes"]["FIRSTNAME"] == "Änne"
    assert desk.pipeline.state("2002").subscriptions()["daily"] == ("1767688215000000", True)
