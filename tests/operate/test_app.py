"""The page lets in whom it knows, takes forms of its own alone, and says nothing to anybody else."""

import logging
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import Response

from sync_tasks.config.settings import Operate
from sync_tasks.errors import ConfigurationError
from sync_tasks.http.refusal import RefusalLog
from sync_tasks.http.tokens import Tokens
from sync_tasks.operate.app import OperatePage
from sync_tasks.operate.doorkeeper import COOKIE, KNOWN_COOKIE, Doorkeeper, Operator
from sync_tasks.operate.login_bounds import TRIES, TRIES_OF_STRANGERS, TooManyTriesError
from sync_tasks.operate.pages import HtmlPage
from sync_tasks.operate.passwords import make_entry, remove_entry, write_entry
from sync_tasks.operate.visit import Door, Visit
from sync_tasks.state.connection import connect
from sync_tasks.state.store import Store
from tests.support.operating import FORM, PASSWORD, PROXY, SECRETS, Operating, build_routes, words_of
from tests.support.pipeline import Pipeline
from tests.support.processes import wait_until
from tests.support.receiving import opening

PAGES = ("", "/letters", "/letters/cause?cause=x", "/letters/replayed", "/people?user=a", "/comparisons", "/suppressed")

HERE = Request({"type": "http", "headers": [], "scheme": "http", "server": ("localhost", 80), "path": "/"})


@pytest.mark.parametrize("path", PAGES)
def test_nobody_sees_a_page_without_a_login(door: Operating, path: str) -> None:
    answer = door.ask("GET", path)
    assert (answer.status, answer.headers["location"]) == (303, "/operate/login")


def test_an_act_without_a_login_does_nothing(door: Operating) -> None:
    (letter,) = door.fail("ada")
    assert door.send("/letters/cause", do="replay", scope="all").headers["location"] == "/operate/login"
    assert door.pipeline.letters() == [letter]


def test_a_name_and_a_password_open_the_page(door: Operating) -> None:
    page = door.log_in()
    assert (page.status, "Overview" in page.body, "anna" in words_of(page)) == (200, True, True)
    assert door.get("/login").status == 200
    assert "Log in" not in words_of(door.get("/login"))


