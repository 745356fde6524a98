"""Who is at the page: a signed cookie after a login, or a name that a trusted proxy gives.

A proxy proves itself by a bearer token (``SYNC_OPERATE_TOKEN``) and names the operator in a header of its own.
Cookies and the tokens of forms are signed; a new password or role ends the logins of that operator.
"""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response

from sync_tasks.config.settings import Operate
from sync_tasks.domain.timestamps import MICROSECONDS_PER_SECOND
from sync_tasks.errors import ConfigurationError
from sync_tasks.http.tokens import OPERATE_TOKEN, Tokens
from sync_tasks.operate.login_bounds import LONGEST_NAME, LoginBounds
from sync_tasks.operate.passwords import NOBODY, PasswordEntry, Role, is_password_of, read_entries
from sync_tasks.texts import escaped

if TYPE_CHECKING:
    from itsdangerous import URLSafeTimedSerializer

COOKIE = "sync_tasks_operate"
KNOWN_COOKIE = "sync_tasks_operate_known"
PATH = "/operate"
# What is signed.
_LOGIN, _FORM, _KNOWN = "operate login", "operate form", "operate known browser"
# So long a browser counts as known after a login.
_KNOWN_SECONDS = 90 * 86_400
_HERE = frozenset({"localhost", "127.0.0.1", "::1"})
# What a browser says of requests that another site made.
_FOREIGN = frozenset({"cross-site", "same-site"})


@dataclass(frozen=True, slots=True)
class Operator:
    """Who is at the page, and what they may do.

    ``session``: what the tokens of their forms are bound to. ``fingerprint``: that of their entry in the password file.
    ``since``: when they logged in (a stamp).
    """

    name: str
    role: Role
    session: str = ""
    fingerprint: str = ""
    since: int = 0

    @property
    def may_act(self) -> bool:
        """Whether they may change something, and see a person in full."""
        return self.role == "act"


