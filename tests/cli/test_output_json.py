"""With ``--json`` each command prints one object of one shape, whatever happens."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from redis.exceptions import ConnectionError as RedisConnectionError
from typer.main import get_command

from sync_tasks.cli import app, output
from sync_tasks.state.dead_letters import DeadLetter
from sync_tasks.state.store import Store
from tests.support.desk import Desk, run


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:  # noqa: ANN401 - Typer's own
    """Yield each command that prints JSON for programs."""
    if hasattr(group, "commands"):
        for name, one in group.commands.items():
            yield from commands(one, (*path, name))
    elif any("--json" in parameter.opts for parameter in group.params):
        yield path


# What each needs to be run with. Of a command that is new this says nothing: the first test fails.
WORDS: dict[tuple[str, ...], tuple[str, ...]] = {
    ("account", "list"): (),
    ("audit",): (),
    ("backfill",): ("{rows}",),
    ("contact",): ("anna", "--offline"),
    ("doctor",): (),
    ("failed", "discard"): ("--all", "--yes"),
    ("failed", "list"): (),
    ("failed", "replay"): ("--all",),
    ("failed", "show"): ("{letter}",),
    ("health",): ("worker",),
    ("outbox", "failed"): ("--database", "sqlite:///{folder}/nothing.db"),
    ("reconcile",): ("--dry-run",),
    ("send",): ("{events}",),
    ("state", "accept"): ("--trust", "state", "--yes"),
    ("state", "show"): (),
    ("status",): (),
    ("suppressed", "list"): (),
}
LISTS = {path for path in WORDS if path[-1] in {"list", "replay", "discard", "audit", "doctor", "reconcile"}}
LISTS |= {("state", "accept"), ("outbox", "failed")}


def test_each_command_that_prints_json_is_tried_here() -> None:
    assert set(commands(get_command(app))) == set(WORDS)


@pytest.fixture
def words(desk: Desk, tmp_path: Path) -> dict[str, str]:
    """Give each command something to answer; return what stands for words that are not known before."""
    desk.pipeline.subscribe("anna")
    letter = desk.fail("gone")
    (tmp_path / "rows.csv").write_text("user_id,email,daily\nben,ben@portal.org,yes\n")
    (tmp_path / "events.jsonl").write_text(
        '{"task": "unsubscribe_contact", "user_id": "anna", "newsletter": "daily"}\n'
    )
    places = {"rows": tmp_path / "rows.csv", "events": tmp_path / "events.jsonl", "folder": tmp_path}
    return {"letter": letter.id, **{name: str(path) for name, path in places.items()}}


def read(*given: str) -> dict[str, Any]:
    done = run(*given, "--json")
    document = json.loads(done.stdout)
    assert isinstance(document, dict), given
    assert isinstance(document["troubles"], list), given
    assert all(isinstance(one, str) and one for one in document["troubles"])
    return document


@pytest.mark.parametrize("path", WORDS, ids=" ".join)
def test_each_prints_one_object_with_troubles(words: dict[str, str], path: tuple[str, ...]) -> None:
    document = read(*path, *(word.format(**words) for word in WORDS[path]))
    if document["troubles"] and path != ("status",):
        assert path in {("state", "accept"), ("outbox", "failed"), ("backfill",)}, document
    elif path in LISTS:
        assert set(document) == {"items", "troubles"}
        assert isinstance(document["items"], list)
    else:
        assert len(document) > 1


@pytest.mark.parametrize("path", WORDS, ids=" ".join)
def test_wrong_use_is_such_an_object_too(desk: Desk, path: tuple[str, ...]) -> None:
    assert desk.configuration.exists()
    done = run(*path, "--no-such-option", "--json")
    assert (done.exit_code, set(json.loads(done.stdout))) == (2, {"troubles"})
    assert "no-such-option" in done.stdout


def test_what_nobody_confirms_is_such_an_object_too(desk: Desk) -> None:
    desk.fail("gone")
    done = run("failed", "discard", "--all", "--json", typed="n\n")
    _, _, answer = done.stdout.partition("n\n")  # the typed word stands there, too
    assert (done.exit_code, json.loads(answer)) == (1, {"troubles": ["aborted: nobody said yes"]})


@pytest.mark.parametrize("given", [("contact", "nobody"), ("failed", "list", "--address", "nobody@portal.org")])
def test_nothing_found_is_such_an_object_too(desk: Desk, given: tuple[str, ...]) -> None:
    assert desk.configuration.exists()
    assert len(read(*given)["troubles"]) == 1


def test_a_list_that_breaks_off_says_so_at_its_end(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    letter = desk.fail("gone")

    def break_off(_store: Store, _ids: object) -> Iterator[DeadLetter]:
        yield letter
        raise RedisConnectionError("gone")

    monkeypatch.setattr("sync_tasks.state.dead_letters.fetch_letters", break_off)
    document = read("failed", "list")
    assert [one["id"] for one in document["items"]] == [letter.id]
    assert "is away or in trouble" in document["troubles"][0]


def test_there_is_never_a_second_document(capsys: pytest.CaptureFixture[str]) -> None:
    output.note_json(wanted=True)
    output.print_json({"accepted": 1})
    with pytest.raises(typer.Exit):
        output.give_up("trouble afterwards")
    said = capsys.readouterr()
    assert json.loads(said.out) == {"accepted": 1, "troubles": []}
    assert "trouble afterwards" in said.err
    output.note_json(wanted=False)
    with pytest.raises(typer.Exit):
        output.give_up("for people")
    assert capsys.readouterr().out == ""


def test_no_command_prints_json_another_way() -> None:
    folder = Path(output.__file__).parent
    texts = {path: path.read_text() for path in folder.rglob("*.py") if path.name != "output.py"}
    assert [path.name for path, text in texts.items() if "json.dumps(" in text and "typer.echo(" in text] == []
    assert {path.stem for path, text in texts.items() if "print_document" in text} == {"person", "schema"}