@pytest.mark.parametrize(("name", "password"), [("anna", "wrong"), ("nobody", PASSWORD), ("", ""), ("anna", "")])
def test_a_wrong_name_or_password_opens_nothing_and_is_not_logged(
    door: Operating, name: str, password: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        page = door.log_in(name, password)
    assert (page.status, door.cookie) == (401, "")
    assert not (name and name in caplog.text)


def test_the_cookie_is_for_this_page_alone_and_no_script_reads_it(door: Operating) -> None:
    answer = door.send("/login", name="anna", password=PASSWORD)
    reported = answer.headers["set-cookie"].lower()
    assert {"httponly", "path=/operate", "samesite=strict", "max-age=3600"} <= set(reported.split("; "))
    assert "secure" not in reported
    form = f"name=anna&password={PASSWORD}".encode()
    beyond = door.ask("POST", "/login", form, host="sync.example", content_type=FORM)
    behind = door.ask("POST", "/login", form, x_forwarded_proto="https", content_type=FORM)
    assert all("secure" in one.headers["set-cookie"].lower().split("; ") for one in (beyond, behind))


def test_too_many_tries_wait(door: Operating) -> None:
    statuses = [door.log_in("anna", "wrong password").status for _ in range(TRIES + 1)]
    assert statuses == [401] * TRIES + [429]
    assert door.log_in().status == 429


def test_strangers_who_know_a_name_keep_nobody_out(operators: Path) -> None:
    keeper = Doorkeeper(Operate(passwords=operators), SECRETS)
    for number in range(TRIES + 1):
        with suppress(TooManyTriesError):
            assert keeper.log_in("anna", "wrong password", f"2001:db8:0:1::{number:x}") is None
    with pytest.raises(TooManyTriesError):
        keeper.log_in("anna", PASSWORD, "2001:db8:0:1::ffff")
    assert keeper.log_in("anna", PASSWORD, "2001:db8:0:2::1")


def test_a_caller_cannot_try_one_name_after_the_other(door: Operating) -> None:
    statuses = [door.log_in(f"name-{number}", "wrong password").status for number in range(TRIES * 3 + 1)]
    assert statuses == [401] * TRIES * 3 + [429]


def log_in_with_known(keeper: Doorkeeper, name: str = "anna") -> str:
    """Return what the browser keeps in which an operator logged in."""
    operator, response = keeper.log_in(name, PASSWORD, "192.0.2.1"), Response()
    assert operator
    keeper.give_known(HERE, response, operator)
    return response.headers["set-cookie"].partition(";")[0].partition("=")[2]


def try_from_everywhere(keeper: Doorkeeper, times: int) -> int:
    """Try a name from so many addresses; return how many passwords were hashed."""
    hashed = 0
    for number in range(times):
        with suppress(TooManyTriesError):
            assert keeper.log_in("anna", "wrong password", f"10.0.{number // 256}.{number % 256}") is None
            hashed += 1
    return hashed


def test_tries_from_everywhere_make_so_much_work_and_no_more(operators: Path) -> None:
    keeper = Doorkeeper(Operate(passwords=operators), SECRETS)
    assert try_from_everywhere(keeper, TRIES_OF_STRANGERS * 5) == TRIES_OF_STRANGERS
    with pytest.raises(TooManyTriesError):
        keeper.log_in("ben", PASSWORD, "192.0.2.1")


def test_tries_from_everywhere_keep_nobody_out_of_a_browser_that_was_let_in_before(operators: Path) -> None:
    keeper = Doorkeeper(Operate(passwords=operators), SECRETS)
    known = log_in_with_known(keeper)
    try_from_everywhere(keeper, TRIES_OF_STRANGERS * 2)
    assert keeper.log_in("anna", PASSWORD, "192.0.2.1", known)
    newer = Doorkeeper(Operate(passwords=operators), ("a-newer-secret-of-32-characters-at-least", SECRETS[0]))
    try_from_everywhere(newer, TRIES_OF_STRANGERS * 2)
    assert newer.log_in("anna", PASSWORD, "192.0.2.9", known), "also after a change of the secret and a restart"


def turn_first_letter(known: str) -> str:
    """Return it with another first letter of its signature; of the last one, some bits count for nothing."""
    facts, signature = known.rsplit(".", 1)
    return f"{facts}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"


@pytest.mark.parametrize("name", ["ben", "Anna", ""])
def test_a_known_browser_is_known_for_its_own_operator_alone(operators: Path, name: str) -> None:
    keeper = Doorkeeper(Operate(passwords=operators), SECRETS)
    known = log_in_with_known(keeper)
    try_from_everywhere(keeper, TRIES_OF_STRANGERS)
    with pytest.raises(TooManyTriesError):
        keeper.log_in(name, PASSWORD, "192.0.2.1", known)


@pytest.mark.parametrize("forge", [turn_first_letter, lambda known: known[:-1], lambda known: f"{known}.a.b"])
def test_who_makes_up_a_known_browser_is_a_stranger(operators: Path, forge: Callable[[str], str]) -> None:
    keeper = Doorkeeper(Operate(passwords=operators), SECRETS)
    known = forge(log_in_with_known(keeper))
    try_from_everywhere(keeper, TRIES_OF_STRANGERS)
    with pytest.raises(TooManyTriesError):
        keeper.log_in("anna", PASSWORD, "192.0.2.1", known)


def test_a_login_is_no_known_browser_and_the_other_way_round(door: Operating) -> None:
    answer = door.send("/login", name="anna", password=PASSWORD)
    given = dict(re.findall(r"(sync_tasks_operate\w*)=([^;]+)", answer.headers["set-cookie"]))
    assert given[COOKIE] != given[KNOWN_COOKIE]
    door.cookie = f"{COOKIE}={given[KNOWN_COOKIE]}"
    assert door.ask("GET", "").status == 303


def test_a_stolen_known_browser_tries_as_often_as_one_address(operators: Path) -> None:
    keeper = Doorkeeper(Operate(passwords=operators), SECRETS)
    known = log_in_with_known(keeper)
    for number in range(TRIES):
        assert keeper.log_in("anna", "wrong password", f"10.0.0.{number}", known) is None
    with pytest.raises(TooManyTriesError):
        keeper.log_in("anna", PASSWORD, "10.0.1.1", known)


def test_who_tries_while_others_wait_for_their_hash_is_sent_away_at_once(operators: Path) -> None:
    keeper = Doorkeeper(Operate(passwords=operators), SECRETS)
    known, lane = log_in_with_known(keeper), keeper.bounds.strangers
    with lane.one_by_one, ThreadPoolExecutor(2) as threads:
        waiting = [threads.submit(keeper.log_in, "anna", PASSWORD, "192.0.2.1") for _ in range(2)]
        wait_until(lambda: lane.waiting._value == 0, "both wait")
        with pytest.raises(TooManyTriesError):
            keeper.log_in("ben", PASSWORD, "192.0.2.2")
        assert keeper.log_in("anna", PASSWORD, "192.0.2.2", known), "a known browser does not wait for strangers"
        lane.one_by_one.release()
        assert all(one.result(10) for one in waiting)
        lane.one_by_one.acquire()
    assert keeper.log_in("ben", PASSWORD, "192.0.2.2")


def test_a_new_password_a_new_role_and_a_removal_end_a_login(door: Operating, operators: Path) -> None:
    door.log_in()
    write_entry(operators, make_entry("anna", "look", PASSWORD))
    assert door.ask("GET", "").status == 303
    door.log_in()
    assert "may look" in words_of(door.get())
    assert remove_entry(operators, "anna")
    assert door.ask("GET", "").status == 303


def test_a_changed_cookie_opens_nothing(door: Operating) -> None:
    door.log_in()
    door.cookie = door.cookie[:-3] + "AAA"
    assert door.ask("GET", "").status == 303


def test_a_login_outlives_the_change_of_the_secret(door: Operating, operators: Path) -> None:
    door.log_in()
    newer = Doorkeeper(Operate(passwords=operators), ("a-newer-secret-of-32-characters-at-least", SECRETS[0]))
    _, _, value = door.cookie.partition("=")
    assert newer._read_cookie(value)
    assert newer._read_cookie(value) == Doorkeeper(Operate(passwords=operators), SECRETS)._read_cookie(value)
    assert (
        Doorkeeper(Operate(passwords=operators), ("another-secret-of-32-characters-at-least",))._read_cookie(value)
        is None
    )


def test_whoever_logs_out_is_out(door: Operating) -> None:
    door.log_in()
    assert "Log in" in words_of(door.post("/logout"))
    assert door.ask("GET", "").status == 303


def test_logging_out_ends_a_copied_cookie_and_nobody_elses(door: Operating) -> None:
    door.log_in("ben")
    bens = door.cookie
    door.log_in()
    copied = door.cookie
    door.post("/logout")
    door.cookie = copied
    assert door.ask("GET", "").status == 303
    door.cookie = bens
    assert door.ask("GET", "").status == 200
    assert door.log_in().status == 200


@pytest.mark.parametrize(("idle", "hours"), [(1.5 / 60, 12), (60, 1.5 / 3600)], ids=["idle", "old"])
def test_a_login_ends_when_it_is_idle_and_when_it_is_old(operators: Path, idle: float, hours: float) -> None:
    keeper = Doorkeeper(Operate(passwords=operators, idle_minutes=idle, hours=hours), SECRETS)
    operator, response = keeper.log_in("anna", PASSWORD, "192.0.2.1"), Response()
    assert operator
    keeper.give_cookie(HERE, response, replace(operator, since=time.time_ns() // 1000))
    _, _, cookie = response.headers["set-cookie"].partition(";")[0].partition("=")
    assert keeper._read_cookie(cookie)
    wait_until(lambda: keeper._read_cookie(cookie) is None, "the login has ended", 10)


def test_each_page_keeps_a_login_from_being_idle(door: Operating) -> None:
    door.log_in()
    first = door.cookie
    assert "set-cookie" in door.ask("GET", "/letters").headers
    assert door.ask("GET", "", cookie=first).status == 200


@pytest.mark.parametrize(("method", "path"), [("GET", "/nowhere"), ("PUT", "/letters"), ("POST", ""), ("GET", "/x/y")])
def test_what_there_is_not_is_refused_with_the_same_rules(door: Operating, method: str, path: str) -> None:
    door.log_in()
    answer = door.ask(method, path)
    assert answer.status == 404
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("token", ["", "wrong", None])
def test_a_form_without_its_token_does_nothing(door: Operating, token: str | None) -> None:
    (letter,) = door.fail("ada")
    door.log_in()
    if token is None:
        # That of another login is none of this one.
        stolen = door.token
        door.log_in()
        token = stolen
        assert token != door.token
    answer = door.send("/letters/cause", cause="x", do="replay", scope="all", token=token)
    assert answer.status == 403
    assert door.pipeline.letters() == [letter]


def test_a_form_of_another_site_does_nothing(door: Operating) -> None:
    door.log_in()
    door.headers = {"sec-fetch-site": "cross-site"}
    assert door.send("/letters/cause", do="replay", scope="all").status == 403
    assert door.send("/login", name="anna", password=PASSWORD).status == 403


def test_the_role_look_does_not_act(door: Operating) -> None:
    (letter,) = door.fail("ada")
    page = door.log_in("ben")
    cause = re.search(r"cause\?cause=(\w+)", page.body)
    assert cause
    assert "Discard" not in door.get(f"/letters/cause?cause={cause[1]}").body
    assert door.send("/letters/cause", cause=cause[1], do="replay", scope="all").status == 403
    assert door.pipeline.letters() == [letter]


def test_a_proxy_with_the_token_names_who_is_asking(door: Operating) -> None:
    door.headers = {"authorization": f"Bearer {PROXY}", "remote-user": "cara"}
    assert "cara may act" in words_of(door.get())
    door.headers["remote-user"] = "dora"
    assert "dora may look" in words_of(door.get())
    assert "Log out" not in words_of(door.get())


def test_without_the_proxys_token_the_header_says_nothing(door: Operating) -> None:
    for reported in ({}, {"authorization": "Bearer wrong"}):
        door.headers = {"remote-user": "cara", **reported}
        assert door.ask("GET", "").status == 303
    door.headers = {"authorization": f"Bearer {PROXY}"}
    assert door.ask("GET", "").status == 303


def test_a_header_that_stands_twice_names_nobody() -> None:
    keeper = Doorkeeper(Operate(user_header="Remote-User", act=("cara",)), SECRETS, Tokens((PROXY,)))
    named = [(b"authorization", f"Bearer {PROXY}".encode()), (b"remote-user", b"cara")]
    once, twice = ({"type": "http", "headers": [*named, *more]} for more in ([], [(b"remote-user", b"eve")]))
    assert keeper.recognize(Request(once)) == Operator("cara", "act")
    assert keeper.recognize(Request(twice)) is None


def test_the_log_has_class_and_place_of_a_broken_page_and_nothing_personal(
    pipeline: Pipeline, operators: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def break_down(_visit: Visit) -> HtmlPage:
        raise RuntimeError("ada@portal.org")

    keeper = Doorkeeper(Operate(passwords=operators), SECRETS)
    doors = (Door("", break_down),)
    page = OperatePage(pipeline.store, pipeline.resources.settings, keeper, doors, RefusalLog("operate"))
    with opening(pipeline.store, page.routes) as here:
        answer = Operating(here, pipeline, operators).log_in()
    assert answer.status == 500
    assert {"RuntimeError", "break_down"} <= set(re.findall(r"\w+", caplog.text))
    assert "ada@portal.org" not in answer.body + caplog.text


@pytest.mark.parametrize("path", ["", "/letters", "/letters/replayed", "/login"])
def test_nothing_runs_in_the_page_and_nothing_is_kept(door: Operating, path: str) -> None:
    if path != "/login":
        door.log_in()
    headers = door.ask("GET", path).headers
    rules = headers["content-security-policy"]
    assert {"default-src 'none'", "style-src 'self'", "frame-ancestors 'none'", "form-action 'self'"} <= set(
        rules.split("; ")
    )
    assert "script" not in rules
    assert (headers["cache-control"], headers["referrer-policy"]) == ("no-store", "no-referrer")
    assert "<script" not in door.get(path).body


def test_the_stylesheet_is_there_for_everybody(door: Operating) -> None:
    found = re.search(r'href="/operate(/style-\w+\.css)"', door.get("/login").body)
    assert found
    answer = door.ask("GET", found[1])
    assert (answer.status, answer.headers["content-type"]) == (200, "text/css; charset=utf-8")


def test_what_is_no_form_is_refused(door: Operating) -> None:
    assert door.ask("POST", "/login", b"{}", content_type="application/json").status == 415
    assert door.ask("POST", "/login", b"\xff\xfe", content_type=FORM).status == 400
    assert door.ask("POST", "/login", b"a=1&" * 20_001, content_type=FORM).status == 400


def test_while_redis_is_away_the_page_says_so(pipeline: Pipeline, operators: Path) -> None:
    away = Store(connect("redis://127.0.0.1:1/0"), "sync_tasks")
    with opening(away, build_routes(pipeline, away, operators)) as here:
        page = Operating(here, pipeline, operators).log_in()
    assert (page.status, "Redis is away" in words_of(page)) == (503, True)


def test_a_broken_password_file_lets_nobody_in_and_says_nothing_of_it(
    door: Operating, operators: Path, caplog: pytest.LogCaptureFixture
) -> None:
    operators.write_text("anna:act:plain-text-password\n")
    page = door.log_in()
    assert page.status == 503
    assert "line 1" in caplog.text
    assert "plain-text-password" not in caplog.text + page.body


@pytest.mark.parametrize(
    ("operate", "tokens", "fault"),
    [
        (Operate(), (), "nobody can log in"),
        (Operate(user_header="Remote-User"), (), "needs both"),
        (Operate(), (PROXY,), "needs both"),
        (Operate(passwords=Path("/nowhere/at/all")), (), "cannot be read: .*; `sync-tasks operate password` makes it"),
        (Operate(passwords=Path("empty")), (), "nobody stands in it; run `sync-tasks operate password NAME --act`"),
    ],
)
def test_a_page_without_a_way_in_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, operate: Operate, tokens: tuple[str, ...], fault: str
) -> None:
    (tmp_path / "empty").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match=fault):
        Doorkeeper(operate, SECRETS, Tokens(tokens)).check()
