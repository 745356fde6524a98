"""The page behind an unsubscribe link, over real HTTP: GET only asks, POST unsubscribes, and nobody learns anything."""

import asyncio
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from redis import ConnectionError as RedisIsAway
from starlette.requests import Request

from sync_tasks.config.settings import Settings
from sync_tasks.errors import ConfigurationError, InvalidEventError
from sync_tasks.link_tokens import LinkToken, write_token
from sync_tasks.portal.unsubscribe_page import POSTS, WRONG_LINKS, UnsubscribePage, load_template
from sync_tasks.state.store import Store
from tests.support.pipeline import SETTINGS
from tests.support.receiving import Answer, Receiving, opening

SECRETS = ("a-secret-of-more-than-32-characters!", "an-old-secret-of-more-than-32-characters")
NEWSLETTERS: dict[str, Any] = {**SETTINGS["newsletters"], "evening": {"list_id": 9, "was": ["late"], "retired": True}}
SETTINGS_HERE = Settings.model_validate(
    {**SETTINGS, "newsletters": NEWSLETTERS, "unsubscribe": {"titles": {"daily": "Tom & <Jerry>"}}}
)


@dataclass
class Door:
    """The page, and whom it unsubscribed."""

    here: Receiving
    taken: list[tuple[str, str]] = field(default_factory=list)
    fails: list[Exception] = field(default_factory=list)

    def unsubscribe(self, user_id: str, newsletter: str) -> None:
        assert threading.current_thread() is not threading.main_thread()
        if self.fails:
            raise self.fails[0]
        self.taken.append((user_id, newsletter))

    def get(self, path: str, **headers: str) -> Answer:
        return self.here.ask("GET", path, None, **headers)

    def post(self, path: str, body: bytes = b"", **headers: str) -> Answer:
        return self.here.ask("POST", path, body, **headers)


@pytest.fixture
def door(store: Store) -> Iterator[Door]:
    reported: list[Door] = []

    def unsubscribe(user_id: str, newsletter: str) -> None:
        reported[0].unsubscribe(user_id, newsletter)

    page = UnsubscribePage(SETTINGS_HERE, SECRETS, unsubscribe, load_template(None))
    with opening(store, page.routes) as here:
        reported.append(Door(here))
        yield reported[0]


def link(
    user_id: str = "anna", newsletter: str = "daily", *, only: str = "", secrets: tuple[str, ...] = SECRETS
) -> str:
    return f"/unsubscribe/{newsletter}/{write_token(LinkToken(user_id, 'default', only), secrets)}"


def test_a_scanner_that_opens_every_link_unsubscribes_nobody(door: Door) -> None:
    for method in ("GET", "HEAD"):
        assert door.here.ask(method, link()).status == 200
    assert door.taken == []


def test_the_button_unsubscribes(door: Door) -> None:
    asked = door.get(link()).body.decode()
    assert '<form method="post"><button type="submit">Yes, unsubscribe me</button></form>' in asked
    answer = door.post(link())
    assert (answer.status, door.taken) == (200, [("anna", "daily")])
    assert "You are unsubscribed" in answer.body.decode()


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_a_mailbox_unsubscribes_with_one_click(door: Door, kind: str) -> None:
    assert door.post(link(), b"List-Unsubscribe=One-Click", content_type=kind).status == 200
    assert door.taken == [("anna", "daily")]


def test_who_clicks_twice_hears_the_same(door: Door) -> None:
    assert door.post(link()).body == door.post(link()).body


@pytest.mark.parametrize("added", ["/", ".", ",", ")", ">", "%3E", "%20", "'", "%22", ").", "/."])
def test_what_a_mail_program_adds_to_a_link_changes_nothing(door: Door, added: str) -> None:
    assert door.get(link() + added).status == 200
    assert door.post(link() + added).status == 200
    assert door.taken == [("anna", "daily")]


@pytest.mark.parametrize("newsletter", ["evening", "late"])
def test_a_retired_or_renamed_newsletter_can_be_left(door: Door, newsletter: str) -> None:
    assert door.post(link(newsletter=newsletter, only="evening")).status == 200
    assert door.taken == [("anna", newsletter)]


@pytest.mark.parametrize("newsletter", ["evening", "late"])
def test_a_link_from_before_a_newsletter_was_renamed_works(door: Door, newsletter: str) -> None:
    assert door.post(link(newsletter=newsletter, only="late")).status == 200


def test_a_link_of_a_former_secret_works(door: Door) -> None:
    assert door.post(link(secrets=SECRETS[1:])).status == 200


WRONG = {
    "another secret": link(secrets=("x" * 32,)),
    "cut off": link()[:-3],
    "no token": "/unsubscribe/daily/",
    "no token at all": "/unsubscribe/daily",
    "the place itself": "/unsubscribe/daily/%7B%7B%20contact.UNSUBSCRIBE_TOKEN%20%7D%7D",
    "erased": "/unsubscribe/daily/DELETED",
    "unknown newsletter": link(newsletter="hourly"),
    "another newsletter": link(only="weekly"),
    "deeper": f"{link()}/x",
    "odd bytes": "/unsubscribe/daily/%ff%00",
}


