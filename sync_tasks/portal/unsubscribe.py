"""The portal's own unsubscribe link: what its token says.

A portal that has a page of its own reads the token here, and then calls ``unsubscribe_contact``.
"""

import os
from collections.abc import Mapping

from sync_tasks.config.environment import needing
from sync_tasks.config.secrets import UNSUBSCRIBE_SECRET, read_secrets
from sync_tasks.errors import ConfigurationError, InvalidLinkError
from sync_tasks.link_tokens import LinkToken, parse_token

__all__ = ["InvalidLinkError", "LinkToken", "load_link_secrets", "read_token"]


def read_token(token: str, environment: Mapping[str, str] = os.environ) -> LinkToken:
    """Return whose link it is: ``user_id``, ``account`` and ``newsletter``, empty if the link may name any.

    Args:
        token: What stands at the end of the link.
        environment: Where ``SYNC_UNSUBSCRIBE_SECRET``, or ``SYNC_UNSUBSCRIBE_SECRET_FILE``, is looked for.

    Raises:
        InvalidLinkError: the token is malformed, or signed with no secret that is valid now.
        ConfigurationError: there is no secret, or it makes no sense.
    """
    secrets = load_link_secrets(environment)
    with needing("unsubscribe"):
        return parse_token(token, secrets)


def load_link_secrets(environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Return the secrets that are valid now, the one that signs first.

    Raises:
        ConfigurationError: there is none, or they make no sense; the message shows none.
    """
    secrets = read_secrets(UNSUBSCRIBE_SECRET, environment)
    if not secrets:
        raise ConfigurationError(f"no secret for links; set {UNSUBSCRIBE_SECRET} or {UNSUBSCRIBE_SECRET}_FILE")
    return secrets
