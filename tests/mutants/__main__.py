"""Change what a branch touches, one line at a time, and print each change that no test notices. No gate.

``make mutants ARGS=main`` takes the lines that differ from ``main``; without a name it takes the whole package.
The tests that are to judge must pass as things are: where one fails, nothing is tried, and the exit code is 2.
"""

import argparse
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue

from coverage import CoverageData
from rich.console import Console
from rich.progress import track

from tests.mutants.changes import Change, choose, find_changes

ROOT = Path(__file__).parents[2]
CALLERS = "sync_tasks/state/*.py"
# These may run a script by its name, past its callers.
DIRECT = "tests/state/test_*.py"
DATA = ROOT / ".coverage.mutants"
# Tests mirror the rooms of the package. A branch is judged by the tests of the rooms that it touches, and by these.
JUDGES = ("promises", "state", "sync")
COPIES = 2
# A change is judged by so many tests, or by all of its own room up to so many.
MOST_TESTS, MOST_NEAR = 40, 150
PATIENCE = 120


def main() -> None:
    """Try the changes and print what nobody noticed; the exit code is 0 all the same."""
    options = read_options()
    console = Console(soft_wrap=True)
    changes = choose(list(find_all(options.base)), options.most, options.seed)
    if not changes:
        console.print("nothing to change: the package is as it is there")
        return
    data = measure(console, find_rooms(changes) if options.base else [])
    judges = find_judges(changes, data, options.seed)
    with copying() as copies:
        if failing := find_failing(copies[0], judges.values()):
            console.print(f"nothing tried: without any change, {failing}", markup=False, highlight=False)
            sys.exit(2)
        report(console, judges, copies)


def report(console: Console, judges: dict[Change, list[str]], copies: list[Path]) -> None:
    """Try all changes and print what came of it."""
    started = time.monotonic()
    unnoticed = [change for change, noticed in try_all(judges, copies) if not noticed]
    for change in unnoticed:
        console.print(f"\nnobody noticed {change}", markup=False, highlight=False)
    share = 100 * (len(judges) - len(unnoticed)) / len(judges)
    console.print(f"\n{len(judges)} changes, {share:.0f} % noticed, {time.monotonic() - started:.0f} s")


def read_options() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("base", nargs="?", help="the revision with which the package is compared")
    parser.add_argument("--most", type=int, default=40, help="so many changes at most (40)")
    parser.add_argument("--seed", type=int, default=random.randrange(1000), help="draws the changes")
    return parser.parse_args()


def find_all(base: str | None) -> Iterator[Change]:
    """Yield all changes to the lines that differ from ``base``."""
    for path, lines in sorted(touched(base).items()):
        if (ROOT / path).exists():
            yield from find_changes(path, (ROOT / path).read_text(), lines)


def touched(base: str | None) -> dict[str, set[int]]:
    """Return the lines of each file of the package that differ from ``base``."""
    if base is None:
        files = [path for kind in ("*.py", "*.lua") for path in (ROOT / "sync_tasks").rglob(kind)]
        return {str(path.relative_to(ROOT)): set(range(1, 10_000)) for path in files if "sandbox" not in path.parts}
    diff = git("diff", "--unified=0", "--no-renames", base, "--", "sync_tasks")
    found: dict[str, set[int]] = {}
    path = ""
    for line in diff.splitlines():
        if line.startswith("+++ "):
            path = line.removeprefix("+++ b/")
        elif hunk := re.match(r"@@ \S+ \+(\d+)(?:,(\d+))? @@", line):
            start, count = int(hunk[1]), int(hunk[2] or 1)
            found.setdefault(path, set()).update(range(start, start + count))
    return {path: lines for path, lines in found.items() if path.endswith((".py", ".lua"))}


def git(*words: str) -> str:
    """Return what git says."""
    return subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True, text=True).stdout  # noqa: S607 - from the PATH


def find_rooms(changes: list[Change]) -> list[str]:
    """Return the folders of the tests that are to judge the changes."""
    names = {Path(change.path).parts[1] for change in changes} | set(JUDGES)
    return [f"tests/{name}" for name in sorted(names) if (ROOT / "tests" / name).is_dir()]


def measure(console: Console, folders: list[str]) -> Path:
    """Find out which tests of these folders, or of all, run which lines; return the file that shows it."""
    if not folders:
        sources = [path for folder in ("sync_tasks", "tests") for path in (ROOT / folder).rglob("*.py")]
        if DATA.exists() and DATA.stat().st_mtime > max(path.stat().st_mtime for path in sources):
            return DATA
    data = DATA.with_suffix(".rooms") if folders else DATA
    console.print(f"running {' '.join(folders) or 'all tests'} once, to learn which of them run which line …")
    words = ["-n", "3", "-q", "--no-summary", "--cov", "--cov-context=test", "--cov-report=", "-m"]
    environment = os.environ | {"COVERAGE_FILE": str(data)}
    command = [sys.executable, "-m", "pytest", *folders, *words, "not slow"]
    subprocess.run(command, cwd=ROOT, check=False, env=environment)
    return data


