"""Records out of lines: whatever stands in the cells, what was written is read, and damage stays where it is."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_tasks.backfill.records import TOO_LONG, UNBALANCED, Sheet, parse_object

CELLS = st.text(alphabet="ab ,;\t|'\"é@.", max_size=8)
HEADER = ["user_id", "email", "city"]
TABLES = st.lists(st.tuples(st.from_regex(r"[a-z]{1,4}", fullmatch=True), CELLS, CELLS), max_size=8)


def written(rows: list[list[str]], delimiter: str) -> list[str]:
    sheet = io.StringIO()
    csv.writer(sheet, delimiter=delimiter, lineterminator="\n").writerows([HEADER, *rows])
    return sheet.getvalue().removesuffix("\n").split("\n")


def blanked(row: list[str]) -> list[str]:
    return [cell if cell.strip() else "" for cell in row]


@given(table=TABLES, delimiter=st.sampled_from(",;\t|"))
def test_what_was_written_is_read(table: list[tuple[str, str, str]], delimiter: str) -> None:
    rows = [list(row) for row in table]
    sheet = Sheet(written(rows, delimiter))
    assert sheet.header == HEADER
    assert [cells for _, cells in sheet.records()] == [blanked(row) for row in rows]


@given(table=TABLES.filter(bool), data=st.data())
def test_a_stray_quotation_mark_costs_its_own_row_alone(table: list[tuple[str, str, str]], data: st.DataObject) -> None:
    rows = [[user, f"{user}{number}@portal.org", ""] for number, (user, *_) in enumerate(table)]
    lines = written(rows, ",")
    hit = data.draw(st.integers(1, len(rows)))
    place = data.draw(st.integers(0, len(lines[hit])))
    lines[hit] = f'{lines[hit][:place]}"{lines[hit][place:]}'
    reported = dict(Sheet(lines).records())
    assert reported.pop(hit + 1) == UNBALANCED
    assert [*reported.values()] == [row for number, row in enumerate(rows, start=1) if number != hit]


@pytest.mark.parametrize("delimiter", ",;\t|")
def test_two_stray_marks_far_apart_do_not_hide_what_lies_between(delimiter: str) -> None:
    rows = [[f"u{number}", f"u{number}@portal.org", "Kiel"] for number in range(9)]
    lines = written(rows, delimiter)
    lines[2] = lines[2].replace("Kiel", '"Kiel')
    lines[7] = lines[7].replace("Kiel", 'Kiel"')
    reported = dict(Sheet(lines).records())
    assert [line for line, cells in reported.items() if cells == UNBALANCED] == [3, 8]
    assert [cells[0] for cells in reported.values() if isinstance(cells, list)] == [
        "u0",
        "u2",
        "u3",
        "u4",
        "u5",
        "u7",
        "u8",
    ]


def test_a_cell_of_very_many_characters_is_called_so() -> None:
    sheet = Sheet(["user_id,email,city", f"u1,a@portal.org,{'x' * 200_000}", "u2,b@portal.org,Kiel"])
    assert list(sheet.records()) == [(2, TOO_LONG), (3, ["u2", "b@portal.org", "Kiel"])]


def test_a_number_of_very_many_digits_is_refused_in_our_words() -> None:
    with pytest.raises(ValueError, match="a number of more than 4,300 digits"):
        parse_object(f'{{"user_id": "u1", "city": {"9" * 5_000}}}')
    assert parse_object(f'{{"city": {"9" * 4_300}}}')
