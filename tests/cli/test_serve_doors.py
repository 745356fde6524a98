"""Which doors ``sync-tasks serve`` opens, for each token or secret that is set, and where it says they are."""

from pathlib import Path
from typing import Any

import pytest

from sync_tasks.cli.commands import serve
from sync_tasks.config.settings import Settings
from sync_tasks.errors import ConfigurationError
from sync_tasks.http.tokens import Tokens
from sync_tasks.operate import app as operate_app
from sync_tasks.operate.passwords import make_entry, write_entry

SECRET, TOKEN = "a-secret-of-more-than-32-characters!", "a-token-of-the-portal"
LINKS, EVENTS, OPERATE = "SYNC_UNSUBSCRIBE_SECRET", "SYNC_EVENTS_TOKEN", "SYNC_OPERATE_SECRET"
STORE: Any = None


def settings_of(**operate: object) -> Settings:
    accounts = {name: {"api_key": "k"} for name in ("default", "sports")}
    newsletters = {"daily": {"list_id": 3}}
    return Settings.model_validate({"accounts": accounts, "newsletters": newsletters, "operate": operate})


@pytest.fixture
def operators(tmp_path: Path) -> Path:
    path = tmp_path / "operators"
    write_entry(path, make_entry("anna", "act", "correct horse battery staple"))
    return path


@pytest.fixture(autouse=True)
def _none_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in (LINKS, EVENTS, OPERATE, "SYNC_OPERATE_TOKEN", "SYNC_WEBHOOK_TOKEN"):
        monkeypatch.delenv(variable, raising=False)


HOOKS = ["/webhooks/brevo/default", "/webhooks/brevo/sports"]
PATHS = {"/unsubscribe/": "/unsubscribe/", "/events": "/events", "/operate": "/operate"}


@pytest.mark.parametrize(
    ("variables", "tokens", "places"),
    [
        ({}, (TOKEN,), HOOKS),
        ({LINKS: SECRET}, (), ["/unsubscribe/"]),
        ({EVENTS: TOKEN}, (), ["/events"]),
        ({OPERATE: SECRET}, (), ["/operate"]),
        ({LINKS: SECRET, EVENTS: TOKEN, OPERATE: SECRET}, (TOKEN,), [*HOOKS, "/unsubscribe/", "/events", "/operate"]),
    ],
)
def test_each_door_is_open_if_its_token_or_secret_is_set(
    monkeypatch: pytest.MonkeyPatch,
    operators: Path,
    variables: dict[str, str],
    tokens: tuple[str, ...],
    places: list[str],
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    found, routes = serve._open_doors(settings_of(passwords=operators), Tokens(tokens), STORE)
    assert found == places
    served = {path for path in PATHS if any(getattr(route, "path", "").startswith(path) for route in routes)}
    assert served == set(places) - set(HOOKS)


def test_without_any_nothing_is_served() -> None:
    with pytest.raises(ConfigurationError) as caught:
        serve._open_doors(settings_of(), Tokens(()), STORE)
    assert str(caught.value) == (
        "no door is open; set SYNC_WEBHOOK_TOKEN, SYNC_UNSUBSCRIBE_SECRET, SYNC_EVENTS_TOKEN or SYNC_OPERATE_SECRET, "
        "or its _FILE"
    )


def test_a_page_that_nobody_could_use_is_not_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(OPERATE, SECRET)
    with pytest.raises(ConfigurationError, match="nobody can log in"):
        serve._open_doors(settings_of(), Tokens(()), STORE)


@pytest.mark.parametrize("links", ["", SECRET])
def test_the_page_compares_with_the_tokens_that_links_hold(
    monkeypatch: pytest.MonkeyPatch, operators: Path, links: str
) -> None:
    built = list[Any]()
    build = operate_app.build_page

    def note(store: Any, settings: Settings, *rest: Any) -> Any:  # noqa: ANN401 - as the page's own
        built.append(settings)
        return build(store, settings, *rest)

    monkeypatch.setattr(operate_app, "build_page", note)
    monkeypatch.setenv(LINKS, links)
    settings = settings_of(passwords=operators)
    serve._open_operate_page(settings, (SECRET,), STORE)
    assert [one.get_secret_value() for one in built[0].unsubscribe.secrets] == ([links] if links else [])
    writing = settings.model_copy(update={"unsubscribe": settings.unsubscribe.model_copy(update={"attribute": "LINK"})})
    if links:
        serve._open_operate_page(writing, (SECRET,), STORE)
        return
    with pytest.raises(ConfigurationError) as caught:
        serve._open_operate_page(writing, (SECRET,), STORE)
    assert caught.value.args == (
        "operate: the page compares contacts with the tokens they hold: set SYNC_UNSUBSCRIBE_SECRET",
    )


@pytest.mark.parametrize(("host", "shown"), [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]")])
def test_each_place_is_said_with_its_origin(capsys: pytest.CaptureFixture[str], host: str, shown: str) -> None:
    serve._report_where(["/events", "/operate"], host, 8026)
    assert capsys.readouterr().out == (
        f"receiving on http://{shown}:8026/events\nreceiving on http://{shown}:8026/operate\n"
    )
