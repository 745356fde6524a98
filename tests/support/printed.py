"""What a command printed, cell by cell, whatever the width of its columns."""

import re

import pytest


def cells_of(text: str) -> list[list[str]]:
    """Return the lines that say something, each as its cells."""
    return [re.split(r" {2,}", line.strip()) for line in text.splitlines() if line.strip("─ ")]


def read_cells(capsys: pytest.CaptureFixture[str]) -> list[list[str]]:
    """Return the cells of what stands on standard output."""
    return cells_of(capsys.readouterr().out)
