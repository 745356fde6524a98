"""Which providers there are: their numbers, and what opens an account. A second provider is a line here.

A provider's library is loaded only if an account is opened.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sync_tasks.providers import Capabilities, Gateway
from sync_tasks.providers.brevo.limits import CAPABILITIES


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider's numbers, and what opens an account; its arguments are those of ``Brevo``."""

    capabilities: Capabilities
    open: Callable[..., Gateway]


def _open_brevo(**arguments: Any) -> Gateway:
    from sync_tasks.providers.brevo.client import Brevo

    return Brevo(**arguments)


# By the name of the provider, as ``Account.provider`` has it.
PROVIDERS: Mapping[str, Provider] = {"brevo": Provider(CAPABILITIES, _open_brevo)}
