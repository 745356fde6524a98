"""Who is at the page, request by request: what a proxy's header, a cookie, a form's token and a configuration mean."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from http.cookies import Morsel, SimpleCookie
from pathlib import Path
from types import SimpleNamespace

import pytest
from starlette.requests import Request
from starlette.responses import Response

from sync_tasks.config.settings import Operate
from sync_tasks.errors import ConfigurationError
from sync_tasks.http.tokens import Tokens
from sync_tasks.operate.doorkeeper import COOKIE, KNOWN_COOKIE, Doorkeeper, Operator
from sync_tasks.operate.passwords import PasswordEntry, read_entries
from tests.support.operating import PASSWORD, PROXY, SECRETS

NOW = 1_800_000_000.0
STAMP = int(NOW * 1_000_000)
HEADER = "Remote-User"


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let time pass, which stands still otherwise."""
    now = [NOW]
    clock = SimpleNamespace(time=lambda: now[0])
    monkeypatch.setattr("sync_tasks.operate.doorkeeper.time", clock)
    monkeypatch.setattr("itsdangerous.timed.time", clock)

    def pass_time(seconds: float) -> None:
        now[0] += seconds

    return pass_time


@pytest.fixture
def keeper(operators: Path) -> Doorkeeper:
    return Doorkeeper(Operate(passwords=operators, hours=2, idle_minutes=30), SECRETS)


def request_of(*headers: tuple[str, str], scheme: str = "http", host: str = "localhost") -> Request:
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    return Request({"type": "http", "headers": raw, "scheme": scheme, "server": (host, 80), "path": "/"})


def log_in(keeper: Doorkeeper, name: str = "anna") -> Operator:
    operator = keeper.log_in(name, PASSWORD, "192.0.2.1")
    assert operator
    return replace(operator, since=STAMP)


def give(keeper: Doorkeeper, operator: Operator, request: Request | None = None) -> Morsel[str]:
    """Return the cookie of a login."""
    response = Response()
    keeper.give_cookie(request or request_of(), response, operator)
    return SimpleCookie(response.headers["set-cookie"])[COOKIE]


def give_known(keeper: Doorkeeper, request: Request | None = None) -> Morsel[str]:
    """Return what a browser keeps that is known from then on."""
    response = Response()
    keeper.give_known(request or request_of(), response, log_in(keeper))
    return SimpleCookie(response.headers["set-cookie"])[KNOWN_COOKIE]


def recognize(keeper: Doorkeeper, cookie: str) -> Operator | None:
    return keeper.recognize(request_of(("cookie", f"{COOKIE}={cookie}")))


TOKEN = ("authorization", f"Bearer {PROXY}")


@pytest.mark.parametrize(
    ("headers", "operator"),
    [
        ((TOKEN, (HEADER, "cara")), Operator("cara", "act")),
        ((TOKEN, (HEADER, "  cara ")), Operator("cara", "act")),
        ((TOKEN, (HEADER, "Cara")), Operator("Cara", "look")),
        ((TOKEN, (HEADER, "dora")), Operator("dora", "look")),
        ((TOKEN, (HEADER, "d\x1bra")), Operator("d\\x1bra", "look")),
        ((TOKEN, (HEADER, "d" * 101)), Operator("d" * 100, "look")),
        ((TOKEN, (HEADER, " ")), None),
        ((TOKEN, (HEADER, "cara"), (HEADER, "cara")), None),
        ((TOKEN,), None),
        (((HEADER, "cara"),), None),
        ((("authorization", "Bearer wrong"), (HEADER, "cara")), None),
        ((("authorization", "Bearer \xe9"), (HEADER, "cara")), None),
    ],
)
def test_a_proxy_with_its_token_names_one_operator(headers: tuple[tuple[str, str], ...], operator: object) -> None:
    keeper = Doorkeeper(Operate(user_header=HEADER, act=("cara",)), SECRETS, Tokens((PROXY,)))
    assert keeper.recognize(request_of(*headers)) == operator


