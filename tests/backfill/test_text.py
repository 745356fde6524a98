"""How files are written: what is certain is read, what would be a guess is refused in one line that says what to do."""

import io
from pathlib import Path

import pytest

from sync_tasks.backfill.columns import Words
from sync_tasks.backfill.rows import BadRow, Row, Source
from sync_tasks.backfill.text import Text
from sync_tasks.errors import ConfigurationError

WORDS = Words(frozenset({"daily", "weekly"}), frozenset({"first_name", "city"}))
SECRET = "zzsecret"
SHEET = "user_id,email,newsletters,first_name\nu1,anna@portal.org,daily,Jürgen\n"


def source_of(folder: Path, content: bytes, name: str = "portal.csv", encoding: str = "") -> Source:
    path = folder / name
    path.write_bytes(content)
    return Source(path, WORDS, encoding=encoding)


def only_row(source: Source) -> Row:
    (row,) = source.rows()
    assert isinstance(row, Row), row.reason
    return row


@pytest.mark.parametrize(
    "content",
    [
        SHEET.encode(),
        SHEET.encode("utf-8-sig"),
        SHEET.encode("utf-16"),
        b"\xfe\xff" + SHEET.encode("utf-16-be"),
        SHEET.encode("utf-32"),
        b"\x00\x00\xfe\xff" + SHEET.encode("utf-32-be"),
        SHEET.replace("\n", "\r\n").encode(),
        f"sep=,\n{SHEET}".encode(),
        f"SEP=;\r\n{SHEET.replace(',', ';')}".encode(),
        SHEET.replace(",", "\t").encode("utf-16"),
        SHEET.replace(",", "|").encode(),
    ],
    ids=range(11),
)
def test_what_a_file_says_of_its_writing_is_believed(tmp_path: Path, content: bytes) -> None:
    assert only_row(source_of(tmp_path, content)).first_name == "Jürgen"


@pytest.mark.parametrize("encoding", ["windows-1252", "latin-1", "utf-16-le", "mac-roman", "utf-8", "UTF8"])
def test_what_an_operator_says_of_its_writing_is_believed(tmp_path: Path, encoding: str) -> None:
    assert only_row(source_of(tmp_path, SHEET.encode(encoding), encoding=encoding)).first_name == "Jürgen"


