"""A sabotage that cuts a line which a script no longer has would take nothing out of service."""

from importlib.resources import files

import pytest

from tests.reliability.chaos.cuts import CUTS

LUA = files("sync_tasks.state") / "lua"


@pytest.mark.parametrize(
    ("script", "part", "instead"),
    [(script, *change) for cuts in CUTS.values() for script, change in cuts.items()],
)
def test_each_script_still_has_the_line_that_is_cut(script: str, part: str, instead: str) -> None:
    text = (LUA / f"{script}.lua").read_text()

    assert text.count(part) == 1
    assert part != instead
