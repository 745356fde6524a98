"""Dead letters: events that ended in a permanent error. An operator reads, replays and discards them.

A letter holds the user's id, the event's key and the reason, and nothing personal. The wish itself is in the state.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import Any, cast

from sync_tasks.chunks import chunks
from sync_tasks.domain.contact import Contact, EventKey
from sync_tasks.domain.events import Anonymize
from sync_tasks.domain.registers import ERASURE, both_clocks, is_consent, is_subscription
from sync_tasks.domain.timestamps import moment_of
from sync_tasks.errors import SyncError, UnfinishedErasureError
from sync_tasks.state.keys import CLOSED_LETTERS, DEAD_LETTERS, LETTER_COUNTS, UNACCEPTED_LETTERS
from sync_tasks.state.store import Store
from sync_tasks.texts import escaped

# Celery's ids have 36 characters; another producer may send any text.
LONGEST_TASK_ID = 255
# So many letters are read at once.
LETTER_CHUNK = 1000
OPENED, CLOSED = "opened", "closed"
# No user's id is empty: this member of the index stands for none.
INDEXED = " indexed"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One event for an operator; all moments are stamps (microseconds since 1970).

    ``user_id`` is empty if the message was too broken to read it; such an event was never accepted.
    """

    id: str
    user_id: str
    task: str
    newsletter: str
    stamp: str
    error: str
    message: str
    failed: str
    task_id: str = ""
    replayed: dict[str, str] | None = None
    closed: dict[str, str] | None = None

    @property
    def key(self) -> EventKey:
        """The key of the event."""
        return EventKey(self.task, self.newsletter, self.stamp)

    @property
    def failed_at(self) -> datetime:
        """The moment at which it became a dead letter."""
        return moment_of(self.failed)

    def as_json(self) -> str:
        """Return the letter as its text in Redis."""
        return json.dumps({name: value for name, value in asdict(self).items() if value is not None})


_FIELDS = tuple(each.name for each in fields(DeadLetter))


def letter_id(user_id: str, key: EventKey, task_id: str = "") -> str:
    """Return the id of an event's letter; the same event always has the same."""
    identity = f"{user_id}|{key}" if user_id and key.stamp else f"{task_id}|{key.task}"
    return hashlib.sha256(identity.encode()).hexdigest()[:12]


def write_letter(user_id: str, key: EventKey, error: SyncError, now: str, task_id: str = "") -> DeadLetter:
    """Return the letter of an event."""
    return DeadLetter(
        id=letter_id(user_id, key, task_id),
        user_id=user_id,
        task=key.task,
        newsletter=key.newsletter,
        stamp=key.stamp,
        error=type(error).__name__,
        message=str(error),
        failed=now,
        task_id=escaped(task_id)[:LONGEST_TASK_ID],
    )


def put_letter(store: Store, letter: DeadLetter) -> None:
    """Keep the letter of an event that never reached a user's state; that of an erased user names nobody."""
    if letter.user_id and store.is_erased(letter.user_id):
        letter = replace(letter, user_id="")
    if store.redis.hset(store.key(DEAD_LETTERS), letter.id, letter.as_json()):
        store.redis.hincrby(store.key(LETTER_COUNTS), f"{OPENED} {letter.error}", 1)
    if letter.user_id:
        store.redis.zadd(store.key(UNACCEPTED_LETTERS), {_place(letter): 0})


def scan_letters(store: Store) -> Iterator[DeadLetter]:
    """Yield all dead letters in no order, some at a time: Redis is held by none for long; one may come twice."""
    for _, text in store.redis.hscan_iter(store.key(DEAD_LETTERS), count=LETTER_CHUNK):
        yield _parse(text)


def read_letters(store: Store) -> list[DeadLetter]:
    """Return all dead letters, the oldest first."""
    found = {letter.id: letter for letter in scan_letters(store)}
    return sorted(found.values(), key=lambda letter: letter.failed)


def fetch_letters(store: Store, ids: Iterable[str]) -> Iterator[DeadLetter]:
    """Yield the dead letters of these ids, in their order, as far as they are there by now."""
    for chunk in chunks(ids, LETTER_CHUNK):
        texts = cast("list[str | None]", store.redis.hmget(store.key(DEAD_LETTERS), chunk))
        yield from (_parse(text) for text in texts if text)


