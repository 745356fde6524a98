"""Whose account it is: when Brevo is asked, how long a refusal holds, and whom a move waits for."""

from collections.abc import Callable

import pytest
from pydantic import SecretStr

from sync_tasks.config.settings import Account
from sync_tasks.errors import SyncError, UnauthorizedError, WrongAccountError
from sync_tasks.rate_limits.limiter import Limiter
from sync_tasks.state.store import Lease, Store
from sync_tasks.sync import accounts
from sync_tasks.sync.accounts import AccountOwner, accept_owner, describe_left, read_owner
from tests.support.pipeline import Pipeline, address_of

BREVO, SANDBOX = "https://api.brevo.com/v3", "http://127.0.0.1:8025/v3"


def owner_at(store: Store, base_url: str) -> AccountOwner:
    return AccountOwner(store, "default", Account(base_url=base_url, api_key=SecretStr("key")))


def answering(*owners: str) -> Callable[[], str]:
    """Answer the question whose account it is once with each of these, and never again."""
    left = list(owners)
    return lambda: left.pop(0) if left else pytest.fail("asked once more")


def test_an_unknown_outcome_is_followed_up_once_in_a_while(store: Store) -> None:
    owner = owner_at(store, BREVO)
    assert [owner.ask_anew(), owner.ask_anew(), owner.ask_anew(surely=True)] == [True, False, True]
    assert 0 < store.redis.ttl(store.key("owner_asked:default")) <= accounts.ASKED_AGAIN


def test_an_unknown_outcome_that_somebody_followed_up_lately_asks_nobody(store: Store) -> None:
    owner = owner_at(store, BREVO)
    ask = answering("the portal", "the portal")
    owner.confirm(ask)
    owner.ask_anew()
    owner.confirm(ask)
    owner.ask_anew()
    owner.confirm(ask)


def test_a_server_that_may_be_started_anew_is_never_trusted(store: Store) -> None:
    owner = owner_at(store, SANDBOX)
    assert [owner.ask_anew(), owner.ask_anew()] == [True, True]


def test_where_a_key_may_open_another_account_a_refusal_is_believed_for_a_while(store: Store) -> None:
    owner_at(store, SANDBOX).confirm(answering("the portal"))
    owner, ask = owner_at(store, SANDBOX), answering("a shop", "a shop")
    for _ in range(3):
        with pytest.raises(WrongAccountError, match="sync-tasks account accept default"):
            owner.confirm(ask)


@pytest.mark.parametrize("base_url", [BREVO, SANDBOX])
def test_one_odd_answer_accuses_no_key(store: Store, base_url: str) -> None:
    owner_at(store, base_url).confirm(answering("the portal"))
    owner = owner_at(store, base_url)
    owner.ask_anew(surely=True)
    owner.confirm(answering("nobody we know", "the portal"))


def test_a_refusal_is_not_believed_for_good(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "_REFUSED", 0.0)
    owner_at(store, SANDBOX).confirm(answering("the portal"))
    owner, ask = owner_at(store, SANDBOX), answering("a shop", "a shop", "the portal")
    with pytest.raises(WrongAccountError):
        owner.confirm(ask)
    owner.confirm(ask)


@pytest.mark.parametrize(
    ("error", "goes_on"),
    [(WrongAccountError("another"), True), (UnauthorizedError("GET /account: 401"), False)],
    ids=["wrong account", "key refused"],
)
def test_the_right_key_ends_no_pause_but_that_of_the_wrong_one(
    store: Store, error: SyncError, *, goes_on: bool
) -> None:
    account = Account(base_url=BREVO, api_key=SecretStr("key"))
    limiter = Limiter(store, {"default": account})
    limiter.pause("default", error)
    AccountOwner(store, "default", account, limiter).confirm(answering("the portal"))
    assert (limiter.paused("default") is None) is goes_on


def test_a_wrong_key_pauses_the_account(store: Store) -> None:
    account = Account(base_url=BREVO, api_key=SecretStr("key"))
    limiter = Limiter(store, {"default": account})
    owner_at(store, BREVO).confirm(answering("the portal"))
    other = Account(base_url=BREVO, api_key=SecretStr("another key"))
    with pytest.raises(WrongAccountError):
        AccountOwner(store, "default", other, limiter).confirm(answering("a shop", "a shop"))
    pause = limiter.paused("default")
    assert pause is not None
    assert pause.error == "WrongAccountError"


def test_a_move_waits_for_a_push_under_way(pipeline: Pipeline) -> None:
    for user_id in ("anna", "berta"):
        pipeline.subscribe(user_id)
    pipeline.work()
    store = pipeline.store
    pipeline.update("anna", first_name="Anna")
    assert isinstance(store.lease("anna", 0.3), Lease)
    assert list(accept_owner(store, "default", "the new one", patience=0)) == [2]
    assert [pipeline.state(user_id).seen for user_id in ("anna", "berta")] == [{}, {}]
    assert pipeline.state("anna").address == address_of("anna")
    assert read_owner(store, "default") == "the new one"


def test_an_account_that_left_is_reported_with_what_to_do() -> None:
    reported = describe_left("other")
    assert "account other is not in the configuration" in reported
    assert reported.endswith("sync-tasks account forget other")
