"""The next request: as few as possible, a look before what a block at Brevo decides, opt-outs always."""

from dataclasses import replace

import pytest

from sync_tasks.domain.contact import Block, Contact, RemoteContact, RemoteState
from sync_tasks.domain.diff import ERASED, Change, DesiredContact, NewContact, desired_of
from sync_tasks.domain.events import Event
from sync_tasks.domain.opt_outs import block_of
from sync_tasks.domain.planning import (
    Erase,
    Read,
    Search,
    SyncView,
    Write,
    after_write,
    concerns,
    first_view,
    is_met_by_creation,
    next_step,
)
from sync_tasks.domain.remote_state import before_write, remote_state_of
from sync_tasks.errors import UnknownContactError
from sync_tasks.ext_ids import ExtIds
from tests.support.saying import (
    ACCOUNT,
    ADA,
    BEA,
    MAPPING,
    anonymize,
    blocked,
    contact_of,
    key_of,
    stamp,
    subscribe,
    unsubscribe,
    update,
)

NOBODY = RemoteState()
READER = subscribe(1, first_name="Ada")
AGREED = RemoteState(7, ADA, frozenset({3}), desired_of(contact_of(READER), MAPPING).digest, read_at=stamp(2))
NEW = NewContact(ADA, "u1", {"FIRSTNAME": "Ada", "DAILY_UNSUBSCRIBED": False}, frozenset({3}))


@pytest.mark.parametrize(
    ("contact", "view", "step"),
    [
        pytest.param(contact_of(READER), SyncView(), NEW, id="a new reader is created at once"),
        pytest.param(contact_of(READER), SyncView(NOBODY), NEW, id="nobody was found: created"),
        pytest.param(contact_of(READER), SyncView(AGREED), None, id="agreed"),
        pytest.param(contact_of(update(1, email=ADA)), SyncView(), Search((ADA,)), id="an update may find somebody"),
        pytest.param(contact_of(update(1, email=ADA)), SyncView(NOBODY), None, id="an update creates nobody"),
        pytest.param(
            contact_of(unsubscribe(1, email=ADA)).searched, SyncView(NOBODY), None, id="an opt-out creates nobody"
        ),
        pytest.param(
            contact_of(update(1, email=BEA, previous_email=ADA), subscribe(2, email=BEA)),
            SyncView(),
            Search((BEA, ADA)),
            id="both addresses are looked for before anybody is created",
        ),
        pytest.param(
            contact_of(READER, unsubscribe(3)),
            SyncView(replace(AGREED, digest="old")),
            Write(
                7, Change(ext_id="u1", attributes={**NEW.attributes, "DAILY_UNSUBSCRIBED": True}, leave=frozenset({3}))
            ),
            id="an opt-out is one request",
        ),
        pytest.param(
            contact_of(READER),
            SyncView(None, outcome_unknown=True),
            Search((ADA,), by_ext_id=True),
            id="perhaps created",
        ),
        pytest.param(
            contact_of(READER),
            SyncView(AGREED, outcome_unknown=True),
            Read(7),
            id="if the outcome is unknown it is read",
        ),
        pytest.param(
            contact_of(READER),
            SyncView(replace(AGREED, extra_contact_ids=frozenset({9, 8}))),
            Erase(8),
            id="extra contacts go first",
        ),
        pytest.param(contact_of(anonymize(1)), SyncView(AGREED), Erase(7), id="erased"),
        pytest.param(contact_of(anonymize(1)), SyncView(NOBODY), None, id="nobody to erase"),
        pytest.param(contact_of(anonymize(1)), SyncView(RemoteState(7, digest=ERASED)), None, id="erased already"),
        pytest.param(
            contact_of(anonymize(1)),
            SyncView(RemoteState(7, digest=ERASED), outcome_unknown=True),
            Erase(7, written=True),
            id="verified",
        ),
        pytest.param(contact_of(READER, anonymize(2)), SyncView(), Search((ADA,)), id="looked for before it is erased"),
    ],
)
def test_the_next_step(contact: Contact, view: SyncView, step: object) -> None:
    assert next_step(contact, MAPPING, view) == step


