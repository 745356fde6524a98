"""What the pages ask the reader to type is right: each command and option exists, and what can be run here is run."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from sync_tasks.sandbox import Quirks
from sync_tasks.sandbox.server import ServedSandbox, serving
from tests.support.command_lines import read_command

ROOT = Path(__file__).parents[2]
PAGES = [*sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "docs" / "how-to").glob("*.md")), ROOT / "README.md"]
# How a line of a shell begins on our pages.
SHELL = re.compile(
    r"(?:[A-Z_]+=\S+ )*(?:\.venv/bin/)?"
    r"(?:sync-tasks|celery|make|docker|curl|export|openssl|mkdir|chmod|cp|echo|cd|git|desk=|[a-z-]+ \| )"
)
OURS = re.compile(r"(?:^|[\s|])(?:\S*/)?sync-tasks (?P<rest>[^|;&<>]*)")
TARGETS = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
SERVICES = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]


def blocks(path: Path) -> Iterator[str]:
    """Yield the blocks of a page that are for a shell, lines that go on joined."""
    fenced, block = False, list[str]()
    for line in [*path.read_text().splitlines(), ""]:
        fence = line.startswith("```")
        if fence:
            fenced = not fenced and line.removeprefix("```") in {"", "sh", "bash", "shell"}
        if (fenced or line.startswith("    ")) and line.strip() and not fence:
            block.append(line.strip())
        elif block:
            if SHELL.match(block[0].lstrip("# ")):
                yield "\n".join(block).replace("\\\n", " ")
            block = []


BLOCKS = [(path, block) for path in PAGES for block in blocks(path)]
LINES = [(path, line) for path, block in BLOCKS for line in block.splitlines() if not line.startswith("#")]


def marked(found: list[tuple[Path, str]]) -> list[object]:
    return [pytest.param(text, id=f"{path.stem}: {text.splitlines()[0][:60]}") for path, text in found]


def run(script: str, folder: Path = ROOT, *options: str) -> None:
    command = ["bash", "-eu", *options, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_pages_have_shell_blocks() -> None:
    assert len({path for path, _ in BLOCKS}) > 10
    assert len(LINES) > 80


@pytest.mark.parametrize("block", marked(BLOCKS))
def test_a_shell_can_read_each_block(block: str) -> None:
    run(re.sub(r"<[a-z ]+>", "NAME", block), ROOT, "-n")


@pytest.mark.parametrize("line", marked([(path, line) for path, line in LINES if OURS.search(line)]))
def test_each_of_our_commands_exists_with_its_options(line: str) -> None:
    found = OURS.search(re.sub(r"(?<=\s)#.*|…", "", line))
    assert found
    assert read_command(found["rest"])


@pytest.mark.parametrize("line", marked([(path, line) for path, line in LINES if line.startswith("make ")]))
def test_each_target_of_make_exists(line: str) -> None:
    assert line.split()[1] in TARGETS


@pytest.mark.parametrize("line", marked([(path, line) for path, line in LINES if line.startswith("docker compose ")]))
def test_each_service_of_the_compose_file_exists(line: str) -> None:
    words = line.partition("#")[0].split()
    named = [words[words.index(one) + 1] for one in ("exec", "run", "--follow") if one in words]
    named = [word for word in named if not word.startswith("-")]
    named += [word.partition("=")[0] for before, word in pairwise(words) if before == "--scale"]
    assert set(named) <= set(SERVICES)


@pytest.fixture(scope="module")
def desk() -> Iterator[ServedSandbox]:
    with serving() as served:
        yield served


# What asks the sandbox, and nobody else.
AT_THE_SANDBOX = re.compile(r"curl .*(?:\$desk|http://127\.0\.0\.1:8025)/")


@pytest.mark.parametrize("line", marked([(path, line) for path, line in LINES if AT_THE_SANDBOX.match(line)]))
def test_the_sandbox_does_what_the_pages_ask_of_it(desk: ServedSandbox, line: str) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed: apt-get install curl")
    origin = desk.url.removesuffix("/v3")
    desk.sandbox.reset()
    desk.sandbox.quirks = Quirks(unsubscription_per_list=True)
    desk.sandbox.add_contacts([{"email": "ada@portal.example", "listIds": [3]}])
    reported = line.replace("http://127.0.0.1:8025", origin).replace("curl ", "curl --fail --silent --show-error ", 1)
    run(f"desk={origin}/_sandbox\n{reported}")


def test_the_secrets_of_the_compose_file_are_made_as_the_page_says(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed: apt-get install openssl")
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    made = [block for path, block in BLOCKS if path.stem in {"docker-compose", "operate"} and "> secrets/" in block]
    for block in sorted(made, key=lambda one: "mkdir" not in one):
        run("\n".join(line for line in block.splitlines() if not line.startswith(("docker ", "sudo "))), tmp_path)
    secrets = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["secrets"].values()
    assert [one["file"] for one in secrets if not (tmp_path / one["file"]).read_text().strip()] == []
    assert (tmp_path / "sync_tasks.toml").is_file()
