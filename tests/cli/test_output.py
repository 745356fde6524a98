"""What is shown to people can be used as it stands."""

import io
import json
import sys
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer

from sync_tasks.cli import output
from sync_tasks.cli.output import command_here, complain, say


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ``sync-tasks`` in a virtual environment of a checkout that is the current folder."""
    path = tmp_path / ".venv" / "bin" / "sync-tasks"
    path.parent.mkdir(parents=True)
    path.touch(mode=0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(path), "demo"])
    return path


def test_a_command_is_reported_by_its_name_alone_if_the_shell_finds_that_one(
    program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(program.parent))
    assert command_here("up") == "sync-tasks up"


@pytest.mark.parametrize("path", ["/nowhere", "/usr/bin:/bin"])
def test_a_command_is_reported_with_its_folder_if_the_shell_does_not_find_it(
    program: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setenv("PATH", path)
    assert command_here("up") == ".venv/bin/sync-tasks up"
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert command_here("up") == f"{program} up"


def test_what_is_for_people_is_on_standard_output_and_what_is_wrong_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    say("[bold]all is well[/]")
    complain("nothing is well")
    assert tuple(capsys.readouterr()) == ("all is well\n", "nothing is well\n")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("30m", 1_800), (" 2 h ", 7_200), ("7d", 604_800), ("0s", 0), ("999999s", 999_999)],
)
def test_an_age_is_a_number_and_a_unit(text: str, seconds: int) -> None:
    assert output.parse_age(text).total_seconds() == seconds


@pytest.mark.parametrize("text", ["", "2", "h", "2w", "2.5h", "-1s", "1h30m", "1000000s"])
def test_what_is_no_age_is_wrong_use(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="a number and s, m, h or d, such as 2h"):
        output.parse_age(text)


def test_a_moment_to_come_is_of_no_age() -> None:
    now = datetime.now(UTC)
    assert output.age_of(now + timedelta(hours=1)) == 0.0
    assert 60 <= output.age_of(now - timedelta(minutes=1)) < 70


@pytest.mark.parametrize(
    ("more", "said"),
    [(-1, ""), (0, ""), (1, "and 1 letter more. Name one, --json prints all.\n"), (2_000, "and 2,000 letters more. ")],
)
def test_how_many_are_not_in_a_table_is_said(more: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    output.report_rest(more, "letter", "Name one")
    printed = capsys.readouterr().out
    assert printed.startswith(said)
    assert bool(printed) == bool(said)


@pytest.mark.parametrize(("columns", "width"), [("", 10_000), ("70", 70)])
def test_a_pipe_gets_each_row_on_one_line_unless_a_width_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, columns: str, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert [output.open_console(stderr=stderr).width for stderr in (False, True)] == [width, width]
    assert [output.open_console(stderr=stderr).stderr for stderr in (False, True)] == [False, True]


def test_columns_of_ids_stay_whole_and_those_of_the_demo_are_cut() -> None:
    table = output.lay_out("people", "ID", "Age", "Name", "Address", "What")
    shown = [(one.no_wrap, one.overflow, one.max_width, one.justify) for one in table.columns]
    assert shown == [
        (True, "fold", None, "left"),
        (True, "fold", None, "right"),
        (True, "ellipsis", 16, "left"),
        (True, "ellipsis", 25, "left"),
        (False, "fold", None, "left"),
    ]
    assert (table.title, table.show_edge, table.title_justify) == ("people", False, "left")


@pytest.mark.parametrize(("columns", "folded"), [("80", False), ("12", True)])
def test_a_table_is_set_off_and_unfolded_if_it_is_too_wide(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], columns: str, *, folded: bool
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    table = output.lay_out("people", "ID", "Error")
    table.add_row("an-id-of-ada", "a-long-error")
    output.print_table(table)
    blank, _title, first, *_ = capsys.readouterr().out.split("\n")
    assert (blank, "Error" in first) == ("", not folded)


def test_what_comes_from_elsewhere_obeys_no_terminal_and_has_no_style() -> None:
    assert output.escaped("a[bold]\x1b[31m\u202eb") == "a\\[bold]\ufffd[31m\ufffdb"


@pytest.mark.parametrize(
    ("encoding", "text"), [("utf-8", '"Zoë"'), ("UTF8", '"Zoë"'), ("latin-1", '"Zo\\u00eb"'), ("", '"Zo\\u00eb"')]
)
def test_json_is_in_letters_that_the_output_has(monkeypatch: pytest.MonkeyPatch, encoding: str, text: str) -> None:
    written = list[str]()
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(encoding=encoding, write=written.append))
    monkeypatch.setattr(typer, "echo", written.append)
    output.print_document("Zoë")
    output.print_json_list(["Zoë"])
    assert written == [text, f'{{\n"items": [\n  {text}', '\n],\n"troubles": []\n}']


def test_a_list_that_was_begun_ends_with_its_troubles_and_an_empty_one_is_whole(
    capsys: pytest.CaptureFixture[str],
) -> None:
    output.note_json(wanted=True)
    output.print_json_list([])
    assert json.loads(capsys.readouterr().out) == {"items": [], "troubles": []}
    output.explain_to_program("too late")
    assert capsys.readouterr().out == ""
    output.note_json(wanted=False)


@pytest.mark.parametrize(("code", "given"), [(1, {}), (2, {"code": 2})])
def test_what_gives_up_says_each_trouble_and_its_status(
    capsys: pytest.CaptureFixture[str], code: int, given: dict[str, int]
) -> None:
    output.note_json(wanted=True)
    with pytest.raises(typer.Exit) as ended:
        output.give_up("one", "two\nthree\x1b", **given)
    printed = capsys.readouterr()
    assert (ended.value.exit_code, printed.err.split("\n")[:3]) == (code, ["one", "two", "three\\x1b"])
    assert json.loads(printed.out) == {"troubles": ["one", "two\nthree\x1b"]}
    output.note_json(wanted=False)


@pytest.mark.parametrize(("typed", "goes_on"), [("y\n", True), ("n\n", False), ("\n", False), ("", False)])
def test_a_question_is_asked_on_standard_error_and_only_a_yes_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], typed: str, *, goes_on: bool
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    with nullcontext() if goes_on else pytest.raises(typer.Abort):
        output.ask("discard [1]\x1b letter?")
    printed = capsys.readouterr()
    assert printed.err.startswith("discard [1]\\x1b letter? [y/N]:")
    assert printed.out.strip() == ""


def test_no_command_asks_in_a_way_of_its_own() -> None:
    folder = Path(output.__file__).parent
    asking = [path.name for path in folder.rglob("*.py") if "typer.confirm(" in path.read_text(encoding="utf-8")]
    assert asking == ["output.py"]
