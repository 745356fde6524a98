"""What must hold once a run has settled: each invariant yields its violations, in words without personal data."""

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, cast

from redis import Redis

from sync_tasks.state.dead_letters import DeadLetter, read_letters
from sync_tasks.state.holds import find_hold_alarm
from tests.reliability.chaos.model import Wish, find_wishes
from tests.reliability.chaos.people import PERSONAL, Reported, find_personal
from tests.reliability.chaos.run import Run
from tests.support import keys

CONTACTS = "sync_tasks:contacts:"


def find_disagreements(run: Run) -> Iterator[str]:
    """Yield where Brevo does not hold what the newest events say."""
    held: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for contact in cast("list[dict[str, Any]]", run.world.brevo.contacts()):
        held[str(contact.get("ext_id", ""))].append(contact)
    for user_id, wish in find_wishes(run.reported).items():
        yield from (f"{user_id}: {fault}" for fault in _compare(wish, held.pop(user_id, [])))
    for ext_id, contacts in held.items():
        if not ext_id.startswith("deleted-"):
            yield f"{len(contacts)} contacts of nobody"


def _compare(wish: Wish, held: list[dict[str, Any]]) -> Iterator[str]:
    if wish.erased or not held:
        if held or (wish.lists and not wish.erased):
            yield "erased and still there" if wish.erased else "missing at Brevo"
        return
    if len(held) > 1:
        yield f"{len(held)} contacts"
    contact = held[0]
    if wish.address is not None and contact["email"] != wish.address:
        yield "another address"
    if set(contact["listIds"]) != wish.lists:
        yield f"on lists {sorted(contact['listIds'])} instead of {sorted(wish.lists)}"
    if contact["emailBlacklisted"]:
        yield "blocklisted"
    names = sorted({*contact["attributes"], *wish.attributes})
    # A flag that is absent is as good as false: imports drop booleans.
    differing = [
        name for name in names if (contact["attributes"].get(name) or None) != (wish.attributes.get(name) or None)
    ]
    if differing:
        yield f"other {', '.join(differing)}"


def find_lost(run: Run) -> Iterator[str]:
    """Yield events that have no outcome or two, and what is still at work."""
    if not run.settled:
        yield f"not settled after {run.seconds:.0f} s"
        yield from find_hold_alarm(run.world.store)
    accepted = {json.loads(line)["number"] for line in run.world.accepted.read_text().splitlines()}
    if len(accepted) != len(run.reported):
        yield f"{len(run.reported) - len(accepted)} events were never accepted"
    letters = {letter.id: letter for letter in read_letters(run.world.store)}
    for key, fields in _read_contacts(run):
        yield from (f"{key}: {name[2:]} has no outcome" for name in fields if name.startswith("p:"))
        dead = [fields[name] for name in fields if name.startswith("d:")]
        yield from (f"{key}: its dead letter is gone" for letter in dead if letters.pop(letter, None) is None)
    yield from (f"{letter.user_id}: a letter of no event" for letter in letters.values())


def find_needless_letters(run: Run) -> Iterator[str]:
    """Yield dead letters of events that could have been reflected."""
    for letter in read_letters(run.world.store):
        if not _is_hopeless(letter, run.reported):
            yield f"{letter.user_id}: {letter.task} {letter.error}"


def _is_hopeless(letter: DeadLetter, reported: list[Reported]) -> bool:
    """Return whether nobody ever said which contact is meant; of an erased user nobody can say it any more."""
    events = [event for event in reported if event.user_id == letter.user_id]
    erased = letter.task == "anonymize_contact"
    reporting = (event for event in events if event.task == letter.task or not erased)
    known = any(name in event.said for event in reporting for name in ("email", "previous_email"))
    return letter.error == "UnknownContactError" and not known


def _read_contacts(run: Run) -> Iterator[tuple[str, dict[str, str]]]:
    redis = run.world.store.redis
    for key in redis.scan_iter(f"{CONTACTS}*", count=1000):
        yield key.removeprefix(CONTACTS), cast("dict[str, str]", redis.hgetall(key))


def find_remains(run: Run) -> Iterator[str]:
    """Yield where something personal of an erased person is left; a dead letter keeps what its replay needs."""
    wishes, letters = find_wishes(run.reported), {letter.user_id for letter in read_letters(run.world.store)}
    erased = {user_id for user_id, wish in wishes.items() if wish.erased} - letters
    for contact in cast("list[dict[str, Any]]", run.world.brevo.contacts()):
        if wishes.get(str(contact.get("ext_id"))) is None and PERSONAL.search(str(contact)):
            yield f"contact {contact['id']} at Brevo"
    own: dict[str, set[str]] = defaultdict(set)
    for event in run.reported:
        own[event.user_id].update(find_personal(str(event.said)))
    for key, text in read_keys(run):
        user_id = key.removeprefix(CONTACTS) if key.startswith(CONTACTS) else ""
        allowed = own[user_id] if user_id and user_id not in erased else set()
        if not allowed.issuperset(find_personal(f"{key} {text}")):
            yield f"Redis: {key}"


def read_keys(run: Run) -> Iterator[tuple[str, str]]:
    """Yield each key of Redis and all that it holds, as text."""
    redis = cast("Any", run.world.store.redis)
    readers = {
        "string": redis.get,
        "hash": redis.hgetall,
        "set": redis.smembers,
        "list": lambda key: redis.lrange(key, 0, -1),
        "zset": lambda key: redis.zrange(key, 0, -1, withscores=True),
    }
    for key in redis.scan_iter(count=1000):
        kind = redis.type(key)
        if kind in readers:
            yield key, str(readers[kind](key))


def find_everlasting(run: Run) -> Iterator[str]:
    """Yield keys without a lifetime that the architecture does not call kept."""
    with Redis.from_url(run.world.redis.url) as client:
        yield from keys.find_leaks(client, keys.read_documented())


def find_leaks(run: Run) -> Iterator[str]:
    """Yield lines of logs that say something personal: which, not what."""
    for program in run.world.programs:
        for number, line in enumerate(program.output.splitlines(), 1):
            if PERSONAL.search(line) or "people.example" in line:
                yield f"{program.log.name}, line {number}"


def find_deaths(run: Run) -> Iterator[str]:
    """Yield workers that ended although nobody killed them."""
    yield from run.left_alone


def find_bugs(run: Run) -> Iterator[str]:
    """Yield where a worker met an error that nobody had expected."""
    for program in run.world.programs:
        lines = [line for line in program.output.splitlines() if "unexpected error in" in line]
        yield from (f"{program.log.name}: {len(lines)} unexpected errors" for _ in lines[:1])
