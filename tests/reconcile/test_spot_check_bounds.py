"""Which kinds are looked at alone, from how many on, whom the looks are at, and how many must agree."""

from collections import Counter
from types import SimpleNamespace
from typing import Any, cast, get_args

import pytest

from sync_tasks.errors import GatewayUnavailableError
from sync_tasks.reconcile import spot_check
from sync_tasks.reconcile.comparison import Comparison
from sync_tasks.reconcile.drift import Drift, Kind
from sync_tasks.reconcile.spot_check import check_pages

NEVER = {
    "duplicate contact",
    "unknown contact",
    "erased person",
    "unfinished erasure",
    "dead letter",
    "waiting",
    "unreadable",
}
AGREES, DIFFERS, GONE, FORGOTTEN = "agrees", "differs", "gone", "forgotten"


class Compared(SimpleNamespace):
    """A comparison that found these drifts; each look in order shows the same, another thing, or nobody."""

    def __init__(self, drifts: list[Drift], *looks: str) -> None:
        self.drifts, self.kinds = drifts, Counter(kind for one in drifts for kind in one.kinds)
        self.account, self.looks, self.asked, self.forgot = "one", list(looks), list[int](), 0
        gateways = {"one": SimpleNamespace(read=self._read)}
        self.context = SimpleNamespace(gateways=gateways, limiter=None, store=SimpleNamespace(now=lambda: "now"))
        self.memory = SimpleNamespace(forget=self._forget)

    def _forget(self) -> None:
        self.forgot += 1

    def _read(self, contact_id: int) -> object:
        self.asked.append(contact_id)
        self.look = self.looks.pop(0)
        return None if self.look == GONE else contact_id

    def look_at(self, remote: object, contact: object, read_at: str) -> object:
        assert (remote, contact, read_at) == (self.asked[-1], f"u{self.asked[-1]}", "now")
        kinds = self.drifts[self.asked[-1] - 1].kinds if self.look == AGREES else ("unreadable",)
        return Drift(cast("Any", kinds)) if self.look != "handled" else "in other hands"

    def check(self) -> None:
        check_pages(cast("Comparison", self))


def drifts(number: int, *kinds: Kind) -> list[Drift]:
    """Return so many differences of the same kinds, of contacts 1, 2, 3 …"""
    return [Drift(kinds, f"u{one}", one) for one in range(1, number + 1)]


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """The contacts whose users the state has forgotten."""
    forgotten = set[int]()

    def read(users: list[str], _store: object) -> dict[str, str]:
        return {user: user for user in users if int(user[1:]) not in forgotten}

    monkeypatch.setattr(spot_check, "read_contacts", read)
    return forgotten


@pytest.mark.parametrize("kind", get_args(Kind))
def test_each_kind_is_looked_at_but_those_that_need_no_page(kind: Kind) -> None:
    compared = Compared(drifts(51, kind), *[AGREES] * 3)
    compared.check()
    assert compared.asked == ([] if kind in NEVER else [1, 26, 51])


@pytest.mark.parametrize(("number", "asked"), [(50, []), (51, [1, 26, 51]), (101, [1, 51, 101])])
def test_looks_begin_with_many_and_are_spread_over_all(number: int, asked: list[int]) -> None:
    compared = Compared(drifts(number, "attribute"), *[AGREES] * 3)
    compared.check()
    assert compared.asked == asked


@pytest.mark.parametrize(
    ("looks", "wrong"),
    [
        ([AGREES, AGREES, AGREES], 0),
        ([AGREES, DIFFERS, AGREES], 0),
        ([AGREES, DIFFERS, DIFFERS], 2),
        ([DIFFERS, DIFFERS, DIFFERS], 3),
        (["handled", DIFFERS, AGREES], 2),
        ([GONE, DIFFERS, GONE], 0),
        ([GONE, DIFFERS, DIFFERS], 2),
    ],
)
def test_pages_are_believed_unless_most_looks_show_something_else(looks: list[str], wrong: int) -> None:
    compared = Compared(drifts(51, "attribute"), *looks)
    if not wrong:
        compared.check()
    else:
        said = f"^of 3 contacts looked at alone, {wrong} do not show what pages do: attribute$"
        with pytest.raises(GatewayUnavailableError, match=said):
            compared.check()
    assert compared.forgot == bool(wrong)
    assert len(compared.asked) == 3


def test_a_look_says_nothing_of_somebody_whom_the_state_forgot_meanwhile(known: set[int]) -> None:
    known |= {1, 26}
    compared = Compared(drifts(51, "attribute"), *[DIFFERS] * 3)
    compared.check()
    assert compared.asked == [1, 26, 51]


@pytest.mark.parametrize(("with_ids", "asked"), [(2, []), (3, [1, 2, 3]), (4, [1, 2, 4])])
def test_only_contacts_of_a_user_with_an_id_are_looked_at(with_ids: int, asked: list[int]) -> None:
    nameless = [Drift(("attribute",), "", 1000), Drift(("attribute",), "u1000", None)] * 30
    compared = Compared([*drifts(with_ids, "attribute"), *nameless], *[AGREES] * 3)
    compared.check()
    assert compared.asked == asked


def test_of_each_kind_so_many_are_looked_at_and_only_of_that_kind() -> None:
    mixed = [Drift(("attribute", "address") if one % 2 else ("attribute",), f"u{one}", one) for one in range(1, 104)]
    compared = Compared(mixed, *[AGREES] * 6)
    compared.check()
    assert compared.asked == [1, 52, 103, 1, 51, 103]
