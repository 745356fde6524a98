"""Who relies on others to be taken along, and what a batch may carry."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from sync_tasks.domain.batching import BatchKind, Verb
from sync_tasks.domain.contact import Contact, RemoteState
from sync_tasks.domain.planning import Read, SyncView
from sync_tasks.errors import SyncError, TakenAlongError
from sync_tasks.providers.brevo.limits import CAPABILITIES
from sync_tasks.state.store import Lease
from sync_tasks.sync.account import AccountPush
from sync_tasks.sync.batch import Batch
from sync_tasks.sync.batch_choice import _is_looked_at_with_others, _is_read_with_others, _name_of
from sync_tasks.sync.batch_item import BatchItem, most_served, relies_on_others
from tests.support.saying import ACCOUNT, ADA, MAPPING, anonymize, blocked, contact_of, stamp, subscribe

NOW = 10
HELD = RemoteState(7, ADA, frozenset({3}))
SIGN_UP = contact_of(subscribe(1))


def accepted(*minutes: float) -> Contact:
    """Return a contact whose events were accepted at these minutes."""
    events = [subscribe(number, f"list-{number}") for number, _ in enumerate(minutes)]
    contact = contact_of(*events)
    stamps = (f"1:{stamp(minute)}" for minute in minutes)
    return replace(contact, pending=dict(zip(contact.pending, stamps, strict=True)))


def push_of(contact: Contact = SIGN_UP, *, count: int = 1, view: SyncView | None = None, **gateway: Any) -> AccountPush:
    there: Any = SimpleNamespace(**gateway)
    store: Any = SimpleNamespace(now=lambda: stamp(NOW))
    lease = Lease("u1", "token", contact, count)
    return AccountPush(ACCOUNT, MAPPING, there, store, lease, view=view or SyncView(HELD, fresh=True))


@pytest.mark.parametrize(
    ("minutes", "relies"), [((), True), ((9,), True), ((8.99,), False), ((9.5, 8), False), ((9.5, 9.9), True)]
)
def test_who_has_waited_for_a_minute_relies_on_nobody_else(minutes: tuple[float, ...], *, relies: bool) -> None:
    assert relies_on_others(push_of(accepted(*minutes))) is relies


@pytest.mark.parametrize(
    ("verb", "most"),
    [
        ("create", 5000),
        ("find", 5000),
        ("locate", 5000),
        ("look", 1000),
        ("read", CAPABILITIES.ids),
        ("verify", CAPABILITIES.ids),
        ("join", 150),
        ("leave", 150),
    ],
)
def test_a_batch_serves_so_many(verb: Verb, most: int) -> None:
    assert most_served(BatchKind(verb, frozenset({3})), CAPABILITIES) == most


def test_more_leave_a_list_at_once_if_an_attribute_is_written_after_that() -> None:
    assert most_served(BatchKind("leave", frozenset({3})), CAPABILITIES, {3}) == 750
    assert most_served(BatchKind("leave", frozenset({5})), CAPABILITIES, {3}) == 150
    assert most_served(BatchKind("join", frozenset({3})), CAPABILITIES, {3}) == 150


def test_what_came_of_somebody_taken_along_is_what_the_push_knows() -> None:
    push = push_of()
    push.notes, push.outcome_unknown, push.outcome_known, push.together = ["note"], True, True, True
    error: dict[str, SyncError] = {ACCOUNT: TakenAlongError("later", 0.0)}
    pushed = BatchItem(push, Read(7)).came_to(stamp(NOW), error, frozenset({"default creating"}))
    assert (pushed.contact, pushed.now, pushed.seen, pushed.errors) == (SIGN_UP, stamp(NOW), {ACCOUNT: HELD}, error)
    assert (pushed.outcome_unknown, pushed.outcome_known, pushed.together) == (True, True, True)
    assert (pushed.paused, pushed.notes) == (frozenset({"default creating"}), ((ACCOUNT, "note"),))
    assert pushed.looked == frozenset()


@pytest.mark.parametrize(
    ("view", "seen", "looked"),
    [
        (SyncView(HELD, fresh=True), {ACCOUNT: HELD}, {ACCOUNT}),
        (SyncView(HELD), {ACCOUNT: HELD}, set()),
        (SyncView(), {}, set()),
    ],
)
def test_only_what_was_seen_counts_as_seen(view: SyncView, seen: dict[str, RemoteState], looked: set[str]) -> None:
    pushed = BatchItem(push_of(view=view), Read(7)).came_to(stamp(NOW), {}, frozenset())
    assert (dict(pushed.seen), set(pushed.looked)) == (seen, looked)


@pytest.mark.parametrize(
    ("contact", "view", "several", "together"),
    [
        (SIGN_UP, None, True, True),
        (SIGN_UP, None, False, False),
        (replace(SIGN_UP, unknown_since=stamp(1)), None, True, True),
        (replace(SIGN_UP, unknown_since=stamp(1), tries=2), None, True, False),
        (SIGN_UP, SyncView(HELD, guarded=blocked(1)), True, False),
        (SIGN_UP, SyncView(replace(HELD, block=blocked(1))), True, False),
        (replace(SIGN_UP, reported={"default:complaint": stamp(1)}), None, True, False),
        (replace(SIGN_UP, reported={"sports:complaint": stamp(1)}), None, True, True),
    ],
    ids=["plain", "one by one", "unknown", "more trouble", "guarded", "blocked", "opted out", "opted out elsewhere"],
)
def test_whoever_may_be_blocked_or_met_more_trouble_is_read_alone(
    contact: Contact, view: SyncView | None, *, several: bool, together: bool
) -> None:
    assert _is_read_with_others(push_of(contact, view=view, reads_several=several)) is together
    unknown = push_of(contact, view=view, reads_several=several)
    unknown.outcome_unknown = True
    assert not _is_read_with_others(unknown)


ERASED = contact_of(anonymize(1))
LOOKED_AT = replace(ERASED, unknown_since=stamp(2))


@pytest.mark.parametrize(
    ("contact", "accounts", "shows", "together"),
    [
        (LOOKED_AT, 1, True, True),
        (LOOKED_AT, 2, True, False),
        (LOOKED_AT, 1, False, False),
        (replace(contact_of(anonymize(1, email=ADA)), unknown_since=stamp(2)), 1, True, False),
        (ERASED, 1, True, False),
    ],
    ids=["to be looked at", "two accounts", "no ext_id", "hints", "just anonymized"],
)
def test_an_erasure_is_looked_at_with_others_if_a_look_by_its_id_is_enough(
    contact: Contact, accounts: int, *, shows: bool, together: bool
) -> None:
    context: Any = SimpleNamespace(mappings=dict.fromkeys(range(accounts)))
    push = push_of(contact, reads_several=True, shows_ext_ids=shows)
    assert _is_looked_at_with_others(push, context) is together
    assert push.together is together
    assert not _is_looked_at_with_others(push_of(contact, reads_several=False, shows_ext_ids=True), context)


def test_who_was_anonymized_just_now_is_looked_at_later_if_many_wait() -> None:
    context: Any = SimpleNamespace(mappings={ACCOUNT: None})
    with pytest.raises(TakenAlongError):
        _is_looked_at_with_others(push_of(ERASED, count=2, reads_several=True, shows_ext_ids=True), context)


@pytest.mark.parametrize(
    ("verb", "contact", "kinds", "shared"),
    [
        ("leave", SIGN_UP, ["-daily", "unsubscribe_contact:daily"], True),
        ("leave", SIGN_UP, ["unsubscribe_contact:daily"], False),
        ("read", SIGN_UP, ["look:default"], False),
        ("read", replace(SIGN_UP, looks={ACCOUNT: "1"}), ["look:default"], True),
        ("read", replace(SIGN_UP, looks={"sports": "1"}), ["look:default"], False),
        ("read", replace(SIGN_UP, unknown_since=stamp(9)), ["look:default"], True),
        ("read", replace(ERASED, looks={ACCOUNT: "1"}), ["look:default"], False),
        ("verify", SIGN_UP, ["erased"], True),
        ("locate", SIGN_UP, ["unmet:update_contact"], True),
        ("join", SIGN_UP, ["+daily"], False),
        ("create", SIGN_UP, ["+daily"], False),
    ],
)
def test_the_first_of_a_process_takes_those_along_whom_it_surely_finds(
    verb: str, contact: Contact, kinds: list[str], *, shared: bool
) -> None:
    batch: Any = SimpleNamespace(kinds=kinds, batch_kind=SimpleNamespace(verb=verb))
    contact = replace(contact, pending=dict.fromkeys(contact.pending, f"1:{stamp(NOW)}"))
    push = push_of(contact)
    push.lease = replace(push.lease, contact=replace(push.lease.contact, wishes="-daily"))
    same = _name_of(push, batch) == _name_of(push, batch)
    assert same is shared
    if shared:
        assert _name_of(push, batch) == (ACCOUNT, batch.batch_kind, kinds[0])
        late = replace(contact, pending=dict.fromkeys(contact.pending, f"1:{stamp(NOW - 2)}"))
        assert _name_of(push_of(late), batch) != (ACCOUNT, batch.batch_kind, kinds[0])


class Leases:
    """Remembers whose leases were renewed."""

    def __init__(self) -> None:
        self.renewed = list[list[str]]()

    def renew_leases(self, leases: list[Lease], _seconds: float) -> None:
        self.renewed.append([lease.user_id for lease in leases])

    @staticmethod
    def renew_lease(*_arguments: object) -> bool:
        return True

    @staticmethod
    def now() -> str:
        return stamp(NOW)


@pytest.mark.parametrize("locked", [True, False])
def test_while_an_import_is_looked_for_all_leases_and_the_right_to_import_are_kept(*, locked: bool) -> None:
    rests, kept, leases = list[float](), list[str](), Leases()
    store: Any = leases
    context: Any = SimpleNamespace(limiter=SimpleNamespace(rest=rests.append))
    lock: Any = SimpleNamespace(renew=lambda: kept.append("lock")) if locked else None
    items = list[BatchItem]()
    for user_id in ("u1", "u2", "u3"):
        push = push_of(capabilities=CAPABILITIES)
        push.store, push.lease, push.lease_seconds = store, replace(push.lease, user_id=user_id), 30.0
        items.append(BatchItem(push, Read(7), served=user_id == "u3"))
    batch = Batch(items[0], BatchKind("create", frozenset({3})), context, "task", items[1:], lock)
    batch._rest(25.0)
    assert rests == [10.0, 10.0, 5.0]
    assert leases.renewed == [["u1", "u2"]] * 3
    assert kept == ["lock"] * 3 * locked
    assert batch.now == stamp(NOW)