@pytest.mark.parametrize("event", [update(1, first_name="Ada"), unsubscribe(1), anonymize(1)])
def test_without_an_address_nobody_never_seen_is_found(event: Event) -> None:
    with pytest.raises(UnknownContactError, match="`email`"):
        next_step(contact_of(event), MAPPING, SyncView())


def test_whose_address_was_given_up_cannot_be_created_again() -> None:
    contact = contact_of(READER, given_up={"address": stamp(1)})
    with pytest.raises(UnknownContactError, match="update_contact"):
        next_step(contact, MAPPING, SyncView(NOBODY))


def test_a_new_subscription_looks_for_a_block_first_and_then_writes() -> None:
    contact = contact_of(READER, subscribe(3, "weekly"))
    assert next_step(contact, MAPPING, SyncView(AGREED)) == Read(7, if_changed=True)
    fresh = SyncView(replace(AGREED, read_at=stamp(4)), fresh=True)
    assert next_step(contact, MAPPING, fresh) == Write(7, Change(join=frozenset({5})))


def test_a_new_address_looks_for_a_block_first() -> None:
    contact = contact_of(READER, update(3, email=BEA))
    assert next_step(contact.searched, MAPPING, SyncView(AGREED)) == Read(7)


def test_somebody_else_may_be_the_user_under_the_address_left() -> None:
    contact = contact_of(READER, update(3, email=BEA))
    assert next_step(contact, MAPPING, SyncView(replace(AGREED, address=BEA))) == Search((ADA,))
    assert next_step(contact, MAPPING, SyncView(NOBODY)) == Search((BEA, ADA))
    assert next_step(contact, MAPPING, SyncView(NOBODY, outcome_unknown=True)) == Search((BEA, ADA), by_ext_id=True)


def test_an_opt_out_looks_for_a_list_that_was_joined_since_the_last_look() -> None:
    contact = contact_of(READER, unsubscribe(3), pending={key_of(unsubscribe(3)): "1:" + stamp(3)})
    off = replace(AGREED, lists=frozenset(), absent_lists=frozenset({3, 5, 7}))
    assert next_step(contact, MAPPING, SyncView(off)) == Read(7, if_changed=True)
    later = replace(off, read_at=stamp(4))
    assert next_step(contact, MAPPING, SyncView(later)) == next_step(contact, MAPPING, SyncView(off, fresh=True))
    assert next_step(contact, MAPPING, SyncView(replace(off, absent_lists=frozenset()))) == Read(7)


@pytest.mark.parametrize(
    ("contact", "seen", "met"),
    [
        (contact_of(READER), NOBODY, True),
        (contact_of(READER, update(2, email=BEA)), NOBODY, False),
        (contact_of(READER, subscribe(2, "weekly"), unsubscribe(3)), NOBODY, False),
        (contact_of(READER, anonymize(2)), NOBODY, False),
        (contact_of(update(1, email=ADA)), NOBODY, False),
        (contact_of(READER, address_taken=True), NOBODY, False),
        (contact_of(READER, held=stamp(5)), NOBODY, False),
        (contact_of(READER), RemoteState(ended_up_to=stamp(5)), False),
        (contact_of(subscribe(1, email="ada@xn--mnchen-3ya.de")), NOBODY, False),
    ],
    ids=["sign-up", "moved", "opt-out", "erased", "update", "taken", "held", "ended at Brevo", "two forms"],
)
def test_a_creation_shows_who_has_the_address_if_it_is_sure_to_come(
    contact: Contact, seen: RemoteState, *, met: bool
) -> None:
    assert is_met_by_creation(contact, MAPPING, seen) is met


