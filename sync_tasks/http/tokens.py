"""The bearer tokens that whoever calls must show: one, or two while they are being changed.

``SYNC_WEBHOOK_TOKEN`` holds them, or the file that ``SYNC_WEBHOOK_TOKEN_FILE`` names, with white space between. The
first one is the one to use.
"""

import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass

from sync_tasks.config.secrets import read_secrets
from sync_tasks.errors import ConfigurationError

WEBHOOK_TOKEN = "SYNC_WEBHOOK_TOKEN"  # noqa: S105 - the name of a variable
EVENTS_TOKEN = "SYNC_EVENTS_TOKEN"  # noqa: S105 - the name of a variable
OPERATE_TOKEN = "SYNC_OPERATE_TOKEN"  # noqa: S105 - the name of a variable
_SCHEME = b"bearer "


@dataclass(frozen=True, slots=True, repr=False)
class Tokens:
    """The tokens that are valid now; without any, nobody is let in."""

    valid: tuple[str, ...]

    @property
    def current(self) -> str:
        """The one that Brevo shall use."""
        return self.valid[0]

    def admits(self, header: bytes) -> bool:
        """Return whether an ``Authorization`` header shows a valid token; that takes as long for a wrong one."""
        shown = header[len(_SCHEME) :].strip()
        fits = [hmac.compare_digest(shown, token.encode()) for token in self.valid]
        return header[: len(_SCHEME)].lower() == _SCHEME and any(fits)


def find_tokens(variable: str, environment: Mapping[str, str] = os.environ) -> Tokens:
    """Return the valid tokens; none if the variable is not set.

    Raises:
        ConfigurationError: they make no sense; the message shows none.
    """
    return Tokens(read_secrets(variable, environment, shortest=16))


def load_tokens(environment: Mapping[str, str] = os.environ) -> Tokens:
    """Return the tokens that Brevo may show.

    Raises:
        ConfigurationError: there is none, or they make no sense; the message shows none.
    """
    tokens = find_tokens(WEBHOOK_TOKEN, environment)
    if not tokens.valid:
        raise ConfigurationError(f"no webhook token; set {WEBHOOK_TOKEN} or {WEBHOOK_TOKEN}_FILE")
    return tokens
