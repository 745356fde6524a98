"""An account that left the configuration keeps an erasure from its end, until it is back or said to be gone."""

from collections.abc import Callable

import pytest

from sync_tasks.errors import UnconfiguredAccountError
from sync_tasks.state.audit import read_audit
from sync_tasks.state.store import Lease
from sync_tasks.sync.accounts import find_left, forget_gone
from tests.support.desk import Desk
from tests.support.pipeline import Pipeline

HERE = {"daily": {"list_id": 3}}
LEFT = 77


@pytest.fixture
def left(make_pipeline: Callable[..., Pipeline]) -> Pipeline:
    """A pipeline whose Anna was known in another account, which left the configuration."""
    pipeline = make_pipeline(newsletters=HERE)
    pipeline.subscribe("anna", first_name="Anna")
    pipeline.work()
    store = pipeline.store
    for field, text in {"id": str(LEFT), "lists": "9", "digest": "abc", "address": "anna@portal.org"}.items():
        store.redis.hset(store.key("contacts:anna"), f"s:other:{field}", text)
    for name in ("other", "other 0123"):
        store.redis.hset(store.key("owners"), name, "them")
    return pipeline


def test_an_erasure_is_not_complete_while_nobody_can_reach_an_account(left: Pipeline) -> None:
    key = left.anonymize("anna")
    waiting = left.work_once().waiting
    assert isinstance(waiting[key], UnconfiguredAccountError)
    assert f"contact {LEFT} of account 'other'" in str(waiting[key])
    assert not left.store.is_erased("anna")
    assert (left.letters(), left.state("anna").address) == ([], None)
    assert "Anna" not in repr(left.brevo.contacts())


def test_once_a_person_says_that_it_is_gone_the_erasure_ends(left: Pipeline) -> None:
    left.anonymize("anna")
    left.work_once()
    assert list(forget_gone(left.store, "other")) == [1]
    left.work()
    assert (left.store.peek("anna"), left.store.is_erased("anna")) == (None, True)
    assert find_left(left.store, ["default"]) == []


def test_who_is_being_pushed_is_waited_for_before_the_account_is_forgotten(left: Pipeline) -> None:
    left.anonymize("anna")
    assert isinstance(left.store.lease("anna", 0.7), Lease)

    assert list(forget_gone(left.store, "other")) == [1]

    assert set(left.state("anna").seen) == {"default"}


def test_an_account_that_left_is_named_by_the_doctor(left: Pipeline, desk: Desk) -> None:
    assert find_left(left.store, ["default"]) == ["other"]
    assert find_left(left.store, ["default", "other"]) == []
    assert "sync-tasks account forget other" in " ".join(desk.run("doctor", exits=1).split())
    desk.run("account", "forget", "other", "--yes")
    assert find_left(left.store, ["default"]) == []


def test_who_was_erased_there_before_it_left_is_complete(left: Pipeline) -> None:
    left.store.redis.hset(left.store.key("contacts:anna"), "s:other:digest", "erased")
    left.anonymize("anna")
    left.work()
    assert left.store.is_erased("anna")


def test_nobody_else_is_kept_waiting(left: Pipeline) -> None:
    left.subscribe("anna", first_name="Anne")
    left.work()
    assert left.held("anna")["attributes"]["FIRSTNAME"] == "Anne"


def test_a_person_says_that_it_is_gone_and_the_audit_keeps_who(left: Pipeline, desk: Desk) -> None:
    left.anonymize("anna")
    left.work_once()
    assert "1 contact forgotten" in desk.run("account", "forget", "other", "--yes", "--by", "ops")
    deeds = [(deed.who, deed.what, deed.about) for deed in read_audit(left.store)]
    assert ("ops", "forget account", "other") in deeds
    left.work()
    assert left.store.is_erased("anna")


@pytest.mark.usefixtures("left")
def test_an_account_that_nobody_knows_is_not_said_to_be_forgotten(desk: Desk) -> None:
    reported = " ".join(desk.run("account", "forget", "othr", "--yes", exits=1).split())
    assert "the state knew nothing of an account 'othr'; accounts that left: other" in reported
    assert "othr" not in str(desk.read("audit"))
    desk.run("account", "forget", "other", "--yes")
    again = " ".join(desk.run("account", "forget", "other", "--yes", exits=1).split())
    assert "no account left the configuration" in again


def test_the_audit_keeps_who_accepted_another_account(pipeline: Pipeline, desk: Desk) -> None:
    pipeline.store.redis.hset(pipeline.store.key("owners"), "default", "another")
    assert "will be looked for in the new account" in desk.run("account", "accept", "default", "--yes", "--by", "ops")
    (deed,) = read_audit(pipeline.store)
    assert (deed.who, deed.what, deed.about) == ("ops", "accept account", "default")