def read_letters_of(store: Store, user_id: str) -> list[DeadLetter]:
    """Return the dead letters of one user, the oldest first; that costs the same however many others there are.

    The state of the user names those of accepted events, ``unaccepted`` the others.
    """
    contact = store.peek(user_id)
    ids = [*contact.dead.values()] if contact else []
    _index_unaccepted(store)
    members = store.redis.zrangebylex(store.key(UNACCEPTED_LETTERS), f"[{user_id} ", f"({user_id}!")
    places = (place.rpartition(" ") for place in cast("list[str]", members))
    ids += [letter_id for user, _, letter_id in places if user == user_id]
    return sorted(fetch_letters(store, ids), key=lambda letter: letter.failed)


def _index_unaccepted(store: Store) -> None:
    """Index the letters that a release before this index wrote, once: its first member says that it was done."""
    index = store.key(UNACCEPTED_LETTERS)
    if store.redis.zscore(index, INDEXED) is None:
        for letter in scan_letters(store):
            if letter.user_id and not letter.stamp:
                store.redis.zadd(index, {_place(letter): 0})
        store.redis.zadd(index, {INDEXED: 0})


def _place(letter: DeadLetter) -> str:
    return f"{letter.user_id} {letter.id}"


def count_letters(store: Store) -> int:
    """Return the number of dead letters."""
    return int(store.redis.hlen(store.key(DEAD_LETTERS)))


def read_letter_counts(store: Store) -> dict[tuple[str, str], int]:
    """Return how many letters there were since the first: ``opened`` by error, ``closed`` by why."""
    counts = cast("dict[str, str]", store.redis.hgetall(store.key(LETTER_COUNTS)))
    split = ((name.partition(" "), number) for name, number in counts.items())
    return {(what, why): int(number) for (what, _, why), number in split}


def read_closed(store: Store, limit: int = 100) -> list[DeadLetter]:
    """Return up to ``limit`` closed letters, the newest first."""
    texts = cast("list[str]", store.redis.lrange(store.key(CLOSED_LETTERS), 0, limit - 1))
    return [_parse(text) for text in texts]


def _parse(text: str) -> DeadLetter:
    """Return the letter of a text; fields that a newer release added are ignored."""
    parsed = cast("dict[str, Any]", json.loads(text))
    return DeadLetter(**{name: parsed[name] for name in _FIELDS if name in parsed})


def foresee(store: Store, letter: DeadLetter) -> str:
    """Return what ``replay`` would come to, unless somebody else closes the letter meanwhile."""
    if not letter.user_id or not letter.stamp:
        return "lost"
    contact = store.peek(letter.user_id)
    return "overtaken" if contact is None or contact.overtaken(letter.key) else "replayed"


def replay(store: Store, letter: DeadLetter, who: str) -> str:
    """Try a letter's event again; return one of four words.

    ``replayed``: the contact is dirty again; nudge it. ``overtaken``: newer events replaced its wish, so the letter is
    closed and nothing else changes. ``lost``: it was never accepted, so only its producer can send it again. ``gone``:
    somebody else closed it.
    """
    outcome = foresee(store, letter)
    if outcome == "lost":
        return outcome
    if outcome == "overtaken":
        done = store.close(letter.user_id, letter.key, letter.id, outcome, who)
    else:
        done = store.replay(letter.user_id, letter.key, letter.id, who)
    return outcome if done else "gone"


def check_discardable(store: Store, letter: DeadLetter) -> Contact | None:
    """Return the contact of a letter that may be discarded; ``None`` if its user is unknown.

    Raises:
        UnfinishedErasureError: the letter is about an unfinished erasure.
    """
    contact = store.peek(letter.user_id) if letter.user_id else None
    if contact and contact.erased and letter.task == Anonymize.task:
        raise UnfinishedErasureError("an erasure cannot be discarded, only replayed: the person may still be at Brevo")
    return contact


def discard(store: Store, letter: DeadLetter, who: str) -> bool:
    """Give up a letter's wish until a newer event arrives; return whether the letter still existed.

    Raises:
        UnfinishedErasureError: the letter is about an unfinished erasure.
    """
    contact = check_discardable(store, letter)
    registers = list(_wish_of(contact, letter.key)) if contact else []
    return store.close(letter.user_id, letter.key, letter.id, "discarded", who, give_up=registers)


def _wish_of(contact: Contact, key: EventKey) -> Iterator[str]:
    """Yield the registers that only this event set; a register of two events of one moment stays."""
    sisters = {other for other in (*contact.pending, *contact.dead) if other.stamp == key.stamp and other != key}
    for name in contact.registers_of(key):
        kept = is_subscription(name) or is_consent(name) or name == ERASURE
        if name in both_clocks(key.newsletter) or not (sisters or kept):
            yield name
