"""What each request of the page is answered with, in full: status, words, the way on, and the line in the log."""

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from kombu.exceptions import OperationalError
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from starlette.requests import ClientDisconnect

from sync_tasks.errors import ConfigurationError
from sync_tasks.http.refusal import HttpRefusal, RefusalLog
from sync_tasks.operate.app import OperatePage
from sync_tasks.operate.doorkeeper import COOKIE, KNOWN_COOKIE, Doorkeeper
from sync_tasks.operate.pages import HtmlPage
from sync_tasks.operate.visit import Door, Visit
from sync_tasks.state.logins import end_logins, is_over
from tests.support.operating import FORM, PASSWORD, PROXY, SECRETS, Operating, words_of
from tests.support.pipeline import Pipeline
from tests.support.receiving import Answer, opening

AWAY = "Redis is away: start it, then load this page again."
MISCONFIGURED = "The configuration of this page is in trouble: see the log of `serve`."
BROKEN = "Something is broken here: the log of `serve` has class and place."
REFUSED = [
    (
        ReadOnlyError("x"),
        "Redis refuses (ReadOnlyError): it is a replica: name its primary in SYNC_REDIS_URL, or its sentinels",
    ),
    (OutOfMemoryError("x"), "Redis refuses (OutOfMemoryError): raise its maxmemory"),
    (
        AuthenticationError("x"),
        "Redis refuses (AuthenticationError): it refuses the user or the password: correct SYNC_REDIS_URL",
    ),
    (BusyLoadingError("x"), "Redis refuses (BusyLoadingError): wait until it has loaded its data"),
    (
        NoPermissionError("this user has no permissions to run the evalsha command"),
        "Redis refuses (NoPermissionError): grant its user the right, see docker/users.conf",
    ),
]
NO_PAGE = "There is no such page, or it is not asked for like this."
TOO_OLD = "This form is too old or not yours: load the page again, then repeat it."
NO_FORM = "This is no form of ours."


def trouble_of(answer: Answer) -> str:
    """Return what a page says in its box for trouble."""
    found = re.search(r'role="alert">([^<]*)<', answer.body)
    return found[1] if found else ""


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[tuple[str, str]]]:
    """Return what the log has of the page: level and first line."""
    caplog.set_level(logging.INFO, "sync_tasks")
    monkeypatch.setattr("sync_tasks.http.refusal.REFUSALS_EVERY", 0)

    def read() -> list[tuple[str, str]]:
        lines = [(record.levelname, record.getMessage().splitlines()[0]) for record in caplog.records]
        return [line for line in lines if line[1].startswith("operate")]

    return read


@contextmanager
def showing(pipeline: Pipeline, operators: Path, *doors: Door) -> Iterator[Operating]:
    """Show a page with these doors instead of its own."""
    settings = pipeline.resources.settings
    keeper = Doorkeeper(settings.operate.model_copy(update={"passwords": operators}), SECRETS)
    page = OperatePage(pipeline.store, settings, keeper, doors, RefusalLog("operate"))
    with opening(pipeline.store, page.routes) as here:
        yield Operating(here, pipeline, operators)


