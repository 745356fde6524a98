"""What Brevo keeps of a portal's fields decides how a file is read: asked once, and the same on every account."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
import typer

from sync_tasks.backfill.cells import Kept
from sync_tasks.cli.files import types_at_brevo
from sync_tasks.errors import ConfigurationError, GatewayUnavailableError


class Account:
    """Keeps attributes of these types, with these choices."""

    def __init__(self, types: Mapping[str, str], choices: Mapping[str, frozenset[str]] | None = None) -> None:
        self.types, self.choices, self.asked = types, choices or {}, 0

    def attribute_types(self) -> Mapping[str, str]:
        self.asked += 1
        return self.types

    def attribute_choices(self) -> Mapping[str, frozenset[str]]:
        return self.choices


def context_of(*accounts: Any) -> Any:  # noqa: ANN401 - as much of a worker's resources as is asked for
    settings = SimpleNamespace(attributes={"born": "BORN", "city": "CITY"})
    return SimpleNamespace(settings=settings, gateways=dict(enumerate(accounts)))


def test_each_field_has_the_type_that_accounts_keep_and_is_asked_for_once() -> None:
    one, other = Account({"BORN": "date", "CITY": "text"}), Account({"BORN": "date"})
    ask = types_at_brevo(lambda: context_of(one, other))
    assert ask() == ask() == {"born": Kept("date", frozenset()), "city": Kept("text", frozenset())}
    assert (one.asked, other.asked) == (1, 1)


def test_what_no_account_has_is_of_no_type() -> None:
    assert types_at_brevo(lambda: context_of(Account({})))()["born"] == Kept("", frozenset())


def test_accounts_that_keep_different_types_are_refused_with_both() -> None:
    context = context_of(Account({"BORN": "date"}), Account({"BORN": "text"}))
    with pytest.raises(ConfigurationError, match=r"attributes\.born: BORN is date and text at Brevo"):
        types_at_brevo(lambda: context)()


def test_only_choices_that_every_account_has_are_choices() -> None:
    one = Account({"CITY": "category"}, {"CITY": frozenset({"Bonn", "Kiel"})})
    other = Account({"CITY": "category"}, {"CITY": frozenset({"Kiel", "Trier"})})
    assert types_at_brevo(lambda: context_of(one, other))()["city"] == Kept("category", frozenset({"Kiel"}))


def test_an_account_that_does_not_answer_ends_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    def refuse() -> Any:  # noqa: ANN401 - it returns nothing
        raise GatewayUnavailableError("Brevo is away")

    with pytest.raises(typer.Exit) as caught:
        types_at_brevo(refuse)()
    assert (caught.value.exit_code, "cannot be read at Brevo" in capsys.readouterr().err) == (1, True)