@pytest.mark.parametrize("event", [unsubscribe(3), anonymize(3)])
def test_what_ends_something_looks_again_for_somebody_who_was_not_there(event: Event) -> None:
    contact = contact_of(READER, event)
    absent = replace(contact, seen={ACCOUNT: NOBODY})
    assert next_step(absent, MAPPING, first_view(absent, ACCOUNT)) == Search((ADA,), by_ext_id=True)
    assert next_step(absent, MAPPING, SyncView(NOBODY, fresh=True)) is None


@pytest.mark.parametrize("shared", [False, True], ids=["an account of our own", "another system is there, too"])
def test_only_what_names_a_contact_of_a_shared_account_looks_first(*, shared: bool) -> None:
    mapping = replace(MAPPING, ext_ids=ExtIds("portal-{user_id}") if shared else ExtIds())
    ended = contact_of(READER, subscribe(1, "weekly"), unsubscribe(3, "weekly"))
    agreed = replace(AGREED, lists=frozenset({3, 5}), digest=desired_of(ended, mapping).digest)
    assert next_step(ended, mapping, SyncView(agreed)) == Write(7, Change(leave=frozenset({5})))
    step = next_step(ended, mapping, SyncView(replace(agreed, digest="old")))
    assert step == Read(7, if_changed=True) if shared else isinstance(step, Write)


def test_who_wants_a_taken_address_gets_only_what_ends_something() -> None:
    contact = contact_of(READER, update(2, email=BEA), unsubscribe(3), address_taken=True)
    seen = replace(AGREED, lists=frozenset({3}))
    ends = Change(attributes={"DAILY_UNSUBSCRIBED": True}, leave=frozenset({3}))
    assert next_step(contact, MAPPING, SyncView(seen)) == Write(7, ends)
    assert next_step(contact, MAPPING, SyncView(replace(seen, lists=frozenset()), fresh=True)) is None
    assert next_step(contact, MAPPING, SyncView()) is None
    assert next_step(contact, MAPPING, SyncView(outcome_unknown=True)) == Search((), by_ext_id=True)
    assert next_step(contact, MAPPING, SyncView(NOBODY)) is None
    assert next_step(contact_of(READER, address_taken=True), MAPPING, SyncView(NOBODY)) is None


@pytest.mark.parametrize(
    ("contact", "view"),
    [
        (contact_of(READER), SyncView()),
        (contact_of(READER, seen={ACCOUNT: AGREED}), SyncView(AGREED)),
        (contact_of(READER, seen={ACCOUNT: NOBODY}), SyncView(NOBODY)),
        (contact_of(READER, seen={ACCOUNT: AGREED}, looks={"other": "1"}), SyncView(AGREED)),
        (contact_of(READER, seen={ACCOUNT: AGREED}, looks={ACCOUNT: "1"}), SyncView(AGREED, outcome_unknown=True)),
        (contact_of(READER, unknown_since=stamp(1)), SyncView(None, outcome_unknown=True)),
        (contact_of(READER, seen={ACCOUNT: NOBODY}, unknown_since=stamp(1)), SyncView(None, outcome_unknown=True)),
        (
            contact_of(READER, seen={ACCOUNT: replace(AGREED, block=blocked(1))}, unknown_since=stamp(1)),
            SyncView(replace(AGREED, block=blocked(1)), outcome_unknown=True, guarded=blocked(1)),
        ),
        (
            contact_of(READER, seen={ACCOUNT: replace(AGREED, block=blocked(1))}, looks={ACCOUNT: "1"}),
            SyncView(replace(AGREED, block=blocked(1)), outcome_unknown=True),
        ),
    ],
)
def test_what_an_unanswered_request_may_have_changed_is_not_believed(contact: Contact, view: SyncView) -> None:
    assert first_view(contact, ACCOUNT) == view


