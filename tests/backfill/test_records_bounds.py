"""Where a sheet begins and ends, how much one record may take in, and what is no object of JSON Lines."""

import csv
import re

import pytest

from sync_tasks.backfill.records import TOO_LONG, UNBALANCED, Sheet, check_first_object, parse_object
from sync_tasks.errors import ConfigurationError


def read(*lines: str) -> tuple[list[str], str, list[tuple[int, list[str] | str]]]:
    sheet = Sheet(lines)
    return sheet.header, sheet.delimiter, list(sheet.records())


@pytest.mark.parametrize(
    ("lines", "header", "delimiter", "records"),
    [
        (["a,b", "1,2"], ["a", "b"], ",", [(2, ["1", "2"])]),
        (["", " ,", "a,b", "1,2"], ["a", "b"], ",", [(4, ["1", "2"])]),
        (["a;b,c;d", "1;2;3"], ["a", "b,c", "d"], ";", [(2, ["1", "2", "3"])]),
        (["a;b,c", "1;2"], ["a;b", "c"], ",", [(2, "1 cells under 2 columns")]),
        (["sep=|", "a|b", "1|2"], ["a", "b"], "|", [(3, ["1", "2"])]),
        (["SEP=", "a,b", "1,2"], ["a", "b"], ",", [(3, ["1", "2"])]),
        ([" a , b ,, ", "1,2"], ["a", "b"], ",", [(2, ["1", "2"])]),
        (["a,b", "1,2,", "1,2,NULL,\\N"], ["a", "b"], ",", [(2, ["1", "2"]), (3, ["1", "2"])]),
        (["a,b", ",", " , ", "\\N,NULL", "1,"], ["a", "b"], ",", [(5, ["1", ""])]),
        (["a,b", "1", "1,2,3"], ["a", "b"], ",", [(2, "1 cells under 2 columns"), (3, "3 cells under 2 columns")]),
        (["a,b", '"1', '2",3'], ["a", "b"], ",", [(2, UNBALANCED), (3, UNBALANCED)]),
        (["a,b", '"1', '2 3",4', "5,6"], ["a", "b"], ",", [(2, UNBALANCED), (3, UNBALANCED), (4, ["5", "6"])]),
        (["a,b,c", '1,2,"x', 'y"', "5,6,7"], ["a", "b", "c"], ",", [(2, ["1", "2", "x\ny"]), (4, ["5", "6", "7"])]),
        (['"a"",b"', "1"], ['a",b'], ",", [(2, ["1"])]),
        (["a", "1", "2"], ["a"], ",", [(2, ["1"]), (3, ["2"])]),
    ],
)
def test_a_sheet_is_read(
    lines: list[str], header: list[str], delimiter: str, records: list[tuple[int, list[str] | str]]
) -> None:
    assert read(*lines) == (header, delimiter, records)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "the file is empty"),
        (["", " , ;"], "the file is empty"),
        (["sep=;"], "the file is empty"),
        ([' {"a": 1}'], "this is JSON, not CSV"),
        (['[{"a": 1}]'], "this is JSON, not CSV"),
        (['a,"b', "c"], "the first line is not CSV"),
    ],
)
def test_what_is_no_sheet_is_refused(lines: list[str], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        Sheet(lines)


@pytest.mark.parametrize(("lines", "whole"), [(100, True), (101, False)])
def test_a_cell_may_take_in_so_many_lines(lines: int, *, whole: bool) -> None:
    cell = ["x"] * lines
    _, _, records = read("a,b,c", f'1,2,"{cell[0]}', *cell[1:-1], f'{cell[-1]}"')
    if whole:
        assert records == [(2, ["1", "2", "\n".join(cell)])]
    else:
        assert records[0] == (2, UNBALANCED)


def test_two_addresses_in_one_record_are_two_rows() -> None:
    _, _, records = read("a,b,c,d", '1,a@x.org,"x', 'b@x.org,y"', "3,c@x.org,z,")
    assert records[0] == (2, UNBALANCED)
    assert records[-1] == (4, ["3", "c@x.org", "z", ""])


@pytest.mark.parametrize(("more", "said"), [(0, None), (1, TOO_LONG)])
def test_a_cell_holds_so_many_characters(more: int, said: str | None) -> None:
    cell = "x" * (csv.field_size_limit() + more)
    _, _, records = read("a,b", f"{cell},1")
    assert records == [(2, said or [cell, "1"])]


def test_a_cell_that_is_no_csv_is_called_so() -> None:
    _, _, records = read("a,b", '"1"x,"2"')
    assert records == [(2, "not CSV: write a quotation mark within a cell twice, and quote the whole cell")]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("[", "not a JSON object: one object a line is wanted, as jq -c '.[]' writes them from an array"),
        (" }, ", "not a JSON object: one object a line is wanted, as jq -c '.[]' writes them from an array"),
        ("[1]", "not a JSON object: one object a line is wanted, as jq -c '.[]' writes them"),
        ("3", "not a JSON object"),
        ('"x"', "not a JSON object"),
        ("null", "not a JSON object"),
        ('{"a": 1} {"b": 2}', "more than one JSON object, or something behind it"),
        ('{"a": 1, "a": 2}', "a JSON object that names a key twice"),
        ('{"a": NaN}', "NaN and Infinity are no numbers of JSON"),
        ('{"a": }', "not a JSON object: Expecting value (column 7)"),
        ("[" * 100_000, "not JSON: nested too deeply"),
        (f'{{"a": {"9" * 4_301}}}', "a number of more than 4,300 digits"),
    ],
)
def test_what_is_no_object_says_why(line: str, said: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        parse_object(line)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (" [1]", "a JSON array, not JSON Lines"),
        (" { ", "a JSON object over several lines"),
        ('{"a": 1}', None),
        ("", None),
    ],
)
def test_the_first_line_shows_json_of_another_kind(line: str, said: str | None) -> None:
    if said is None:
        check_first_object(line)
        return
    with pytest.raises(ConfigurationError, match=said):
        check_first_object(line)
