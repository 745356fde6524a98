"""A fault of the environment is one line that says what to do, shows nothing secret, and ends the part with exit 2."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sync_tasks.config import environment as endpoints
from sync_tasks.local.leash import leash
from sync_tasks.local.redis_server import find_server, free_port
from tests.support.processes import StartProgram, require_redis_server, wait_until
from tests.support.station import ROOT

SECRET = "s3cr"
PASSWORD = f"{SECRET}/e@t"
PORTAL = """
from sync_tasks import unsubscribe_contact
try:
    unsubscribe_contact.delay(user_id="anna", newsletter="daily")
    print("accepted")
except Exception as error:
    print(type(error).__name__, error)
"""
CELERY = ("-m", "celery", "-A", "sync_tasks")
DESK = ("-m", "sync_tasks")
PARTS: dict[str, tuple[str, ...]] = {
    "portal": ("-c", PORTAL),
    "worker": (*CELERY, "worker"),
    "beat": (*CELERY, "beat"),
    "flower": (*CELERY, "flower", "--port=0", "--address=127.0.0.1"),
    "inspect": (*CELERY, "inspect", "ping"),
    "status": (*DESK, "status"),
    "failed": (*DESK, "failed", "list"),
    "send": (*DESK, "send", "-"),
    "serve": (*DESK, "webhooks", "serve", "--port=0"),
    "up": (*DESK, "up", "--flower-port=0", "--sandbox-port=0"),
}
FAULTS = {
    "a slash in the password": {"SYNC_REDIS_URL": "redis://:{password}@127.0.0.1:{port}/0"},
    "a hash in the password": {"SYNC_REDIS_URL": "redis://:" + SECRET + "#1@127.0.0.1:{port}/0"},
    "a bracket in the password": {"SYNC_REDIS_URL": "redis://:" + SECRET + "[1@127.0.0.1:{port}/0"},
    "digits and a slash in the password": {"SYNC_REDIS_URL": "redis://:12/" + SECRET + "@127.0.0.1:{port}/0"},
    "no number of a database": {"SYNC_REDIS_URL": "{good}abc"},
    "no such database": {"SYNC_REDIS_URL": "{good}99"},
    "no scheme": {"SYNC_REDIS_URL": "127.0.0.1:{port}/0"},
    "another scheme": {"SYNC_REDIS_URL": "http://:" + SECRET + "@127.0.0.1:{port}/0"},
    "an unknown option": {"SYNC_REDIS_URL": "{good}?" + SECRET + "=1"},
    "a password among the options": {"SYNC_REDIS_URL": "redis://127.0.0.1:{port}/0?password=" + SECRET},
    "a host that is none": {"SYNC_REDIS_URL": "redis://:" + SECRET + "@redis..internal:6379/0"},
    "a socket without a path": {"SYNC_REDIS_URL": "unix://:" + SECRET + "@redis.sock"},
    "a port of a sentinel that is none": {"SYNC_REDIS_URL": "sentinel://:" + SECRET + "@one:99999/main/0"},
    "no file": {"SYNC_REDIS_URL": "", "SYNC_REDIS_URL_FILE": "/nowhere"},
    "an empty file": {"SYNC_REDIS_URL": "", "SYNC_REDIS_URL_FILE": "{empty}"},
    "a misspelt variable": {"SYNC_REDIS_URL": "", "SYNC_REDIS_ULR": "{good}"},
    "a namespace that is none": {"SYNC_NAMESPACE": "a b*"},
    "an unknown transport": {"SYNC_BROKER_URL": "foo://" + SECRET + "@host/"},
    "a transport without its library": {"SYNC_BROKER_URL": "sqs://" + SECRET + ":x@"},
    "a wrong password": {"SYNC_REDIS_URL": "redis://:" + SECRET + "-wrong@127.0.0.1:{port}/0"},
    "no password": {"SYNC_REDIS_URL": "redis://127.0.0.1:{port}/0"},
}
# Redis itself refuses these: the portal gets its exception as before.
OF_REDIS = ["no such database", "a wrong password", "no password"]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A Redis with a password; the words that the faults above are made of."""
    require_redis_server()
    port, folder = free_port(), tmp_path_factory.mktemp("guarded")
    (folder / "empty").write_text("\n")
    (folder / "sync_tasks.toml").write_text("[newsletters.daily]\nlist_id = 3\n")
    command = [str(find_server()), "--port", str(port), "--dir", str(folder), "--save", "", "--requirepass", PASSWORD]
    with subprocess.Popen(leash(command), stdout=subprocess.DEVNULL) as server:
        good = f"redis://:{SECRET}%2Fe%40t@127.0.0.1:{port}/"
        words = {"port": str(port), "password": PASSWORD, "good": good, "empty": str(folder / "empty")}
        words["config"] = str(folder / "sync_tasks.toml")
        wait_until(lambda: run("failed", words, {}).returncode == 0, "a Redis that answers")
        yield words
        server.kill()


