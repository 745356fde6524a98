"""So often in a minute, for each of very many."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from sync_tasks.http import rate_bound
from sync_tasks.http.rate_bound import RateBound, name_line


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_each_may_come_so_often_in_a_window_and_again_in_the_next() -> None:
    clock = Clock()
    bound = RateBound(2, 60, clock)
    assert [bound.admits("a") for _ in range(3)] == [True, True, False]
    assert bound.admits("b")
    clock.now = 60
    assert bound.admits("a")


def test_no_more_than_so_many_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_bound, "MOST_KEYS", 2)
    bound = RateBound(9)
    assert [bound.admits(key) for key in ("a", "b", "c", "a")] == [True, True, False, True]


def test_threads_count_together() -> None:
    bound = RateBound(500)
    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(bound.admits, ["a"] * 2000)) == 500


@pytest.mark.parametrize(
    ("address", "line"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:0:1:aaaa::1", "2001:db8:0:1::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("", ""),
        ("a-name", "a-name"),
    ],
)
def test_a_line_is_what_a_caller_cannot_change_at_will(address: str, line: str) -> None:
    assert name_line(address) == line
