"""The changes that ``make mutants`` tries."""

import pytest

from tests.mutants.changes import choose, find_changes

PYTHON = """def f(a, b):
    if a < b and a:
        go(a)
        raise ValueError("x")
    return (a + 1) == b
"""


@pytest.mark.parametrize(
    ("line", "after"),
    [
        (2, "    if not (a < b and a):"),
        (2, "    if a >= b and a:"),
        (2, "    if a < b or a:"),
        (3, "        pass"),
        (4, "        pass"),
        (5, "    return None"),
        (5, "    return (a + 1) != b"),
        (5, "    return (a - 1) == b"),
        (5, "    return (a + 2) == b"),
    ],
)
def test_python_is_changed_in_one_place(line: int, after: str) -> None:
    found = find_changes("f.py", PYTHON, {line})
    assert after in [change.after for change in found]
    for change in found:
        compile(change.apply(PYTHON), "f.py", "exec")


@pytest.mark.parametrize(
    ("line", "after"),
    [
        ("if held == '' then return end", "if held ~= '' then return end"),
        ("if held == '' then return end", "if not held == '' then return end"),
        ("  redis.call('HDEL', contact, field)", "  -- left out"),
        ("redis.call('ZADD', key('dirty'), 'NX', at, user)", "redis.call('ZADD', key('dirty'), at, user)"),
    ],
)
def test_lua_is_changed_in_one_place(line: str, after: str) -> None:
    assert after in [change.after for change in find_changes("f.lua", line, {1})]


def test_a_comment_is_left_alone() -> None:
    assert find_changes("f.lua", "-- if a == b then c", {1}) == []


def test_lines_that_were_not_asked_for_are_left_alone() -> None:
    assert find_changes("f.py", PYTHON, {1}) == []


def test_no_line_is_chosen_twice_as_long_as_there_are_others() -> None:
    changes = find_changes("f.py", PYTHON, {2, 3, 4, 5})
    assert sorted(change.line for change in choose(changes, 4, seed=1)) == [2, 3, 4, 5]
    assert len(choose(changes, 100, seed=1)) == len(changes)
