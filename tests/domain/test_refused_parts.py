"""Less and less of a refused change, the likeliest first."""

from dataclasses import replace
from typing import Any

import pytest

from sync_tasks.domain.diff import Change, NewContact
from sync_tasks.domain.events import Event
from sync_tasks.domain.refused_parts import (
    EMAIL,
    LIFT,
    concerns_part,
    may_be_a_number,
    rejected,
    sound_rests,
    without_number,
    without_numbers,
    without_parts,
)
from sync_tasks.errors import DuplicateContactError, RejectedAddressError, RejectedNumberError, RejectedPartError
from tests.domain.test_outcomes import SETTINGS
from tests.support.saying import ADA, BEA, anonymize, contact_of, key_of, subscribe, unsubscribe, update

VALUES: dict[str, Any] = {"FIRSTNAME": "Anna", "SMS": "12"}
WHOLE = Change(
    address="anna@portal.org", ext_id="anna", attributes=VALUES, join=frozenset({3, 5}), leave=frozenset({7})
)


def left_out(change: Change, *identifiers: str, sure: bool = True) -> list[set[str]]:
    return [set(rest.left_out) for rest in sound_rests(change, identifiers, sure=sure)]


def test_numbers_go_first_then_the_address_then_all_attributes() -> None:
    assert left_out(WHOLE) == [
        {"SMS"},
        {EMAIL},
        {"SMS", EMAIL},
        {"SMS", "FIRSTNAME"},
        {"SMS", "FIRSTNAME", EMAIL},
    ]


def test_every_rest_keeps_the_lists() -> None:
    assert {(rest.change.join, rest.change.leave) for rest in sound_rests(WHOLE, (), sure=True)} == {
        (WHOLE.join, WHOLE.leave)
    }


def test_without_the_address_nobody_joins_a_list_that_was_asked_for_with_it() -> None:
    joined = {
        EMAIL in rest.left_out: rest.change.join
        for rest in sound_rests(WHOLE, (), sure=True, with_address=frozenset({5}))
    }
    assert joined == {True: {3}, False: {3, 5}}


def test_what_another_contact_has_is_left_out_alone() -> None:
    assert left_out(WHOLE, "sms", "ext_id") == [{"SMS"}]
    assert left_out(WHOLE, "ext_id") == []
    assert left_out(Change(ext_id="anna"), "sms", "ext_id") == []


def test_nothing_but_numbers_is_left_out_while_a_list_may_be_the_reason() -> None:
    assert left_out(WHOLE, sure=False) == [{"SMS"}]


def test_a_number_to_be_emptied_is_first_tried_by_null() -> None:
    first, second = sound_rests(Change(attributes={"SMS": ""}), (), sure=True)
    assert (first.change.nulls, first.left_out) == (frozenset({"SMS"}), frozenset())
    assert (second.change, second.left_out) == (Change(), frozenset({"SMS"}))


def test_names_alone_have_no_sound_rest() -> None:
    assert left_out(Change(attributes={"FIRSTNAME": "Anna"})) == []


def test_the_error_names_the_parts_and_no_value() -> None:
    errors = [rejected(names, WHOLE) for names in (["SMS"], [EMAIL], [EMAIL, "SMS"], ["FIRSTNAME", "SMS"])]
    assert [type(error) for error in errors] == [
        RejectedNumberError,
        RejectedAddressError,
        RejectedAddressError,
        RejectedPartError,
    ]
    assert [set(error.parts) for error in errors] == [{"SMS"}, {EMAIL}, {EMAIL, "SMS"}, {"FIRSTNAME", "SMS"}]
    assert "anna@portal.org" not in str(errors)
    assert "Anna" not in str(errors)
    assert "to empty SMS" in str(rejected(["SMS"], Change(attributes={"SMS": ""})))


def test_a_truth_value_goes_last() -> None:
    flagged = Change(address="anna@portal.org", attributes={"FIRSTNAME": "Anna", "VIP": True}, join=frozenset({3}))
    assert left_out(flagged) == [
        {EMAIL},
        {"FIRSTNAME"},
        {"FIRSTNAME", EMAIL},
        {"FIRSTNAME", "VIP"},
        {"FIRSTNAME", "VIP", EMAIL},
    ]


def test_a_number_that_another_contact_has_is_not_tried_by_null() -> None:
    cleared = Change(attributes={"SMS": "", "WHATSAPP": "12"})
    assert left_out(cleared, "sms") == [{"SMS", "WHATSAPP"}]
    first, *_ = sound_rests(cleared, (), sure=False)
    assert (first.change.nulls, first.left_out) == (frozenset({"SMS"}), frozenset())
    nulled = Change(attributes={"SMS": None}, nulls=frozenset({"SMS"}), join=frozenset({3}))
    assert [rest.change.nulls for rest in sound_rests(nulled, (), sure=False)] == [frozenset()]