def test_only_the_role_act_may_act() -> None:
    assert (Operator("a", "act").may_act, Operator("a", "look").may_act) == (True, False)


def test_a_header_that_is_not_configured_names_nobody() -> None:
    assert Doorkeeper(Operate(), SECRETS, Tokens((PROXY,))).recognize(request_of(TOKEN, (HEADER, "cara"))) is None


@pytest.mark.usefixtures("later")
def test_a_cookie_brings_back_who_logged_in(keeper: Doorkeeper, operators: Path) -> None:
    operator = log_in(keeper)
    assert recognize(keeper, give(keeper, operator).value) == operator
    entry = read_entries(operators)["anna"]
    assert operator == Operator("anna", "act", operator.session, entry.fingerprint, STAMP)
    assert len(operator.session) == 16
    assert log_in(keeper).session != operator.session


@pytest.mark.parametrize(
    ("scheme", "host", "secure"),
    [
        ("http", "localhost", False),
        ("http", "127.0.0.1", False),
        ("http", "::1", False),
        ("http", "sync.example", True),
        ("https", "localhost", True),
        ("https", "sync.example", True),
    ],
)
def test_a_cookie_is_for_these_pages_alone_and_beyond_this_machine_for_tls(
    keeper: Doorkeeper, scheme: str, host: str, *, secure: bool
) -> None:
    request = request_of(scheme=scheme, host=host)
    given = {COOKIE: give(keeper, log_in(keeper), request), KNOWN_COOKIE: give_known(keeper, request)}
    said = {
        name: {what: value for what, value in cookie.items() if value and what != "version"}
        for name, cookie in given.items()
    }
    usual = {"path": "/operate", "httponly": True, "samesite": "strict"} | ({"secure": True} if secure else {})
    assert said == {COOKIE: usual | {"max-age": "1800"}, KNOWN_COOKIE: usual | {"max-age": "7776000"}}


@pytest.mark.parametrize(
    ("idle", "age", "is_in"),
    [(1800, 1800, True), (1801, 1801, False), (0, 7200, True), (0, 7201, False)],
    ids=["idle as long as it may", "idle for too long", "as old as it may be", "too old"],
)
def test_a_login_lasts_so_long(
    keeper: Doorkeeper, later: Callable[[float], None], idle: float, age: float, *, is_in: bool
) -> None:
    operator = log_in(keeper)
    later(age - idle)
    cookie = give(keeper, operator).value
    later(idle)
    assert (recognize(keeper, cookie) is not None) == is_in


@pytest.mark.parametrize(
    "changed",
    [{"fingerprint": "another"}, {"name": "nobody"}, {"name": "ben"}, {"since": 0}],
    ids=lambda changed: next(iter(changed)),
)
@pytest.mark.usefixtures("later")
def test_a_login_that_is_not_that_of_an_entry_of_the_file_is_over(
    keeper: Doorkeeper, changed: dict[str, object]
) -> None:
    assert recognize(keeper, give(keeper, replace(log_in(keeper), **changed)).value) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(("passes", "known"), [(7_776_000, True), (7_776_001, False)], ids=["the last second", "later"])
def test_a_browser_is_known_for_ninety_days(
    keeper: Doorkeeper, later: Callable[[float], None], passes: float, *, known: bool
) -> None:
    cookie = give_known(keeper).value
    later(passes)
    assert bool(keeper._read_known(cookie, "anna")) == known
    assert keeper._read_known(cookie, "ben") == keeper._read_known("", "anna") == ""


@pytest.mark.parametrize(
    ("site", "own"),
    [
        ("", True),
        ("same-origin", True),
        ("none", True),
        ("cross-site", False),
        ("same-site", False),
    ],
)
def test_a_form_is_the_operators_own_unless_another_site_sent_it(keeper: Doorkeeper, site: str, *, own: bool) -> None:
    request, operator = request_of(*([("sec-fetch-site", site)] if site else [])), log_in(keeper)
    assert keeper.is_foreign(request) != own
    assert keeper.is_own_form(request, operator, keeper.form_token(operator)) == own


