"""What a command printed, cell by cell, whatever the width of its columns."""

import re

import pytest


def read_cells(capsys: pytest.CaptureFixture[str]) -> list[list[str]]:
    """Return the lines of standard output that say something, each as its cells."""
    lines = capsys.readouterr().out.splitlines()
    return [re.split(r" {2,}", line.strip()) for line in lines if line.strip("─ ")]
