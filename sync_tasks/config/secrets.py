"""Secrets of the environment, one or two at a time: the new one first, while they are being changed."""

import os
from collections.abc import Mapping

from sync_tasks.config.environment import read_variable
from sync_tasks.errors import ConfigurationError

MOST = 2
UNSUBSCRIBE_SECRET = "SYNC_UNSUBSCRIBE_SECRET"  # noqa: S105 - the name of a variable
OPERATE_SECRET = "SYNC_OPERATE_SECRET"  # noqa: S105 - the name of a variable


def read_secrets(variable: str, environment: Mapping[str, str] = os.environ, *, shortest: int = 32) -> tuple[str, ...]:
    """Return the secrets of a variable, or of the file that ``<variable>_FILE`` names; none if neither is set.

    Raises:
        ConfigurationError: they make no sense; the message shows none.
    """
    secrets = tuple(read_variable(variable, environment)[1].split())
    if len(secrets) > MOST:
        raise ConfigurationError(f"{variable}: at most {MOST} are valid at a time, the new one first")
    if any(len(secret) < shortest or not (secret.isascii() and secret.isprintable()) for secret in secrets):
        raise ConfigurationError(f"{variable}: at least {shortest} plain ASCII characters each")
    return secrets
