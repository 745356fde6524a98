"""A value written otherwise is the same one; another value is not."""

import pytest

from sync_tasks.domain.diff import is_same
from sync_tasks.domain.events import Json

SAME: list[tuple[Json, Json]] = [
    ("Anna", "Anna"),
    ("Anna", " Anna "),
    ("1990-01-02T00:00:00.000Z", "1990-01-02"),
    ("1990-01-02 00:00:00", "1990-01-02"),
    ("3", 3),
    (3, 3.0),
    ("3.0", 3),
    (5, "5"),
    (None, ""),
    ("", None),
]
OTHER: list[tuple[Json, Json]] = [
    ("Anna", "anna"),
    ("An na", "Anna"),
    ("1990-01-03T00:00:00.000Z", "1990-01-02"),
    ("1990-01-02T10:00:00.000Z", "1990-01-02"),
    ("1990-01-02 and more", "1990-01-02"),
    ("007", "7"),
    ("many", 3),
    ("true", True),
    ("", 0),
    ("", "Anna"),
    ("Anna", ""),
    (["a"], "a"),
]


@pytest.mark.parametrize(("held", "wanted"), SAME)
def test_the_same_value_written_otherwise(held: Json, wanted: Json) -> None:
    assert is_same(held, wanted)


@pytest.mark.parametrize(("held", "wanted"), OTHER)
def test_another_value(held: Json, wanted: Json) -> None:
    assert not is_same(held, wanted)


@pytest.mark.parametrize("held", ["4915123456789", "004915123456789", 4915123456789, "+49 151 23456789"])
def test_a_telephone_number_is_its_digits(held: Json) -> None:
    assert is_same(held, "+49 (151) 234567-89", phone=True)


@pytest.mark.parametrize(("held", "wanted"), [("4915123456780", "+4915123456789"), ("no number", "none"), ("", "+49")])
def test_another_telephone_number_is_another(held: str, wanted: str) -> None:
    assert not is_same(held, wanted, phone=True)


def test_digits_are_all_that_counts_of_telephone_numbers_alone() -> None:
    assert not is_same("4915123456789", "+4915123456789")
