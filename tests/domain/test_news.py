"""What a push found out: which suppressions are news, which of them ended and why, and what was put back."""

from dataclasses import replace
from typing import Any

import pytest

from sync_tasks.domain.contact import Block, RemoteState
from sync_tasks.domain.news import (
    ENDED,
    PUT_BACK,
    RENEWED,
    Notice,
    find_news,
    find_suppressed,
    read_notice,
    suppressions,
)
from tests.support.saying import ACCOUNT, ADA, BEA, anonymize, blocked, contact_of, stamp, subscribe

OTHER, NOW = "sports", stamp(9)
HELD = RemoteState(7, ADA, frozenset({3}))
ONE_BY_ONE = replace(HELD, ended={3: stamp(1), 5: stamp(2)})
BLOCKED = replace(HELD, block=blocked(4))
OPTED_OUT, BOUNCED = f"unsubscribed:{stamp(4)}", replace(HELD, block=blocked(4, "hard_bounce"))


def notice(what: str = ENDED, kind: str = "complaint", **more: Any) -> Notice:
    return Notice("u1", ACCOUNT, what, kind, NOW, **more)


@pytest.mark.parametrize(
    ("reported", "text"),
    [
        (notice(PUT_BACK, "edited (lists)"), "put back after it was edited (lists) at Brevo"),
        (notice(why="the contact is gone"), "no longer complaint: the contact is gone"),
        (notice(why=RENEWED, list_id=3), "no longer complaint for list 3: subscribed again"),
        (
            notice(why=RENEWED, foreign=(8, 9)),
            "no longer complaint: subscribed again; mail again from lists that are not ours: 8, 9",
        ),
    ],
)
def test_a_notice_says_in_words_what_happened_and_is_read_as_it_was_written(reported: Notice, text: str) -> None:
    assert reported.text == text
    assert read_notice(reported.wire) == reported


def test_a_notice_is_one_line_of_its_fields() -> None:
    fields = '"account": "default", "foreign": [8], "kind": "complaint", "list_id": 0, '
    rest = f'"since": "{NOW}", "user_id": "u1", "what": "ended", "why": "w"'
    assert notice(why="w", foreign=(8,)).wire == f"{{{fields}{rest}}}"


@pytest.mark.parametrize(
    ("seen", "found"),
    [
        (None, {}),
        (HELD, {}),
        (BLOCKED, {ACCOUNT: OPTED_OUT}),
        (ONE_BY_ONE, {"default/5": f"unsubscribed:{stamp(2)}"}),
        (
            replace(ONE_BY_ONE, skipped=frozenset({3})),
            {"default/3": f"unsubscribed:{stamp(1)}", "default/5": f"unsubscribed:{stamp(2)}"},
        ),
        (
            replace(ONE_BY_ONE, block=blocked(4)),
            {ACCOUNT: OPTED_OUT, "default/5": f"unsubscribed:{stamp(2)}"},
        ),
    ],
)
def test_a_contact_is_suppressed_as_a_whole_and_on_lists_that_it_left(
    seen: RemoteState | None, found: dict[str, str]
) -> None:
    assert suppressions(ACCOUNT, seen) == found


@pytest.mark.parametrize(
    ("before", "now", "found"),
    [
        ({}, {ACCOUNT: BLOCKED}, {ACCOUNT: OPTED_OUT}),
        ({ACCOUNT: BLOCKED}, {ACCOUNT: BLOCKED}, {}),
        ({ACCOUNT: BLOCKED}, {ACCOUNT: replace(HELD, block=blocked(5))}, {ACCOUNT: f"unsubscribed:{stamp(5)}"}),
        ({ACCOUNT: BLOCKED}, {ACCOUNT: HELD}, {ACCOUNT: ""}),
        ({ACCOUNT: BLOCKED}, {}, {}),
        ({ACCOUNT: BLOCKED, OTHER: BLOCKED}, {OTHER: HELD}, {OTHER: ""}),
        ({ACCOUNT: ONE_BY_ONE}, {ACCOUNT: HELD}, {"default/5": ""}),
        ({ACCOUNT: ONE_BY_ONE}, {OTHER: HELD}, {}),
    ],
)
def test_only_what_changed_is_news_and_only_where_somebody_looked(
    before: dict[str, RemoteState], now: dict[str, RemoteState], found: dict[str, str]
) -> None:
    assert find_suppressed(contact_of(subscribe(1), seen=before), now) == found


def test_of_an_erased_user_nothing_stays_suppressed() -> None:
    contact = contact_of(anonymize(1), seen={ACCOUNT: ONE_BY_ONE})
    assert find_suppressed(contact, {OTHER: BLOCKED}) == {ACCOUNT: "", OTHER: "", "default/5": ""}


def news(before: RemoteState | None, now: RemoteState, *, failed: bool = False) -> list[Notice]:
    """Return what a push that found this is to report; every notice is about the same user and moment."""
    contact = contact_of(subscribe(1), seen={ACCOUNT: before} if before else {})
    found = list(find_news(contact, ACCOUNT, now, NOW, failed=failed))
    assert {(one.user_id, one.account, one.since) for one in found} <= {("u1", ACCOUNT, NOW)}
    return found


def over(**moments: str) -> RemoteState:
    return replace(HELD, over=moments)


