"""A part of the local pipeline: all it prints is heard, whether or not somebody waits for its words."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sync_tasks.local.processes import LocalPart, PartEndedError, Parts

pytestmark = pytest.mark.usefixtures("ends_soon")


@pytest.mark.parametrize(("words", "ready"), [(None, True), ("second", True), ("third", False)])
def test_each_line_is_heard_and_the_words_make_it_ready(words: str | None, *, ready: bool) -> None:
    heard = list[tuple[str, str]]()
    command = [sys.executable, "-c", "print('the first line'); print('the second line')"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    part = LocalPart("beat", process, lambda name, line: heard.append((name, line)), words)
    process.wait(30)
    part.end()
    assert heard == [("beat", "the first line"), ("beat", "the second line")]
    assert part.ready.is_set() is ready


MODULES = {
    "lasting": "import signal\nprint('at work', flush=True)\nsignal.pause()\n",
    "ending": "raise SystemExit(3)\n",
    "stubborn": (
        "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('at work', flush=True)\n"
        "while True:\n    signal.pause()\n"
    ),
}


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    """Parts that are asked to end for a moment only."""
    for name, text in MODULES.items():
        (tmp_path / f"{name}.py").write_text(text)
    with Parts({**os.environ, "PYTHONPATH": str(tmp_path)}, lambda _name, _line: None, patience=0.3) as parts:
        yield parts


def test_parts_are_ready_once_each_has_said_so_and_run_on(parts: Parts) -> None:
    for name in ("lasting", "stubborn"):
        parts.start_module(name, name, ready="at work")
    parts.wait_until_ready()
    parts.check()


def test_a_part_that_takes_too_long_is_named(parts: Parts) -> None:
    parts.start_module("lasting", "lasting", ready="at work")
    parts.wait_until_ready()
    parts.start_module("quiet", "lasting", ready="never said")
    with pytest.raises(PartEndedError, match=r"^quiet is not ready after 0 s$"):
        parts.wait_until_ready(0.1)


def test_a_part_that_has_ended_is_named_with_its_exit(parts: Parts) -> None:
    parts.start_module("ending", "ending", ready="at work")
    with pytest.raises(PartEndedError, match=r"^ending has ended with exit 3$"):
        parts.wait_until_ready()


def test_no_part_outlives_its_block_even_if_it_does_not_want_to_end(tmp_path: Path) -> None:
    for name, text in MODULES.items():
        (tmp_path / f"{name}.py").write_text(text)
    with Parts({**os.environ, "PYTHONPATH": str(tmp_path)}, lambda _name, _line: None, patience=0.1) as parts:
        for name in ("lasting", "stubborn"):
            parts.start_module(name, name, ready="at work")
        parts.wait_until_ready()
        processes = [part.process for part in parts._parts]
    assert [process.poll() for process in processes] == [-15, -9]
