"""Whose an ``ext_id`` is: by the pattern of any time, and never that of an erased person."""

import pytest

from sync_tasks.ext_ids import ExtIds, carries_token, erased_ext_id, is_erased_ext_id, make_token

PORTAL = ExtIds("portal-{user_id}-x", former=("old-{user_id}", "{user_id}-older"))
PLAIN = ExtIds()
# Made by ``make_token``; each process that collects the tests must find the same names.
TOKEN = "50b0f1b28fad53b03ae031d4"
ERASED = erased_ext_id(TOKEN)
OF_THE_FIRST_RELEASE = "deleted-0123456789abcdef"


@pytest.mark.parametrize(
    ("ext_id", "user", "foreign"),
    [
        ("portal-7-x", "7", False),
        ("old-7", "7", False),
        ("7-older", "7", False),
        ("portal--x", "", True),
        ("portal-x", "", True),
        ("portal-7", "", True),
        ("7-x", "", True),
        ("7", "", True),
        ("old-", "", True),
        ("shop-9", "", True),
        ("", "", False),
        (None, "", False),
        (ERASED, "", False),
        (OF_THE_FIRST_RELEASE, "", False),
        (f"{ERASED}0", "", True),
        (f"deleted-{'0' * 24}", "", True),
    ],
)
def test_an_ext_id_leads_to_its_user_or_is_another_systems(ext_id: str | None, user: str, *, foreign: bool) -> None:
    assert (PORTAL.user_of(ext_id), PORTAL.is_foreign(ext_id)) == (user, foreign)


def test_a_pattern_whose_parts_overlap_in_an_ext_id_names_nobody() -> None:
    ids = ExtIds("aba{user_id}aba")
    assert [ids.user_of(ext_id) for ext_id in ("aba", "ababa", "abaaba", "aba7aba")] == ["", "", "", "7"]


def test_without_a_fixed_part_every_ext_id_is_one_of_ours_but_that_of_an_erased_person() -> None:
    assert (PLAIN.user_of("shop-9"), PLAIN.is_foreign("shop-9"), PLAIN.shared) == ("shop-9", False, False)
    assert (PLAIN.user_of(ERASED), PLAIN.user_of(OF_THE_FIRST_RELEASE), PLAIN.is_foreign(ERASED)) == ("", "", False)
    assert PLAIN.user_of(f"deleted-{'0' * 24}") == f"deleted-{'0' * 24}"
    assert PORTAL.shared


def test_a_user_has_one_ext_id_for_each_pattern_the_present_one_first() -> None:
    assert PORTAL.of("7") == "portal-7-x"
    assert PORTAL.all_of("7") == ("portal-7-x", "old-7", "7-older")
    assert ExtIds(former=("{user_id}", "old-{user_id}")).all_of("7") == ("7", "old-7")


@pytest.mark.parametrize(
    ("ids", "ext_id", "proven"),
    [
        (PORTAL, "portal-7-x", True),
        (PORTAL, "old-7", True),
        (PORTAL, "portal-8-x", False),
        (PORTAL, None, False),
        (PLAIN, "7", False),
        (ExtIds("portal-{user_id}", former=("{user_id}",)), "7", False),
    ],
)
def test_only_a_pattern_with_a_fixed_part_proves_whose_it_is(ids: ExtIds, ext_id: str | None, *, proven: bool) -> None:
    assert ids.proves(ext_id, "7") is proven


def changed(token: str, place: int) -> str:
    return token[:place] + ("0" if token[place] != "0" else "1") + token[place + 1 :]


@pytest.mark.parametrize("place", [0, 15, 16, 23])
def test_a_token_ends_in_a_check_of_itself(place: int) -> None:
    assert len(TOKEN) == 24
    made = make_token()
    assert (len(made), made != TOKEN, is_erased_ext_id(erased_ext_id(made))) == (24, True, True)
    assert (is_erased_ext_id(ERASED), is_erased_ext_id(erased_ext_id(changed(TOKEN, place)))) == (True, False)
    assert (is_erased_ext_id(None), is_erased_ext_id(""), is_erased_ext_id(OF_THE_FIRST_RELEASE)) == (
        False,
        False,
        True,
    )


@pytest.mark.parametrize(
    ("address", "ext_id", "carries"),
    [
        (f"deleted-{TOKEN}@x.com", None, True),
        (f"deleted-{TOKEN.upper()}@x.com", None, True),
        (f"{TOKEN}ab@x.com", None, True),
        (f"ab{TOKEN}@x.com", None, True),
        (f"deleted-{changed(TOKEN, 23)}@x.com", None, False),
        (f"deleted-{TOKEN[:-1]}@x.com", None, False),
        (f"{'f' * 24}@{TOKEN}.com", None, True),
        ("deleted-0123456789abcdef@x.com", None, False),
        ("deleted-0123456789abcdef@x.com", "u1", False),
        ("deleted-0123456789abcdef@x.com", OF_THE_FIRST_RELEASE, True),
        ("deleted-0123456789abcde@x.com", OF_THE_FIRST_RELEASE, False),
        ("ada@x.com", ERASED, False),
        (None, ERASED, False),
        (None, None, False),
    ],
)
def test_an_address_is_ours_if_it_carries_a_token(address: str | None, ext_id: str | None, *, carries: bool) -> None:
    assert carries_token(address, ext_id) is carries
