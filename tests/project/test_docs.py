"""What the documentation names exists, and what exists is named in the documentation."""

import ast
import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from sync_tasks import errors, log
from sync_tasks.cli import app as command_line
from sync_tasks.cli.examples import EXAMPLES
from sync_tasks.config import settings
from sync_tasks.config.faults import find_faults
from sync_tasks.config.settings import Settings
from sync_tasks.domain.events import EVENTS
from sync_tasks.domain.outcomes import Outcome
from sync_tasks.reconcile.drift import Kind
from sync_tasks.sandbox import Quirks
from sync_tasks.sandbox.faults import KINDS
from sync_tasks.tasks import sweep

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
README = ROOT / "README.md"
PAGES = [*sorted(ROOT.glob("[A-Z]*.md")), *sorted(DOCS.rglob("*.md"))]
LONGEST_README = 150
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SAMPLE = ROOT / "examples" / "sync_tasks.toml"
Command = TyperCommand | TyperGroup


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def reference() -> str:
    return (DOCS / "reference.md").read_text()


def section(title: str, page: str = "reference.md") -> str:
    """Return what stands under a heading of a page, up to the next of any level."""
    text = (DOCS / page).read_text()
    found = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#|\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, title
    return found[1]


def rows(text: str) -> dict[str, list[str]]:
    """Return the rows of the tables in a text by each of the names in their first cell."""
    cells = ([cell.strip() for cell in line.strip("|").split(" | ")] for line in text.splitlines() if line[:1] == "|")
    return {name: row[1:] for row in cells for name in re.findall(r"`([^`]+)`", row[0])}


def blocks(*languages: str) -> list[Any]:
    found = ((page, match) for page in PAGES for match in BLOCK.findall(page.read_text()))
    return [pytest.param(text, id=f"{relative(page)}") for page, (language, text) in found if language in languages]


def test_the_readme_is_short() -> None:
    assert len(README.read_text().splitlines()) <= LONGEST_README


@pytest.mark.parametrize("text", blocks("python"))
def test_every_python_example_is_python(text: str) -> None:
    ast.parse(text)


@pytest.mark.parametrize("text", blocks("toml"))
def test_every_configuration_example_is_accepted(text: str) -> None:
    assert not list(find_faults(with_key(tomllib.loads(text))))


@pytest.mark.parametrize("text", blocks("json"))
def test_every_json_example_is_json(text: str) -> None:
    json.loads(text)


def with_key(reported: dict[str, Any]) -> Settings:
    accounts = reported.setdefault("accounts", {"default": {}})
    for account in accounts.values():
        account["api_key"] = "a-key"
    reported.setdefault("unsubscribe", {})["secrets"] = ["a-secret"]
    return Settings.model_validate(reported)


def test_the_sample_configuration_shows_every_setting_and_its_true_default() -> None:
    text = SAMPLE.read_text()
    shown = tomllib.loads(re.sub(r"^# (\w+ = [^#\n]*)", r"\1", text, flags=re.MULTILINE))
    plain, all_shown = with_key(tomllib.loads(text)), with_key(shown)
    assert plain.pipeline == all_shown.pipeline == settings.Pipeline()
    assert plain.anonymize == all_shown.anonymize == settings.Anonymization()
    assert plain.accounts == all_shown.accounts
    assert set(shown["pipeline"]) == set(settings.Pipeline.model_fields)
    assert set(shown["newsletters"]["daily"]) == set(settings.Newsletter.model_fields)


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), target


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def test_every_page_is_reached_from_the_readme() -> None:
    linked = {(README.parent / target).resolve() for target in re.findall(r"\]\(([^)#\s]+)", README.read_text())}
    decisions = DOCS / "decisions" / "README.md"
    linked |= {(decisions.parent / name).resolve() for name in re.findall(r"\]\(([^)#\s]+)", decisions.read_text())}
    # These are the site's own: its first page, and pages that take in what a repository keeps at its root.
    site = {DOCS / f"{name}.md" for name in ("index", "api", "security", "contributing", "changes")}
    assert {path for path in PAGES if path != README} - site <= linked


@pytest.mark.parametrize("task", sorted(name for name in sweep.app.tasks if name.startswith("sync_tasks.")))
def test_every_task_is_in_the_reference(task: str) -> None:
    assert f"`{task}`" in reference()


