"""Each bound on tries to log in, with the last try that it admits."""

import pytest

from sync_tasks.operate.login_bounds import (
    LONGEST_NAME,
    TRIES,
    TRIES_OF_ADDRESS,
    TRIES_OF_STRANGERS,
    Lane,
    LoginBounds,
    TooManyTriesError,
)

ADDRESS = "192.0.2.1"


@pytest.fixture
def bounds() -> LoginBounds:
    return LoginBounds()


def count_admitted(bounds: LoginBounds, names: list[str], addresses: list[str], browser: str = "") -> int:
    """Return how many tries, one after the other, come before the first that is turned away."""
    for number, (name, address) in enumerate(zip(names, addresses, strict=True)):
        try:
            bounds.find_lane(name, address, browser)
        except TooManyTriesError:
            return number
    return len(names)


def test_the_bounds_are_these() -> None:
    assert (TRIES, TRIES_OF_ADDRESS, TRIES_OF_STRANGERS, LONGEST_NAME) == (10, 30, 120, 100)


@pytest.mark.parametrize("cut", [False, True])
def test_one_name_from_one_address_is_tried_ten_times(bounds: LoginBounds, *, cut: bool) -> None:
    names = [f"{'a' * LONGEST_NAME}{number if cut else ''}" for number in range(99)]
    assert count_admitted(bounds, names, [ADDRESS] * 99) == 10


def test_names_that_differ_in_their_last_letter_that_counts_are_different(bounds: LoginBounds) -> None:
    names = [f"{'a' * (LONGEST_NAME - 1)}{letter}" for letter in "ab"]
    assert count_admitted(bounds, names * 10, [ADDRESS] * 20) == 20


def test_one_address_tries_thirty_times(bounds: LoginBounds) -> None:
    names = list(map(str, range(99)))
    assert count_admitted(bounds, names, [ADDRESS] * 99) == 30
    assert bounds.find_lane("anna", "192.0.2.2", "") is bounds.strangers


def test_all_addresses_together_try_so_often(bounds: LoginBounds) -> None:
    assert count_admitted(bounds, ["anna"] * 200, [f"192.0.2.{number}" for number in range(200)]) == 120


def test_a_known_browser_has_its_own_lane_and_is_no_stranger_after_its_tries(bounds: LoginBounds) -> None:
    assert bounds.find_lane("anna", ADDRESS, "browser") is bounds.known
    assert count_admitted(bounds, ["anna"] * 99, [ADDRESS] * 99, "browser") == 9
    assert bounds.find_lane("anna", ADDRESS, "another") is bounds.known
    assert count_admitted(bounds, ["anna"] * 99, [ADDRESS] * 99) == 10, "the browser's tries do not count there"


def test_of_three_in_a_lane_one_makes_its_hash_one_waits_and_one_is_sent_away() -> None:
    lane = Lane()
    assert lane.waiting.acquire(blocking=False), "somebody waits"
    with lane.enter():
        assert lane.one_by_one.locked()
        with pytest.raises(TooManyTriesError), lane.enter():
            pass
    assert not lane.one_by_one.locked()
    with lane.enter():
        assert lane.one_by_one.locked()


def test_a_hash_that_fails_leaves_the_lane_free() -> None:
    lane = Lane()
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), lane.enter():
            raise ZeroDivisionError
    assert lane.waiting._value == 2
