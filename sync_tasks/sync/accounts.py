"""The way to each account, and whose account it is: behind the key of another account are strangers.

Keys under ``<namespace>:``: ``owners`` account to its owner, and account with a key's fingerprint to whose account that
key opened; kept · ``owner_asked:<account>`` nobody asks again because a contact is missing, ten minutes ·
``answers:<account>:<owner>`` what a probe found out: question to answer, and ``asked``, when; kept. The owner in its
name keeps an account from the answers of another one that has its name.
"""

import hashlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import urlsplit

from sync_tasks.config.base_url import is_loopback
from sync_tasks.config.settings import Account
from sync_tasks.errors import WrongAccountError
from sync_tasks.providers import Gate, Gateway
from sync_tasks.providers.installed import PROVIDERS
from sync_tasks.rate_limits.limiter import Limiter
from sync_tasks.state import bulk
from sync_tasks.state.store import Store

if TYPE_CHECKING:
    from sync_tasks.providers.brevo.client import Brevo

AnyBrevo = TypeVar("AnyBrevo", bound="Brevo")

# GET /account shares 100 requests an hour with other endpoints: https://developers.brevo.com/docs/api-limits
ASKED_AGAIN = 600
# So soon each process looks again in Redis, not at Brevo, whether a person accepted that the account is another one.
CONFIRMED = 5.0
_MOVING = "moving"
# After so many seconds whoever was being pushed is asked for again.
_LEASED_AGAIN = 0.5
# For so long a refusal is believed without asking again, if the same key may open another account.
_REFUSED = 30.0


class AccountOwner:
    """Refuses an account that is not the one whose contacts the state knows; asks Brevo once for each new key.

    At Brevo a key always opens the same account. A server of another kind, such as a sandbox,
    may have been started anew with other contacts. There every process asks.
    """

    def __init__(self, store: Store, name: str, account: Account, limiter: Limiter | None = None) -> None:
        self._store = store
        self._name = name
        self._limiter = limiter
        self._key = f"{name} {fingerprint(account)}"
        # On this machine there is no Brevo.
        self._changes = self._anew = is_loopback(urlsplit(account.base_url).hostname or "")
        self._lock = threading.Lock()
        self._good_until = self._refused_until = 0.0

    def confirm(self, ask: Callable[[], str]) -> None:
        """Return if the key opens the account that the state knows; the first owner seen is taken as the right one.

        Raises:
            WrongAccountError: it opens another one. The account is paused then.
        """
        if time.monotonic() < self._good_until:
            return
        with self._lock:
            if time.monotonic() >= self._good_until:
                self._confirm(ask)

    def ask_anew(self, *, surely: bool = False) -> bool:
        """Have Brevo asked anew at the next ``confirm``, unless somebody did lately; return whether it will be."""
        key = self._store.key(f"owner_asked:{self._name}")
        lately = not self._store.redis.set(key, "1", nx=True, ex=ASKED_AGAIN)
        if lately and not (surely or self._changes):
            return False
        self._anew, self._good_until = True, 0.0
        return True

    def _confirm(self, ask: Callable[[], str]) -> None:
        if time.monotonic() < self._refused_until:
            raise self._refusal()
        redis, owners = self._store.redis, self._store.key("owners")
        opened, known = cast("list[str | None]", redis.hmget(owners, self._key, self._name))
        if opened is None or self._anew:
            opened = ask()
            # One odd answer shall not stop an account, nor make anybody forget what it holds.
            if known not in {None, opened}:
                opened = ask()
            redis.hset(owners, self._key, opened)
            redis.hsetnx(owners, self._name, opened)
            known = cast("str | None", redis.hget(owners, self._name))
        if known != opened:
            self._refused_until = time.monotonic() + _REFUSED if self._changes else 0.0
            error = self._refusal()
            if self._limiter:
                self._limiter.pause(self._name, error)
            raise error
        self._anew, self._good_until = False, time.monotonic() + CONFIRMED
        self._allow()

    def _refusal(self) -> WrongAccountError:
        found = "the key opens another account than the one whose contacts the state knows, and nothing is sent"
        remedy = f"put the right key (and base_url) back; if the account moved: sync-tasks account accept {self._name}"
        return WrongAccountError(f"account {self._name}: {found}: {remedy}")

    def _allow(self) -> None:
        """The right key is back: what was paused for the wrong one goes on."""
        pause = self._limiter.paused(self._name) if self._limiter else None
        if self._limiter and pause and pause.error == WrongAccountError.__name__:
            self._limiter.resume(self._name)


def open_gateways(
    accounts: Mapping[str, Account],
    gate_of: Callable[[str], Gate],
    store: Store | None,
    limiter: Limiter | None = None,
    **options: object,
) -> dict[str, Gateway]:
    """Return the way to each account, by name, at its provider; ``options`` as of ``Brevo``.

    With a ``store`` each opens only if it is the account that the state knows. With a ``limiter`` too, one that is not
    is paused.
    """
    return {
        name: PROVIDERS[account.provider].open(**_way_to(name, account, gate_of, store, limiter), **options)
        for name, account in accounts.items()
    }


