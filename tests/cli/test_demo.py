"""The demo acts at Brevo as a person would."""

import pytest

from sync_tasks.cli.commands.demo import DemoFailedError, create_list
from sync_tasks.sandbox.sandbox import Sandbox


def names(brevo: Sandbox) -> set[str]:
    return {str(one["name"]) for one in brevo.request("GET", "/contacts/lists", limit=50).json()["lists"]}  # type: ignore[index]


def test_a_list_is_created_although_others_have_just_used_the_limit_up() -> None:
    brevo = Sandbox()
    brevo.add_fault("status", status=429, path="/contacts/lists", method="POST", count=2)
    create_list(brevo, "books")
    assert "books" in names(brevo)


@pytest.mark.parametrize("status", [400, 429])
def test_a_list_that_cannot_be_created_ends_the_demo(status: int) -> None:
    brevo = Sandbox()
    brevo.add_fault("status", status=status, path="/contacts/lists", method="POST")
    with pytest.raises(DemoFailedError, match=f"books could not be created: Brevo answered {status}"):
        create_list(brevo, "books", within=0.1)
