"""``sync-tasks serve``: every door in one process, each open if its token or secret is set."""

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3
from typer.testing import CliRunner

from sync_tasks.cli import app
from sync_tasks.cli.commands import serve
from tests.support.desk import Desk
from tests.support.processes import Program, wait_until
from tests.support.station import READY, Station, building

SECRET, TOKEN = "a-secret-of-more-than-32-characters!", "a-token-for-the-portal"
LINKS = '[unsubscribe]\nattribute = "UNSUBSCRIBE_TOKEN"\ntitles = { daily = "Daily News" }\n'
MAIL = "{origin}/unsubscribe/daily/{{{{ contact.UNSUBSCRIBE_TOKEN }}}}"


@pytest.fixture
def linked(tmp_path: Path) -> Iterator[Station]:
    """A pipeline whose mails have links of the portal's own."""
    variables = {"SYNC_UNSUBSCRIBE_SECRET": SECRET, "SYNC_EVENTS_TOKEN": TOKEN, "SYNC_LOG_LEVEL": "DEBUG"}
    with building(tmp_path, more_env=variables) as station:
        path = Path(station.env["SYNC_CONFIG"])
        path.write_text(path.read_text() + LINKS)
        yield station


def start_doors(station: Station) -> tuple[Program, str]:
    """Start the doors, and return where they are once they are open."""
    doors = station.start_command("serve", "--port", "0")
    doors.wait_for("/events")
    return doors, doors.output.split("receiving on ")[1].split("/unsubscribe/")[0]


def test_from_a_campaign_to_an_opt_out_without_a_hand(linked: Station) -> None:
    worker = linked.start_worker()
    doors, origin = start_doors(linked)
    worker.wait_for(READY)
    anna = {"task": "subscribe_contact", "user_id": "anna", "email": "anna@portal.org", "newsletter": "daily"}
    with urllib3.PoolManager(retries=False, timeout=30) as http:
        sent = http.request(
            "POST",
            f"{origin}/events",
            body=json.dumps({**anna, "occurred_at": "2026-03-01T12:00:00Z"}),
            headers={"authorization": f"Bearer {TOKEN}", "content-type": "application/json"},
        )
        assert sent.status == 202
        linked.wait_for_lists("anna", 3)
        (mail,) = linked.brevo.send_campaign(3, MAIL.format(origin=origin))
        link = str(mail["text"])
        assert "Daily News" in http.request("GET", link).data.decode()
        linked.wait_until_settled()
        assert linked.held("anna")["listIds"] == [3]
        clicked = http.request_encode_body("POST", link, {"List-Unsubscribe": "One-Click"}, encode_multipart=False)
        assert clicked.status == 200
        linked.wait_for_lists("anna")
        wait_until(lambda: linked.held("anna")["attributes"]["DAILY_UNSUBSCRIBED"] is True, "unsubscribed=true")
        assert linked.brevo.send_campaign(3, MAIL.format(origin=origin)) == []
    assert doors.stop() == 143
    token = link.rpartition("/")[2]
    assert not [word for word in (token, "anna@portal.org", SECRET, TOKEN) if word in doors.output + worker.output]


def test_with_no_door_open_one_line_names_the_variables(environment: Path) -> None:
    assert environment.exists()
    done = CliRunner().invoke(app, ["serve", "--port", "0"])
    variables = ("SYNC_WEBHOOK_TOKEN", "SYNC_UNSUBSCRIBE_SECRET", "SYNC_EVENTS_TOKEN", "SYNC_OPERATE_SECRET")
    assert (done.exit_code, [name in done.output for name in variables]) == (2, [True] * 4)


