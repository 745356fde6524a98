"""The way to the portal's own database: which options its driver gets."""

import pytest
from sqlalchemy import make_url

from sync_tasks.portal.database import _options_for

UTF8 = {"client_encoding": "utf8"}


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("postgresql://db/portal", UTF8),
        ("postgresql+psycopg://db/portal?sslmode=require", UTF8),
        ("postgresql+psycopg2://db/portal", UTF8),
        ("postgresql+psycopg://db/portal?client_encoding=latin1", {}),
        ("postgresql+pg8000://db/portal", {}),
        ("mysql+pymysql://db/portal", {}),
        ("sqlite:///portal.db", {}),
    ],
)
def test_only_drivers_that_know_an_encoding_get_one_and_the_url_comes_first(url: str, options: dict[str, str]) -> None:
    assert _options_for(make_url(url)) == options
