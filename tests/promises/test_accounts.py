"""A user whose newsletters lie in two Brevo accounts."""

from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from sync_tasks.config.settings import Account
from sync_tasks.sandbox import LimitSettings, Sandbox, SandboxSettings
from sync_tasks.sandbox.server import ServedSandbox, serving
from tests.support.pipeline import ATTRIBUTES, MakePipeline, Pipeline, held_by

NEWSLETTERS = {
    "daily": {"list_id": 3, "account": "default", "unsubscribed_attribute": "DAILY_UNSUBSCRIBED"},
    "weekly": {"list_id": 3, "account": "second"},
}


@pytest.fixture(scope="module")
def second_served() -> Iterator[ServedSandbox]:
    with serving(
        SandboxSettings(attributes=ATTRIBUTES, limits=LimitSettings(enabled=False), seed=1, import_seconds=1.0)
    ) as served:
        yield served


@pytest.fixture
def second(second_served: ServedSandbox) -> Sandbox:
    """The other account."""
    return second_served.sandbox


@pytest.fixture
def both(make_pipeline: MakePipeline, served: ServedSandbox, second_served: ServedSandbox) -> Pipeline:
    """A pipeline that knows Anna, who reads a newsletter of each account."""
    second_served.sandbox.reset()
    urls = {"default": served.url, "second": second_served.url}
    accounts = {
        name: Account(base_url=url, requests_per_second=1000, api_key=SecretStr("key")) for name, url in urls.items()
    }
    pipeline = make_pipeline(accounts=accounts, newsletters=NEWSLETTERS)
    pipeline.subscribe("anna", "daily", first_name="Anna")
    pipeline.subscribe("anna", "weekly")
    pipeline.work()
    return pipeline


@pytest.mark.usefixtures("both")
def test_each_account_gets_the_contact_and_its_own_list(brevo: Sandbox, second: Sandbox) -> None:
    here, there = held_by(brevo, "anna"), held_by(second, "anna")
    assert (here["listIds"], there["listIds"]) == ([3], [3])
    assert here["attributes"] == there["attributes"] == {"FIRSTNAME": "Anna"}


def test_an_account_without_a_newsletter_of_the_user_gets_no_contact(
    both: Pipeline, brevo: Sandbox, second: Sandbox
) -> None:
    both.subscribe("berta", "weekly")
    both.work()
    assert held_by(second, "berta")["listIds"] == [3]
    assert "berta" not in repr(brevo.contacts())


def test_an_opt_out_concerns_one_account_alone(both: Pipeline, brevo: Sandbox, second: Sandbox) -> None:
    both.unsubscribe("anna", "weekly")
    both.work()
    assert held_by(brevo, "anna")["listIds"] == [3]
    assert held_by(second, "anna")["listIds"] == []


def test_a_new_address_reaches_both_accounts(both: Pipeline, brevo: Sandbox, second: Sandbox) -> None:
    both.update("anna", email="anna.tal@portal.org")
    both.work()
    assert {held_by(each, "anna")["email"] for each in (brevo, second)} == {"anna.tal@portal.org"}


def test_an_erasure_reaches_both_accounts(both: Pipeline, brevo: Sandbox, second: Sandbox) -> None:
    both.anonymize("anna")
    both.work()
    assert "anna" not in repr([brevo.contacts(), second.contacts()]).lower()
    assert both.store.peek("anna") is None


@pytest.mark.parametrize("status", [401, 500])
def test_one_account_in_trouble_does_not_stop_the_other(
    both: Pipeline, brevo: Sandbox, second: Sandbox, status: int
) -> None:
    brevo.add_fault("status", status=status)
    here = both.unsubscribe("anna", "daily")
    there = both.unsubscribe("anna", "weekly")
    outcomes = both.work_once()
    assert there in outcomes.done
    assert here in outcomes.waiting
    assert (held_by(brevo, "anna")["listIds"], held_by(second, "anna")["listIds"]) == ([3], [])
    brevo.faults.clear()
    both.resources.limiter.resume("default")
    both.work()
    assert held_by(brevo, "anna")["listIds"] == []
    assert both.letters() == []


def test_an_erasure_waits_for_the_account_in_trouble(both: Pipeline, brevo: Sandbox, second: Sandbox) -> None:
    second.add_fault("status", status=401)
    both.anonymize("anna")
    both.work_once()
    assert held_by(second, "anna")["email"] == "anna@portal.org"
    assert "anna" not in repr(brevo.contacts()).lower()
    second.faults.clear()
    both.resources.limiter.resume("second")
    both.work()
    assert "anna" not in repr(second.contacts()).lower()
    assert both.store.peek("anna") is None
