"""A pipeline in processes with all that an operator's page can show: trouble of each kind, and a day behind it."""

import math
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sync_tasks.config.settings import Account
from sync_tasks.domain.events import EVENTS, parse_event
from sync_tasks.errors import UnauthorizedError
from sync_tasks.operate.passwords import make_entry, write_entry
from sync_tasks.rate_limits.limiter import Limiter
from sync_tasks.state.freshness import MINUTES, read_freshness
from tests.support.pipeline import address_of
from tests.support.processes import wait_until
from tests.support.station import READY, Station, building

PASSWORD = "correct horse battery staple"
SECRET = "a-secret-of-more-than-32-characters!"
MOMENT = "2026-03-01T12:00:00Z"
MORE = """
[accounts.sports]
base_url = "{url}"
[newsletters.sport]
list_id = 4
account = "sports"
[operate]
passwords = "{operators}"
"""


@dataclass
class Stage:
    """The pipeline, and where its page is."""

    station: Station
    origin: str


@contextmanager
def staging(folder: Path) -> Iterator[Stage]:
    """Yield a page with a worker, beat and readers behind it; all of it is gone after the block."""
    env = {"SYNC_OPERATE_SECRET": SECRET, "SYNC_API_KEY_SPORTS": "xkeysib-zz"}
    with building(folder, more_env=env) as station:
        path, operators = Path(station.env["SYNC_CONFIG"]), folder / "operators"
        plain = re.sub(r"(list_id = \d+)", r'\1\naccount = "default"', path.read_text())
        path.write_text(plain + MORE.format(url=station.served.url, operators=operators))
        write_entry(operators, make_entry("anna", "act", PASSWORD))
        write_entry(operators, make_entry("ben", "look", PASSWORD))
        worker, doors = station.start_worker(), station.start_command("serve", "--port", "0")
        worker.wait_for(READY)
        doors.wait_for("/operate")
        origin = doors.output.split("receiving on ")[1].split("/operate")[0]
        station.beat()
        _fill(station)
        yield Stage(station, f"{origin}/operate")


def _fill(station: Station) -> None:
    """Let readers come and go, some events fail, and a comparison be refused."""
    readers = [f"{number}" for number in range(4711, 4731)]
    for user_id in readers:
        _say(station, "subscribe_contact", user_id, newsletter="daily", email=address_of(user_id), first_name="Ada")
        _say(station, "subscribe_contact", user_id, newsletter="weekly", email=address_of(user_id))
        _say(station, "unsubscribe_contact", user_id, newsletter="weekly")
    for number in range(5001, 5008):
        _say(station, "unsubscribe_contact", f"{number}", newsletter="daily")
    for number in range(6001, 6004):
        _say(station, "subscribe_contact", f"{number}", newsletter="evening", email=address_of(f"{number}"))
    station.wait_until_settled()
    _act_at_brevo(station, readers)
    account = Account(base_url=station.served.url)
    Limiter(station.store, {"sports": account}).pause("sports", UnauthorizedError("GET /account: 401 Key not found"))
    draw_day(station)


def _say(station: Station, task: str, user_id: str, **said: object) -> None:
    station.store.accept(parse_event(EVENTS[task], {"user_id": user_id, **said}))


def _act_at_brevo(station: Station, readers: list[str]) -> None:
    for user_id in readers[:5]:
        station.brevo.act("complain", address_of(user_id))
    for user_id in readers[5:12]:
        station.brevo.edit(address_of(user_id), {"listIds": [3, 5]})
    compare = [sys.executable, "-m", "sync_tasks", "reconcile", "--account", "default"]
    station.run(*compare, "--max-changes", "0")
    wait_until(lambda: not station.store.redis.exists("sync_tasks:dirty"), "all is settled", 60)


def draw_day(station: Station) -> None:
    """Let a day lie behind: quiet but for an outage in the night and a slow noon."""
    now, _ = read_freshness(station.store)
    minutes = {
        str(minute % MINUTES): f"{minute} {_waited(now - minute)} 3"
        for minute in range(now - MINUTES + 1, now - 1)
        if not 400 <= now - minute <= 450
    }
    station.store.redis.hset("sync_tasks:freshness", mapping=minutes)  # type: ignore[arg-type]


def _waited(ago: int) -> int:
    usual = 4 + 3 * math.sin(ago / 70)
    return int(usual + max(0, 220 - abs(ago - 900) * 3) + max(0, 60 - abs(ago - 200) * 2))