@pytest.mark.parametrize(
    ("error", "status", "words", "line"),
    [
        (HttpRefusal(418, "No tea."), 418, "No tea.", ("WARNING", "operate refused: 418 No tea.")),
        (RedisConnectionError("x"), 503, AWAY, ("WARNING", "operate: not answered: ConnectionError")),
        (RedisTimeoutError("x"), 503, AWAY, ("WARNING", "operate: not answered: TimeoutError")),
        (OperationalError("x"), 503, AWAY, ("WARNING", "operate: not answered: OperationalError")),
        *(
            (error, 503, f"{words}. Then load this page again.", ("ERROR", f"operate: {words}"))
            for error, words in REFUSED
        ),
        (ConfigurationError("a.b: wrong"), 503, MISCONFIGURED, ("ERROR", "operate: a.b: wrong")),
        (ClientDisconnect(), 408, "", None),
        (ResponseError("x"), 500, BROKEN, ("ERROR", "operate: unexpected error")),
        (ValueError("x"), 500, BROKEN, ("ERROR", "operate: unexpected error")),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_trouble_is_one_line_for_the_operator_and_one_for_the_log(
    pipeline: Pipeline,
    operators: Path,
    said: Callable[[], list[tuple[str, str]]],
    *,
    error: Exception,
    status: int,
    words: str,
    line: tuple[str, str] | None,
) -> None:
    def break_down(_visit: Visit) -> HtmlPage:
        raise error

    with showing(pipeline, operators, Door("/broken", break_down)) as door:
        door.log_in()
        before = said()
        answer = door.ask("GET", "/broken")
    assert (answer.status, trouble_of(answer)) == (status, words)
    assert said()[len(before) :] == ([line] if line else [])
    shown = f"Trouble · sync-tasks To the content This did not work {words} To the overview"
    assert words_of(answer) == (shown if words else "")


@pytest.mark.parametrize(
    ("fields", "more", "status", "words", "line"),
    [
        ({"name": "anna", "password": PASSWORD}, {}, 303, "", ("INFO", "operate: anna logged in")),
        ({"name": "  anna ", "password": PASSWORD}, {}, 303, "", ("INFO", "operate: anna logged in")),
        ({"name": "anna", "password": f"{PASSWORD} "}, {}, 401, "Name or password is wrong.", None),
        ({"name": "anna"}, {}, 401, "Name or password is wrong.", None),
        ({"password": PASSWORD}, {}, 401, "Name or password is wrong.", None),
        ({}, {}, 401, "Name or password is wrong.", None),
        (
            {"name": "anna", "password": PASSWORD},
            {"sec_fetch_site": "same-site"},
            403,
            "This login came from another site.",
            ("WARNING", "operate refused: 403 This login came from another site."),
        ),
    ],
)
def test_a_try_to_log_in_is_answered(
    door: Operating,
    said: Callable[[], list[tuple[str, str]]],
    *,
    fields: dict[str, str],
    more: dict[str, str],
    status: int,
    words: str,
    line: tuple[str, str] | None,
) -> None:
    answer = door.ask("POST", "/login", urlencode(fields).encode(), content_type=FORM, **more)
    assert (answer.status, trouble_of(answer)) == (status, words)
    assert said() == [line or ("WARNING", "operate refused: 401 a wrong name or password")]
    given = set(re.findall(r"(sync_tasks_operate\w*)=", answer.headers.get("set-cookie", "")))
    assert given == ({COOKIE, KNOWN_COOKIE} if status == 303 else set())
    assert answer.headers.get("location") == ("/operate" if status == 303 else None)
    assert ("Log in" in words_of(answer)) == (status == 401), "they may try again at once"


def test_a_try_too_many_is_said_to_the_operator_and_to_the_log(
    door: Operating, said: Callable[[], list[tuple[str, str]]]
) -> None:
    for _ in range(10):
        door.log_in("anna", "wrong")
    answer = door.ask("POST", "/login", urlencode({"name": "anna", "password": PASSWORD}).encode(), content_type=FORM)
    assert (answer.status, trouble_of(answer)) == (429, "Too many tries: wait a minute.")
    assert said()[-1] == ("WARNING", "operate refused: 429 too many tries to log in")


def test_a_browser_that_is_in_is_not_asked_for_a_password(door: Operating) -> None:
    asked = door.ask("GET", "/login")
    assert (asked.status, trouble_of(asked)) == (200, "")
    assert words_of(asked) == "Log in · sync-tasks To the content Log in Name Password Log in"
    door.log_in()
    answer = door.ask("GET", "/login")
    assert (answer.status, answer.headers["location"]) == (303, "/operate")


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/nowhere", "/letters/nowhere", "/style-0.css", "/"])
def test_what_there_is_not_is_no_page_for_everybody(door: Operating, method: str, path: str) -> None:
    answer = door.ask(method, path)
    assert (answer.status, trouble_of(answer)) == (404, NO_PAGE)


@pytest.mark.parametrize(
    ("path", "look", "act"),
    [
        ("", 404, 404),
        ("/letters", 404, 404),
        ("/letters/cause", 403, 200),
        ("/letters/replayed", 404, 404),
        ("/people", 200, 200),
        ("/people/unmask", 403, 404),
        ("/comparisons", 403, 200),
        ("/suppressed", 404, 404),
    ],
)
def test_each_form_is_for_those_who_may_act_but_the_search_for_a_person(
    door: Operating, path: str, look: int, act: int
) -> None:
    for name, status in (("ben", look), ("anna", act)):
        door.log_in(name)
        answer = door.send(path)
        assert answer.status == status
        assert (trouble_of(answer) == "Your role may look, not act.") == (status == 403)
    door.cookie = ""
    assert door.send(path).status in {303, 404}


@pytest.mark.parametrize(
    ("kind", "body", "status", "words"),
    [
        (FORM, b"token=&who=", 403, TOO_OLD),
        (FORM, b"who=1", 403, TOO_OLD),
        (FORM, b"token=x&who=", 403, TOO_OLD),
        ("", b"who=1", 415, "Only forms are read here."),
        ("text/plain", b"who=1", 415, "Only forms are read here."),
        (f"x{FORM}", b"who=1", 415, "Only forms are read here."),
        (f" {FORM.upper()} ; charset=utf-8", b"who=1", 403, TOO_OLD),
        (FORM, b"who=\xff", 400, NO_FORM),
        (FORM, b"\xff", 400, NO_FORM),
        (FORM, b"&".join([b"a="] * 20_000), 403, TOO_OLD),
        (FORM, b"&".join([b"a="] * 20_001), 400, NO_FORM),
    ],
    ids=range(11),
)
def test_a_form_that_is_not_the_pages_own_is_refused_with_the_reason(
    door: Operating, kind: str, body: bytes, status: int, words: str
) -> None:
    door.log_in()
    answer = door.ask("POST", "/people", body, content_type=kind)
    assert (answer.status, trouble_of(answer)) == (status, words)


def test_an_empty_field_of_a_form_is_there(pipeline: Pipeline, operators: Path) -> None:
    seen: list[Any] = []

    def note(visit: Visit) -> HtmlPage:
        seen.append({name: values for name, values in visit.form.items() if name != "token"})
        return HtmlPage("trouble.html", {"trouble": ""})

    with showing(pipeline, operators, Door("", note, note)) as door:
        door.log_in()
        door.send("", ("id", "1"), ("id", "2"), who="")
    assert seen == [{}, {"id": ["1", "2"], "who": [""]}]


def test_a_logout_takes_the_cookie_away_and_leads_to_the_login(door: Operating) -> None:
    for prepare in (door.log_in, lambda: setattr(door, "cookie", "")):
        prepare()
        answer = door.send("/logout")
        assert (answer.status, answer.headers["location"]) == (303, "/operate/login")
        assert answer.headers["cache-control"] == "no-store"
        cookie = dict(part.partition("=")[::2] for part in answer.headers["set-cookie"].split("; "))
        assert (cookie[COOKIE], cookie["Max-Age"], cookie["Path"]) == ('""', "0", "/operate")


def test_a_logout_that_another_site_made_up_ends_nothing(door: Operating) -> None:
    door.log_in()
    cookie = door.cookie
    answer = door.send("/logout", token="x")
    assert (answer.status, trouble_of(answer)) == (403, TOO_OLD)
    assert door.ask("GET", "", cookie=cookie).status == 200


def test_whom_a_proxy_names_has_no_login_that_could_end(door: Operating) -> None:
    door.headers = {"authorization": f"Bearer {PROXY}", "remote-user": "cara"}
    page = door.get()
    assert "set-cookie" not in page.headers
    assert door.send("/logout").status == 303
    assert not is_over(door.pipeline.store, "cara", 1), "nothing is kept of it"
    end_logins(door.pipeline.store, "cara")
    door.cookie = ""
    assert door.get().status == 200


def test_a_page_knows_where_it_is_and_where_flower_is(pipeline: Pipeline, operators: Path) -> None:
    page = HtmlPage("trouble.html", {"trouble": ""})
    operate = pipeline.resources.settings.operate
    pipeline.resources.settings.__dict__["operate"] = operate.model_copy(
        update={"flower_url": "https://flower.example"}
    )
    try:
        with showing(pipeline, operators, Door("", lambda _: page), Door("/people", lambda _: page)) as door:
            door.log_in()
            shown = door.get("/people").body
    finally:
        pipeline.resources.settings.__dict__["operate"] = operate
    assert re.findall(r'href="(\S*)" aria-current', shown) == ["/operate/people"]
    assert 'href="https://flower.example" rel="noreferrer">Flower<' in shown