def try_all(judges: dict[Change, list[str]], copies: list[Path]) -> Iterator[tuple[Change, bool]]:
    """Yield each change and whether a test noticed it."""
    free: SimpleQueue[Path] = SimpleQueue()
    for copy in copies:
        free.put(copy)

    def attempt(change: Change) -> tuple[Change, bool]:
        copy = free.get()
        try:
            return change, is_noticed(change, copy, judges[change])
        finally:
            free.put(copy)

    with ThreadPoolExecutor(len(copies)) as pool:
        yield from track(pool.map(attempt, judges), "trying changes", total=len(judges))


@contextmanager
def copying() -> Iterator[list[Path]]:
    """Yield copies of the work tree, in which changes are tried."""
    with tempfile.TemporaryDirectory() as folder:
        yield [copy_tree(Path(folder) / str(number) / "tree") for number in range(COPIES)]


def copy_tree(copy: Path) -> Path:
    """Return a copy of all that git knows of, as it is in the work tree."""
    for name in git("ls-files", "--cached", "--others", "--exclude-standard").splitlines():
        if (ROOT / name).exists():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    return copy


def find_judges(changes: list[Change], measured: Path, seed: int) -> dict[Change, list[str]]:
    """Return for each change the tests that are to notice it."""
    data = CoverageData(str(measured))
    data.read()
    return {change: find_tests(change, data, seed) for change in changes}


def find_failing(copy: Path, judges: Iterable[list[str]]) -> str:
    """Return what fails of these tests where nothing is changed; nothing if all pass."""
    tests = sorted(set().union(*judges))
    if not tests:
        return ""
    done = run_tests(copy, ["-n", str(COPIES), *tests])
    if not done.returncode:
        return ""
    failed = re.search(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)
    return f"{failed[1]} fails" if failed else f"pytest ends with exit code {done.returncode}"


def find_users(path: str) -> set[str]:
    """Return the names of a script and of those which use what it defines for others."""
    script = ROOT / path
    defined = re.findall(r"^local function (\w+)", script.read_text(), re.MULTILINE)
    uses = re.compile(rf"\b({'|'.join(defined)})\(" if defined else r"$^")
    return {other.stem for other in script.parent.glob("*.lua") if uses.search(other.read_text())} | {script.stem}


def find_callers(names: set[str]) -> Iterator[tuple[str, int]]:
    """Yield file and number of each line that names one of the scripts."""
    for file in ROOT.glob(CALLERS):
        for number, line in enumerate(file.read_text().split("\n"), 1):
            if any(f'"{name}"' in line for name in names):
                yield str(file.relative_to(ROOT)), number


def find_direct(names: set[str], data: CoverageData) -> set[str]:
    """Return the tests of the files that name one of the scripts themselves."""
    called = re.compile(rf'run_all\("({"|".join(names)})"|"({"|".join(names)})\.lua"')
    files = {str(file.relative_to(ROOT)) for file in ROOT.glob(DIRECT) if called.search(file.read_text())}
    tests = {context.partition("|")[0] for context in data.measured_contexts()}
    return {test for test in tests if test.partition("::")[0] in files}


def find_tests(change: Change, data: CoverageData, seed: int) -> list[str]:
    """Return the tests that run a line; of a script, those that name it or run a line which does."""
    lines = range(change.line, change.line + change.before.count("\n") + 1)
    users = find_users(change.path) if change.path.endswith(".lua") else set[str]()
    places = find_callers(users) if users else [(change.path, line) for line in lines]
    tests = find_direct(users, data) if users else set[str]()
    tests |= {
        context.partition("|")[0]
        for path, line in places
        for context in data.contexts_by_lineno(str(ROOT / path)).get(line, [])
        if context
    }
    path = Path(change.path)
    room = f"tests/{path.parts[1]}/"
    near = sorted(
        (test for test in tests if path.stem in test or test.startswith(room)), key=lambda test: path.stem not in test
    )
    far = sorted(tests.difference(near))
    random.Random(seed).shuffle(far)
    return near[:MOST_NEAR] + far[: max(MOST_TESTS - len(near), 0)]


def is_noticed(change: Change, copy: Path, tests: list[str]) -> bool:
    """Return whether one of the tests fails with the change."""
    path = copy / change.path
    text = path.read_text()
    path.write_text(change.apply(text))
    try:
        done = run_tests(copy, tests, PATIENCE)
    except subprocess.TimeoutExpired:
        return True
    finally:
        path.write_text(text)
    return bool(tests) and done.returncode not in {0, 5}


def run_tests(copy: Path, words: list[str], patience: float | None = None) -> subprocess.CompletedProcess[str]:
    """Run tests of a copy until one fails."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "-p", "no:randomly", "-p", "no:cacheprovider"]
    environment = os.environ | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [*command, *words], cwd=copy, env=environment, check=False, capture_output=True, text=True, timeout=patience
    )


if __name__ == "__main__":
    main()
