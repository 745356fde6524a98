"""Each line of the comparison of what the portal wants with what Brevo holds, as it is shown."""

from dataclasses import replace

import pytest

from sync_tasks.domain.contact import Block, RemoteContact, RemoteState
from sync_tasks.domain.diff import ERASED
from sync_tasks.domain.events import Json
from sync_tasks.domain.mapping import AccountMapping
from sync_tasks.monitoring.sides import IN_FULL, ComparedLine, Masks, compare, recall, show_value
from tests.support.saying import ADA, BEA, MAPPING, anonymize, blocked, contact_of, subscribe, unsubscribe

Shown = tuple[str, str, str, bool | None]
ANNA = contact_of(subscribe(1, first_name="Ada", attributes={"city": "Ulm"}), unsubscribe(2, "weekly"))
HELD = RemoteContact(
    7, ADA, "u1", frozenset({3}), {"FIRSTNAME": "Ada", "CITY": "Ulm", "DAILY_UNSUBSCRIBED": False}, None
)
WANTS_DAILY, LEFT_WEEKLY = "subscribed since 2026-03-01", "unsubscribed since 2026-03-01"


def shown(lines: list[ComparedLine]) -> list[Shown]:
    return [(line.what, line.wanted, line.held, line.agrees) for line in lines]


def lines_of(
    remote: RemoteContact | None, block: Block | None = None, mapping: AccountMapping = MAPPING
) -> list[Shown]:
    return shown(compare(ANNA, mapping, RemoteState(7, block=block), remote, IN_FULL))


def test_a_contact_that_agrees_has_a_line_for_each_thing() -> None:
    assert lines_of(HELD) == [
        ("address", ADA, ADA, True),
        ("ext_id", "u1", "u1", True),
        ("CITY", "Ulm", "Ulm", True),
        ("DAILY_UNSUBSCRIBED", "no", "no", True),
        ("FIRSTNAME", "Ada", "Ada", True),
        ("daily", WANTS_DAILY, "on list 3", True),
        ("weekly", LEFT_WEEKLY, "not on list 5", True),
    ]


def test_nobody_at_brevo_is_empty_on_that_side() -> None:
    assert lines_of(None) == [
        ("address", ADA, "", False),
        ("ext_id", "u1", "", False),
        ("CITY", "Ulm", "", False),
        ("DAILY_UNSUBSCRIBED", "no", "", False),
        ("FIRSTNAME", "Ada", "", False),
        ("daily", WANTS_DAILY, "not on list 3", False),
        ("weekly", LEFT_WEEKLY, "not on list 5", True),
    ]


DIFFERS = RemoteContact(
    7, BEA, "u1", frozenset({5, 8, 9}), {"FIRSTNAME": "", "DAILY_UNSUBSCRIBED": True}, blocked(5), {3: "1", 9: "1"}
)


def test_what_differs_what_is_not_ours_and_a_block_are_named() -> None:
    assert lines_of(DIFFERS, mapping=replace(MAPPING, earlier={"daily": frozenset({8})})) == [
        ("address", ADA, BEA, False),
        ("ext_id", "u1", "u1", True),
        ("CITY", "Ulm", "", False),
        ("DAILY_UNSUBSCRIBED", "no", "yes", False),
        ("FIRSTNAME", "Ada", "", False),
        ("daily", WANTS_DAILY, "not on list 3, unsubscribed there", False),
        ("weekly", LEFT_WEEKLY, "on list 5", False),
        ("list 8", "", "on list 8, which a newsletter had before", None),
        ("list 9", "", "on list 9, which is not ours", None),
        ("blocklisted", "", "unsubscribed since 2026-03-01", None),
    ]


def test_masks_hide_addresses_and_values_and_nothing_else() -> None:
    assert shown(compare(ANNA, MAPPING, RemoteState(7), HELD, Masks())) == [
        ("address", "***@e***.com", "***@e***.com", True),
        ("ext_id", "u1", "u1", True),
        ("CITY", "***", "***", True),
        ("DAILY_UNSUBSCRIBED", "***", "***", True),
        ("FIRSTNAME", "***", "***", True),
        ("daily", WANTS_DAILY, "on list 3", True),
        ("weekly", LEFT_WEEKLY, "not on list 5", True),
    ]


BOUNCED = Block("hard_bounce", blocked(5).since, (("unsubscribed", blocked(24 * 60).since),))
REASONS = "hard_bounce since 2026-03-01, unsubscribed since 2026-03-02"


@pytest.mark.parametrize(
    ("held", "known", "line"),
    [
        (None, None, None),
        (blocked(5), None, "unsubscribed since 2026-03-01"),
        (None, BOUNCED, f"no longer; remembered: {REASONS}"),
        (blocked(5), BOUNCED, REASONS),
    ],
    ids=["none", "held", "remembered", "both"],
)
def test_a_block_is_shown_with_every_reason_that_is_known(
    held: Block | None, known: Block | None, line: str | None
) -> None:
    found = [one for one in lines_of(replace(HELD, block=held), known) if one[0] == "blocklisted"]
    assert found == ([("blocklisted", "", line, None)] if line else [])


@pytest.mark.parametrize(
    ("remote", "digest", "gone"),
    [
        (None, "", True),
        (replace(HELD, block=blocked(5), lists=frozenset()), ERASED, True),
        (replace(HELD, lists=frozenset()), ERASED, False),
        (replace(HELD, block=blocked(5)), ERASED, False),
        (replace(HELD, block=blocked(5), lists=frozenset()), "other", False),
    ],
    ids=["nobody", "emptied", "not blocked", "on a list", "not emptied by us"],
)
def test_an_erased_user_is_gone_or_emptied_and_blocked(
    remote: RemoteContact | None, digest: str, *, gone: bool
) -> None:
    erased = contact_of(subscribe(1), anonymize(3))
    held = "erased" if gone else "not yet erased"
    assert shown(compare(erased, MAPPING, RemoteState(7, digest=digest), remote, IN_FULL)) == [
        ("contact", "erased", held, gone)
    ]
    remembered = "erased" if digest == ERASED else "not yet erased"
    assert shown(recall(erased, MAPPING, RemoteState(7, digest=digest), IN_FULL)) == [
        ("contact", "erased", remembered, None)
    ]


@pytest.mark.parametrize(
    ("seen", "address", "daily", "agrees"),
    [
        (RemoteState(7, ADA, frozenset({3}), "x", blocked(4)), ADA, "on list 3", True),
        (RemoteState(7, BEA, frozenset(), "x", blocked(4)), BEA, "not on list 3", False),
    ],
    ids=["agrees", "differs"],
)
def test_what_is_remembered_lacks_the_values_and_the_ext_id(
    seen: RemoteState, address: str, daily: str, *, agrees: bool
) -> None:
    assert shown(recall(ANNA, MAPPING, seen, IN_FULL)) == [
        ("address", ADA, address, agrees),
        ("CITY", "Ulm", "", False),
        ("DAILY_UNSUBSCRIBED", "no", "", False),
        ("FIRSTNAME", "Ada", "", False),
        ("daily", WANTS_DAILY, daily, agrees),
        ("weekly", LEFT_WEEKLY, "not on list 5", True),
        ("blocklisted", "", "unsubscribed since 2026-03-01", None),
    ]


@pytest.mark.parametrize(
    ("value", "text"), [(True, "yes"), (False, "no"), (None, ""), ("", ""), (0, "0"), (1.5, "1.5"), ("Ulm", "Ulm")]
)
def test_a_value_in_full(value: Json, text: str) -> None:
    assert show_value(value) == text
