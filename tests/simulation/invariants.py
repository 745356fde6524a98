"""What must be so once everything has come to rest: the contract's promises, said in terms of one history."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import reduce

from sync_tasks import errors
from sync_tasks.domain.contact import Contact, EventKey
from sync_tasks.domain.events import Event
from sync_tasks.domain.merge import merge, values_of
from sync_tasks.domain.registers import STAMP
from sync_tasks.domain.timestamps import stamp_of
from sync_tasks.sandbox.contact import SandboxContact as Held
from sync_tasks.state.dead_letters import read_closed, read_letters
from tests.simulation.plan import LISTS, START
from tests.simulation.world import Act, World, snapshot

NEVER_DEAD = (errors.AccountError, errors.TransientError)
Registers = dict[str, str]


def find_violations(world: World) -> Iterator[str]:
    """Yield each promise that was broken, without a word of anybody's data."""
    wishes = wishes_of(world)
    for user_id, registers in sorted(wishes.items()):
        check = _check_erased if "erased" in registers else _check_living
        yield from (f"{user_id}: {what}" for what in check(world, user_id, registers))
    yield from _check_outcomes(world)
    yield from _check_letters(world)
    # Which of two moments was first, different clocks do not show: then the truth is asked.
    yield from _check_opt_outs(world, world.plan.clocks.truth) if world.plan.clocks else _check_joins(world)


def find_undone(world: World) -> Iterator[str]:
    """Yield each opt-out or erasure that Brevo had proof of and that a state which went backwards has undone."""
    wishes = wishes_of(world)
    for number, contact in world.sandbox.account.contacts.items():
        lists, anonymized = world.shown.get(number, (frozenset(), False))
        now = snapshot(contact)
        if anonymized and (now[0] or not now[1]):
            yield f"contact {number}: is no longer anonymized"
        registers = wishes.get(contact.ext_id or "", {})
        for gained in now[0] - lists:
            wished = _confirmed_since(world, contact.ext_id) if "erased" in registers else _subscribed(registers, "")
            if gained not in wished:
                yield f"{contact.ext_id}: is on list {gained} again, though nobody wants it"


def _confirmed_since(world: World, user_id: str | None) -> set[int]:
    """Return the lists of sign-ups accepted after the state forgot an erasure: a newer confirmed wish counts."""
    _, back = world.plan.rolled_back or (0.0, 0.0)
    return {
        LISTS[event.about or ""]
        for at, event, acceptance in world.accepted
        if (event.user_id, event.task, acceptance.status) == (user_id, "subscribe_contact", "accepted") and at > back
    }


def wishes_of(world: World) -> dict[str, Registers]:
    """Return the newest event per field of each user: what the portal wants, in whatever order it said so."""
    said: defaultdict[str, list[tuple[Event, str]]] = defaultdict(list)
    for _, event, acceptance in world.accepted:
        said[event.user_id].append((event, acceptance.stamp))
    return {user_id: reduce(_merge, reported, Registers()) for user_id, reported in said.items()}


def _merge(registers: Registers, said: tuple[Event, str]) -> Registers:
    event, stamp = said
    return merge(registers, stamp, values_of(event), reported=event.occurred_at is not None)


def _stamp(seconds: float) -> str:
    return stamp_of(datetime.fromtimestamp(START.timestamp() + seconds, UTC))


def _subscribed(registers: Registers, ended_up_to: str) -> set[int]:
    wishes = subscriptions_of(registers).items()
    return {LISTS[slug] for slug, (since, wished) in wishes if wished and since > ended_up_to}


def subscriptions_of(registers: Registers) -> dict[str, tuple[str, bool]]:
    return Contact("", registers).subscriptions()


def _check_living(world: World, user_id: str, registers: Registers) -> Iterator[str]:
    account, address = world.sandbox.account, registers["address"][STAMP:] if "address" in registers else None
    contact = account.ext_ids.get(user_id)
    if contact is None:
        if _subscribed(registers, ""):
            yield "is subscribed, but Brevo has no contact"
        return
    blocked = _last_act(world, contact)
    wanted = _subscribed(registers, "")
    held = set(contact.list_ids)
    if held - wanted - _unspoken(world, contact, registers):
        yield "is on a list that nobody wants"
    if not blocked and wanted - held:
        yield "is not on a list that is wanted"
    if contact.email != address and address is not None:
        yield "has another address"
    yield from _check_name(contact, registers)
    # An opt-out is reflected once the contact is off the list, also where Brevo refuses the attribute that says so.
    if not contact.blocklisted and not world.refuses:
        yield from _check_flag(contact, registers)
    yield from _check_block(world, contact, user_id, registers)


