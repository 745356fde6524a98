"""Commands print for a terminal of one width, whoever runs the tests."""

import pytest


@pytest.fixture(autouse=True)
def width(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let tables be as wide as where nobody knows the terminal."""
    monkeypatch.setenv("COLUMNS", "80")
