"""``sync-tasks account``: whose account a key opens, and who may say that it is another one."""

import pytest

from sync_tasks.errors import GatewayUnavailableError, WrongAccountError
from sync_tasks.providers.brevo.client import Brevo
from sync_tasks.state.audit import read_audit
from tests.support.desk import Desk


@pytest.fixture
def moved(desk: Desk) -> Desk:
    """A desk whose key opens another account than the one that the state knows."""
    store = desk.pipeline.store
    store.redis.hset(store.key("owners"), "default", "another")
    return desk


def owner_of(desk: Desk) -> object:
    return desk.pipeline.store.redis.hget(desk.pipeline.store.key("owners"), "default")


def test_a_key_that_opens_the_known_account_is_well(desk: Desk) -> None:
    assert desk.read("account", "list") == [
        {"account": "default", "owner": "the account whose contacts the state knows"}
    ]
    assert "the state knows" in desk.run("account", "list")


def test_a_key_that_opens_another_account_is_exit_1_also_for_the_doctor(moved: Desk) -> None:
    (found,) = moved.read("account", "list", exits=1)
    assert found["owner"] == "another account"
    checks = {check["what"]: check for check in moved.read("doctor", exits=1)}
    assert checks["default: owner"]["state"] == "fail"
    assert "sync-tasks account accept default" in checks["default: owner"]["advice"]


def test_an_account_that_cannot_be_asked_is_not_said_to_be_right(desk: Desk) -> None:
    desk.pipeline.brevo.add_fault("status", status=500)
    (found,) = desk.read("account", "list", exits=1)
    assert found["owner"].startswith("not known: ")
    assert "cannot be asked now" in desk.run("account", "accept", "default", "--yes", exits=1)


@pytest.mark.parametrize(
    ("error", "state"), [(GatewayUnavailableError("away"), "warn"), (WrongAccountError("another"), "fail")]
)
def test_the_doctor_asks_anew_whose_account_it_is(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, error: Exception, state: str
) -> None:
    def refuse(_brevo: object) -> None:
        raise error

    monkeypatch.setattr(Brevo, "check_owner", refuse)
    checks = {check["what"]: check for check in desk.read("doctor", exits=1)}
    assert (checks["default: owner"]["state"], checks["default: key"]["state"]) == (state, "ok")


def test_another_account_is_accepted_only_after_a_question(moved: Desk) -> None:
    moved.run("account", "accept", "default", typed="n\n", exits=1)
    assert (owner_of(moved), list(read_audit(moved.pipeline.store))) == ("another", [])
    moved.run("account", "accept", "default", typed="y\n")
    assert owner_of(moved) != "another"
    assert "the state knows" in moved.run("account", "list")


def test_the_right_account_needs_no_acceptance_and_forgets_nothing(desk: Desk) -> None:
    desk.pipeline.subscribe("anna")
    desk.pipeline.work()
    desk.read("account", "list")
    seen = desk.pipeline.state("anna").seen
    assert "nothing to accept" in desk.run("account", "accept", "default")
    assert (desk.pipeline.state("anna").seen, list(read_audit(desk.pipeline.store))) == (seen, [])


@pytest.mark.parametrize(("words", "said"), [("accept", "there is no account"), ("forget", "take it out first")])
def test_a_name_of_the_wrong_side_of_the_configuration_is_wrong_use(desk: Desk, words: str, said: str) -> None:
    name = {"accept": "othr", "forget": "default"}[words]
    assert said in desk.run("account", words, name, "--yes", exits=2)


def test_an_account_is_forgotten_only_after_a_question(desk: Desk) -> None:
    store = desk.pipeline.store
    store.redis.hset(store.key("owners"), "other", "them")
    desk.run("account", "forget", "other", typed="n\n", exits=1)
    assert store.redis.hexists(store.key("owners"), "other")
