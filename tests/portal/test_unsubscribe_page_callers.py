"""Who counts as one caller of the unsubscribe page, and why a template cannot be read."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request

from sync_tasks.config.settings import Settings
from sync_tasks.errors import ConfigurationError
from sync_tasks.http.rate_bound import RateBound
from sync_tasks.portal.unsubscribe_page import POSTS, WITHIN, WRONG_LINKS, UnsubscribePage, load_template
from tests.support.pipeline import SETTINGS

SETTINGS_HERE = Settings.model_validate(SETTINGS)


def statuses(page: UnsubscribePage, *clients: str | None) -> list[int]:
    """Return what these callers are answered who follow a link that is none."""
    found: list[int] = []
    for client in clients:
        scope: dict[str, Any] = {
            "type": "http",
            "method": "GET",
            "headers": [],
            "path_params": {"newsletter": "daily", "token": "x"},
            "client": (client, 1) if client else None,
        }
        found.append(asyncio.run(page.ask(Request(scope))).status_code)
    return found


def make_page(wrong: int) -> UnsubscribePage:
    secrets = ("a-secret-of-more-than-32-characters!",)
    return UnsubscribePage(SETTINGS_HERE, secrets, lambda *_: None, load_template(None), RateBound(wrong))


def test_each_caller_may_try_so_many_wrong_links_and_without_an_address_all_are_one() -> None:
    page = make_page(1)
    assert statuses(page, "192.0.2.1", "192.0.2.1", "192.0.2.2", None, None) == [404, 429, 404, 404, 429]
    assert statuses(page, "2001:db8::1", "2001:db8::2") == [404, 429]


def test_the_bounds_are_those_of_a_person() -> None:
    assert (WRONG_LINKS, POSTS, WITHIN) == (60, 20, 15.0)


@pytest.mark.parametrize(("content", "reason"), [(None, "No such file or directory"), (b"\xff", "not UTF-8")])
def test_why_a_template_cannot_be_read_is_said(tmp_path: Path, content: bytes | None, reason: str) -> None:
    path = tmp_path / "page.html"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        load_template(path)
    assert str(caught.value) == f"unsubscribe.template: {path}: cannot be read: {reason}"
