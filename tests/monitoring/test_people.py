"""Who is meant by an id or an address, also one that an earlier release kept in another way of writing it."""

from types import SimpleNamespace
from typing import Any

import pytest

from sync_tasks.monitoring.people import find_owner

PUNYCODE, LETTERS = "ada@xn--mnchen-3ya.de", "ada@m\u00fcnchen.de"


@pytest.mark.parametrize(
    ("known", "wanted", "owner"),
    [
        ({PUNYCODE: "new"}, PUNYCODE, "new"),
        ({LETTERS: "old"}, PUNYCODE, "old"),
        ({PUNYCODE: "new", LETTERS: "old"}, PUNYCODE, "new"),
        ({PUNYCODE: "new"}, "ada@portal.org", None),
        ({}, PUNYCODE, None),
    ],
    ids=range(5),
)
def test_an_address_is_found_as_it_is_kept_now_or_was_kept_before(
    known: dict[str, str], wanted: str, owner: str | None
) -> None:
    store: Any = SimpleNamespace(claimant=known.get)
    assert find_owner(store, wanted) == owner
