"""Tables fit every terminal: no column is lost and no word is broken, however long ids and slugs are."""

from itertools import pairwise

import pytest
from rich.console import Console

from sync_tasks.cli import columns, output
from tests.support.desk import Desk, run

SLUG = "weekly-digest-of-the-regional-editions-of-the-north"
# As portals have them: a number, a UUID, a path, and the longest there can be.
USERS = ("4711", "6f1b8c1e-2f4e-4c2a-9f55-0a2b8d7c1e3f", "portal/" + "u" * 50, "x" * 255)
WIDTHS = (40, 80, 200)
LETTER_HEADINGS = ("ID", "Age", "Event", "User", "Newsletter", "Error")


@pytest.fixture
def long_ids(desk: Desk) -> Desk:
    """A desk with letters about users and newsletters of every length."""
    text = desk.configuration.read_text()
    desk.configuration.write_text(text.replace("[attributes]", f"[newsletters.{SLUG}]\nlist_id = 7\n[attributes]"))
    for user in USERS:
        for newsletter in ("daily", SLUG):
            desk.pipeline.unsubscribe(user, newsletter)
    desk.pipeline.subscribe("anna", "daily")
    desk.pipeline.work()
    return desk


def joined(printed: str) -> str:
    """Return what is printed without any white space: what was folded is whole again."""
    return "".join(printed.split())


@pytest.mark.parametrize("width", WIDTHS)
def test_a_list_shows_every_column_of_every_row(long_ids: Desk, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    printed = long_ids.run("failed", "list")
    assert max(map(len, printed.splitlines())) <= width
    assert all(heading in printed for heading in LETTER_HEADINGS)
    whole = joined(printed)
    for letter in long_ids.pipeline.letters():
        assert all(text in whole for text in (letter.id, letter.error, letter.user_id, letter.newsletter))


@pytest.mark.parametrize(
    "words",
    [
        ("failed", "list"),
        ("failed", "list", "--group"),
        ("failed", "list", "--closed"),
        ("failed", "replay", "--all", "--dry-run"),
        ("audit",),
        ("doctor",),
        ("contact", "6f1b8c1e-2f4e-4c2a-9f55-0a2b8d7c1e3f"),
        ("contact", "anna"),
        ("account", "list"),
        ("state", "show"),
        ("status",),
    ],
    ids=" ".join,
)
def test_at_80_columns_no_word_is_broken_that_has_room(
    long_ids: Desk, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    first, second = long_ids.pipeline.letters()[:2]
    long_ids.run("failed", "discard", first.id, "--yes")
    long_ids.run("failed", "replay", second.id)
    monkeypatch.setenv("COLUMNS", "10000")
    wide = {word for word in run(*words).output.split() if len(word) < 60}
    monkeypatch.setenv("COLUMNS", "80")
    narrow = run(*words).output
    assert max(map(len, narrow.splitlines())) <= 80 or words[0] == "contact"
    # Ages and latencies differ from one call to the next.
    changing = {word for word in wide if any(letter.isdigit() for letter in word) and len(word) < 6}
    assert wide - changing - set(narrow.split()) == set()


def test_a_pipe_gets_each_row_on_one_line(long_ids: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    lines = long_ids.run("failed", "list").splitlines()
    for letter in long_ids.pipeline.letters():
        (line,) = (line for line in lines if letter.id in line)
        assert {letter.user_id, letter.newsletter, letter.error} <= set(line.split())


def test_columns_share_what_is_left_and_the_widest_gets_most() -> None:
    table = output.lay_out("", "Check", "Found", "What to do")
    table.add_row("key", "accepted by Brevo", "nothing at all has to be done about this one by anybody")
    console = Console(width=60)
    assert columns.fit_columns(table, console)
    widths = [column.width or 0 for column in table.columns]
    assert sum(widths) + 3 * len(widths) - 1 == 60
    assert widths[:2] == [5, 17]
    assert all(one < other for one, other in pairwise(widths))


@pytest.mark.parametrize(("width", "fits"), [(31, True), (30, False)])
def test_a_table_fits_if_its_longest_words_do(width: int, *, fits: bool) -> None:
    table = output.lay_out("", "ID", "Outcome")
    table.add_row("0123456789ab", "waits for its account")
    table.add_row("0123456789ab", "[red]UnknownContact[/] was here")
    assert columns.fit_columns(table, Console(width=width)) is fits
