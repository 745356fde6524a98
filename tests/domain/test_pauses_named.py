"""The names of pauses in Redis lead back to account, part and list; an error pauses no more than it must."""

import pytest

from sync_tasks.domain.pauses import (
    CREATING,
    absent_lists,
    advise,
    list_of,
    list_part,
    name_of,
    part_in_trouble,
    parts_of,
)
from sync_tasks.errors import (
    AccountError,
    ForbiddenError,
    LimitReachedError,
    OutOfCreditsError,
    SyncError,
    UnauthorizedError,
)

NAMES = ["news", "news creating", "news list 3", "news list 12", "sports list 5", "newsroom list 7"]


def test_a_name_is_the_account_and_then_the_part() -> None:
    assert [name_of("news"), name_of("news", CREATING), name_of("news", list_part(3))] == NAMES[:3]
    assert parts_of(NAMES, "news") == {CREATING, "list 3", "list 12"}
    assert parts_of(NAMES, "other") == frozenset()


def test_the_lists_that_an_account_lacks_are_its_own() -> None:
    assert absent_lists(NAMES, "news") == {3, 12}
    assert absent_lists(NAMES, "sports") == {5}
    assert absent_lists(["news creating"], "news") == frozenset()
    assert (list_of(list_part(12)), list_of(CREATING)) == (12, None)


@pytest.mark.parametrize("error", [OutOfCreditsError("402"), ForbiddenError("403"), LimitReachedError("400")])
def test_what_may_concern_creating_alone_pauses_that(error: SyncError) -> None:
    assert part_in_trouble(error, CREATING) == CREATING
    assert part_in_trouble(error, "") == ""


@pytest.mark.parametrize("error", [UnauthorizedError("401"), AccountError("404")])
def test_what_concerns_everything_pauses_the_account(error: SyncError) -> None:
    assert part_in_trouble(error, CREATING) == ""


def test_the_advice_names_the_newsletter_as_far_as_it_is_known() -> None:
    text = "create the list at Brevo, or name another one in newsletters.{}.list_id"
    assert (advise(list_part(3), "daily"), advise(list_part(3))) == (text.format("daily"), text.format("?"))
