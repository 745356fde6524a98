"""The tokens in unsubscribe links: whose link it is, signed, and nothing personal. Pure.

A token is ``<account>.<newsletter>.<user id>.<signature>``. The newsletter is empty if the link may name any. The same
user and secret always give the same token, so a comparison with Brevo finds nothing to write.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING
from zlib import crc32

from sync_tasks.errors import InvalidLinkError

if TYPE_CHECKING:
    from itsdangerous import Signer

LONGEST = 120
# After a change of the secret, so many nights give every contact its new token, each of them one part.
RENEWAL_NIGHTS = 30
_SALT = b"sync-tasks unsubscribe"
_ENCODED = "~"
# A dot, and an HMAC of SHA-256 in base64.
_SIGNATURE = 1 + 43
# All that a token consists of. Programs take more along with a link: a bracket, a quotation mark, `&utm_source=…`.
# A path that goes on is another page's.
_WRITTEN = re.compile(r"[A-Za-z0-9_.~-]+(?!/\w)")
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@dataclass(frozen=True, slots=True)
class LinkToken:
    """The user and account of a token; ``newsletter`` is empty if the token holds for each."""

    user_id: str
    account: str
    newsletter: str = ""


@dataclass(frozen=True, slots=True)
class UnsubscribeLinks:
    """The Brevo attributes of an account that hold a token, each with its newsletter or an empty text.

    ``secrets``: the first one signs, all of them are understood.
    """

    account: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def values(self, user_id: str) -> dict[str, str]:
        """Return the value of each of these attributes for a user."""
        if not self.secrets:
            return {}
        return {
            name: write_token(LinkToken(user_id, self.account, newsletter), self.secrets)
            for name, newsletter in self.attributes.items()
        }

    def left_for_later(self, user_id: str, held: Mapping[str, object], night: int) -> dict[str, str]:
        """Return the present token for each held one that an older secret signed: it is good for now.

        There are none if it is the user's night (days since 1970). So a change of the secret does not rewrite every
        contact at once.
        """
        if len(self.secrets) < 2 or crc32(user_id.encode()) % RENEWAL_NIGHTS == night % RENEWAL_NIGHTS:  # noqa: PLR2004
            return {}
        older = [replace(self, secrets=(secret,)).values(user_id) for secret in self.secrets[1:]]
        tokens = self.values(user_id).items()
        return {name: token for name, token in tokens if held.get(name) in [one[name] for one in older if one[name]]}


def longest_id(account: str, newsletter: str) -> int:
    """Return how long a user's id may be, as it stands in a token."""
    return LONGEST - len(f"{account}.{newsletter}.") - _SIGNATURE


def write_token(link: LinkToken, secrets: tuple[str, ...]) -> str:
    """Return the token of a link; an empty text if the user id is too long for ``LONGEST`` characters."""
    from itsdangerous.encoding import base64_encode

    user_id = link.user_id
    if not _PLAIN.issuperset(user_id):
        user_id = _ENCODED + base64_encode(user_id).decode()
    token = _signer(secrets).sign(f"{link.account}.{link.newsletter}.{user_id}").decode()
    return token if len(token) <= LONGEST else ""


def parse_token(token: str, secrets: tuple[str, ...]) -> LinkToken:
    """Return what a token says, whatever a program put around it.

    Raises:
        InvalidLinkError: it is malformed, or signed with none of the secrets.
    """
    from itsdangerous import BadData
    from itsdangerous.encoding import base64_decode

    found = _WRITTEN.search(token)
    written = found[0].rstrip(".")[: LONGEST + 1] if found else ""
    try:
        # No account and no written user id holds a dot; a newsletter may.
        account, _, rest = _signer(secrets).unsign(written).decode().partition(".")
        newsletter, _, user_id = rest.rpartition(".")
        if user_id.startswith(_ENCODED):
            user_id = base64_decode(user_id[len(_ENCODED) :]).decode()
    except (BadData, ValueError):
        raise InvalidLinkError("the token is malformed or signed with another secret") from None
    return LinkToken(user_id, account, newsletter)


@cache
def _signer(secrets: tuple[str, ...]) -> "Signer":
    from itsdangerous import Signer

    # The library signs with the last key and understands all.
    return Signer([*reversed(secrets)], salt=_SALT, key_derivation="hmac", digest_method=sha256)
