"""What a push learns of a contact that it is shown: whose it is, what is remembered of it, and what is asked anew."""

from dataclasses import replace
from typing import Any

import pytest

from sync_tasks.domain.contact import RemoteContact
from sync_tasks.domain.diff import ERASED
from sync_tasks.domain.planning import SyncView
from sync_tasks.ext_ids import erased_ext_id, make_token
from sync_tasks.sync.push import Push
from tests.support.saying import ADA, BEA, blocked, contact_of, stamp, subscribe
from tests.sync.test_push import BLOCKED, HELD, push_of


class Account:
    """Finds one contact by its ``ext_id``, and counts how often somebody asked anew whose account it is."""

    shows_ext_ids = True

    def __init__(self, moved: RemoteContact | None = None) -> None:
        self.moved, self.rechecked = moved, 0

    def find_ext_id(self, _ext_id: str) -> RemoteContact | None:
        return self.moved

    def recheck_owner(self) -> None:
        self.rechecked += 1


def shown(contact_id: int = 7, address: str = ADA, ext_id: str | None = "u1", **said: Any) -> RemoteContact:
    return replace(RemoteContact(contact_id, address, ext_id, frozenset({3}), {}, None), **said)


def anonymized(contact_id: int = 7) -> RemoteContact:
    token = make_token()
    return shown(contact_id, f"deleted-{token}@example.com", erased_ext_id(token))


def learnt(remote: RemoteContact | None, *, account: Account | None = None, read_at: str = "", **said: Any) -> Push:
    push = push_of(gateway=account or Account(), **said)
    push.learn(remote, read_at)
    return push


def test_of_a_contact_that_is_gone_its_opt_outs_stay() -> None:
    push = learnt(None, view=SyncView(BLOCKED, outcome_unknown=True))
    assert push.view == SyncView(BLOCKED.forgotten, fresh=True)
    assert push.known().ended_up_to == blocked(1).latest
    assert learnt(None, view=SyncView(HELD, guarded=blocked(1))).view == SyncView(BLOCKED.forgotten, fresh=True)


def test_somebody_else_under_a_known_id_is_not_read_as_the_user() -> None:
    account = Account()
    push = learnt(shown(7, BEA, "u9"), account=account, view=SyncView(HELD, fresh=True, guarded=blocked(1)))
    assert push.view == SyncView(None, outcome_unknown=True, guarded=blocked(1))
    assert account.rechecked == 1


def test_another_users_contact_is_searched_anew_but_on_the_same_account() -> None:
    account = Account()
    push = learnt(shown(8, ADA, "u2"), account=account)
    assert (push.view, account.rechecked) == (SyncView(None, outcome_unknown=True), 0)


@pytest.mark.parametrize(("read_at", "expected"), [("", stamp(9)), (stamp(4), stamp(4))])
def test_a_contact_of_the_user_is_taken_over_as_it_is_shown(read_at: str, expected: str) -> None:
    push = learnt(
        shown(attributes={"FIRSTNAME": "Eve"}), read_at=read_at, contact=contact_of(subscribe(1, first_name="Ada"))
    )
    assert (push.known().id, push.known().lists, push.known().read_at) == (7, frozenset({3}), expected)
    assert (push.view.fresh, push.view.guarded, push.differing) == (True, None, ("FIRSTNAME",))


def test_a_block_that_is_not_shown_after_a_request_that_may_have_lifted_it_is_guarded() -> None:
    assert learnt(shown(), view=SyncView(HELD, guarded=blocked(1))).view.guarded == blocked(1)
    assert learnt(shown(block=blocked(1)), view=SyncView(HELD, guarded=blocked(1))).view.guarded is None


def test_another_contact_of_the_user_has_nothing_of_the_old_one_but_what_its_opt_outs_ended() -> None:
    old = replace(BLOCKED, edited=frozenset({"lists"}), absent_lists=frozenset({5}), unblocked=stamp(2))
    push = learnt(shown(9), view=SyncView(old))
    assert (push.known().id, push.known().ended_up_to, push.known().edited) == (9, stamp(2), frozenset())
    assert push.view.guarded == blocked(1)
    same = learnt(shown(7), view=SyncView(replace(old, block=None)))
    assert (same.known().ended_up_to, same.view.guarded) == ("", None)


def test_who_was_anonymized_for_another_contact_of_the_same_user_leads_to_that_one() -> None:
    push = learnt(anonymized(), account=Account(shown(9)))
    assert (push.known().id, push.known().address, push.view.fresh) == (9, ADA, True)


def test_who_was_anonymized_and_is_nowhere_else_was_erased_at_brevo() -> None:
    push = learnt(anonymized())
    assert (push.known().id, push.known().digest, push.view.fresh) == (7, ERASED, True)


def test_another_anonymized_contact_proves_no_erasure_of_the_user() -> None:
    assert learnt(anonymized(9)).view == SyncView(None, outcome_unknown=True)