def _unspoken(world: World, contact: Held, registers: Registers) -> set[int]:
    """Return the lists a contact has always been on and of which the portal never said a word."""
    before = {entry.list_id for entry, _ in world.watcher.happened if entry.request is None and entry.what == "joined"}
    spoken = subscriptions_of(registers)
    return {LISTS[slug] for slug in LISTS if slug not in spoken and LISTS[slug] in before & {*contact.list_ids}}


def _check_name(contact: Held, registers: Registers) -> Iterator[str]:
    name = registers.get("a:first_name")
    if name and contact.attributes.get("FIRSTNAME") != name[STAMP + 1 : -1]:
        yield "has another name"


def _check_flag(contact: Held, registers: Registers) -> Iterator[str]:
    reported = contact.attributes.get("DAILY_UNSUBSCRIBED") is True
    if "daily" in subscriptions_of(registers) and reported == (LISTS["daily"] in contact.list_ids):
        yield "is on a list and unsubscribed from it, or neither"


def _last_act(world: World, contact: Held) -> Act | None:
    """Return the last time the reader opted out at Brevo, and how."""
    return max((act for act in world.acted if act.contact_id == contact.id), default=None)


def _check_block(world: World, contact: Held, user_id: str, registers: Registers) -> Iterator[str]:
    act = _last_act(world, contact)
    if act is None:
        if contact.blocklisted:
            yield "is blocklisted, though nobody asked for it"
        return
    since = _stamp(act.at)
    subscriptions = [
        stamp_of(event.occurred_at or START)
        for _, event, _ in world.accepted
        if event.user_id == user_id and event.task == "subscribe_contact"
    ]
    renewed = any(stamp > since for stamp in subscriptions)
    # Nobody can distinguish a complaint from an opt-out if Brevo hides the reason.
    explained = not world.sandbox.quirks.statistics_left_out
    ended = renewed if act.what == "unsubscribe" else act.what == "bounce" and _has_moved(registers, act, since)
    over = explained and ended
    if not contact.blocklisted and not over:
        yield f"is no longer blocklisted after: {act.what}"
    if contact.blocklisted and explained and act.what == "unsubscribe" and _subscribed(registers, since):
        yield "has subscribed anew, but is still blocklisted"


def _has_moved(registers: Registers, act: Act, since: str) -> bool:
    """Return whether the person has confirmed another address than the one that bounced, later than that."""
    address = registers.get("address", "")
    return address[:STAMP] > since and address[STAMP:] != act.address


def _check_erased(world: World, user_id: str, _registers: Registers) -> Iterator[str]:
    words = {f"Name{user_id[1:]}x{number}" for number in range(4)}
    theirs = [world.sandbox.account.contacts[one] for one, owner in world.watcher.owners.items() if owner == user_id]
    for contact in theirs:
        if contact.list_ids or not contact.blocklisted or not (contact.email or "").startswith("deleted-"):
            yield "is erased, but Brevo has the contact"
    for contact in world.sandbox.account.contacts.values():
        if contact.ext_id == user_id or words & set(map(str, contact.attributes.values())):
            yield "is erased, but Brevo has their data"
    held = repr(world.memory.data)
    if any(word in held for word in words | (_addresses(world, user_id) - _wanted_addresses(world))):
        yield "is erased, but Redis has their data"


def _addresses(world: World, user_id: str) -> set[str]:
    reported = (event for _, event in world.plan.calls if event.user_id == user_id)
    return {address for event in reported if (address := getattr(event, "email", None))}


def _wanted_addresses(world: World) -> set[str]:
    living = (registers for registers in wishes_of(world).values() if "erased" not in registers)
    return {
        text[STAMP:] if name == "address" else name[2:]
        for registers in living
        for name, text in registers.items()
        if name[:2] in {"ad", "h:"}
    }


