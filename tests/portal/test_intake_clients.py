"""The clients of the documentation in other languages, run as they stand there."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sync_tasks.portal.intake import Intake, accept_by_tasks
from sync_tasks.state.store import Store
from tests.support.receiving import TOKENS as SENDERS
from tests.support.receiving import Receiving, opening

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "events-over-http.md"
# How each is run, and what to install where it cannot be.
LANGUAGES = {"php": ("send.php", "php-cli"), "java": ("SendEvent.java", "default-jdk-headless")}


@pytest.fixture
def door(store: Store, worker_environment: Path) -> Iterator[Receiving]:
    assert worker_environment.exists()
    with opening(store, Intake(SENDERS, accept_by_tasks()).routes) as here:
        yield here


def run(language: str, folder: Path, url: str, token: str) -> subprocess.CompletedProcess[str]:
    """Run the client of the page."""
    name, package = LANGUAGES[language]
    program = shutil.which(language)
    if program is None or (language == "java" and shutil.which("javac") is None):
        pytest.skip(f"{language} is not installed: apt install {package}")
    (text,) = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (folder / name).write_text(text)
    env = {**os.environ, "EVENTS_URL": url, "EVENTS_TOKEN": token}
    return subprocess.run([program, folder / name], env=env, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_client_of_the_page_has_its_event_accepted(
    door: Receiving, store: Store, tmp_path: Path, language: str
) -> None:
    done = run(language, tmp_path, f"{door.origin}/events", SENDERS.current)
    assert (done.returncode, done.stderr) == (0, "")
    contact = store.peek("4711")
    assert contact
    stamp, wished = contact.subscriptions()["daily"]
    assert not wished
    # Two events within a second must not be of one moment: the opt-out would count.
    assert int(stamp) % 1_000_000


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_client_of_the_page_says_that_nothing_was_accepted(door: Receiving, tmp_path: Path, language: str) -> None:
    done = run(language, tmp_path, f"{door.origin}/events", "a-wrong-token")
    assert done.returncode != 0
    assert "not accepted" in done.stdout + done.stderr
