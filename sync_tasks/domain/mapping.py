"""How the portal's words map to Brevo's, as far as rules ask for it. Pure."""

from collections.abc import Iterable, Mapping
from typing import Protocol


class NewsletterMapping(Protocol):
    """One newsletter of the portal: its list at Brevo, and whether it still takes sign-ups."""

    @property
    def list_id(self) -> int:
        """The list at Brevo."""

    @property
    def retired(self) -> bool:
        """Whether it takes no sign-ups any more."""


class PortalMapping(Protocol):
    """Newsletters by slug and attributes by portal field, over all accounts; the configuration is one."""

    @property
    def attributes(self) -> Mapping[str, str]:
        """Brevo's attribute for each portal field."""

    def account_of(self, newsletter: str) -> str | None:
        """Return the account of a newsletter, or nothing if the newsletter is unknown."""

    def find_newsletter(self, slug: str) -> NewsletterMapping | None:
        """Return a newsletter by its slug, or by one that it had before."""

    def former_lists(self, slug: str) -> Iterable[tuple[str, int]]:
        """Yield account and id of each list that a newsletter had before."""
