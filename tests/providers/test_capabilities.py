"""A provider's numbers are said once, in its own room; all others ask for them."""

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sync_tasks.backfill import cells
from sync_tasks.config.settings import Account
from sync_tasks.providers import OpenGate
from sync_tasks.providers.installed import PROVIDERS, Provider
from sync_tasks.sync import accounts
from sync_tasks.sync.accounts import open_gateways

PACKAGE = Path(__file__).parents[2] / "sync_tasks"


def test_no_other_room_imports_the_numbers_of_one_provider() -> None:
    importing = [
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module == "sync_tasks.providers.brevo.limits"
    ]
    assert sorted({path for path in importing if not path.startswith("providers/brevo/")}) == ["providers/installed.py"]


def test_each_account_is_opened_at_its_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = {name: object() for name in ("brevo", "toy")}
    providers = {name: Provider(PROVIDERS["brevo"].capabilities, _opener(way)) for name, way in opened.items()}
    monkeypatch.setattr(accounts, "PROVIDERS", providers)
    monkeypatch.setattr(Account, "provider", property(lambda account: account.api_key_name))
    mine = {name: Account(api_key_name=name) for name in opened}
    assert open_gateways(mine, lambda _: OpenGate(), None) == opened


def _opener(way: Any) -> Callable[..., Any]:  # noqa: ANN401 - stands for a gateway
    return lambda **_: way


def test_an_account_may_do_by_default_what_every_account_may() -> None:
    defaults, able = Account.model_fields, PROVIDERS[Account().provider].capabilities
    assert defaults["requests_per_second"].default == able.contacts_per_second
    assert defaults["requests_per_hour"].default == able.contacts_per_hour


def test_a_cell_of_every_kind_of_attribute_is_converted_or_refused() -> None:
    assert set(cells._CONVERSIONS) == PROVIDERS["brevo"].capabilities.attribute_kinds
