"""Where Brevo is: the key and the data of people travel there, so only over TLS, but for a sandbox on this machine."""

import ipaddress
from urllib.parse import urlsplit

from sync_tasks.texts import is_host

BREVO_URL = "https://api.brevo.com/v3"


def check_base_url(given: str) -> str:
    """Return the URL.

    Raises:
        ValueError: it holds credentials, leads nowhere, or elsewhere without TLS; the message shows nothing of it.
    """
    if _leads_nowhere(given):
        raise ValueError("no server has that host or that port")
    parts = urlsplit(given)
    if "@" in parts.netloc:
        raise ValueError("holds a user or a password; the key has a variable of its own")
    if "?" in given or "#" in given:
        raise ValueError("holds a ? or a #; the key has a variable of its own")
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise ValueError("https:// beyond this machine: the key and the data of people travel there")
    return given


def _leads_nowhere(given: str) -> bool:
    try:
        parts = urlsplit(given)
        return parts.port == 0 or not is_host(parts.hostname or "")
    except ValueError:
        return True


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine."""
    host = host.lower()
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
