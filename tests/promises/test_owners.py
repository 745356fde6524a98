"""A key of another account: known numeric ids are strangers there, and nobody is touched."""

from itertools import count

import pytest
from pydantic import SecretStr

from sync_tasks.config.settings import Account
from sync_tasks.errors import WrongAccountError
from sync_tasks.reconcile.run import reconcile
from sync_tasks.sandbox import Sandbox
from sync_tasks.sync import accounts
from sync_tasks.sync.accounts import AccountOwner, accept_owner, read_owner
from tests.support.pipeline import MakePipeline, Pipeline


def with_key(key: str) -> Account:
    return Account(api_key=SecretStr(key))


@pytest.fixture
def anna(make_pipeline: MakePipeline) -> Pipeline:
    """A pipeline that knows Anna, who reads the daily newsletter."""
    pipeline = make_pipeline(sure=True)
    pipeline.subscribe("anna", "daily", first_name="Anna")
    pipeline.work()
    return pipeline


def meet_strangers(brevo: Sandbox) -> dict[str, object]:
    """Let another account be behind the same address; somebody else has Anna's number there."""
    brevo.reset()
    brevo.request(
        "POST", "/contacts", {"email": "eve@shop.example", "attributes": {"FIRSTNAME": "Eve"}, "listIds": [3]}
    )
    return brevo.contacts()[0]


@pytest.fixture
def elsewhere(anna: Pipeline, brevo: Sandbox, make_pipeline: MakePipeline) -> tuple[Pipeline, dict[str, object]]:
    """A new process with a key of another account, and the stranger whom Anna's number means there."""
    known = anna.held("anna")["id"]
    stranger = meet_strangers(brevo)
    assert stranger["id"] == known
    return make_pipeline(sure=True, key="another-key"), stranger


@pytest.mark.parametrize("task", ["anonymize", "unsubscribe", "update"])
def test_no_event_touches_a_stranger(elsewhere: tuple[Pipeline, dict[str, object]], brevo: Sandbox, task: str) -> None:
    pipeline, stranger = elsewhere
    getattr(pipeline, task)("anna", **({"first_name": "Anne"} if task == "update" else {}))
    report = pipeline.sync("anna")
    assert brevo.contacts() == [stranger]
    assert [type(error) for error in report.waiting.values()] == [WrongAccountError]


def test_no_comparison_touches_a_stranger(elsewhere: tuple[Pipeline, dict[str, object]], brevo: Sandbox) -> None:
    pipeline, stranger = elsewhere
    (run,) = reconcile(pipeline.resources)
    assert (run.repaired, brevo.contacts()) == (0, [stranger])
    assert "another account" in run.refused


def test_the_account_is_paused_and_the_pause_says_what_to_do(elsewhere: tuple[Pipeline, dict[str, object]]) -> None:
    pipeline, _ = elsewhere
    pipeline.unsubscribe("anna")
    pipeline.sync("anna")
    pause = pipeline.resources.limiter.paused("default")
    assert pause
    assert pause.error == "WrongAccountError"
    assert "sync-tasks account accept default" in pause.message
    assert pipeline.letters() == []


def test_the_right_key_ends_the_pause_by_itself(store_of_two_owners: "TwoOwners") -> None:
    right, wrong = store_of_two_owners.right, store_of_two_owners.wrong
    with pytest.raises(WrongAccountError):
        wrong.confirm(lambda: "a shop")
    pipeline = store_of_two_owners.pipeline
    assert pipeline.resources.limiter.paused("default")
    right.confirm(lambda: "the portal")
    assert pipeline.resources.limiter.paused("default") is None


