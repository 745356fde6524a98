"""Ids by the million behave like a set, and like a dictionary of users, in little memory."""

from hypothesis import given
from hypothesis import strategies as st

from sync_tasks.reconcile.id_index import Holders, ShownIds

IDS = st.integers(min_value=1, max_value=30)


def parts(*users: dict[int, str]) -> list[tuple[str, str]]:
    return [(",".join(map(str, each)), " ".join(each.values())) for each in users if each]


@given(numbers=st.lists(IDS, unique=True))
def test_what_was_shown_is_remembered_in_whatever_order_it_came(numbers: list[int]) -> None:
    shown = ShownIds()
    for place, number in enumerate(numbers):
        assert number not in shown
        shown.add(number)
        assert all((other in shown) == (other in numbers[: place + 1]) for other in range(32))


@given(held=st.lists(st.dictionaries(IDS, st.text("ab", min_size=1), max_size=4)), found=st.sets(IDS))
def test_every_id_has_its_user_and_those_not_found_are_missing(held: list[dict[int, str]], found: set[int]) -> None:
    users = {number: {each[number] for each in held if number in each} for number in range(32)}
    holders = Holders(parts(*held))
    for number in found:
        holders.found(number)
    assert all((holders.user_of(number) or "") in (owners or {""}) for number, owners in users.items())
    missing = [owners for number, owners in users.items() if owners and number not in found]
    assert all(user in owners for user, owners in zip(holders.missing(), missing, strict=True))