UP_TO_THEN = replace(HELD, ended_up_to=stamp(4))
TWO_REASONS = replace(HELD, block=Block("hard_bounce", stamp(4), (("unsubscribed", stamp(3)),)))


@pytest.mark.parametrize(
    ("before", "now", "kind", "why"),
    [
        (BLOCKED, HELD, "unsubscribed", "unblocked at Brevo"),
        (BLOCKED, replace(HELD, ended_up_to=stamp(3)), "unsubscribed", "unblocked at Brevo"),
        (BLOCKED, UP_TO_THEN, "unsubscribed", RENEWED),
        (BLOCKED, replace(HELD, ended_up_to=stamp(5)), "unsubscribed", RENEWED),
        (BLOCKED, replace(HELD, address=BEA), "unsubscribed", "unblocked at Brevo"),
        (BOUNCED, replace(HELD, address=BEA), "hard_bounce", "another address was confirmed"),
        (BOUNCED, replace(UP_TO_THEN, address=BEA), "hard_bounce", "another address was confirmed"),
        (BOUNCED, UP_TO_THEN, "hard_bounce", "unblocked at Brevo"),
        (TWO_REASONS, UP_TO_THEN, "hard_bounce", RENEWED),
        (BLOCKED, replace(HELD, id=8), "unsubscribed", "the contact gave way to another"),
        (BLOCKED, replace(HELD, id=None), "unsubscribed", "the contact is gone"),
        (replace(BLOCKED, id=None), HELD, "unsubscribed", "unblocked at Brevo"),
        # Found and lifted in the same push.
        (None, over(unsubscribed=stamp(4)), "unsubscribed", "unblocked at Brevo"),
        (None, replace(UP_TO_THEN, over={"unsubscribed": stamp(4)}), "unsubscribed", RENEWED),
        (None, replace(UP_TO_THEN, over={"hard_bounce": stamp(4)}, address=""), "hard_bounce", "unblocked at Brevo"),
        (None, over(hard_bounce=stamp(4)), "hard_bounce", "another address was confirmed"),
        (over(unsubscribed=stamp(3)), over(unsubscribed=stamp(4)), "unsubscribed", "unblocked at Brevo"),
        (None, over(unsubscribed=stamp(4), complaint=stamp(2)), "complaint", "unblocked at Brevo"),
        (over(complaint=stamp(2)), over(unsubscribed=stamp(4), complaint=stamp(2)), "unsubscribed",
         "unblocked at Brevo"),
    ],
)  # fmt: skip
def test_a_block_that_ended_is_news_with_the_reason(
    before: RemoteState | None, now: RemoteState, kind: str, why: str
) -> None:
    assert [(one.what, one.kind, one.why, one.list_id) for one in news(before, now)] == [(ENDED, kind, why, 0)]


@pytest.mark.parametrize(
    ("before", "now"), [(None, BLOCKED), (BLOCKED, BLOCKED), (HELD, HELD), (None, HELD), (over(a="1"), over(a="1"))]
)
def test_without_an_end_there_is_no_news(before: RemoteState | None, now: RemoteState) -> None:
    assert news(before, now) == []


@pytest.mark.parametrize(
    ("before", "now", "foreign"),
    [
        (replace(BLOCKED, foreign=frozenset({9})), HELD, (9,)),
        (replace(BLOCKED, foreign=frozenset({9})), replace(HELD, foreign=frozenset({8})), (8, 9)),
        (replace(BLOCKED, foreign=frozenset({9}), id=None), HELD, (9,)),
        (replace(BLOCKED, foreign=frozenset({9})), replace(HELD, id=8), ()),
    ],
)
def test_the_same_contact_gets_mail_again_from_lists_that_are_not_ours(
    before: RemoteState, now: RemoteState, foreign: tuple[int, ...]
) -> None:
    assert [one.foreign for one in news(before, now)] == [foreign]


def test_an_opt_out_of_a_list_ends_once_the_contact_is_on_it_again() -> None:
    ended = replace(ONE_BY_ONE, ended={3: stamp(1), 5: stamp(2), 7: stamp(3)})
    found = news(ended, replace(HELD, lists=frozenset({7, 3, 5}), ended={5: stamp(2)}))
    assert [(one.what, one.kind, one.why, one.list_id) for one in found] == [
        (ENDED, "unsubscribed", RENEWED, 3),
        (ENDED, "unsubscribed", RENEWED, 7),
    ]
    assert news(ended, replace(HELD, lists=frozenset())) == []


@pytest.mark.parametrize(
    ("edited", "how"),
    [({"deleted"}, "deleted"), ({"lists", "deleted"}, "deleted"), ({"lists", "address"}, "edited (address, lists)")],
)
def test_what_was_put_back_is_news_unless_the_push_failed(edited: set[str], how: str) -> None:
    now = replace(HELD, edited=frozenset(edited))
    assert news(HELD, now) == [notice(PUT_BACK, how)]
    assert news(HELD, now, failed=True) == news(HELD, replace(now, id=None)) == []


def test_of_an_erased_user_nothing_is_reported() -> None:
    contact = contact_of(anonymize(1), seen={ACCOUNT: BLOCKED})
    assert list(find_news(contact, ACCOUNT, replace(HELD, edited=frozenset({"lists"})), NOW, failed=False)) == []
