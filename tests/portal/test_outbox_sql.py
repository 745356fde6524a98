"""The page shows the SQL that the package itself runs."""

import pytest

from sync_tasks.portal.outbox_sql import STATEMENTS
from tests.support.station import ROOT

PAGE = (ROOT / "docs" / "how-to" / "outbox.md").read_text()


@pytest.mark.parametrize("dialect", STATEMENTS)
def test_the_page_shows_the_table_of_each_database(dialect: str) -> None:
    assert [statement for statement in STATEMENTS[dialect] if f"{statement};" not in PAGE] == []
