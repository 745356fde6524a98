"""``sync-tasks account``: whose account a key opens, and who may say that it is another one."""

import pytest

from sync_tasks.errors import GatewayUnavailableError, WrongAccountError
from sync_tasks.providers.brevo.client import Brevo
from sync_tasks.state.audit import read_audit
from sync_tasks.sync.accounts import accept_owner
from tests.support.desk import Desk


@pytest.fixture
def moved(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A desk whose key opens another account than the one that the state knows; nobody else writes to either."""
    monkeypatch.setitem(accept_owner.__kwdefaults__ or {}, "patience", 0.0)
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


def test_nothing_is_known_of_an_account_that_never_was(desk: Desk) -> None:
    said = "the state knew nothing of an account 'other'; no account left the configuration"
    assert said in desk.run("account", "forget", "other", "--yes", exits=1)
    desk.pipeline.store.redis.hset(desk.pipeline.store.key("owners"), "third", "them")
    said = "the state knew nothing of an account 'other'; accounts that left: third"
    assert said in desk.run("account", "forget", "other", "--yes", exits=1)
    assert list(read_audit(desk.pipeline.store)) == []


@pytest.mark.parametrize("known", ["owner", "contacts"])
def test_an_account_that_left_is_forgotten_with_its_contacts_and_who_said_so_is_kept(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, known: str
) -> None:
    store = desk.pipeline.store
    if known == "owner":
        store.redis.hset(store.key("owners"), "default", "them")
    else:
        for user in ("anna", "ben"):
            desk.pipeline.subscribe(user)
        desk.pipeline.work()
        store.redis.delete(store.key("owners"))
    rename_account(desk, monkeypatch, "other")
    number = {"owner": "0 contacts", "contacts": "2 contacts"}[known]
    assert f"account default: {number} forgotten" in desk.run("account", "forget", "default", "--yes", "--by", "olga")
    assert owner_of(desk) is None
    (deed,) = read_audit(store)
    assert (deed.who, deed.what, deed.about) == ("olga", "forget account", "default")
    if known == "contacts":
        assert desk.pipeline.state("anna").seen.get("default") is None


def test_an_accepted_account_counts_whom_it_looks_for_and_goes_on(moved: Desk) -> None:
    store = moved.pipeline.store
    moved.pipeline.store.redis.delete(store.key("owners"))
    for user in ("anna", "ben"):
        moved.pipeline.subscribe(user)
    moved.pipeline.work()
    store.redis.hset(store.key("owners"), "default", "another")
    limiter = moved.pipeline.resources.limiter
    limiter.pause("default", WrongAccountError("another"))
    said = moved.run("account", "accept", "default", "--yes", "--by", "olga")
    assert "account default: 2 users will be looked for in the new account" in " ".join(said.split())
    (deed,) = read_audit(store)
    assert (deed.who, deed.what, deed.about) == ("olga", "accept account", "default")
    assert moved.read("status", exits=1)["paused"] == {}


def test_a_name_that_is_not_configured_is_shown_with_those_that_are(desk: Desk) -> None:
    said = desk.run("account", "accept", "othr", "--yes", exits=2)
    assert "there is no account 'othr' in the configuration; it has default" in said


def rename_account(desk: Desk, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Let the configuration have another account in the place of the present one."""
    text = desk.configuration.read_text()
    desk.configuration.write_text(f"[accounts.{name}]\n{text}")
    monkeypatch.setenv(f"SYNC_API_KEY_{name.upper()}", "key")


def test_an_account_is_forgotten_only_after_a_question(desk: Desk) -> None:
    store = desk.pipeline.store
    store.redis.hset(store.key("owners"), "other", "them")
    desk.run("account", "forget", "other", typed="n\n", exits=1)
    assert store.redis.hexists(store.key("owners"), "other")