@pytest.mark.parametrize(("flag", "left"), [(False, None), (True, True), (None, None)])
def test_a_block_ends_only_at_the_address_that_is_wanted(*, flag: bool | None, left: bool | None) -> None:
    lifting = Change(address="anna@portal.org", join=frozenset({3, 5}), blocklisted=flag)
    (rest,) = sound_rests(lifting, (), sure=True, with_address=frozenset({5}))
    assert rest.change == Change(join=frozenset({3}), blocklisted=left)
    assert rest.left_out == ({EMAIL, LIFT} if flag is False else {EMAIL})


def test_what_is_left_out_is_nowhere_in_the_change() -> None:
    attributes: dict[str, Any] = {"SMS": "", "CITY": ""}
    change = Change("a@b.org", "anna", attributes, frozenset({3}), blocklisted=True, nulls=frozenset({"SMS"}))
    assert without_parts(change, {"SMS"}) == replace(change, attributes={"CITY": ""}, nulls=frozenset())
    assert without_parts(change, {EMAIL, "CITY"}) == replace(change, address=None, attributes={"SMS": ""})


def test_without_numbers_the_rest_stays() -> None:
    numbers: dict[str, Any] = dict.fromkeys(["SMS", "WHATSAPP", "LANDLINE_NUMBER"], "12")
    new = NewContact("a@b.org", "anna", {"CITY": "Ulm", **numbers}, frozenset({3}))
    assert without_numbers(new) == NewContact("a@b.org", "anna", {"CITY": "Ulm"}, frozenset({3}))
    assert without_numbers(Change(ext_id="anna", attributes=numbers)) == Change(ext_id="anna")


@pytest.mark.parametrize(
    ("kinds", "may_be", "left"),
    [
        (("sms",), True, ("sms",)),
        (("sms", "ext_id"), True, ("ext_id",)),
        (("whatsapp", "landline_number", "ext_id"), True, ("ext_id",)),
        (("sms", "email"), False, ("email",)),
        (("ext_id",), False, ("ext_id",)),
        (("email",), False, ("email",)),
        ((), False, ()),
    ],
)
def test_a_refusal_may_be_about_a_number(kinds: tuple[str, ...], left: tuple[str, ...], *, may_be: bool) -> None:
    error = DuplicateContactError("400", kinds)
    assert may_be_a_number(error) is may_be
    assert (str(without_number(error)), without_number(error).identifiers) == ("400", left)


@pytest.mark.parametrize(
    ("names", "attributes", "text"),
    [
        ([EMAIL, LIFT, "SMS"], {}, "Brevo refuses the address, SMS; all else is done"),
        (["SMS", "FIRSTNAME"], {}, "Brevo refuses one of FIRSTNAME, SMS; all else is done"),
        (["SMS"], {"SMS": None}, "Brevo refuses to empty SMS; all else is done"),
        (["SMS", "WHATSAPP"], {"SMS": ""}, "Brevo refuses to empty SMS, WHATSAPP; all else is done"),
        (
            ["SMS", "WHATSAPP"],
            {"SMS": "", "WHATSAPP": "12"},
            "Brevo refuses SMS, WHATSAPP: no such number, or another contact has it; all else is done",
        ),
    ],
)
def test_a_refused_part_is_named(names: list[str], attributes: dict[str, Any], text: str) -> None:
    error = rejected(names, Change(attributes=attributes))
    assert (str(error), error.parts) == (text, tuple(names))


NAMED = subscribe(1, first_name="Ada")
MOVED = update(2, email=BEA)


@pytest.mark.parametrize(
    ("event", "others", "parts", "concerned"),
    [
        (NAMED, [], ("FIRSTNAME",), True),
        (NAMED, [], ("CITY",), False),
        (NAMED, [], (EMAIL,), True),
        (NAMED, [MOVED], (EMAIL,), False),
        (MOVED, [NAMED], (EMAIL,), True),
        (MOVED, [NAMED], ("FIRSTNAME",), False),
        (NAMED, [MOVED], (EMAIL, LIFT), True),
        (update(1, first_name="Ada"), [MOVED], (EMAIL, LIFT), False),
        (unsubscribe(1, email=ADA), [], (EMAIL,), False),
        (NAMED, [anonymize(3)], ("CITY",), True),
    ],
)
def test_a_refused_part_concerns_the_event_that_brought_it(
    event: Event, others: list[Event], parts: tuple[str, ...], *, concerned: bool
) -> None:
    error = RejectedPartError("400", parts)
    assert concerns_part(key_of(event), contact_of(event, *others), SETTINGS, error) is concerned
