"""Docstrings and pages are written for readers whose first language is another: their sentences are short."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LONGEST_SENTENCE = 20
MODULES = sorted((ROOT / "sync_tasks").rglob("*.py"))
# The changelog is a list; the figures of a page that the benchmarks write are sentences of theirs.
PAGES = sorted(
    path
    for path in [*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")]
    if path.name not in {"changes.md", "CHANGELOG.md", "performance.md"}
)
Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
# Code counts as one word, and a sentence may begin with it. A term before a colon and a list's dot end a sentence, too.
CODE = re.compile(r"``[^`]*``|`[^`]*`")
END = re.compile(r"(?<=[.!?:;])\s+|(?<=\.\*\*)\s+|\s+·\s+")


def sentences(docstring: str) -> Iterator[str]:
    """Yield the sentences of a docstring; tables have none."""
    text = re.sub(r"^={3,}.*^={3,}[ =]*$", "", docstring, flags=re.DOTALL | re.MULTILINE)
    lines = [line for line in text.splitlines() if not line.lstrip().startswith(("|", ">"))]
    for paragraph in re.split(r"\n\s*\n", CODE.sub("Code", "\n".join(lines))):
        yield from END.split(" ".join(paragraph.split()))


def documented(path: Path) -> Iterator[tuple[str, str]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, Documented) and (docstring := ast.get_docstring(node)):
            yield getattr(node, "name", "module"), docstring


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_sentence_of_a_docstring_is_long(path: Path) -> None:
    long = [
        (name, sentence)
        for name, docstring in documented(path)
        for sentence in sentences(docstring)
        if len(sentence.split()) > LONGEST_SENTENCE
    ]
    assert long == []


def test_a_long_sentence_is_found() -> None:
    words = " ".join(["word"] * (LONGEST_SENTENCE + 1))
    assert [len(sentence.split()) for sentence in sentences(f"Short one. {words}.")] == [2, LONGEST_SENTENCE + 1]


def prose(page: str) -> str:
    """Return a page without headings, blocks of code and targets of links; each item of a list is a paragraph."""
    without_code = re.sub(r"^```.*?^```|(?:^ {4}[^\n]*\n)+(?=\n|\Z)", "\n", page, flags=re.DOTALL | re.MULTILINE)
    plain = re.sub(r"^#.*$|^<.*>$|(?<=\])\([^)]*\)", "", without_code, flags=re.MULTILINE)
    return re.sub(r"^\s*(?:[*-]|\d+\.) ", "\n\n", plain, flags=re.MULTILINE)


def length_of(sentence: str) -> int:
    """Return the number of words; names in a row count once."""
    return len(re.sub(r"(?:Code,? (?:and |or )?)+", "Code ", sentence).split())


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_sentence_of_a_page_is_long(path: Path) -> None:
    assert [one for one in sentences(prose(path.read_text())) if length_of(one) > LONGEST_SENTENCE] == []