@pytest.mark.parametrize("path", WRONG.values(), ids=WRONG)
def test_a_wrong_link_says_what_to_do_and_no_more(door: Door, path: str) -> None:
    for answer in (door.get(path), door.post(path)):
        assert (answer.status, answer.headers["content-language"]) == (404, "en")
        assert answer.body == door.get("/unsubscribe/daily/x").body
        assert "newest newsletter" in answer.body.decode()
    assert door.taken == []


def test_the_page_speaks_german(door: Door) -> None:
    page = door.get(link(), accept_language="de-DE,de;q=0.9,en;q=0.5").body.decode()
    assert '<html lang="de">' in page
    assert "Abbestellen?" in page


def test_what_a_newsletter_is_called_is_only_text(door: Door) -> None:
    assert "Tom &amp; &lt;Jerry&gt;" in door.get(link()).body.decode()


def test_nothing_runs_and_nothing_is_passed_on(door: Door) -> None:
    headers = door.get(link()).headers
    rules = headers["content-security-policy"]
    assert "default-src 'none'" in rules
    assert "unsafe" not in rules
    assert "frame-ancestors 'none'" in rules
    assert (headers["referrer-policy"], headers["cache-control"]) == ("no-referrer", "no-store")
    assert (headers["x-content-type-options"], headers["x-robots-tag"]) == ("nosniff", "noindex")
    assert headers["vary"] == "accept-language"
    assert "script" not in door.get(link()).body.decode()


@pytest.mark.parametrize("error", [RedisIsAway("secret words"), TimeoutError()])
def test_while_redis_is_away_nobody_reads_that_they_are_unsubscribed(
    door: Door, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    door.fails.append(error)
    answer = door.post(link())
    assert (answer.status, answer.headers["retry-after"]) == (503, "60")
    assert "not unsubscribed yet" in answer.body.decode()
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("sync_tasks")]
    assert ours == [f"an opt-out by a link was not accepted: {type(error).__name__}"]


@pytest.mark.parametrize(
    ("error", "status", "level"),
    [
        (ConfigurationError("redis: too old"), 503, logging.ERROR),
        (InvalidEventError("user_id: is an e-mail address"), 404, logging.ERROR),
        (KeyError("zz-marked"), 503, logging.ERROR),
    ],
)
def test_whatever_goes_wrong_a_person_reads_words_and_the_operator_a_line(
    door: Door, error: Exception, status: int, level: int, caplog: pytest.LogCaptureFixture
) -> None:
    door.fails.append(error)
    answer = door.post(link())
    assert (answer.status, answer.headers["content-language"]) == (status, "en")
    (line,) = caplog.records
    assert (line.name.partition(".")[0], line.levelno) == ("sync_tasks", level)
    assert "zz-marked" not in caplog.text + answer.body.decode()


def test_a_mailbox_that_goes_away_in_its_body_is_no_fault() -> None:
    async def receive() -> dict[str, str]:
        return {"type": "http.disconnect"}

    taken: list[tuple[str, str]] = []
    page = UnsubscribePage(SETTINGS_HERE, SECRETS, lambda *who: taken.append(who), load_template(None))
    places = dict(zip(("newsletter", "token"), link().split("/")[2:], strict=True))
    request = Request({"type": "http", "headers": [], "path_params": places}, receive)
    assert asyncio.run(page.take(request)).status_code == 408
    assert taken == []


def test_one_persons_link_is_taken_so_often_in_a_minute_and_others_go_on(door: Door) -> None:
    statuses = [door.post(link()).status for _ in range(POSTS + 1)]
    assert statuses == [200] * POSTS + [429]
    assert door.post(link("bert")).status == 200


def test_who_tries_wrong_links_is_turned_away_and_good_links_still_work(door: Door) -> None:
    statuses = [door.get("/unsubscribe/daily/x").status for _ in range(WRONG_LINKS + 1)]
    assert statuses == [404] * WRONG_LINKS + [429]
    assert door.get(link()).status == 200


def test_a_body_that_is_too_large_is_refused(door: Door) -> None:
    answer = door.post(link(), b"x" * 1_000_001, connection="keep-alive")
    assert (answer.status, answer.headers.get("connection")) == (413, "close")
    assert door.taken == []


def test_a_template_of_the_portal_is_shown_with_its_own_styles(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("<html lang=$lang><style>p { color: red }</style><h1>$title</h1>$text $form costs $5</html>")
    page = UnsubscribePage(SETTINGS_HERE, SECRETS, print, load_template(path))
    with opening(store, page.routes) as here:
        answer = here.ask("GET", link())
    assert "costs $5" in answer.body.decode()
    assert "style-src 'sha256-" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "cannot be read"),
        ("<html>$title</html>", r"lacks \$lang, \$text, \$form"),
        ("<html lang=$language>$title $texts ${form}</html>", r"lacks \$lang, \$text$"),
        ("<html lang=$lang>$title $text $form $newsletter</html>", r"nothing fills \$newsletter"),
        ("<html lang=$$lang>$title $text $form</html>", r"lacks \$lang"),
    ],
)
def test_a_template_of_no_use_stops_the_start(tmp_path: Path, text: str | None, said: str) -> None:
    path = tmp_path / "page.html"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigurationError, match=rf"unsubscribe\.template.*{said}"):
        load_template(path)


def test_a_device_is_no_template() -> None:
    with pytest.raises(ConfigurationError, match=r"/dev/null: cannot be read: it is no plain file$"):
        load_template(Path("/dev/null"))
