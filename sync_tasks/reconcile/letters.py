"""What the dead letters of a user are about: no more than that waits for a person. Pure."""

from dataclasses import dataclass, replace

from sync_tasks.domain.contact import Contact, EventKey, RemoteContact
from sync_tasks.domain.diff import Change, DesiredContact, differs
from sync_tasks.domain.mapping import AccountMapping
from sync_tasks.domain.registers import ADDRESS, both_clocks


@dataclass(frozen=True, slots=True)
class Subject:
    """The lists, the attributes and whether the address that dead letters are about."""

    lists: frozenset[int] = frozenset()
    attributes: frozenset[str] = frozenset()
    address: bool = False

    def leave_out(self, change: Change, wanted: DesiredContact, remote: RemoteContact) -> tuple[Change, bool]:
        """Return a change without what waits for a person, and whether anything does.

        Of a contact that carries another ``ext_id`` everything waits but what it must leave: who it is, a person says.
        """
        if remote.ext_id != wanted.ext_id:
            rest = Change(leave=change.leave - self.lists)
            return rest, rest != change
        differing = {name for name, value in wanted.attributes.items() if differs(remote, name, value)}
        settled = differing <= self.attributes
        rest = replace(
            change,
            address=None if self.address else change.address,
            ext_id=None if settled else change.ext_id,
            attributes={} if settled else change.attributes,
            join=change.join - self.lists,
            leave=change.leave - self.lists,
        )
        return rest, rest != change or not differing.isdisjoint(self.attributes)


def subject_of(contact: Contact, mapping: AccountMapping) -> Subject:
    """Return what the user's dead letters are about; what newer events overtook is about nothing."""
    lists, names, address = frozenset[int](), frozenset[str](), False
    for key in contact.dead:
        names |= {mapping.attributes[field] for field in contact.attributes_of(key) if field in mapping.attributes}
        address |= ADDRESS in contact.registers_of(key)
        lists |= _list_of(key, contact, mapping)
    about = (one for one in mapping.newsletters.values() if one.list_id in lists)
    flags = {one.unsubscribed_attribute for one in about if one.unsubscribed_attribute}
    return Subject(lists, names | flags, address)


def _list_of(key: EventKey, contact: Contact, mapping: AccountMapping) -> frozenset[int]:
    is_last = not contact.registers_of(key).isdisjoint(both_clocks(key.newsletter))
    newsletter = mapping.find(key.newsletter) if is_last else None
    return frozenset({newsletter.list_id}) if newsletter else frozenset()
