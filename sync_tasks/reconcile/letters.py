"""What the dead letters of a user are about: no more than that waits for a person. Pure."""

from dataclasses import dataclass, replace

from sync_tasks.domain.contact import OWN, STAMP, TOLD, Contact, EventKey, RemoteContact
from sync_tasks.domain.desired import DesiredContact
from sync_tasks.domain.diff import Change, differs
from sync_tasks.domain.mapping import AccountMapping


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
    lists, fields = frozenset[int](), frozenset[str]()
    for key in contact.dead:
        fields |= {name for name, text in contact.registers.items() if text[:STAMP] == key.stamp}
        lists |= _list_of(key, contact, mapping)
    names = {mapping.attributes[name[2:]] for name in fields if name[:2] == "a:" and name[2:] in mapping.attributes}
    about = (one for one in mapping.newsletters.values() if one.list_id in lists)
    flags = {one.unsubscribed_attribute for one in about if one.unsubscribed_attribute}
    return Subject(lists, frozenset(names | flags), "address" in fields)


def _list_of(key: EventKey, contact: Contact, mapping: AccountMapping) -> frozenset[int]:
    said = (contact.registers.get(clock + key.newsletter, "")[:STAMP] for clock in (OWN, TOLD))
    newsletter = mapping.find(key.newsletter) if key.stamp in said else None
    return frozenset({newsletter.list_id}) if newsletter else frozenset()
