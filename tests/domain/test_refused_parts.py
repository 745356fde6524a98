"""Less and less of a refused change, the likeliest first."""

from typing import Any

from sync_tasks.domain.diff import Change
from sync_tasks.domain.refused_parts import EMAIL, rejected, sound_rests
from sync_tasks.errors import RejectedAddressError, RejectedNumberError, RejectedPartError

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
