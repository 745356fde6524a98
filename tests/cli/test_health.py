"""``sync-tasks health``: what each set of signs of life means, in words, as JSON, and as an exit."""

import json

import pytest

from sync_tasks import heartbeat
from sync_tasks.heartbeat import Sign
from tests.support.desk import run

NONE = "no {0} of this user lives on this machine: start `celery -A sync_tasks {0}`"
YOUNG, OLD = Sign(7, 59.96), Sign(3, 60.0)


@pytest.mark.parametrize("part", ["worker", "beat"])
@pytest.mark.parametrize(
    ("signs", "exits", "printed", "complaints"),
    [
        ([], 1, [], [NONE]),
        ([YOUNG], 0, ["{0} 7: last sign of life 60 s ago"], []),
        ([OLD], 1, [], ["{0} 3: last sign of life 60 s ago"]),
        ([YOUNG, OLD], 1, ["{0} 7: last sign of life 60 s ago"], ["{0} 3: last sign of life 60 s ago"]),
        ([Sign(9, 1), YOUNG], 0, ["{0} 7: last sign of life 60 s ago", "{0} 9: last sign of life 1 s ago"], []),
    ],
    ids=["none", "young", "old", "both", "two"],
)
def test_a_part_is_well_if_each_of_its_processes_left_a_sign_lately(
    monkeypatch: pytest.MonkeyPatch,
    *,
    part: str,
    signs: list[Sign],
    exits: int,
    printed: list[str],
    complaints: list[str],
) -> None:
    monkeypatch.setattr(heartbeat, "find_signs", lambda asked: iter(signs) if asked == part else iter(()))
    done = run("health", part)
    assert done.exit_code == exits
    assert done.stdout.splitlines() == [line.format(part) for line in printed]
    assert done.stderr.splitlines() == [line.format(part) for line in complaints]
    document = run("health", part, "--json")
    assert (document.exit_code, document.stderr) == (exits, "")
    shown = [{"pid": sign.pid, "seconds": round(sign.age, 1)} for sign in sorted(signs, key=lambda sign: sign.pid)]
    assert json.loads(document.stdout) == {"well": not exits, "signs": shown, "troubles": []}


def test_a_part_must_be_named_that_leaves_signs() -> None:
    assert run("health", "flower").exit_code == 2
