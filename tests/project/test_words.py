"""One word per thing: the words that were replaced come back neither in code nor in documentation."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "sync_tasks"
# Each old word as it stands alone or as a part of a name, and the word in its place.
WORDS = {
    r"told|tells?|telling|untold": "report, return, show, say",
    r"doubt\w*|unsure": "outcome unknown",
    r"crowds?|crowded": "batch, pending count",
    r"fates?": "outcome",
    r"blam\w+": "attribute error",
    r"tired": "expired",
    r"woken": "to nudge",
    r"throttles?|throttled": "limiter",
    r"glanc\w+": "fast comparison",
    r"picturing": "HTML report",
    r"floors?": "ended up to",
    r"spares?": "extra contact ids",
    r"strange": "foreign lists",
    r"concluding": "finish",
}
# Names on the wire: fields and keys in Redis, a setting of Celery, a file of the system, functions of libraries.
KEPT = re.compile(
    r"""[`'"](?:unsure|untold|strange|spares|floor)[`'"]|:(?:strange|floor|spares)\b|fields\.unsure"""
    r"""|math\.floor|unacked_restore_throttle|rate_limit_reset_told"""
)
PATTERNS = ("sync_tasks/**/*.py", "sync_tasks/**/*.lua", "tests/**/*.py", "benchmarks/*.py", "docs/**/*.md", "*.md")
FILES = sorted(
    path
    for pattern in PATTERNS
    for path in ROOT.glob(pattern)
    # What was released is described in the words of its time; this page has the words themselves.
    if path.name not in {"CHANGELOG.md", "changes.md", "test_words.py"} and "node_modules" not in path.parts
)


def found(text: str) -> Iterator[str]:
    """Yield each line with an old word, and the word to use."""
    for number, line in enumerate(text.splitlines(), 1):
        plain = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", KEPT.sub("", line)).replace("_", " ")
        for old, new in WORDS.items():
            if match := re.search(rf"\b(?:{old})\b", plain, re.IGNORECASE):
                yield f"{number}: {match[0]} (rather: {new}): {line.strip()}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_words_that_were_replaced_do_not_come_back(path: Path) -> None:
    assert list(found(path.read_text())) == []


@pytest.mark.parametrize(
    "line",
    ["def tell_portal() -> None:", "class Glance:", "# Nobody is told.", "local is_told = 1", "A crowd waits."],
)
def test_an_old_word_is_noticed_in_names_and_sentences(line: str) -> None:
    assert len(list(found(line))) == 1


@pytest.mark.parametrize("line", ["the field `unsure`", "redis.call('HSET', contact, 'unsure', at)", "math.floor(2.5)"])
def test_names_on_the_wire_stay(line: str) -> None:
    assert list(found(line)) == []
