"""The mapping of the portal's words to Brevo's: over all accounts, and on one. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from sync_tasks.domain.contact import Contact
from sync_tasks.domain.events import Json
from sync_tasks.ext_ids import ERASED_FORM, ExtIds
from sync_tasks.link_tokens import UnsubscribeLinks


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
        """Return the account of a newsletter, or ``None`` if the newsletter is unknown."""

    def find_newsletter(self, slug: str) -> NewsletterMapping | None:
        """Return a newsletter by its present slug or an earlier one; ``None`` if it is unknown."""

    def former_lists(self, slug: str) -> Iterable[tuple[str, int]]:
        """Yield account and id of each list that a newsletter had before."""


@dataclass(frozen=True, slots=True)
class Subscribable:
    """A newsletter as its account knows it; ``had`` holds account and id of each earlier list."""

    list_id: int
    unsubscribed_attribute: str | None = None
    retired: bool = False
    manual: bool = False
    had: tuple[tuple[str, int], ...] = ()

    def attributes(self, *, alive: bool) -> dict[str, Json]:
        """Return Brevo's attributes for the newsletter with their values; ``alive``: the user is subscribed."""
        return {self.unsubscribed_attribute: not alive} if self.unsubscribed_attribute else {}


@dataclass(frozen=True, slots=True)
class AccountMapping:
    """The mapping of the portal's words to one ``account``: newsletters by slug, attributes by portal field.

    ``renamed``: the present slug of each earlier one. ``earlier``: the lists that a newsletter had here before, by each
    of its slugs. ``absent``: lists of newsletters that the account lacks.
    """

    newsletters: Mapping[str, Subscribable]
    attributes: Mapping[str, str]
    erased_address: str = ERASED_FORM
    erased_text: str = "DELETED"
    account: str = ""
    renamed: Mapping[str, str] = field(default_factory=dict)
    earlier: Mapping[str, frozenset[int]] = field(default_factory=dict)
    absent: frozenset[int] = frozenset()
    ext_ids: ExtIds = field(default_factory=ExtIds)
    links: UnsubscribeLinks = field(default_factory=UnsubscribeLinks)

    def find(self, slug: str) -> Subscribable | None:
        """Return the newsletter of a present or earlier slug; ``None`` if it is not on this account."""
        return self.newsletters.get(self.renamed.get(slug, slug))

    def shows(self, slug: str, lists: Iterable[int]) -> bool:
        """Return whether one of these lists is that of a newsletter, or one that it had here before."""
        newsletter = self.find(slug)
        known = self.earlier.get(slug, frozenset()) | ({newsletter.list_id} if newsletter else set())
        return not known.isdisjoint(lists)

    def takes_nobody(self, slug: str) -> bool:
        """Return whether a slug names a newsletter of this account that takes no sign-ups."""
        return (found := self.find(slug)) is None or found.retired

    def subscriptions(self, contact: Contact) -> dict[str, tuple[str, bool]]:
        """Return a user's wishes for this account's newsletters; of several slugs the newest wish counts."""
        names: dict[str, list[str]] = {}
        for slug in contact.newsletters:
            if self.find(slug):
                names.setdefault(self.renamed.get(slug, slug), []).append(slug)
        wishes = {slug: contact.subscription(slugs) for slug, slugs in names.items()}
        return {slug: wish for slug, wish in wishes.items() if wish}

    @property
    def former(self) -> frozenset[int]:
        """The lists that newsletters had before, and on which nobody stays."""
        return frozenset().union(*self.earlier.values())

    @property
    def departed(self) -> frozenset[str]:
        """The slugs of newsletters that moved to another account."""
        return frozenset(slug for slug in self.earlier if self.find(slug) is None)

    @property
    def watched(self) -> frozenset[int]:
        """The lists the pipeline manages, and those it managed before."""
        return self.lists | self.former

    @property
    def manual(self) -> frozenset[int]:
        """The lists on which an editor may put anybody."""
        return frozenset(newsletter.list_id for newsletter in self.newsletters.values() if newsletter.manual)

    @property
    def lists(self) -> frozenset[int]:
        """The lists the pipeline manages, as far as they exist."""
        return frozenset(newsletter.list_id for newsletter in self.newsletters.values()) - self.absent

    def without(self, lists: frozenset[int]) -> "AccountMapping":
        """Return the same for an account that lacks these lists: nobody can be on them."""
        return replace(self, absent=self.absent | lists) if lists else self

    @property
    def written(self) -> frozenset[str]:
        """Every attribute that the pipeline may write."""
        of_newsletters = (newsletter.attributes(alive=True) for newsletter in self.newsletters.values())
        return frozenset(self.attributes.values()).union(self.links.attributes, *of_newsletters)

    @property
    def flagged(self) -> frozenset[int]:
        """The lists of newsletters with an attribute that records an unsubscription."""
        return frozenset(one.list_id for one in self.newsletters.values() if one.unsubscribed_attribute)

    @property
    def flags(self) -> frozenset[str]:
        """The attributes that record an unsubscription."""
        return frozenset(filter(None, (newsletter.unsubscribed_attribute for newsletter in self.newsletters.values())))
