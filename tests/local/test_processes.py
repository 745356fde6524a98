"""A part of the local pipeline: all it prints is heard, whether or not somebody waits for its words."""

import subprocess
import sys

import pytest

from sync_tasks.local.processes import LocalPart


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