@pytest.mark.parametrize(
    ("contact", "concerned"),
    [
        (contact_of(READER), True),
        (contact_of(subscribe(1, "of-another-account")), False),
        (contact_of(update(1, first_name="Ada")), True),
        (contact_of(update(1, first_name="Ada"), seen={ACCOUNT: NOBODY}), False),
        (contact_of(update(1, email=BEA, previous_email=ADA), seen={ACCOUNT: NOBODY}), True),
        (contact_of(subscribe(1, "of-another-account"), seen={ACCOUNT: AGREED}), True),
        (contact_of(anonymize(1), seen={ACCOUNT: NOBODY}), True),
    ],
)
def test_an_account_that_can_hold_nothing_of_the_user_is_not_asked(contact: Contact, *, concerned: bool) -> None:
    assert concerns(contact, ACCOUNT, MAPPING) is concerned


def test_reading_a_contact_shows_what_the_pipeline_cares_for() -> None:
    held = RemoteContact(7, ADA, "u1", frozenset({3, 99}), {**NEW.attributes, "HOBBY": "chess"}, blocked(1))
    before = RemoteState(ended_up_to=stamp(0), extra_contact_ids=frozenset({8}))
    seen = remote_state_of(held, contact_of(READER), MAPPING, before, stamp(9))
    known = replace(AGREED, block=blocked(1), ended_up_to=stamp(0), extra_contact_ids=frozenset({8}), read_at=stamp(9))
    assert seen == replace(known, absent_lists=MAPPING.lists - known.lists, foreign=frozenset({99}))


def test_a_list_that_the_pipeline_managed_once_is_remembered_while_the_contact_is_on_it() -> None:
    before = RemoteState(7, absent_lists=frozenset({99}), former=frozenset({98, 97}))
    held = RemoteContact(7, ADA, "u1", frozenset({3, 96, 97, 99}), NEW.attributes, None)
    seen = remote_state_of(held, contact_of(READER), MAPPING, before, stamp(9))
    assert seen.former == {97, 99}
    assert not seen.foreign


LOOKED = RemoteState(7, read_at=stamp(100))
HIDDEN = replace(blocked(5, "unknown"), guessed=True)
GUESSED, SHOWN = (replace(blocked(minute), guessed=True) for minute in (5, 110))


@pytest.mark.parametrize(
    ("held", "before", "reported", "block"),
    [
        pytest.param(None, replace(LOOKED, block=blocked(1)), {}, None, id="gone"),
        pytest.param(blocked(5), None, {}, blocked(5), id="new"),
        pytest.param(blocked(5), RemoteState(7, block=blocked(3)), {}, blocked(3), id="the first known moment is kept"),
        pytest.param(blocked(3), RemoteState(7, block=blocked(5)), {}, blocked(5), id="never an earlier one"),
        pytest.param(
            blocked(5, "hard_bounce"),
            RemoteState(7, block=blocked(3)),
            {},
            Block("hard_bounce", stamp(5), (("unsubscribed", stamp(3)),)),
            id="graver now, and what was there stays under it",
        ),
        pytest.param(
            replace(blocked(5), guessed=True),
            RemoteState(7, block=blocked(3, "complaint")),
            {},
            blocked(3, "complaint"),
            id="grave stays grave",
        ),
        pytest.param(GUESSED, None, {"complaint": stamp(4)}, blocked(5, "complaint"), id="an event reported why"),
        pytest.param(blocked(5), None, {"unsubscribed": stamp(8)}, blocked(8), id="an event reported a later one"),
        pytest.param(SHOWN, LOOKED, {"complaint": stamp(51)}, blocked(110, "complaint"), id="shown late"),
        pytest.param(SHOWN, LOOKED, {"complaint": stamp(49)}, blocked(110), id="an event about a block gone"),
        pytest.param(blocked(500), LOOKED, {"hard_bounce": stamp(110)}, blocked(500), id="a stale bounce"),
        pytest.param(
            blocked(500),
            replace(LOOKED, over={"hard_bounce": stamp(480)}),
            {"hard_bounce": stamp(480)},
            blocked(500),
            id="a bounce whose block ended",
        ),
        pytest.param(
            blocked(500, "hard_bounce"),
            replace(LOOKED, over={"hard_bounce": stamp(480)}),
            {},
            blocked(500, "hard_bounce"),
            id="a second bounce soon after the first",
        ),
        pytest.param(
            Block("hard_bounce", stamp(9), (("unsubscribed", stamp(500)),)),
            LOOKED,
            {},
            blocked(500),
            id="a bounce from before it was seen without a block",
        ),
        pytest.param(Block("odd", stamp(5)), None, {}, Block("odd", stamp(5)), id="a kind nobody knows"),
        pytest.param(HIDDEN, None, {}, HIDDEN, id="no reason"),
        pytest.param(HIDDEN, None, {"unsubscribed": stamp(4)}, blocked(5), id="an event gives the reason"),
        pytest.param(
            HIDDEN, replace(LOOKED, block=HIDDEN), {"complaint": stamp(6)}, blocked(6, "complaint"), id="late"
        ),
        pytest.param(blocked(5), replace(LOOKED, block=HIDDEN), {}, blocked(5), id="a look gives the reason"),
        pytest.param(HIDDEN, replace(LOOKED, block=blocked(3)), {}, blocked(3), id="hidden after it was known"),
        pytest.param(
            HIDDEN,
            replace(LOOKED, block=HIDDEN),
            {"unsubscribed": stamp(66)},
            Block("unknown", stamp(5), (("unsubscribed", stamp(66)),)),
            id="a later opt-out explains no older block",
        ),
    ],
)
def test_of_a_block_its_gravest_kind_and_the_latest_opt_out_count(
    held: Block | None, before: RemoteState | None, reported: dict[str, str], block: Block | None
) -> None:
    assert block_of(held, before, reported) == block