def _check_outcomes(world: World) -> Iterator[str]:
    """Every event that was accepted has one outcome; of an erased user nothing is left that would show it."""
    buried = {event.user_id for _, event, _ in world.accepted if world.store.is_erased(event.user_id)}
    keys = {
        (event.user_id, EventKey(event.task, event.about or "", acceptance.stamp))
        for _, event, acceptance in world.accepted
        if acceptance.status == "accepted" and event.user_id not in buried
    }
    yield from (f"{user}: has a history after the erasure" for user in buried if world.store.history(user))
    done: Counter[tuple[str, EventKey]] = Counter()
    for user_id in {user_id for user_id, _ in keys}:
        for line in world.store.history(user_id):
            _, key, what = line.split(" ", 2)
            done[user_id, EventKey.parse(key)] += what in {"synced", "superseded", "not found"}
    letters = Counter(
        (letter.user_id, letter.key) for letter in (*read_letters(world.store), *read_closed(world.store))
    )
    # An event that comes again may name an address once more that was looked at before: then it has two outcomes.
    accepted = Counter(
        (event.user_id, EventKey(event.task, event.about or "", acceptance.stamp))
        for _, event, acceptance in world.accepted
    )
    for name in keys:
        once = done[name] == 1 or (done[name] > 1 and accepted[name] > 1)
        if not (once or (done[name] == 0 and letters[name] == 1)):
            yield f"{name[0]}: {name[1].task} was reflected {done[name]} times and has {letters[name]} dead letters"


def _check_letters(world: World) -> Iterator[str]:
    for letter in read_letters(world.store):
        yield f"{letter.user_id}: {letter.task} is still a dead letter after its replay: {letter.error}"
    for letter in read_closed(world.store, 1000):
        if issubclass(getattr(errors, letter.error), NEVER_DEAD):
            yield f"{letter.user_id}: {letter.task} was a dead letter because of {letter.error}"


def _check_opt_outs(world: World, truth: list[tuple[float, Event]]) -> Iterator[str]:
    """Whoever has opted out last is off the list, whatever the clocks said."""
    accepted = {id(event): number for number, (_, event, _) in enumerate(world.accepted)}
    last: dict[tuple[str, str], tuple[float, Event]] = {}
    for happened, event in truth:
        if event.about and id(event) in accepted:
            where = event.user_id, event.about
            # Of two at the same moment the one that was accepted later was said last.
            found, known = (happened, event), last.get(where, (happened, event))
            last[where] = max(found, known, key=lambda one: (one[0], accepted[id(one[1])]))
    for (user_id, slug), (_, event) in sorted(last.items(), key=lambda one: one[0]):
        contact = world.sandbox.account.ext_ids.get(user_id)
        if event.task == "unsubscribe_contact" and contact and LISTS[slug] in contact.list_ids:
            yield f"{user_id}: has opted out last, and is on list {LISTS[slug]}"


def _check_joins(world: World) -> Iterator[str]:
    """Nobody is put back on a list after an opt-out, but by a newer subscription or a request from before."""
    left: dict[tuple[int, int], tuple[float, str]] = {}
    slugs = {number: slug for slug, number in LISTS.items()}
    for entry, user_id in world.watcher.happened:
        if entry.request is None or entry.list_id is None:
            continue
        where, slug = (entry.contact_id, entry.list_id), slugs[entry.list_id]
        if entry.what == "left":
            left[where] = (entry.time, _newest(world, "unsubscribe_contact", user_id, slug, entry.time))
        elif entry.what == "joined" and where in left:
            gone, ended_up_to = left[where]
            begun = world.watcher.begun.get(entry.request, entry.time)
            if (
                begun > gone
                and _newest(world, "subscribe_contact", user_id, slug, entry.time) <= ended_up_to
                and ended_up_to
            ):
                yield f"{user_id}: is back on list {entry.list_id} by request {entry.request}"


def _newest(world: World, task: str, user_id: str, slug: str, until: float) -> str:
    said = [
        stamp_of(event.occurred_at or START)
        for at, event, _ in world.accepted
        if (event.task, event.user_id, event.about) == (task, user_id, slug) and at <= until - START.timestamp()
    ]
    return max(said, default="")
