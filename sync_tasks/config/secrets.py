"""Secrets of the environment, one or two at a time: the new one first, while they are being changed."""

import os
from collections.abc import Mapping

from sync_tasks.config.environment import read_secret
from sync_tasks.errors import ConfigurationError

MOST = 2
UNSUBSCRIBE_SECRET = "SYNC_UNSUBSCRIBE_SECRET"  # noqa: S105 - the name of a variable
OPERATE_SECRET = "SYNC_OPERATE_SECRET"  # noqa: S105 - the name of a variable
SHORTEST_SECRET = 32


def read_secrets(variable: str, environment: Mapping[str, str] = os.environ, *, shortest: int = 16) -> tuple[str, ...]:
    """Return the secrets of a variable, or of the file that ``<variable>_FILE`` names; none if neither is set.

    Raises:
        ConfigurationError: they make no sense; the message shows none.
    """
    path = environment.get(f"{variable}_FILE")
    text = environment.get(variable) or (read_secret(path, f"{variable}_FILE") if path else "")
    secrets = tuple(text.split())
    if len(secrets) > MOST:
        raise ConfigurationError(f"{variable}: at most {MOST} are valid at a time, the new one first")
    if any(len(secret) < shortest or not (secret.isascii() and secret.isprintable()) for secret in secrets):
        raise ConfigurationError(f"{variable}: at least {shortest} plain ASCII characters each")
    return secrets


def read_unsubscribe_secrets(environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Return the secrets that sign unsubscribe links, the present one first; none if none is set.

    Raises:
        ConfigurationError: they make no sense; the message shows none.
    """
    return read_secrets(UNSUBSCRIBE_SECRET, environment, shortest=SHORTEST_SECRET)


def read_operate_secrets(environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Return the secrets that sign logins of the operator's page, the present one first; none if none is set.

    Raises:
        ConfigurationError: they make no sense; the message shows none.
    """
    return read_secrets(OPERATE_SECRET, environment, shortest=SHORTEST_SECRET)