def test_the_opt_out_that_is_about_to_be_lifted_is_remembered_first() -> None:
    seen = replace(AGREED, block=blocked(2))
    assert before_write(seen, Change(blocklisted=False)) == replace(seen, ended_up_to=stamp(2))
    assert before_write(seen, Change(leave=frozenset({3}))) == seen
    assert before_write(AGREED, Change(blocklisted=False)) == AGREED


WANTED: DesiredContact = replace(desired_of(contact_of(READER), MAPPING), attributes={"FIRSTNAME": "Bea"})


@pytest.mark.parametrize(
    ("seen", "change", "after"),
    [
        (
            replace(AGREED, absent_lists=frozenset({5, 9}), foreign_lists=frozenset({3})),
            Change(join=frozenset({5}), leave=frozenset({3})),
            SyncView(replace(AGREED, lists=frozenset({5}), absent_lists=frozenset({3, 9})), fresh=True),
        ),
        (AGREED, Change(attributes={"CITY": "Ulm"}), SyncView(AGREED, fresh=True)),
        (AGREED, Change(ext_id="u1"), SyncView(replace(AGREED, digest=WANTED.digest), fresh=True)),
        (AGREED, Change(address=BEA), SyncView(replace(AGREED, address=BEA), fresh=True)),
        (
            replace(AGREED, block=blocked(2)),
            Change(blocklisted=False),
            SyncView(replace(AGREED, ended_up_to=stamp(2), over={"unsubscribed": stamp(2)}), fresh=True),
        ),
    ],
)
def test_what_brevo_said_yes_to_is_known(seen: RemoteState, change: Change, after: SyncView) -> None:
    assert after_write(SyncView(seen), change, WANTED) == after


def test_a_block_that_moved_along_with_an_address_is_read_back() -> None:
    seen = replace(AGREED, block=blocked(2))
    after = after_write(SyncView(seen), Change(address=BEA, blocklisted=True), WANTED)
    assert after == SyncView(replace(seen, address=BEA), fresh=False, outcome_unknown=True, guarded=blocked(2))


def test_a_block_that_was_set_again_is_known() -> None:
    after = after_write(SyncView(AGREED, guarded=blocked(2)), Change(blocklisted=True), WANTED)
    assert after == SyncView(replace(AGREED, block=blocked(2)), fresh=True)
