"""The changes that ``make mutants`` tries."""

import pytest

from tests.mutants.changes import choose, find_changes

PYTHON = """def f(a, b):
    if a < b and a:
        go(a)
        raise ValueError("x")
    return (a + 1) == b


def g(a, b):
    a.known = min(b)
    a.count += 1
    if not a:
        a = replace(b, known=1, count=2)
    return [
        c for c in b if c
        and a
    ]
"""


@pytest.mark.parametrize(
    ("line", "after"),
    [
        (2, "    if not (a < b and a):"),
        (2, "    if a >= b and a:"),
        (2, "    if (a < b) or a:"),
        (2, "    if a:"),
        (2, "    if (a < b):"),
        (3, "        pass"),
        (4, "        pass"),
        (5, "    return None"),
        (5, "    return (a + 1) != b"),
        (5, "    return (a - 1) == b"),
        (5, "    return (a + 2) == b"),
        (9, "    pass"),
        (9, "    a.known = max(b)"),
        (10, "    pass"),
        (11, "    if a:"),
        (12, "        a = replace(b, known=1)"),
        (12, "        a = replace(b, count=2)"),
        (14, "        c for c in b if c or a"),
        (14, "        c for c in b if a"),
        (14, "        c for c in b if not (c\n        and a)"),
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
        ("  claim_address(claimed, user)", "  -- left out"),
        ("  held[field], written[field] = text, text", "  -- left out"),
        ("if wins then claimed = value end", "if wins then end"),
        ("if a and b(c) or d then", "if b(c) or d then"),
        ("if a and b(c) or d then", "if a and b(c) then"),
        ("local place = string.sub(text, 1, STAMP)", "local place = string.sub(text, 2, STAMP)"),
    ],
)
def test_lua_is_changed_in_one_place(line: str, after: str) -> None:
    assert after in [change.after for change in find_changes("f.lua", line, {1})]


def test_lines_with_signs_of_other_alphabets_are_changed_where_they_should() -> None:
    text = 'def f(a):\n    return "Grüße", a == 1\n'
    (change, *_) = (change for change in find_changes("f.py", text, {2}) if "!=" in change.after)
    assert change.after == '    return "Grüße", a != 1'


def test_a_change_of_many_lines_replaces_them_all() -> None:
    (change, *_) = (change for change in find_changes("f.py", PYTHON, {13}) if "None" in change.after)
    assert change.apply(PYTHON).endswith("    return None\n")


def test_a_comment_is_left_alone() -> None:
    assert find_changes("f.lua", "-- if a == b then c", {1}) == []


def test_lines_that_were_not_asked_for_are_left_alone() -> None:
    assert find_changes("f.py", PYTHON, {1}) == []


def test_no_line_is_chosen_twice_as_long_as_there_are_others() -> None:
    changes = find_changes("f.py", PYTHON, {2, 3, 4, 5})
    assert sorted(change.line for change in choose(changes, 4, seed=1)) == [2, 3, 4, 5]
    assert len(choose(changes, 100, seed=1)) == len(changes)