@dataclass(frozen=True, repr=False)
class Doorkeeper:
    """Knows operators; ``secrets`` sign cookies and forms, the first one of them new ones."""

    operate: Operate
    secrets: tuple[str, ...]
    proxies: Tokens = field(default_factory=lambda: Tokens(()))
    bounds: LoginBounds = field(default_factory=LoginBounds)

    def check(self) -> None:
        """Return if there is a way in.

        Raises:
            ConfigurationError: there is none, or the password file is in trouble.
        """
        if bool(self.operate.user_header) != bool(self.proxies.valid):
            raise ConfigurationError(f"operate.user_header and {OPERATE_TOKEN}: a proxy needs both, or neither is set")
        if not (self.operate.passwords or self.operate.user_header):
            raise ConfigurationError(
                "operate: nobody can log in; set operate.passwords to the file of `sync-tasks operate password`, "
                "or operate.user_header for a proxy"
            )
        if not (self._entries() or self.operate.user_header):
            raise ConfigurationError(
                f"operate.passwords: {self.operate.passwords}: nobody stands in it; "
                "run `sync-tasks operate password NAME --act`"
            )

    def recognize(self, request: Request) -> Operator | None:
        """Return who is asking, or nothing.

        Raises:
            ConfigurationError: the password file is in trouble.
        """
        if (name := self._named_by_proxy(request)) is not None:
            return Operator(name, "act" if name in self.operate.act else "look") if name else None
        return self._read_cookie(request.cookies.get(COOKIE, ""))

    def log_in(self, name: str, password: str, caller: str, known: str = "") -> Operator | None:
        """Return the operator of a name and a password, or nothing; ``known`` is what ``give_known`` gave.

        Raises:
            TooManyTriesError: there were too many tries in this minute, or too many try at this moment.
            ConfigurationError: the password file is in trouble.
        """
        lane = self.bounds.find_lane(name, caller, self._read_known(known, name))
        entry = self._entries().get(name)
        with lane.enter():
            fits = is_password_of(entry or NOBODY, password)
        if entry is None or not fits:
            return None
        return Operator(entry.name, entry.role, secrets.token_urlsafe(12), entry.fingerprint)

    def give_cookie(self, request: Request, response: Response, operator: Operator) -> None:
        """Let a browser keep a login until it is idle for too long; beyond this machine only over TLS."""
        facts = {
            "name": operator.name,
            "entry": operator.fingerprint,
            "session": operator.session,
            "since": operator.since,
        }
        _set_cookie(request, response, COOKIE, str(_signer(self.secrets, _LOGIN).dumps(facts)), self._idle_seconds)

    def give_known(self, request: Request, response: Response, operator: Operator) -> None:
        """Let a browser show that this operator logged in there: strangers' tries do not keep it waiting."""
        facts = [operator.name, secrets.token_urlsafe(12)]
        _set_cookie(request, response, KNOWN_COOKIE, str(_signer(self.secrets, _KNOWN).dumps(facts)), _KNOWN_SECONDS)

    def form_token(self, operator: Operator) -> str:
        """Return the token that each form of an operator brings along."""
        return str(_signer(self.secrets, _FORM).dumps([operator.name, operator.session]))

    def is_own_form(self, request: Request, operator: Operator, token: str) -> bool:
        """Report whether a form came from a page that this operator saw."""
        if self.is_foreign(request):
            return False
        return bool(self._read(_FORM, token, self._seconds) == [operator.name, operator.session])

    @staticmethod
    def is_foreign(request: Request) -> bool:
        """Report whether another site made a request, as far as the browser says so."""
        return request.headers.get("sec-fetch-site", "") in _FOREIGN

    def _named_by_proxy(self, request: Request) -> str | None:
        """Return whom a proxy names; nothing without a proxy that proves itself."""
        header = self.operate.user_header
        if not header or not self.proxies.admits(request.headers.get("authorization", "").encode("latin-1")):
            return None
        names = request.headers.getlist(header)
        # Two headers of that name: one of them is the caller's own.
        return escaped(names[0].strip())[:LONGEST_NAME] if len(names) == 1 else ""

    def _read_cookie(self, cookie: str) -> Operator | None:
        facts = self._read(_LOGIN, cookie, self._idle_seconds)
        if facts is None:
            return None
        entry = self._entries().get(facts["name"])
        since = int(facts.get("since", 0))
        age = time.time() - since / MICROSECONDS_PER_SECOND
        if entry is None or entry.fingerprint != facts["entry"] or age > self._seconds:
            return None
        return Operator(entry.name, entry.role, facts["session"], entry.fingerprint, since)

    def _read_known(self, cookie: str, name: str) -> str:
        """Return which browser this is, if the operator of that name logged in there; else an empty text."""
        who, browser = self._read(_KNOWN, cookie, _KNOWN_SECONDS) or ("", "")
        return str(browser) if who == name else ""

    def _entries(self) -> Mapping[str, PasswordEntry]:
        return read_entries(self.operate.passwords) if self.operate.passwords else {}

    @property
    def _seconds(self) -> int:
        return int(self.operate.hours * 3600)

    @property
    def _idle_seconds(self) -> int:
        return int(self.operate.idle_minutes * 60)

    def _read(self, what: str, text: str, seconds: int) -> Any:  # noqa: ANN401 - whatever was signed
        """Return what was signed, nothing if that was not done here, or too many seconds ago."""
        from itsdangerous import BadData

        try:
            return _signer(self.secrets, what).loads(text, max_age=seconds)
        except BadData:
            return None


@cache
def _signer(secrets: tuple[str, ...], what: str) -> "URLSafeTimedSerializer":
    from itsdangerous import URLSafeTimedSerializer

    how = {"key_derivation": "hmac", "digest_method": sha256}
    # The library signs with the last key and understands all.
    return URLSafeTimedSerializer([*reversed(secrets)], salt=what, signer_kwargs=how)


def _set_cookie(request: Request, response: Response, name: str, value: str, seconds: int) -> None:
    response.set_cookie(
        name,
        value,
        max_age=seconds,
        path=PATH,
        secure=request.url.scheme == "https" or request.url.hostname not in _HERE,
        httponly=True,
        samesite="strict",
    )