@pytest.mark.parametrize("task", EVENTS)
def test_every_argument_of_a_task_is_in_the_reference(task: str) -> None:
    reported = rows(section(f"`sync_tasks.{task}`"))
    assert set(reported) - {'""', "null"} == set(EVENTS[task].model_fields)
    for name, field in EVENTS[task].model_fields.items():
        assert reported[name][0] == ("required" if field.is_required() else "optional"), name


@pytest.mark.parametrize(
    ("title", "model"),
    [
        ("`[accounts.<name>]`", settings.Account),
        ("`[newsletters.<slug>]`", settings.Newsletter),
        ("`[anonymize]`", settings.Anonymization),
        ("`[portal]`", settings.Portal),
        ("`[pipeline]`", settings.Pipeline),
    ],
)
def test_every_setting_is_in_the_reference_with_its_default(title: str, model: type[BaseModel]) -> None:
    reported = rows(section(title))
    assert set(reported) == set(model.model_fields)
    for name, field in model.model_fields.items():
        if field.default and isinstance(field.default, str | int | float):
            assert reported[name][0].strip("`") == str(field.default), name


def test_every_table_of_the_configuration_is_in_the_reference() -> None:
    assert all(f"### `[{name}" in reference() for name in Settings.model_fields)


def test_every_variable_is_in_the_reference() -> None:
    sources = [*(ROOT / "sync_tasks").rglob("*.py"), ROOT / "docker-compose.yml", ROOT / "docker" / "entrypoint"]
    used = {name for path in sources for name in re.findall(r"\b(?:SYNC|FLOWER)_[A-Z_]*[A-Z]\b", path.read_text())}
    reported = set(rows(section("Environment")))
    assert used
    assert used <= reported
    assert {name for name in reported if "<" not in name} <= used | {f"{name}_FILE" for name in used}
    assert {f"SYNC_{name.upper()}" for name in settings.Environment.model_fields} <= reported


def walk(command: Command, name: str) -> Iterator[tuple[str, Command]]:
    """Yield every command by its full name; groups are no commands."""
    if isinstance(command, TyperGroup):
        for part, below in command.commands.items():
            assert isinstance(below, TyperCommand | TyperGroup)
            yield from walk(below, f"{name} {part}")
    else:
        yield name, command


COMMANDS = dict(walk(get_command(command_line), "sync-tasks"))  # type: ignore[arg-type]  # it is a TyperGroup


def options_of(command: Command) -> set[str]:
    options = (option for one in command.params for option in (*one.opts, *one.secondary_opts))
    return {option for option in options if option.startswith("--")} - {"--help"}


def named_commands() -> dict[str, list[str]]:
    reported = rows(section("Commands"))
    return {re.sub(r" (?:FILE|NAME|USER_ID|ID|\[.*)$", "", shown): row for shown, row in reported.items()}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_in_the_reference_with_its_options(name: str) -> None:
    assert set(re.findall(r"--[a-z-]+", named_commands()[name][1])) == options_of(COMMANDS[name])


def test_the_help_of_every_command_has_examples() -> None:
    assert {name.removeprefix("sync-tasks ") for name in COMMANDS} == set(EXAMPLES)


def test_every_command_in_the_reference_exists() -> None:
    assert set(named_commands()) == set(COMMANDS)


def shown_commands() -> Iterator[tuple[str, list[str]]]:
    """Yield every call of sync-tasks in an indented block, without what comes before and after it."""
    for page in PAGES:
        for line in re.findall(r"^ +(?:.*[ /])?sync-tasks ([a-z].*)$", page.read_text(), re.MULTILINE):
            yield relative(page), shlex.split(line.split("  ")[0].split(" #")[0])


def test_every_command_in_an_example_exists() -> None:
    shown = list(shown_commands())
    assert shown
    for page, words in shown:
        grouped = words[0] in {"failed", "operate", "outbox", "person", "secret", "state", "webhooks"}
        called = " ".join(["sync-tasks", *words[: 2 if grouped else 1]])
        assert called in COMMANDS, (page, words)
        assert {word for word in words if word.startswith("--")} <= options_of(COMMANDS[called]), (page, words)


def test_every_make_target_is_in_the_reference() -> None:
    targets = re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert targets
    assert list(rows(section("make targets"))) == targets


