"""How the command line looks: which columns stay whole, what is set off, and what is taken for a style."""

import io
import sys
from types import SimpleNamespace

import pytest
import typer
from rich.console import Console

from sync_tasks.cli import output
from sync_tasks.cli.commands import send

WHOLE = {"ID", "Event", "Age", "User", "Newsletter", "City", "Error", "By", "Address", "Name"}
OTHERS = ["Check", "Found", "What to do", "Closed", "Outcome", "Why", "Since", "Account", "Task", "Letters"]


def test_only_ids_and_numbers_stay_on_one_line() -> None:
    table = output.lay_out("", *sorted(WHOLE), *OTHERS)
    assert {str(column.header) for column in table.columns if column.no_wrap} == WHOLE
    assert {str(column.header): column.max_width for column in table.columns if column.max_width} == {
        "Address": 25,
        "Name": 16,
    }
    assert [str(column.header) for column in table.columns if column.justify != "left"] == ["Age"]
    assert (table.title_style, table.title_justify, table.show_edge) == ("bold", "left", False)


def test_no_number_has_a_colour_and_no_line_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    written = io.StringIO()
    monkeypatch.setattr(sys, "stdout", written)
    monkeypatch.setenv("COLUMNS", "10")
    output.say("12 letters 'quoted'")
    output.suggest("go on")
    lines = [line.rstrip() for line in written.getvalue().splitlines()]
    assert lines == ["12 letters", "'quoted'", "\x1b[2m→\x1b[0m go on"]


def test_both_streams_spell_out_what_they_lack(monkeypatch: pytest.MonkeyPatch) -> None:
    streams = {name: io.TextIOWrapper(io.BytesIO(), encoding="ascii") for name in ("stdout", "stderr")}
    for name, stream in streams.items():
        monkeypatch.setattr(sys, name, stream)
    output.spell_out()
    assert [stream.errors for stream in streams.values()] == ["backslashreplace"] * 2
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    output.spell_out()


def test_a_trouble_is_a_document_once_and_only_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    output.note_json(wanted=False)
    output.explain_to_program("trouble")
    assert capsys.readouterr().out == ""
    output.note_json(wanted=True)
    output.explain_to_program("trouble")
    output.explain_to_program("another")
    assert capsys.readouterr().out == '{\n  "troubles": [\n    "trouble"\n  ]\n}\n'
    output.note_json(wanted=False)


def test_a_list_that_breaks_off_ends_with_its_trouble(capsys: pytest.CaptureFixture[str]) -> None:
    def items() -> object:
        yield 1
        output.give_up("away")

    output.note_json(wanted=True)
    with pytest.raises(typer.Exit):
        output.print_json_list(items())  # type: ignore[arg-type]
    assert capsys.readouterr().out == '{\n"items": [\n  1\n],\n"troubles": ["away"]\n}\n'
    output.note_json(wanted=False)


@pytest.mark.parametrize(("size", "shown"), [(None, "sending 2 lines"), (4, "sending 100% 2 lines")])
def test_a_bar_on_standard_error_shows_how_far_the_lines_are(
    monkeypatch: pytest.MonkeyPatch, size: int | None, shown: str
) -> None:
    written, asked = io.StringIO(), list[bool]()

    def open_console(*, stderr: bool = False) -> Console:
        asked.append(stderr)
        return Console(file=written, force_terminal=True, width=60, color_system=None)

    monkeypatch.setattr(send, "open_console", open_console)
    text = SimpleNamespace(position=2)
    lines = list[str]()
    for line in send._with_progress(["a", "b"], text, size):  # type: ignore[arg-type]
        lines.append(line)
        text.position = 2 * len(lines)
    assert (lines, asked) == (["a", "b"], [True])
    words = written.getvalue().replace("━", " ").replace("\r", "\n").splitlines()
    said = [" ".join(line.split()) for line in words if "sending" in line]
    assert any(line.endswith(shown) for line in said), said
    assert "sending 0 lines" in said[0] or "0% 0 lines" in said[0]