def open_desks(
    kind: Callable[..., AnyBrevo], accounts: Mapping[str, Account], gate_of: Callable[[str], Gate], store: Store
) -> dict[str, AnyBrevo]:
    """Return the same for what only Brevo has, such as its webhooks; ``kind`` is the class of the desk."""
    return {name: kind(**_way_to(name, account, gate_of, store)) for name, account in accounts.items()}


def _way_to(
    name: str, account: Account, gate_of: Callable[[str], Gate], store: Store | None, limiter: Limiter | None = None
) -> dict[str, Any]:
    return {
        "key": account.api_key.get_secret_value(),
        "base_url": account.base_url,
        "gate": gate_of(name),
        "owner": AccountOwner(store, name, account, limiter) if store else None,
        "known": AccountAnswers(store, name).read if store else dict,
    }


def fingerprint(account: Account) -> str:
    """Return what stands for a key and where it is used."""
    text = f"{account.base_url.rstrip('/')} {account.api_key.get_secret_value()}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def read_owner(store: Store, name: str) -> str | None:
    """Return what stands for the owner whose contacts the state knows; nothing if nobody asked yet."""
    return cast("str | None", store.redis.hget(store.key("owners"), name))


def accept_owner(store: Store, name: str, owner: str, *, patience: float = CONFIRMED + 1.0) -> Iterator[int]:
    """Let an account be another one from now on; yield how many users are done so far.

    First it is nobody's: after ``patience`` seconds no process writes to the old or the new one until all is done.

    What it was known to hold is forgotten: ids, addresses, lists. Subscriptions and opt-outs stay. Everybody is looked
    for anew by address. A command that was killed can be run again.
    """
    store.redis.hset(store.key("owners"), name, _MOVING)
    time.sleep(patience)
    yield from _forget_account(store, name)
    bulk.forget_erased_ids(store, name)
    store.redis.delete(store.key(f"attributes:{name}"), *store.redis.scan_iter(store.key(f"comparing:{name}:*")))
    store.redis.hset(store.key("owners"), name, owner)


def find_left(store: Store, configured: Iterable[str]) -> list[str]:
    """Return the accounts whose contacts the state may know and that are not in the configuration (any more)."""
    known = cast("list[str]", store.redis.hkeys(store.key("owners")))
    return sorted({name for name in known if " " not in name} - set(configured))


def describe_left(name: str) -> str:
    """Return one line about an account that left the configuration."""
    return (
        f"account {name} is not in the configuration any more: erasures of people it holds stay unfinished: "
        f"put it back, or if it is gone: sync-tasks account forget {name}"
    )


def forget_gone(store: Store, name: str) -> Iterator[int]:
    """Forget an account that is gone, and let erasures that waited for it come to their end; yield as above."""
    yield from _forget_account(store, name)
    AccountAnswers(store, name).forget()
    bulk.forget_erased_ids(store, name)
    fields = [field for field in store.redis.hkeys(store.key("owners")) if str(field).partition(" ")[0] == name]
    if fields:
        store.redis.hdel(store.key("owners"), *map(str, fields))


def _forget_account(store: Store, name: str) -> Iterator[int]:
    """Forget what an account held of users; wait for whoever is being pushed. Yield how many are done so far."""
    seen_to = 0
    for known in _known_users(store, name):
        users = known
        while users:
            answers = bulk.forget_account(store, users, name)
            users = [user for user, done in zip(users, answers, strict=True) if not done]
            if users:
                time.sleep(_LEASED_AGAIN)
        seen_to += len(known)
        yield seen_to


def _known_users(store: Store, name: str) -> Iterator[list[str]]:
    cursor = "0"
    while True:
        part = store.walk(name, cursor)
        if part.users:
            yield part.users.split()
        if (cursor := part.cursor) == "0":
            return


ASKED = "asked"


class AccountAnswers:
    """The answers of the account whose contacts the state knows."""

    def __init__(self, store: Store, name: str) -> None:
        self._store = store
        self._name = name

    def read(self) -> Mapping[str, str]:
        """Return the answers by their questions; nothing if nobody asked this very account."""
        owner = self._store.redis.hget(self._store.key("owners"), self._name)
        if not owner:
            return {}
        return cast("Mapping[str, str]", self._store.redis.hgetall(self._key(str(owner))))

    def keep(self, owner: str, answers: Mapping[str, str]) -> None:
        """Keep what was answered; what was not asked this time stays as it was."""
        fields: dict[Any, Any] = {**answers, ASKED: self._store.now()}
        self._store.redis.hset(self._key(owner), mapping=fields)

    def forget(self) -> None:
        """Forget the answers of every owner that the account ever had."""
        names = list(self._store.redis.scan_iter(self._key("*")))
        if names:
            self._store.redis.delete(*names)

    def _key(self, owner: str) -> str:
        return self._store.key(f"answers:{self._name}:{owner}")
