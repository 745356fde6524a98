"""The bearer tokens that Brevo must show: one, or two while they are being changed.

``SYNC_WEBHOOK_TOKEN`` (or the file that ``SYNC_WEBHOOK_TOKEN_FILE`` names) holds them with white space between, the
one that Brevo shall use first.
"""

import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass

from sync_tasks.config.secrets import read_secrets
from sync_tasks.errors import ConfigurationError

_VARIABLE = "SYNC_WEBHOOK_TOKEN"
_SCHEME = b"bearer "


@dataclass(frozen=True, slots=True, repr=False)
class Tokens:
    """The tokens that are valid now."""

    valid: tuple[str, ...]

    @property
    def current(self) -> str:
        """The one that Brevo is told to use."""
        return self.valid[0]

    def admits(self, header: bytes) -> bool:
        """Tell whether an ``Authorization`` header shows a valid token; that takes as long for a wrong one."""
        shown = header[len(_SCHEME) :].strip()
        fits = [hmac.compare_digest(shown, token.encode()) for token in self.valid]
        return header[: len(_SCHEME)].lower() == _SCHEME and any(fits)


def load_tokens(environment: Mapping[str, str] = os.environ) -> Tokens:
    """Return the valid tokens.

    Raises:
        ConfigurationError: there is none, or they make no sense; the message shows none.
    """
    tokens = read_secrets(_VARIABLE, environment)
    if not tokens:
        raise ConfigurationError(f"no webhook token; set {_VARIABLE} or {_VARIABLE}_FILE")
    return Tokens(tokens)
