"""Every command of ours that a page shows runs: against a whole pipeline, in the order of the page."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.station import ROOT, Station, building

PAGES = [ROOT / "docs" / "quickstart.md", *sorted((ROOT / "docs" / "how-to").glob("*.md"))]
BLOCKS = re.compile(
    r"^```sh\n(?P<fenced>.*?)^```$|^(?P<indented>(?:(?:    |       )\S.*\n)+)", re.MULTILINE | re.DOTALL
)
# What runs for ever, or is another test's.
LEFT_OUT = (
    "sync-tasks up",
    "sync-tasks serve",
    "sync-tasks webhooks serve",
    "sync-tasks operate",  # tests/operate: it asks for a password
    "sync-tasks outbox",  # tests/portal, as the next
    "sync-tasks reconcile --from-database",
    "sync-tasks doctor --probe",  # tests/probe
    "sync-tasks backfill examples/",  # tests/backfill compares what is printed
)
PARTS = 4
LETTER = "3f9c2a7b1d04"
PORTAL = '{"user_id": "4711", "email": "ada@portal.example", "newsletters": ["daily"]}\n'
EVENT = '{"task": "unsubscribe_contact", "user_id": "4711", "newsletter": "weekly"}\n'
TABLE = "user_id,email,newsletters\n1001,anna@portal.example,daily weekly\n"


def read_lines(page: Path) -> list[str]:
    """Return the commands of a page's shell blocks that are to run here."""
    found = []
    for block in BLOCKS.finditer(page.read_text()):
        text = (block["fenced"] or block["indented"]).replace("\\\n", " ")
        found += [line.strip().removeprefix("$ ").replace(".venv/bin/", "") for line in text.splitlines()]
    return [line for line in found if line.startswith("sync-tasks ") and not line.startswith(LEFT_OUT)]


@pytest.fixture
def reported(tmp_path: Path) -> Iterator[Station]:
    """A pipeline that has heard of the people, and has the files, of which the pages speak."""
    with building(tmp_path, more_env={"SYNC_WEBHOOK_TOKEN": "token-of-the-pages-0123456789"}) as station:
        station.worker()
        for user_id, email in (("1", "ada.one@portal.example"), ("4711", "ada@portal.example")):
            station.portal.accept("subscribe", user_id=user_id, newsletter="daily", email=email)
            station.wait_for_lists(user_id, 3)
        station.send(
            "sync_tasks.unsubscribe_contact", user_id="7", newsletter="nope", occurred_at="2026-11-23T09:30:00Z"
        )
        station.wait_for_letter("7")
        (tmp_path / "secrets").mkdir()
        (tmp_path / "secrets" / "webhook_token").write_text("token-of-the-pages-0123456789")
        (tmp_path / "portal.csv").write_text(TABLE)
        (tmp_path / "portal.jsonl").write_text(PORTAL)
        for name in ("event", "events", "events-since-the-backup"):
            (tmp_path / f"{name}.jsonl").write_text(EVENT)
        yield station


def test_the_lines_of_the_pages_are_found() -> None:
    assert {page.name for page in PAGES if read_lines(page)} >= {"operate.md", "quickstart.md", "reconcile.md"}


# In parts, so that several processes share the work.
@pytest.mark.parametrize("part", range(PARTS))
def test_every_line_of_a_page_runs(reported: Station, part: int) -> None:
    lines = [(page.name, line) for page in PAGES[part::PARTS] for line in read_lines(page)]
    script = "".join(f"{line}\nprintf '\\n@@ %d\\n' $?\n" for _, line in lines)
    script = script.replace(LETTER, reported.letters()[0].id)
    program = f'sync-tasks() {{ {sys.executable} -m sync_tasks "$@"; }}\n{script}'
    done = subprocess.run(
        ["bash", "-c", program],  # noqa: S607 - from the PATH
        cwd=reported.folder,
        env=reported.env | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    codes = [int(code) for code in re.findall(r"^@@ (\d+)$", done.stdout, re.MULTILINE)]
    # 1 is an answer: something differs, something is wrong. 2 is a command that nobody can give.
    wrong = [(*line, code) for line, code in zip(lines, codes, strict=True) if code > 1]
    assert wrong == [], done.stderr
