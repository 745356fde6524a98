"""The sandbox's page in a real browser: its buttons do what people at Brevo do."""

from collections.abc import Iterator

import pytest

from sync_tasks.sandbox import Sandbox, SandboxSettings
from sync_tasks.sandbox.server import ServedSandbox, serving
from tests.support.browser import Browser, browsing
from tests.support.processes import wait_until


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browsing(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


@pytest.fixture
def served(settings: SandboxSettings, browser: Browser) -> Iterator[ServedSandbox]:
    with serving(sandbox=Sandbox(settings)) as served:
        served.sandbox.add_contacts(
            [{"email": "anna@portal.org", "attributes": {"FIRSTNAME": "Anna"}, "listIds": [3, 5]}]
        )
        browser.complaints.clear()
        browser.open(served.origin)
        wait_until(lambda: browser.ask("document.querySelectorAll('.acts').length") == 1, "the contact is on the page")
        yield served


def click(browser: Browser, label: str) -> None:
    assert browser.ask(f"document.querySelector('[aria-label^=\"{label}\"]')?.click() ?? true"), label


def answer(browser: Browser, text: str) -> None:
    browser.ask(f"document.getElementById('answer').value = {text!r}")
    browser.ask("document.querySelector('#ask button[value=yes]').click()")


@pytest.mark.parametrize("label", ["Unsubscribe", "Bounce", "Complain"])
def test_a_reader_is_blocklisted(browser: Browser, served: ServedSandbox, label: str) -> None:
    click(browser, label)
    wait_until(lambda: bool(served.sandbox.contact(1)["emailBlacklisted"]), "the contact is blocklisted")
    wait_until(lambda: browser.ask("document.body.innerText.includes('blocklisted')"), "the page shows it")


def test_staff_rename_move_and_take_off_a_list(browser: Browser, served: ServedSandbox) -> None:
    click(browser, "Rename")
    assert browser.ask("document.activeElement.id") == "answer"
    answer(browser, "Ada")
    wait_until(lambda: served.sandbox.contact(1)["attributes"]["FIRSTNAME"] == "Ada", "the name is new")  # type: ignore[index]
    click(browser, "Move")
    answer(browser, "ada@portal.org")
    wait_until(lambda: served.sandbox.contact(1)["email"] == "ada@portal.org", "the address is new")
    click(browser, "Take contact 1 off list 3")
    wait_until(lambda: served.sandbox.contact(1)["listIds"] == [5], "one list is left")


def test_cancel_changes_nothing(browser: Browser, served: ServedSandbox) -> None:
    click(browser, "Rename")
    browser.ask("document.querySelector('#ask button[value=\"\"]').click()")
    assert browser.ask("document.getElementById('ask').open") is False
    assert served.sandbox.contact(1)["attributes"] == {"FIRSTNAME": "Anna"}


def test_a_refused_order_is_shown(browser: Browser, served: ServedSandbox) -> None:
    served.sandbox.add_contacts([{"email": "bert@portal.org"}])
    click(browser, "Move: contact 1")
    answer(browser, "bert@portal.org")
    wait_until(lambda: "Refused: " in browser.ask("document.body.innerText"), "the refusal is shown")


def test_a_contact_is_deleted(browser: Browser, served: ServedSandbox) -> None:
    click(browser, "Delete")
    wait_until(lambda: served.sandbox.contacts() == [], "nobody is left")


def test_a_fault_is_switched_on_and_off(browser: Browser, served: ServedSandbox) -> None:
    browser.ask("document.getElementById('kind').selectedIndex = 1")
    browser.ask("document.querySelector('#fault button').click()")
    wait_until(lambda: [fault.name for fault in served.sandbox.faults] == ["401"], "the fault is on")
    wait_until(lambda: browser.ask("document.querySelector('[aria-label=\"Switch off fault 1\"]') !== null"), "a row")
    click(browser, "Switch off fault 1")
    wait_until(lambda: list(served.sandbox.faults) == [], "the fault is off")
    assert browser.complaints == []