@pytest.mark.parametrize("encoding", ["base64", "hex", "zip", "rot13", "idna", "undefined", "no-such-thing"])
def test_what_is_no_encoding_of_a_text_is_refused(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(ConfigurationError, match="--encoding: there is no encoding"):
        source_of(tmp_path, SHEET.encode(), encoding=encoding).rows().__next__()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_file_cut_off_within_a_character_refuses_its_last_row(tmp_path: Path, encoding: str) -> None:
    content = "user_id,email,first_name\nu1,a@portal.org,Bär\nu2,b@portal.org,Zoé".encode(encoding)[:-1]
    first, last = source_of(tmp_path, content).rows()
    assert isinstance(first, Row)
    assert isinstance(last, BadRow)


def test_utf_16_without_its_mark_wants_to_hear_which(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="it is not utf-16"):
        source_of(tmp_path, SHEET.encode("utf-16-le"), encoding="utf-16").rows().__next__()


def test_a_character_of_another_encoding_is_not_guessed_and_refuses_its_row(tmp_path: Path) -> None:
    good = SHEET.encode() + b"u2,ben@portal.org,daily,J\xfcrgen\n"
    first, second = source_of(tmp_path, good).rows()
    assert isinstance(first, Row)
    assert isinstance(second, BadRow)
    assert "--encoding windows-1252" in second.reason


@pytest.mark.parametrize(
    ("content", "advice"),
    [
        (SHEET.replace("\n", "\r").encode(), "old Mac line ends"),
        (SHEET.encode("utf-16-le"), "--encoding utf-16-le"),
        (b"PK\x03\x04" + b"\0" * 40, "CSV UTF-8"),
        (b"\xd0\xcf\x11\xe0" + b"\0" * 40, "CSV UTF-8"),
        (b"\x1f\x8b\x08" + b"\0" * 40, "gunzip"),
        (b"", "the file is empty"),
        (b"\n\n", "the file is empty"),
        (b'{"user_id": "u1"}\n', ".jsonl"),
        (b"[\n", ".jsonl"),
        (b'user_id,"email\nu1,a@portal.org\n', "the first line is not CSV"),
        (b"user_id;email;Vorn\xe4me\n", "the header is not UTF-8"),
        (b"x" * 2_500_000, "a line is longer"),
    ],
    ids=range(12),
)
def test_what_would_be_a_guess_is_refused_in_one_line(tmp_path: Path, content: bytes, advice: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        list(source_of(tmp_path, content).rows())
    assert len(caught.value.args) == 1
    assert advice in str(caught.value)


@pytest.mark.parametrize(
    ("content", "advice"),
    [
        (b'[{"user_id": "u1", "email": "a@portal.org"}]', "a JSON array"),
        (b'[\n{"user_id": "u1", "email": "a@portal.org"}\n]', "a JSON array"),
        (b'{\n  "user_id": "u1",\n  "email": "a@portal.org"\n}\n', "over several lines"),
        (SHEET.encode(), "the name of a CSV ends on .csv"),
        (b'{"user_id": "u1"}\r{"user_id": "u2"}', "old Mac line ends"),
    ],
    ids=range(5),
)
def test_json_that_is_not_one_object_a_line_is_explained(tmp_path: Path, content: bytes, advice: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        list(source_of(tmp_path, content, "portal.jsonl").rows())
    assert len(caught.value.args) == 1
    assert advice in str(caught.value)


@pytest.mark.parametrize("content", [b"\xef\xbb\xbf", "\ufeff".encode("utf-16-le")], ids=range(2))
def test_a_mark_alone_is_an_empty_file(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ConfigurationError, match="the file is empty"):
        list(source_of(tmp_path, content).rows())


def test_utf_8_under_another_name_is_refused_before_it_becomes_nonsense(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="it is UTF-8, not cp1252: leave --encoding out"):
        list(source_of(tmp_path, SHEET.encode(), encoding="windows-1252").rows())


def test_an_encoding_that_nobody_knows_is_reported() -> None:
    with pytest.raises(ConfigurationError, match="there is no encoding of that name"):
        Text(io.BytesIO(), "windows-1525")


def test_lines_end_where_a_line_ends_and_nowhere_else() -> None:
    text = Text(io.BytesIO("a\u2028b\r\n\rc\x0bd\n\u0a0ae".encode("utf-16")))
    assert [*text] == ["a\u2028b", "\rc\x0bd", "\u0a0ae"]


@pytest.mark.parametrize(
    ("content", "encoding", "advice"),
    [
        ("J\x92s".encode("latin-1"), "latin-1", "is it windows-1252?"),
        ("MÃ¼ller".encode(), "", "destroyed before"),
        ("CafÃ©".encode("windows-1252") + b"\xfc", "windows-1252", "destroyed before"),
        (b"a\0b", "", "NUL"),
    ],
    ids=range(4),
)
def test_what_was_destroyed_before_is_not_handed_on(tmp_path: Path, content: bytes, encoding: str, advice: str) -> None:
    head = b"user_id,email,city\nu1,anna@portal.org,"
    (row,) = source_of(tmp_path, head + content + b"\n", encoding=encoding).rows()
    assert isinstance(row, BadRow)
    assert advice in row.reason


@pytest.mark.parametrize("city", ["São Paulo", "SÃO PAULO", "MAÇÃ", "Œuvre “x” 5 €", "北京", "Ångström", "İstanbul"])
def test_special_characters_are_no_damage(tmp_path: Path, city: str) -> None:
    row = only_row(source_of(tmp_path, f"user_id,email,city\nu1,anna@portal.org,{city}\n".encode()))
    assert row.attributes["city"] == city
