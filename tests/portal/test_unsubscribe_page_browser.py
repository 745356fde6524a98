"""The unsubscribe page in a real browser: read out, by the keyboard alone, in both languages, with its own styles."""

from collections.abc import Iterator

import pytest

from sync_tasks.config.settings import Settings
from sync_tasks.link_tokens import LinkToken, write_token
from sync_tasks.portal.unsubscribe_page import UnsubscribePage, load_template
from sync_tasks.state.store import Store
from tests.support.browser import Browser, browsing
from tests.support.pipeline import SETTINGS
from tests.support.receiving import opening

SECRETS = ("a-secret-of-more-than-32-characters!",)
LINK = f"/unsubscribe/daily/{write_token(LinkToken('anna', 'default'), SECRETS)}"
CONFIGURED = Settings.model_validate({**SETTINGS, "unsubscribe": {"titles": {"daily": "Daily News"}}})
OURS = "rgb(11, 74, 143)"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browsing(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


@pytest.fixture
def taken() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def origin(store: Store, taken: list[tuple[str, str]]) -> Iterator[str]:
    def unsubscribe(user_id: str, newsletter: str) -> None:
        taken.append((user_id, newsletter))

    with opening(store, UnsubscribePage(CONFIGURED, SECRETS, unsubscribe, load_template(None)).routes) as here:
        yield here.origin


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("Unsubscribe?", "Yes, unsubscribe me", "You are unsubscribed")),
        ("de", ("Abbestellen?", "Ja, abbestellen", "Sie sind abgemeldet")),
    ],
)
def test_somebody_with_a_keyboard_alone_unsubscribes(
    browser: Browser, origin: str, taken: list[tuple[str, str]], language: str, words: tuple[str, str, str]
) -> None:
    ask, button, done = words
    browser.speak(language)
    browser.open(f"{origin}{LINK}")
    assert taken == []
    assert {("heading", ask), ("button", button)} <= set(browser.named())
    assert browser.ask("document.documentElement.lang") == language
    assert "Daily News" in browser.ask("document.body.innerText")
    browser.press("Tab")
    assert browser.ask("document.activeElement.innerText") == button
    browser.press("Enter")
    browser.wait_for_page()
    assert (browser.ask("document.title"), taken) == (done, [("anna", "daily")])


def test_the_pages_own_styles_are_let_through_and_nothing_is_complained_of(browser: Browser, origin: str) -> None:
    browser.complaints.clear()
    browser.open(f"{origin}{LINK}")
    assert browser.ask("getComputedStyle(document.querySelector('button')).backgroundColor") == OURS
    assert browser.ask("document.documentElement.scrollWidth <= innerWidth") is True
    assert [text for text in browser.complaints if "favicon" not in text] == []


def test_a_script_in_the_page_would_not_run(browser: Browser, origin: str) -> None:
    browser.open(f"{origin}{LINK}")
    browser.ask("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"document.title = `run`\">')")
    browser.open(f"{origin}{LINK}")
    assert browser.ask("document.title") != "run"
    assert any("Content Security Policy" in text for text in browser.complaints)
