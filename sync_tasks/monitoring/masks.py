"""What may be seen of a person: addresses and values masked, unless somebody asks for them in full. Pure."""

from sync_tasks.domain.events import Json

# Of a shorter text its first letter shows too much.
SHORTEST_SHOWN = 4


def mask_address(address: str) -> str:
    """Return what may be seen of an address: ``anna@mail.example.com`` is ``a***@m***.com``.

    Of what is shorter than four characters nothing may.
    """
    name, _, host = address.rpartition("@")
    domain, _, top = host.rpartition(".")
    return f"{_begin(name)}***@{_begin(domain)}***.{top}"


def mask_value(value: Json) -> str:
    """Return what may be seen of an attribute: whether there is one, and how a text of some length begins."""
    if value is None or value == "":
        return ""
    return f"{_begin(value)}***" if isinstance(value, str) else "***"


def _begin(text: str) -> str:
    return text[:1] if len(text) >= SHORTEST_SHOWN else ""


def show_value(value: Json) -> str:
    """Return an attribute's value in full."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)
