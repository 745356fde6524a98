"""News of a push: facts about a contact at Brevo that the portal and the operator should hear. Pure."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from sync_tasks.domain.contact import DELETED, HARD_BOUNCE, KINDS, Contact, RemoteState

SUPPRESSED, ENDED, PUT_BACK = "suppressed", "ended", "put back"
RENEWED = "subscribed again"


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing that happened to a user's contact on one account.

    ``what``: a suppression ``ended``, or the contact was ``put back`` as the portal wants it. ``kind``: the
    suppression, or the edit of the contact. ``why``: the reason for which a suppression ended. ``list_id``: the list it
    was about, 0 for the whole account. ``foreign``: lists that are not ours, to which Brevo sends again. ``since``:
    when it happened, a stamp.
    """

    user_id: str
    account: str
    what: str
    kind: str
    since: str
    why: str = ""
    list_id: int = 0
    foreign: tuple[int, ...] = ()

    @property
    def text(self) -> str:
        """The same in words, for the history and the log."""
        if self.what == PUT_BACK:
            return f"put back after it was {self.kind} at Brevo"
        where = f" for list {self.list_id}" if self.list_id else ""
        foreign = f"; mail again from lists that are not ours: {', '.join(map(str, self.foreign))}"
        return f"no longer {self.kind}{where}: {self.why}{foreign if self.foreign else ''}"

    @property
    def wire(self) -> str:
        """The same as a line in Redis."""
        return json.dumps(asdict(self), sort_keys=True)


def read_notice(text: str) -> Notice:
    """Return the notice that ``wire`` made this line of."""
    fields = json.loads(text)
    return Notice(**{**fields, "foreign": tuple(fields["foreign"])})


def suppressions(account: str, seen: RemoteState | None) -> dict[str, str]:
    """Return why and since when Brevo may not mail a contact, by ``account`` and by ``account/list``."""
    if seen is None:
        return {}
    lists = (number for number in seen.ended if number not in seen.lists or number in seen.skipped)
    one_by_one = {f"{account}/{number}": f"unsubscribed:{seen.ended[number]}" for number in lists}
    block = {account: f"{seen.block.kind}:{seen.block.since}"} if seen.block else {}
    return block | one_by_one


def find_suppressed(contact: Contact, seen: Mapping[str, RemoteState]) -> dict[str, str]:
    """Return every suppression that is news, by the names of ``suppressions``; empty if it ended."""
    accounts = contact.seen.keys() | seen.keys()
    earlier = (suppressions(account, contact.seen.get(account)) for account in accounts)
    before = {name: text for suppressed in earlier for name, text in suppressed.items()}
    if contact.erased:
        return dict.fromkeys(accounts | before.keys(), "")
    known = {name: text for name, text in before.items() if name.partition("/")[0] in seen}
    now = {name: text for account, known in seen.items() for name, text in suppressions(account, known).items()}
    return {name: now.get(name, "") for name in known.keys() | now.keys() if known.get(name) != now.get(name)}


def find_news(contact: Contact, account: str, now: RemoteState, stamp: str, *, failed: bool) -> Iterator[Notice]:
    """Yield each ended suppression, and each part put back unless the push ``failed``."""
    before = contact.seen.get(account) or RemoteState()
    if contact.erased:
        return
    if kind := _ended_kind(before, now):
        foreign = tuple(sorted(before.foreign | now.foreign)) if before.id in {None, now.id} else ()
        yield Notice(contact.user_id, account, ENDED, kind, stamp, _why(before, now, kind), foreign=foreign)
    for number in sorted(before.ended.keys() - now.ended.keys()):
        if number in now.lists:
            yield Notice(contact.user_id, account, ENDED, "unsubscribed", stamp, RENEWED, number)
    if now.edited and now.id is not None and not failed:
        how = DELETED if DELETED in now.edited else f"edited ({', '.join(sorted(now.edited))})"
        yield Notice(contact.user_id, account, PUT_BACK, how, stamp)


def _ended_kind(before: RemoteState, now: RemoteState) -> str:
    """Return the kind of a block that has ended, or an empty text.

    A block that was found and lifted in the same push counts too.
    """
    if now.block:
        return ""
    if before.block:
        return before.block.kind
    ended = {kind for kind, moment in now.over.items() if before.over.get(kind) != moment}
    return max(ended, key=KINDS.index, default="")


def _why(before: RemoteState, now: RemoteState, kind: str) -> str:
    if before.id not in {None, now.id}:
        return "the contact gave way to another" if now.id else "the contact is gone"
    opted_out = before.block.opted_out if before.block else now.over.get(kind, "") if kind != HARD_BOUNCE else ""
    if opted_out and now.ended_up_to >= opted_out:
        return RENEWED
    if kind == HARD_BOUNCE and now.address != before.address:
        return "another address was confirmed"
    return "unblocked at Brevo"