class TwoOwners:
    """Two keys of one configured account, of which one opens another account."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        limiter = pipeline.resources.limiter
        self.right = AccountOwner(pipeline.store, "default", with_key("right"), limiter)
        self.wrong = AccountOwner(pipeline.store, "default", with_key("wrong"), limiter)
        AccountOwner(pipeline.store, "default", with_key("right")).confirm(lambda: "the portal")


@pytest.fixture
def store_of_two_owners(pipeline: Pipeline) -> TwoOwners:
    return TwoOwners(pipeline)


def test_a_known_key_costs_no_request_and_a_new_one_costs_one(pipeline: Pipeline) -> None:
    asked = count()
    for key in ("one", "one", "two", "one", "two"):
        AccountOwner(pipeline.store, "default", with_key(key)).confirm(lambda: f"the portal{next(asked) * 0}")
    assert next(asked) == 2


def test_a_known_wrong_key_is_refused_without_a_request(store_of_two_owners: TwoOwners) -> None:
    with pytest.raises(WrongAccountError):
        store_of_two_owners.wrong.confirm(lambda: "a shop")
    again = AccountOwner(store_of_two_owners.pipeline.store, "default", with_key("wrong"))
    with pytest.raises(WrongAccountError):
        again.confirm(lambda: pytest.fail("asked again"))


def test_swapped_keys_are_refused_for_both_accounts(pipeline: Pipeline) -> None:
    opens = {"key of a": "owner a", "key of b": "owner b"}

    def confirm(name: str, key: str) -> None:
        AccountOwner(pipeline.store, name, with_key(key)).confirm(lambda: opens[key])

    confirm("a", "key of a")
    confirm("b", "key of b")
    for name, key in (("a", "key of b"), ("b", "key of a")):
        with pytest.raises(WrongAccountError):
            confirm(name, key)


def test_a_contact_that_is_missing_makes_us_ask_whose_account_it_is(anna: Pipeline, brevo: Sandbox) -> None:
    brevo.reset()
    anna.update("anna", first_name="Anne")
    anna.sync("anna")
    assert brevo.contacts() == []
    pause = anna.resources.limiter.paused("default")
    assert pause
    assert pause.error == "WrongAccountError"


def test_after_a_real_move_everybody_is_looked_for_by_address(
    anna: Pipeline, brevo: Sandbox, make_pipeline: MakePipeline
) -> None:
    anna.subscribe("bob", "daily")
    anna.work()
    anna.unsubscribe("bob")
    anna.anonymize("carl", email="carl@portal.org")
    anna.work()
    brevo.reset()
    for number, user in enumerate(("eve", "bob", "anna"), 1):
        body = {"email": f"{user}@portal.org", "listIds": [3], "attributes": {}}
        assert brevo.request("POST", "/contacts", body).status == 201, number
    moved = make_pipeline(sure=True, key="new-key")
    owner = moved.resources.gateways["default"].owner()
    assert list(accept_owner(moved.store, "default", owner, patience=0))[-1] == 2
    assert read_owner(moved.store, "default") == owner
    moved.work()
    lists = {contact["email"]: contact["listIds"] for contact in brevo.contacts()}
    assert lists == {"eve@portal.org": [3], "bob@portal.org": [], "anna@portal.org": [3]}
    assert moved.held("anna")["attributes"]["FIRSTNAME"] == "Anna"


def test_a_process_with_the_old_key_writes_no_more_while_and_after_the_account_moves(
    store_of_two_owners: TwoOwners, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "CONFIRMED", 0.0)
    store, old = store_of_two_owners.pipeline.store, store_of_two_owners.right
    old.confirm(lambda: "the portal")
    moving = accept_owner(store, "default", "the new one", patience=0)
    store_of_two_owners.pipeline.subscribe("anna")
    store_of_two_owners.pipeline.work()
    next(moving)
    with pytest.raises(WrongAccountError):
        old.confirm(lambda: pytest.fail("asked again"))
    list(moving)
    with pytest.raises(WrongAccountError):
        old.confirm(lambda: pytest.fail("asked again"))


def test_an_opt_out_at_the_old_account_outlives_the_move(anna: Pipeline, brevo: Sandbox) -> None:
    brevo.act("unsubscribe", "anna@portal.org")
    anna.update("anna", first_name="Anne", email="anna.tal@portal.org")
    anna.work()
    brevo.reset()
    list(accept_owner(anna.store, "default", anna.resources.gateways["default"].owner(), patience=0))
    anna.resources.limiter.resume("default")
    anna.work()
    assert [contact["listIds"] for contact in brevo.contacts()] in ([], [[]])
