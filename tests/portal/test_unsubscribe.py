"""What a portal reads out of an unsubscribe link."""

from pathlib import Path

import pytest

from sync_tasks.errors import ConfigurationError, InvalidLinkError
from sync_tasks.link_tokens import write_token
from sync_tasks.portal.unsubscribe import LinkToken, read_token

SECRET = "a-secret-of-more-than-32-characters!"
LINK = LinkToken("u1", "default", "daily")
TOKEN = write_token(LINK, (SECRET,))


def test_a_portal_reads_whose_link_it_is(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"a-newer-secret-of-more-than-32-characters\n{SECRET}\n")
    assert read_token(TOKEN, {"SYNC_UNSUBSCRIBE_SECRET": SECRET}) == LINK
    assert read_token(TOKEN, {"SYNC_UNSUBSCRIBE_SECRET_FILE": str(tmp_path / "secret")}) == LINK


def test_a_link_of_another_portal_is_refused() -> None:
    with pytest.raises(InvalidLinkError):
        read_token(TOKEN, {"SYNC_UNSUBSCRIBE_SECRET": f"{SECRET}-another"})


@pytest.mark.parametrize("text", ["", "too-short", f"{SECRET} {SECRET}2 {SECRET}3"])
def test_a_secret_that_makes_no_sense_is_reported_and_not_shown(text: str) -> None:
    with pytest.raises(ConfigurationError, match="SYNC_UNSUBSCRIBE_SECRET") as caught:
        read_token(TOKEN, {"SYNC_UNSUBSCRIBE_SECRET": text})
    assert SECRET not in str(caught.value)
