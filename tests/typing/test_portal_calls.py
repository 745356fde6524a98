"""What mypy and pyright say of a portal's calls: a wrong name, type or answer is found before it runs."""

import inspect
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sync_tasks import tasks
from sync_tasks.domain.events import EVENTS

ROOT = Path(__file__).parents[2]
IMPORTS = """\
from collections.abc import Mapping
from datetime import UTC, datetime
from sync_tasks import anonymize_contact, subscribe_contact, unsubscribe_contact, update_contact
from sync_tasks.tasks import ConsentProof
texts: dict[str, str] = {"city": "Ulm"}
"""
RIGHT = """
proof: ConsentProof = {"source": "form", "version": "1", "at": datetime.now(UTC)}
subscribe_contact.delay(user_id="1", newsletter="daily", email="a@b.org")
subscribe_contact.delay(user_id="1", newsletter="daily", email="a@b.org", attributes=texts, first_name=None)
subscribe_contact.delay(user_id="1", newsletter="daily", email="a@b.org", occurred_at=datetime.now(UTC))
subscribe_contact.delay(user_id="1", newsletter="daily", email="a@b.org", consent=proof)
update_contact.delay(user_id="1", previous_email="a@b.org", attributes={"age": 4, "member": True, "city": None})
unsubscribe_contact.delay(user_id="1", newsletter="daily", occurred_at="2026-11-23T09:30:00+01:00")
unsubscribe_contact.apply_async(kwargs={"user_id": "1", "newsletter": "daily"}, countdown=1)
anonymize_contact.delay(user_id="1", email=None, requested_by="ticket 4711")
name: str = anonymize_contact.name
sent: str = anonymize_contact.delay(user_id="1").id
async def accept() -> str: return (await anonymize_contact.adelay(user_id="1")).id
"""
WRONG = """
subscribe_contact.delay(usr_id="1", newsletter="daily", email="a@b.org")
subscribe_contact.delay(user_id="1", newsletter="daily", email="a@b.org", newsleter="weekly")
subscribe_contact.delay(user_id="1", newsletter="daily")
subscribe_contact.delay(user_id=1, newsletter="daily", email="a@b.org")
subscribe_contact.delay("1", "daily", "a@b.org")
subscribe_contact.delay(user_id="1", newsletter="daily", email="a@b.org", attributes=["city"])
subscribe_contact.delay(user_id="1", newsletter="daily", email="a@b.org", attributes={"city": b"Ulm"})
subscribe_contact.delay(user_id="1", newsletter="daily", email="a@b.org", occurred_at=0)
update_contact.delay(user_id="1", newsletter="daily")
subscribe_contact.delay(user_id="1", newsletter="daily", email="a@b.org", consent={"source": "form", "version": "1"})
subscribe_contact.delay(user_id="1", newsletter="daily", email="a@b.org", consent={"source": 1, "version": "1"})
unsubscribe_contact.delay(user_id="1")
anonymize_contact.delay(user_id="1", first_name="Anna")
anonymize_contact.delay(user_id="1", requested_by=4711)
number: int = anonymize_contact.delay(user_id="1").id
async def forget() -> str: return (await anonymize_contact.adelay(user="1")).id
async def wait() -> str: return anonymize_contact.adelay(user_id="1").id
"""


def lines_of(text: str) -> set[str]:
    return set(text.splitlines()) - {""}


def run_mypy(path: Path) -> list[dict[str, object]]:
    """Check a file as a portal does that has Celery without its types: they are in a package of their own."""
    settings = path.with_name("mypy.ini")
    skipped = ("celery", "kombu")
    settings.write_text("[mypy]\n" + "".join(f"[mypy-{name}.*]\nfollow_imports = skip\n" for name in skipped))
    command = [sys.executable, "-m", "mypy", "--config-file", str(settings), "--output", "json", str(path)]
    env = os.environ | {"MYPYPATH": str(ROOT), "MYPY_CACHE_DIR": str(path.with_name("cache"))}
    done = subprocess.run(command, env=env, cwd=path.parent, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return [fault for fault in found if Path(fault["file"]).name == path.name and fault["severity"] == "error"]


def run_pyright(path: Path) -> list[dict[str, object]]:
    beside = ROOT / "tests" / "contract" / "node_modules" / ".bin" / "pyright"
    pyright = str(beside) if beside.exists() else shutil.which("pyright")
    if not pyright:
        pytest.skip("pyright is not installed: make contract, or npm install --global pyright")
    settings = path.with_name("pyrightconfig.json")
    settings.write_text(json.dumps({"extraPaths": [str(ROOT)], "reportAttributeAccessIssue": "error"}))
    command = [pyright, "--outputjson", "--pythonpath", sys.executable, "--project", str(settings)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    found = json.loads(done.stdout)["generalDiagnostics"]
    return [{"line": fault["range"]["start"]["line"] + 1, "message": fault["message"]} for fault in found]


Check = Callable[[Path], list[dict[str, object]]]


@pytest.mark.parametrize("check", [run_mypy, run_pyright])
def test_each_call_that_is_wrong_is_found_and_none_that_is_right(check: Check, tmp_path: Path) -> None:
    path = tmp_path / "portal.py"
    path.write_text(IMPORTS + RIGHT + WRONG)
    lines = path.read_text().splitlines()
    found = {lines[int(str(fault["line"])) - 1] for fault in check(path)}
    assert (lines_of(WRONG) - found, found - lines_of(WRONG)) == (set(), set())


@pytest.mark.parametrize("name", EVENTS)
def test_the_signature_names_the_fields_of_the_event(name: str) -> None:
    reported = inspect.signature(getattr(tasks, name).run.__wrapped__).parameters.values()
    fields = EVENTS[name].model_fields
    assert {each.name for each in reported} == fields.keys()
    required = {each.name for each in reported if each.default is each.empty}
    assert required == {field for field, about in fields.items() if about.is_required()}
