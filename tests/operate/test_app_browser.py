"""The page in a real browser: by the keyboard alone, on a telephone, and for everybody, as axe sees it."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sync_tasks.domain.events import EVENTS, parse_event
from sync_tasks.monitoring.causes import name_cause
from sync_tasks.reconcile.history import read_runs
from sync_tasks.state.audit import read_audit
from sync_tasks.state.dead_letters import read_letters_of
from tests.support.browser import Browser, browsing
from tests.support.processes import wait_until
from tests.support.staging import PASSWORD, Stage, staging

AXE = Path(__file__).parents[1] / "support" / "axe"
PAGES = ("", "/letters", "/people", "/people?user=4711", "/comparisons", "/suppressed")
GRAVE = ("serious", "critical")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browsing(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


@pytest.fixture(scope="module")
def stage(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    assert browser.complaints == []
    with staging(tmp_path_factory.mktemp("stage")) as stage:
        yield stage


@pytest.fixture(scope="session")
def axe() -> str:
    """The text of axe-core; skip the test if this machine cannot have it."""
    if not shutil.which("npm"):
        pytest.skip("no npm is installed: apt install npm")
    program = AXE / "node_modules" / "axe-core" / "axe.min.js"
    if not program.exists():
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=AXE, capture_output=True, check=False, timeout=120)
        if done.returncode:
            pytest.skip("npm cannot install axe-core")
    return program.read_text()


def log_in(browser: Browser, stage: Stage, name: str = "anna") -> None:
    """Log in by the keyboard alone, unless somebody is."""
    browser.look_like(1200, 900)
    browser.open(stage.origin)
    if browser.ask("document.querySelector('h1').innerText") == "Overview":
        return
    browser.walk_to("Name")
    browser.type(name)
    browser.press("Tab")
    browser.type(PASSWORD)
    browser.press("Enter")
    browser.wait_for_page()
    assert browser.ask("document.querySelector('h1').innerText") == "Overview"


def text_of(browser: Browser) -> str:
    return str(browser.ask("document.querySelector('main').innerText"))


def test_by_the_keyboard_alone_somebody_logs_in_and_replays_two_letters(browser: Browser, stage: Stage) -> None:
    log_in(browser, stage)
    browser.walk_to("Dead letters")
    browser.press("Enter")
    browser.wait_for_page()
    browser.walk_to("UnknownContactError")
    browser.press("Enter")
    browser.wait_for_page()
    ids = browser.ask(
        "[...document.querySelectorAll('input[name=id]')].slice(0, 2).map(e => e.value).join(' ')"
    ).split()
    for letter_id in ids:
        browser.walk_to(f"Choose letter {letter_id}")
        browser.press(" ")
    # Enter in a form presses its first button: replay.
    browser.press("Enter")
    browser.wait_for_page()
    wait_until(lambda: "2 of 2 letters have an outcome" in text_of(browser), "both have an outcome", 30)
    assert "failed again" in text_of(browser)
    audited = {entry.about for entry in read_audit(stage.station.store) if entry.what == "replay: replayed"}
    assert audited == set(ids)


def test_an_approval_by_the_keyboard_is_carried_out_by_a_worker(browser: Browser, stage: Stage) -> None:
    log_in(browser, stage)
    browser.open(f"{stage.origin}/comparisons")
    assert "7 contacts would lose a subscription or be erased" in text_of(browser)
    browser.walk_to("Approve")
    browser.press("Enter")
    browser.wait_for_page()
    assert "anna approved at" in text_of(browser)
    wait_until(lambda: len(read_runs(stage.station.store)) == 2, "a worker has compared", 60)
    last = read_runs(stage.station.store)[0]
    assert (last.repaired, last.refused) == (7, "")
    stage.station.wait_until_settled()
    assert stage.station.held("4717")["listIds"] == [3]


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(
    ("width", "dark"),
    [(1200, False), (1200, True), (360, False), (360, True)],
    ids=["light", "dark", "narrow", "night"],
)
def test_axe_finds_nothing_serious(
    browser: Browser, stage: Stage, axe: str, path: str, width: int, *, dark: bool
) -> None:
    log_in(browser, stage)
    browser.look_like(width, 900, dark=dark)
    browser.open(stage.origin + path)
    assert [line for line in browser.check_access(axe) if line.startswith(GRAVE)] == []


def test_axe_finds_nothing_serious_in_what_leads_in_and_on(browser: Browser, stage: Stage, axe: str) -> None:
    browser.call("Network.clearBrowserCookies")
    browser.open(f"{stage.origin}/login")
    assert [line for line in browser.check_access(axe) if line.startswith(GRAVE)] == []
    log_in(browser, stage)
    browser.open(f"{stage.origin}/letters")
    browser.open(str(browser.ask("document.querySelector('th a').href")))
    assert [line for line in browser.check_access(axe) if line.startswith(GRAVE)] == []
    browser.click("input[name=id]")
    browser.walk_to("Discard …")
    browser.press("Enter")
    browser.wait_for_page()
    assert browser.ask("document.querySelector('h1').innerText").startswith("Discard")
    assert [line for line in browser.check_access(axe) if line.startswith(GRAVE)] == []
    browser.open(f"{stage.origin}/people?user=4711")
    browser.walk_to("Show in full")
    browser.press("Enter")
    browser.wait_for_page()
    assert "In full, for this once" in text_of(browser)
    assert [line for line in browser.check_access(axe) if line.startswith(GRAVE)] == []


def test_axe_notices_what_is_wrong(browser: Browser, stage: Stage, axe: str) -> None:
    browser.call("Network.clearBrowserCookies")
    browser.open(f"{stage.origin}/login")
    browser.ask("document.querySelectorAll('label').forEach(label => label.remove())")
    assert any("label" in line for line in browser.check_access(axe) if line.startswith(GRAVE))


@pytest.mark.parametrize("path", PAGES)
def test_on_a_telephone_nothing_is_wider_than_the_screen(browser: Browser, stage: Stage, path: str) -> None:
    log_in(browser, stage)
    browser.look_like(360, 740)
    browser.open(stage.origin + path)
    assert browser.ask("document.documentElement.scrollWidth <= 360") is True


def test_without_scripts_and_with_its_own_rules_nothing_is_complained_of(browser: Browser, stage: Stage) -> None:
    log_in(browser, stage)
    browser.complaints.clear()
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        for path in PAGES:
            browser.open(stage.origin + path)
    finally:
        browser.call("Emulation.setScriptExecutionDisabled", value=False)
    assert browser.complaints == []


def test_the_stylesheet_is_let_through(browser: Browser, stage: Stage) -> None:
    log_in(browser, stage)
    assert browser.ask("getComputedStyle(document.querySelector('.plot .bar')).fill") == "rgb(11, 74, 143)"
    assert browser.ask("document.querySelectorAll('.plot .bar').length") > 80


def test_on_a_telephone_long_ids_and_slugs_are_wrapped(browser: Browser, stage: Stage) -> None:
    user_id, slug = "x" * 255, "weekly-digest-of-the-regional-editions-of-the-north-and-the-west"
    store = stage.station.store
    store.accept(parse_event(EVENTS["unsubscribe_contact"], {"user_id": user_id, "newsletter": slug}))
    wait_until(lambda: read_letters_of(store, user_id), "it is a dead letter", 60)
    log_in(browser, stage)
    browser.look_like(360, 740)
    (letter,) = read_letters_of(store, user_id)
    for path in (f"/people?user={user_id}", f"/letters/cause?cause={name_cause(letter)}", "/letters"):
        browser.open(stage.origin + path)
        assert slug in text_of(browser).replace("\n", "") or path == "/letters"
        assert browser.ask("document.documentElement.scrollWidth <= 360") is True, path
    browser.open(f"{stage.origin}/letters/cause?cause={name_cause(letter)}")
    browser.click(f'input[value="{letter.id}"]')
    browser.click("button[value=discard]")
    browser.wait_for_page()
    assert user_id in text_of(browser).replace("\n", "")
    assert "Keep them" in text_of(browser)
    assert browser.ask("document.documentElement.scrollWidth <= 360") is True, "the question before a discard"
