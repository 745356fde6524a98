"""Operators at their page: what they open, type and press, over real HTTP."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import pytest
from starlette.routing import Route

from sync_tasks.config.settings import Operate
from sync_tasks.http.tokens import Tokens
from sync_tasks.monitoring import status
from sync_tasks.operate import doorkeeper, passwords
from sync_tasks.operate.app import build_page
from sync_tasks.operate.doorkeeper import Doorkeeper
from sync_tasks.operate.passwords import PasswordEntry, make_entry, write_entry
from sync_tasks.portal.local_pipeline import lead_to
from sync_tasks.state.dead_letters import DeadLetter
from sync_tasks.state.store import Store
from tests.support.pipeline import Pipeline
from tests.support.receiving import Answer, Receiving, opening

SECRETS = ("the-secret-of-today-has-32-characters", "the-secret-of-before-has-32-characters")
PASSWORD = "correct horse battery staple"
PROXY = "the-token-of-the-proxy"
FORM = "application/x-www-form-urlencoded"


@dataclass
class Operating:
    """An operator with a browser: it keeps the cookie, follows to the next page and sends the token of the last one."""

    here: Receiving
    pipeline: Pipeline
    operators: Path
    cookie: str = ""
    token: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def get(self, path: str = "", **headers: str) -> Answer:
        return self._follow(self.ask("GET", path, None, **headers))

    def post(self, path: str, *pairs: tuple[str, str], **fields: str) -> Answer:
        """Send a form, and follow to the page after it."""
        return self._follow(self.send(path, *pairs, **fields))

    def send(self, path: str, *pairs: tuple[str, str], **fields: str) -> Answer:
        """Send a form, and stay."""
        body = urlencode([*({"token": self.token} | fields).items(), *pairs]).encode()
        return self.ask("POST", path, body, content_type=FORM)

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        cookie = {"cookie": self.cookie} if self.cookie else {}
        sent = self.headers | cookie | {name: value for name, value in headers.items() if value}
        pool = self.here.http
        answer = pool.request(
            method,
            f"{self.here.origin}/operate{path}",
            body=body,
            headers={name.replace("_", "-"): value for name, value in sent.items()},
            redirect=False,
        )
        if "set-cookie" in answer.headers:
            self.cookie = answer.headers["set-cookie"].partition(";")[0]
        reported = Answer(answer.status, answer.data.decode(), dict(answer.headers))
        if found := re.search(r'name="token" value="([^"]+)"', reported.body):
            self.token = found[1]
        return reported

    def log_in(self, name: str = "anna", password: str = PASSWORD) -> Answer:
        return self.post("/login", name=name, password=password)

    def fail(self, *users: str) -> list[DeadLetter]:
        """Let an opt-out of each of these users, of whom nothing is known, become a dead letter."""
        for user in users:
            self.pipeline.unsubscribe(user)
        self.pipeline.work()
        return [letter for letter in self.pipeline.letters() if letter.user_id in users]

    def _follow(self, answer: Answer) -> Answer:
        while answer.status == 303:
            answer = self.ask("GET", answer.headers["location"].removeprefix("/operate"))
        return answer


def words_of(page: Answer) -> str:
    """Return what a person reads of a page."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page.body)).split())


def make_cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a hash take no time: tests make many."""
    monkeypatch.setattr(passwords, "_COST", 2**4)
    monkeypatch.setattr(doorkeeper, "NOBODY", PasswordEntry("", "look", "scrypt:16:8:3:AAAA:AAAA"))


@pytest.fixture
def operators(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A password file with Anna, who may act, and Ben, who may look; hashes are cheap."""
    make_cheap(monkeypatch)
    path = tmp_path / "operators"
    for name, role in (("anna", "act"), ("ben", "look")):
        write_entry(path, make_entry(name, role, PASSWORD))  # type: ignore[arg-type]
    return path


@pytest.fixture
def door(operators: Path, pipeline: Pipeline, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Operating]:
    """The page, and nobody logged in."""
    monkeypatch.setattr(status, "PING_SECONDS", 0.05)
    with lead_to(redis_url), opening(pipeline.store, build_routes(pipeline, pipeline.store, operators)) as here:
        yield Operating(here, pipeline, operators)


def build_routes(pipeline: Pipeline, store: Store, operators: Path) -> list[Route]:
    """Return the routes of a page that shows this state."""
    operate = Operate(passwords=operators, user_header="Remote-User", act=("cara",))
    settings = pipeline.resources.settings.model_copy(update={"operate": operate})
    return build_page(store, settings, Doorkeeper(operate, SECRETS, Tokens((PROXY,)))).routes
