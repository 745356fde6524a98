"""The tokens: one, or two while they are being changed, and never a word of them."""

from pathlib import Path

import pytest

from sync_tasks.errors import ConfigurationError
from sync_tasks.http.tokens import load_tokens

NEW, OLD = "a-new-token-of-today", "an-old-token-of-before"


@pytest.mark.parametrize(
    ("text", "valid"), [(NEW, (NEW,)), (f"{NEW} {OLD}", (NEW, OLD)), (f"\n{NEW}\n{OLD}\n", (NEW, OLD))]
)
def test_one_or_two_tokens_are_valid_and_the_first_is_the_one_to_use(
    text: str, valid: tuple[str, ...], tmp_path: Path
) -> None:
    path = tmp_path / "token"
    path.write_text(text)
    tokens = load_tokens({"SYNC_WEBHOOK_TOKEN": text})
    assert load_tokens({"SYNC_WEBHOOK_TOKEN_FILE": str(path)}) == tokens
    assert (tokens.valid, tokens.current) == (valid, NEW)
    assert all(tokens.admits(f"Bearer {token}".encode()) for token in valid)


@pytest.mark.parametrize("header", [b"", b"Bearer", b"Bearer ", NEW.encode(), b"Basic " + NEW.encode(), b"Bearer x"])
def test_nothing_else_opens(header: bytes) -> None:
    assert not load_tokens({"SYNC_WEBHOOK_TOKEN": NEW}).admits(header)


def test_the_scheme_may_be_written_in_any_case() -> None:
    assert load_tokens({"SYNC_WEBHOOK_TOKEN": NEW}).admits(b"bEARER  " + NEW.encode())


@pytest.mark.parametrize("text", ["", "  ", "too-short", f"{NEW} {OLD} {NEW}x", f"{NEW} short", "\u00fcber" * 10])
def test_tokens_that_make_no_sense_stop_the_start_and_are_not_shown(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_tokens({"SYNC_WEBHOOK_TOKEN": text})
    assert not [word for word in text.split() if word in str(caught.value)]


def test_a_file_that_cannot_be_read_is_named_by_its_variable() -> None:
    with pytest.raises(ConfigurationError, match="SYNC_WEBHOOK_TOKEN_FILE"):
        load_tokens({"SYNC_WEBHOOK_TOKEN_FILE": "/nowhere/token"})


def test_tokens_have_no_text() -> None:
    assert NEW not in repr(load_tokens({"SYNC_WEBHOOK_TOKEN": NEW}))