def test_tokens_for_contacts_need_a_secret(environment: Path) -> None:
    environment.write_text(environment.read_text() + LINKS)
    done = CliRunner().invoke(app, ["doctor"])
    assert (done.exit_code, "SYNC_UNSUBSCRIBE_SECRET" in done.output) == (2, True)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ('secrets = ["x"]', "a secret does not belong in the file"),
        ('attributes = { hourly = "X" }', "no newsletter 'hourly'"),
        ('titles = { hourly = "Hourly" }', "no newsletter 'hourly'"),
        ('attribute = "FIRSTNAME"', "FIRSTNAME is used 2 times"),
    ],
)
def test_what_makes_no_sense_of_links_is_one_line(
    environment: Path, line: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNC_UNSUBSCRIBE_SECRET", SECRET)
    environment.write_text(f"{environment.read_text()}[unsubscribe]\n{line}\n")
    done = CliRunner().invoke(app, ["doctor"])
    assert (done.exit_code, fault in " ".join(done.output.split())) == (2, True)


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ("", "nobody can log in"),
        ('[operate]\npasswords = "/nowhere/operators"\n', "cannot be read"),
        ('[operate]\nuser_header = "Remote-User"\n', "SYNC_OPERATE_TOKEN"),
        ('[unsubscribe]\nattribute = "UNSUBSCRIBE_TOKEN"\n', "SYNC_UNSUBSCRIBE_SECRET"),
    ],
)
def test_a_page_that_nobody_can_use_is_one_line(
    environment: Path, lines: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNC_OPERATE_SECRET", SECRET)
    environment.write_text(environment.read_text() + lines)
    done = CliRunner().invoke(app, ["serve", "--port", "0"])
    assert (done.exit_code, fault in done.output) == (2, True)


def test_a_password_file_named_at_the_start_lets_in_whom_it_names_and_no_proxy(desk: Desk) -> None:
    text = desk.configuration.read_text()
    desk.configuration.write_text(text + '[operate]\nuser_header = "Remote-User"\nflower_url = "https://a.example"\n')
    operate = serve._load_settings(Path("operators"), "http://127.0.0.1:5555/").operate
    assert (operate.passwords, operate.user_header) == (Path("operators"), None)
    assert operate.flower_url == "http://127.0.0.1:5555/"
    assert serve._load_settings(None, None).operate.user_header == "Remote-User"


def test_what_is_no_address_of_flower_is_wrong_use(desk: Desk) -> None:
    assert "--flower-url" in desk.run("serve", "--flower-url", "javascript:alert(1)", exits=2)


@pytest.mark.parametrize(
    ("words", "last"),
    [(("serve", "--port", "0"), "Finished server process"), (("outbox", "relay"), "0 events accepted")],
    ids=["serve", "relay"],
)
def test_each_line_of_a_part_is_json_if_that_is_wished(
    lonely_station: Station, tmp_path: Path, words: tuple[str, ...], last: str
) -> None:
    database = {"SYNC_DATABASE_URL": f"sqlite:///{tmp_path / 'outbox'}", "SYNC_WEBHOOK_TOKEN": TOKEN}
    lonely_station.start_command("outbox", "create", **database).process.wait(30)
    part = lonely_station.start_command(*words, SYNC_LOG_JSON="1", SYNC_TYPO_OF_OURS="1", **database)
    part.wait_for("Started server process" if words[0] == "serve" else "relaying from")
    part.stop(signal.SIGTERM)
    lines = [json.loads(line) for line in part.output.splitlines()]
    messages = " ".join(line["message"] for line in lines)
    assert "SYNC_TYPO_OF_OURS has no effect" in messages
    assert last in messages
    broken = lonely_station.start_command(*words, SYNC_LOG_JSON="1", SYNC_REDIS_URL="nowhere", **database)
    assert broken.process.wait(30) == 2
    assert all("SYNC_REDIS_URL" in json.loads(line)["message"] for line in broken.output.splitlines())


def test_each_line_of_the_doors_says_when_it_was_and_how_grave_it_is(lonely_station: Station) -> None:
    doors = lonely_station.start_command("serve", "--port", "0", SYNC_WEBHOOK_TOKEN=TOKEN)
    doors.wait_for("/webhooks/brevo/default")
    place = doors.output.split("receiving on ")[1].split()[0]
    with urllib3.PoolManager(retries=False, timeout=30) as http:
        assert http.request("POST", place, body=b"{}").status == 401
    doors.stop(signal.SIGTERM)
    assert re.search(r"^\d{4}-\S+ warning webhook refused: 401 ", doors.output, re.MULTILINE)
    assert re.search(r"^\d{4}-\S+ info +Finished server process", doors.output, re.MULTILINE)
