"""A newsletter moves to another Brevo account and takes its people along, and their opt-outs."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from sync_tasks.config.settings import Account
from sync_tasks.reconcile.run import Scope
from sync_tasks.sandbox import LimitSettings, Sandbox, SandboxSettings
from sync_tasks.sandbox.server import ServedSandbox, serving
from tests.support.comparing import compare
from tests.support.pipeline import ATTRIBUTES, MakePipeline, Pipeline, held_by


@pytest.fixture(scope="module")
def second_served() -> Iterator[ServedSandbox]:
    with serving(
        SandboxSettings(attributes=ATTRIBUTES, limits=LimitSettings(enabled=False), seed=1, import_seconds=1.0)
    ) as served:
        yield served


@pytest.fixture
def second(second_served: ServedSandbox) -> Sandbox:
    """The other account."""
    second_served.sandbox.reset()
    return second_served.sandbox


MakeBoth = Callable[..., Pipeline]
HERE = {"daily": {"list_id": 3, "account": "default"}, "weekly": {"list_id": 3, "account": "second"}}
THERE = {
    "daily": {"list_id": 8, "account": "second", "former_list_ids": ["default:3"]},
    "weekly": {"list_id": 3, "account": "second"},
}


@pytest.fixture
def make_both(
    make_pipeline: MakePipeline, served: ServedSandbox, second_served: ServedSandbox, second: Sandbox
) -> MakeBoth:
    """Build a pipeline with two accounts."""
    urls = {"default": served.url, "second": second_served.url}
    accounts = {
        name: Account(base_url=url, requests_per_second=1000, api_key=SecretStr("key")) for name, url in urls.items()
    }
    assert second.contacts() == []

    def make(newsletters: dict[str, Any]) -> Pipeline:
        return make_pipeline(accounts=accounts, newsletters=newsletters)

    return make


@pytest.fixture
def split(make_both: MakeBoth) -> Pipeline:
    """Two accounts: Anna reads the daily newsletter of the first, Ben opted out of it, Cleo reads the second's."""
    pipeline = make_both(HERE)
    pipeline.subscribe("anna", "daily", first_name="Anna")
    pipeline.subscribe("ben", "daily")
    pipeline.work()
    pipeline.unsubscribe("ben", "daily")
    pipeline.subscribe("cleo", "weekly")
    pipeline.work()
    return pipeline


def users_on(brevo: Sandbox, number: int) -> set[str]:
    return {str(contact["ext_id"]) for contact in brevo.contacts() if number in contact["listIds"]}  # type: ignore[operator]


@pytest.mark.usefixtures("split")
def test_a_newsletter_that_moves_to_another_account_takes_its_people_along(
    make_both: MakeBoth, brevo: Sandbox, second: Sandbox
) -> None:
    after = make_both(THERE)
    preview = compare(after, Scope(dry_run=True))
    assert [run.found for run in preview] == [{"on a former list": 1}, {"missing contact": 1}]
    assert (users_on(brevo, 3), users_on(second, 8)) == ({"anna"}, set())
    compare(after)
    assert (users_on(brevo, 3), users_on(second, 8), users_on(second, 3)) == (set(), {"anna"}, {"cleo"})
    assert held_by(second, "anna")["attributes"]["FIRSTNAME"] == "Anna"
    assert [run.found for run in compare(after)] == [{}, {}]


def test_a_mass_move_to_another_account_waits_on_both_until_it_is_allowed(
    split: Pipeline, make_both: MakeBoth, brevo: Sandbox, second: Sandbox
) -> None:
    for number in range(55):
        split.subscribe(f"user{number}", "daily")
    split.work()
    after = make_both(THERE)
    assert all(run.refused for run in compare(after, Scope()))
    assert (len(users_on(brevo, 3)), len(users_on(second, 8))) == (56, 0)
    compare(after, Scope(newsletter="daily", max_changes=56))
    assert (len(users_on(brevo, 3)), len(users_on(second, 8))) == (0, 56)


@pytest.mark.usefixtures("split")
def test_one_event_of_a_person_takes_that_person_to_the_other_account(
    make_both: MakeBoth, brevo: Sandbox, second: Sandbox
) -> None:
    after = make_both(THERE)
    after.update("anna", last_name="Tal")
    after.work()
    assert (users_on(brevo, 3), users_on(second, 8)) == (set(), {"anna"})


@pytest.mark.parametrize("how", ["an event", "a comparison"])
def test_whoever_opted_out_by_brevos_link_on_the_old_account_gets_no_mail_from_the_new_one(
    split: Pipeline, make_both: MakeBoth, brevo: Sandbox, second: Sandbox, how: str
) -> None:
    brevo.act("unsubscribe", "anna@portal.org")
    after = make_both(THERE)
    if how == "an event":
        after.update("anna", last_name="Tal")
        after.work()
    for _ in range(2):
        compare(after)
    assert users_on(second, 8) == set()
    assert split.state("anna").seen["default"].block is not None
    after.subscribe("anna", "daily")
    after.work()
    assert users_on(second, 8) == {"anna"}


@pytest.mark.usefixtures("split")
def test_an_opt_out_after_the_move_leaves_the_old_accounts_list_also_of_one_we_never_saw_there(
    make_both: MakeBoth, brevo: Sandbox, second: Sandbox
) -> None:
    for user in ("cleo", "dora"):
        brevo.add_contacts([{"email": f"{user}@portal.org", "attributes": {}, "listIds": [3]}])
    after = make_both(THERE)
    after.unsubscribe("anna", "daily")
    after.unsubscribe("cleo", "daily")
    after.unsubscribe("dora", "daily", email="dora@portal.org")
    after.work()
    assert [contact["listIds"] for contact in brevo.contacts()] == [[], [], [], []]
    assert users_on(second, 8) == set()


@pytest.mark.usefixtures("split")
def test_while_the_old_account_is_out_of_reach_nobody_is_taken_along_but_new_sign_ups_go_on(
    make_both: MakeBoth, brevo: Sandbox, second: Sandbox
) -> None:
    brevo.act("unsubscribe", "anna@portal.org")
    brevo.add_fault("status", status=500)
    after = make_both(THERE)
    after.update("anna", last_name="Tal")
    after.subscribe("emil", "daily")
    for _ in range(3):
        after.work_once()
    assert users_on(second, 8) == {"emil"}