def test_every_outcome_is_in_the_reference_in_its_own_words() -> None:
    reported = re.findall(r"^\| `([a-z ]+)` \| (.+) \|$", section("Outcomes"), re.MULTILINE)
    assert reported == [(outcome.value, outcome.sentence) for outcome in Outcome]


def test_no_outcome_is_spelt_out_in_the_code() -> None:
    words = "|".join(outcome.value for outcome in Outcome if outcome is not Outcome.DEAD_LETTER)
    rooms = (ROOT / "sync_tasks" / room for room in ("sync", "tasks", "log.py"))
    files = (path for room in rooms for path in ([room] if room.is_file() else room.rglob("*.py")))
    assert [str(path) for path in files if re.search(rf"[\"'](?:{words})[\"' ]", path.read_text())] == []


def test_every_queue_is_in_the_reference() -> None:
    namespace = sweep.app.conf.task_default_queue
    queues = [queue.name for queue in sweep.app.conf.task_queues]
    assert [name.replace(namespace, "<namespace>") for name in queues] == list(rows(section("Queues")))


def test_every_log_field_is_in_the_reference() -> None:
    assert set(rows(section("Log"))) == {"at", "level", "logger", "message", *log._FIELDS}


def test_every_error_is_in_the_reference() -> None:
    classes = {name for name, value in vars(errors).items() if isinstance(value, type)}
    assert set(rows(section("Errors"))) | {"SyncError"} == classes


def test_every_fault_and_quirk_of_the_sandbox_is_reported() -> None:
    page = (DOCS / "how-to" / "local-development.md").read_text()
    assert all(f"`{name}`" in page for name in [*KINDS, *(field.name for field in fields(Quirks))])


def test_every_module_has_its_place_in_the_architecture() -> None:
    page = (DOCS / "architecture.md").read_text()
    paths = [path.relative_to(ROOT / "sync_tasks") for path in (ROOT / "sync_tasks").rglob("*.py")]
    reported = [path for path in paths if path.parts[0] not in {"sandbox", "cli"} and not path.stem.startswith("__")]
    assert [str(path) for path in reported if not re.search(rf"`(?:\w+/)?{path.stem}`", page)] == []


def test_every_class_of_drift_is_on_its_page_and_no_other() -> None:
    page = (DOCS / "how-to" / "reconcile.md").read_text()
    table = page.split("| drift | what follows |\n|---|---|\n")[1].split("\n\n")[0]
    cells = [re.sub(r" \(.*\)$", "", line.strip("|").split(" | ")[0].strip()) for line in table.splitlines()]
    assert sorted(name for cell in cells for name in cell.split(", ")) == sorted(get_args(Kind))


def test_every_redis_key_is_in_the_architecture_and_no_other() -> None:
    python = "".join(path.read_text() for path in (ROOT / "sync_tasks").rglob("*.py"))
    lua = "".join(path.read_text() for path in (ROOT / "sync_tasks" / "state" / "lua").glob("*.lua"))
    keys = {*re.findall(r"\bkey\(f?\"([a-z_]+)", python), *re.findall(r"\bkey\('([a-z_]+)", lua)}
    reported = {re.split(r"[:…]", name)[0] for name in rows(section("Keys", "architecture.md")) if name[0] != "<"}
    assert reported == keys


def test_the_page_of_the_figures_can_be_written_again() -> None:
    assert re.search(r"<!-- measured -->\n.*<!-- /measured -->", (DOCS / "performance.md").read_text(), re.DOTALL)


def _widths(page: Path) -> Iterator[tuple[int, int]]:
    """Yield the line of each row of a page's tables that has more or fewer cells than its head."""
    head = 0
    for number, line in enumerate(page.read_text().splitlines(), 1):
        bare = re.sub(r"`[^`]*`", "", line)
        cells = len(re.findall(r"(?<!\\)\|", bare)) if line[:1] == "|" else 0
        head = head if cells and head else cells
        if cells != head:
            yield number, cells


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_each_row_of_a_table_has_a_cell_for_each_column(page: Path) -> None:
    assert [*_widths(page)] == []


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_no_two_sections_of_a_page_have_the_same_title(page: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert sorted(titles) == sorted(set(titles))
