"""An account whose looks by address find nobody: an opt-out or an erasure is not done because of that."""

import pytest

from sync_tasks.domain.contact import RemoteContact
from sync_tasks.errors import RejectedContactError
from sync_tasks.sandbox import Sandbox
from tests.support.pipeline import Pipeline, address_of


@pytest.fixture
def older(pipeline: Pipeline) -> Pipeline:
    """Brevo has two people of whom the state knows nothing."""
    rows = [{"email": address_of(user_id), "listIds": [5]} for user_id in ("ada", "bea")]
    pipeline.brevo.add_contacts(rows)
    return pipeline


@pytest.mark.parametrize("verb", ["unsubscribe", "anonymize"])
def test_it_is_a_dead_letter_and_done_once_looks_find_people(older: Pipeline, brevo: Sandbox, verb: str) -> None:
    brevo.quirks.address_look_finds = False
    say = {"unsubscribe": lambda: older.unsubscribe("ada", "weekly", email=address_of("ada"))}
    say["anonymize"] = lambda: older.anonymize("ada", email=address_of("ada"))
    key = say[verb]()

    outcomes = older.work()

    assert isinstance(outcomes.dead[key], RejectedContactError)
    assert brevo.contact(address_of("ada"))["listIds"] == [5]
    assert verb == "unsubscribe" or older.store.redis.zscore(older.store.key("erasures"), "ada")

    brevo.quirks.address_look_finds = True
    say[verb]()
    older.work()
    assert [row["listIds"] for row in brevo.contacts()] == [[], [5]]


def test_that_nobody_is_there_is_found_out_once_for_all(older: Pipeline) -> None:
    for user_id in ("cara", "dora"):
        older.unsubscribe(user_id, "weekly", email=address_of(user_id))

    with older.requests() as requests:
        assert set(older.work().done.values()) == {"not found"}

    # One page, one look at somebody who is there, and one look for each.
    assert len(requests) == 4, requests


def test_in_an_account_without_contacts_a_look_is_believed(pipeline: Pipeline) -> None:
    pipeline.anonymize("ada", email=address_of("ada"))
    pipeline.work()
    assert pipeline.store.is_erased("ada")
    assert not pipeline.letters()


def test_somebody_who_goes_meanwhile_does_not_make_looks_blind(
    older: Pipeline, brevo: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = older.resources.gateways["default"]
    find, both = gateway.find_address, {address_of("ada"), address_of("bea")}

    def find_later(address: str) -> RemoteContact | None:
        if len(brevo.account.contacts) == 2:
            brevo.reset()
            brevo.add_contacts([{"email": one, "listIds": []} for one in both - {address}])
        return find(address)

    monkeypatch.setattr(gateway, "find_address", find_later)
    assert gateway.finds_addresses()
    assert len(brevo.contacts()) == 1
