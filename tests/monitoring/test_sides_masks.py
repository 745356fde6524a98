"""A mask hides: of what is short not even the first letter is shown."""

import pytest

from sync_tasks.domain.events import Json
from sync_tasks.monitoring.sides import mask_address, mask_value


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("anna@mail.example.com", "a***@m***.com"),
        ("al@x.org", "***@***.org"),
        ("bob@gmx.de", "***@***.de"),
        ("a@portal.org", "***@p***.org"),
    ],
)
def test_an_address(address: str, shown: str) -> None:
    assert mask_address(address) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        *[(value, "***") for value in ("Anna", "m", "Ulm", "true", "female", "1985-03-01", "10115", True, False, 0)],
        ("", ""),
        (None, ""),
    ],
)
def test_a_value(value: Json, shown: str) -> None:
    assert mask_value(value) == shown