@pytest.mark.parametrize(
    ("changed", "passes", "own"),
    [({}, 7200, True), ({}, 7201, False), ({"session": "another"}, 0, False), ({"name": "ben"}, 0, False)],
    ids=["the last second", "later", "of another login", "of another operator"],
)
def test_a_forms_token_is_that_of_its_login_and_as_long_good(
    keeper: Doorkeeper, later: Callable[[float], None], changed: dict[str, str], passes: float, *, own: bool
) -> None:
    operator = log_in(keeper)
    token = keeper.form_token(replace(operator, **changed))  # type: ignore[arg-type]
    later(passes)
    assert keeper.is_own_form(request_of(), operator, token) == own


def test_what_is_signed_for_one_purpose_is_good_for_no_other(keeper: Doorkeeper) -> None:
    operator = log_in(keeper)
    assert recognize(keeper, keeper.form_token(operator)) is None
    assert not keeper.is_own_form(request_of(), operator, give(keeper, operator).value)


@pytest.mark.usefixtures("later")
def test_a_form_is_signed_as_it_always_was(keeper: Doorkeeper) -> None:
    token = keeper.form_token(Operator("anna", "act", "a-session"))
    assert token == "WyJhbm5hIiwiYS1zZXNzaW9uIl0.a0nSAA.UnxynfW78KyBZNTfFe56gRwz3exf6yXY7EJ8cigRvJI"


def test_the_newest_secret_signs_and_each_of_them_is_believed(keeper: Doorkeeper) -> None:
    operator = log_in(keeper)
    newest, former = (Doorkeeper(keeper.operate, (secret,)) for secret in SECRETS)
    assert recognize(newest, give(keeper, operator).value)
    assert recognize(former, give(keeper, operator).value) is None
    assert recognize(keeper, give(former, operator).value)


def test_somebody_unknown_waits_for_a_hash_too(keeper: Doorkeeper, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[tuple[PasswordEntry, str]] = []

    def note(entry: PasswordEntry, password: str) -> bool:
        hashed.append((entry, password))
        return True

    monkeypatch.setattr("sync_tasks.operate.doorkeeper.is_password_of", note)
    assert keeper.log_in("nobody", "a password", "192.0.2.1") is None
    assert [(entry.name, password) for entry, password in hashed] == [("", "a password")]


NEEDS_BOTH = "operate.user_header and SYNC_OPERATE_TOKEN: a proxy needs both, or neither is set"


NO_WAY_IN = (
    "operate: nobody can log in; set operate.passwords to the file of `sync-tasks operate password`, "
    "or operate.user_header for a proxy"
)


@pytest.mark.parametrize(
    ("operate", "tokens", "fault"),
    [
        (Operate(user_header=HEADER), (PROXY,), ""),
        (Operate(user_header=HEADER), (), NEEDS_BOTH),
        (Operate(), (PROXY,), NEEDS_BOTH),
        (
            Operate(),
            (),
            NO_WAY_IN,
        ),
        (
            Operate(passwords=Path("empty")),
            (),
            "operate.passwords: empty: nobody stands in it; run `sync-tasks operate password NAME --act`",
        ),
        (Operate(passwords=Path("empty"), user_header=HEADER), (PROXY,), ""),
    ],
    ids=["proxy", "header alone", "token alone", "neither", "empty file", "empty file and proxy"],
)
def test_a_page_needs_a_way_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, operate: Operate, tokens: tuple[str, ...], fault: str
) -> None:
    (tmp_path / "empty").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError) if fault else nullcontext() as caught:
        Doorkeeper(operate, SECRETS, Tokens(tokens)).check()
    assert (caught.value.args if caught else ("",)) == (fault,)


def test_a_file_with_an_operator_is_a_way_in(keeper: Doorkeeper) -> None:
    keeper.check()