def environment(words: dict[str, str], fault: dict[str, str]) -> dict[str, str]:
    kept = {name: text for name, text in os.environ.items() if not name.startswith("SYNC_")}
    reported = {"SYNC_REDIS_URL": "{good}0", "SYNC_CONFIG": "{config}", "SYNC_API_KEY": "key", "PYTHONPATH": str(ROOT)}
    reported |= {"SYNC_WEBHOOK_TOKEN": "x" * 20} | fault
    return kept | {name: text.format(**words) for name, text in reported.items()}


def run(part: str, words: dict[str, str], fault: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *PARTS[part]],
        env=environment(words, fault),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )


def assert_one_line(done: subprocess.CompletedProcess[str], part: str) -> None:
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    reported = [line for line in lines if not re.match(r"Redis |Brevo ", line)]
    assert len(reported) == 1, done.stdout
    assert SECRET not in done.stdout
    if part == "portal":
        assert reported[0].startswith("ConfigurationError SYNC_")
    else:
        assert done.returncode == 2, done.stdout


@pytest.mark.parametrize("part", ["portal", "worker", "status"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_line(guarded: dict[str, str], part: str, fault: str) -> None:
    if part == "portal" and fault in OF_REDIS:
        return
    assert_one_line(run(part, guarded, FAULTS[fault]), part)


@pytest.mark.parametrize("fault", ["a slash in the password", "a wrong password", "an unknown transport"])
@pytest.mark.parametrize("part", [part for part in PARTS if part not in {"portal", "worker", "status"}])
def test_every_part_says_it_in_one_line(guarded: dict[str, str], part: str, fault: str) -> None:
    if (part, fault) != ("failed", "an unknown transport"):  # it needs no broker
        assert_one_line(run(part, guarded, FAULTS[fault]), part)


@pytest.mark.parametrize("fault", OF_REDIS)
def test_what_redis_refuses_reaches_the_portal_without_a_word_of_the_password(
    guarded: dict[str, str], fault: str
) -> None:
    done = run("portal", guarded, FAULTS[fault])
    assert (len(done.stdout.splitlines()), SECRET in done.stdout) == (1, False)
    assert "accepted" not in done.stdout


@pytest.mark.parametrize(
    ("fault", "stopped"),
    [
        ({"SYNC_NIGHTLY_AT": "25:99"}, {"beat", "up"}),
        ({"SYNC_NIGHTLY_AT": "02:20+05:00"}, {"beat", "up"}),
        ({"SYNC_NIGHTLY_ATT": "03:00"}, {"beat", "up"}),
        ({"SYNC_LOG_LEVEL": "LOUD"}, {"worker", "beat", "serve", "up"}),
        ({"SYNC_API_KEY": "", "SYNC_API_KYE": "key"}, {"worker", "status"}),
    ],
)
def test_a_fault_stops_those_alone_who_need_what_it_is_about(
    guarded: dict[str, str], fault: dict[str, str], stopped: set[str]
) -> None:
    for part in stopped:
        assert run(part, guarded, fault).returncode == 2, part
    assert run("portal", guarded, fault).stdout.splitlines()[-1] == "accepted"
    assert run("failed", guarded, fault).returncode == (2 if "status" in stopped else 0)


def test_a_variable_that_has_no_effect_is_named_once_and_stops_nobody(guarded: dict[str, str]) -> None:
    fault = {"SYNC_WEB_SERVICE_HOST": "10.0.0.1", "SYNC_NAME_SPACE": "x", "SYNC_NAMESPACE": "mine"}
    done = run("failed", guarded, fault)
    assert done.returncode == 0
    assert done.stdout.splitlines()[:2] == [
        "SYNC_NAME_SPACE has no effect: it is no variable of the pipeline; is SYNC_NAMESPACE meant?",
        "SYNC_WEB_SERVICE_HOST has no effect: it is no variable of the pipeline",
    ]
    assert run("portal", guarded, fault).stdout.count("has no effect") == 2


def test_a_worker_waits_for_a_redis_that_is_away_without_a_traceback(
    guarded: dict[str, str], start_program: StartProgram
) -> None:
    away = {"SYNC_REDIS_URL": f"redis://:{SECRET}@127.0.0.1:{free_port()}/0"}
    worker = start_program([sys.executable, *PARTS["worker"]], env=environment(guarded, away))
    worker.wait_for("Cannot connect to")
    assert ("Traceback" in worker.output, SECRET in worker.output) == (False, False)
    worker.kill()


def test_every_variable_of_ours_is_known_to_be_one() -> None:
    used = {
        name
        for path in Path(ROOT, "sync_tasks").rglob("*.py")
        for name in re.findall(r"\bSYNC_[A-Z_]*[A-Z]\b", path.read_text())
    }
    assert used <= set(endpoints.VARIABLES)
