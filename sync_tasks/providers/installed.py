"""Which providers there are, and their numbers; this loads no provider's library. A second one is a line here."""

from collections.abc import Mapping

from sync_tasks.providers import Capabilities
from sync_tasks.providers.brevo.limits import CAPABILITIES

_CAPABILITIES: Mapping[str, Capabilities] = {"brevo": CAPABILITIES}


def capabilities_of(provider: str = "brevo") -> Capabilities:
    """Return the numbers of a provider; so far every account is Brevo's."""
    return _CAPABILITIES[provider]
